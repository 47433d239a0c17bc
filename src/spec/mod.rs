//! YAML files as suites: everything the user wrote, typed, each value with its place, nothing resolved.
//!
//! Reading never stops at the first fault. The tables of keys ([`STEP_KEYS`], [`CASE_KEYS`],
//! [`SUITE_KEYS`], [`SHARED_KEYS`] …) are what the language knows at each place: the reader refuses
//! everything else, the docs and the JSON Schema are generated from them. To add a key: one row in its
//! table with its [`Shape`], one field in `model`, one line where the table's map is read.

mod access;
mod ask;
mod case;
pub mod diags;
mod elsewhere;
mod files;
mod flow;
mod load;
mod model;
mod outcomes;
mod reader;
mod ready;
mod rows;
mod shape;
mod shared;
mod step;
mod timing;
mod with;
mod yaml;

pub use access::{ACCESS_KEYS, AccessSpec, EVERYONE, MISSING_KEYS, MissingSpec, OTHERS, ROW_KEYS, RowSpec, is_row_key};
pub use ask::{
    ASKS, AskSpec, BUTTON_KEYS, RequestSpec, SUBMIT_KEYS, SubmitSpec, Talk, TalkSpec, UseSpec, submit, target_name,
};
pub use case::{CASE_KEYS, CASE_LEVEL, XFAIL_KEYS};
pub use flow::{BESIDE_USE, FLOW_KEYS, given_steps};
pub use load::{Input, PROJECT_FILE, PROJECT_KEYS, STDIN, SUITE_KEYS, load};
pub use model::{
    AuthSpec, CaseSpec, Defaults, FlowSpec, Handshake, IdentitySpec, Named, Pause, Payload, PayloadKind, Project,
    Redirects, Repeat, Retry, SchemeSpec, SecretSource, SecretSpec, Session, Shared, StepSpec, Suite, Suites,
    TargetSpec, TlsSpec, Xfail, find,
};
pub use outcomes::{OUTCOME_KEYS, OutcomeSpec, STANCE_KEYS};
pub use reader::{Fields, Key, Reader, key, parse_duration};
pub use ready::{READY_FLOWS, ReadyFlow, life_cycle};
pub use rows::{EACH_KEYS, Each, Row, RowValue};
pub use shape::{Def, Shape};
pub use shared::{
    DEFAULT_KEYS, DEMO_KEYS, IDENTITY_KEYS, NAMED_TARGET_KEYS, SECRET_KEYS, SHARED_KEYS, TARGET_KEYS, TLS_KEYS,
};
pub use step::{FILE_KEYS, STEP_KEYS, one_or_more_steps, page_step, request_step};
pub use with::{CONTROL, ControlSpec, WITH, WITH_KEYS, WithSpec};
pub use yaml::{Data, Entry, MAX_FILE, Node, Style, document};
