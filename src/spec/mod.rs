//! YAML files as suites: everything the user wrote, typed, each value with its place, nothing resolved.
//!
//! Reading never stops at the first fault. The tables of keys ([`STEP_KEYS`], [`CASE_KEYS`],
//! [`SUITE_KEYS`], [`SHARED_KEYS`] …) are what the language knows at each place: the reader refuses
//! everything else, and the docs are generated from them. To add a key: one row in its table, one
//! field in `model`, one line where the table's map is read.

mod ask;
mod case;
pub mod diags;
mod load;
mod model;
mod reader;
mod shared;
mod step;
mod yaml;

pub use ask::{AskSpec, RequestSpec};
pub use case::CASE_KEYS;
pub use load::{Input, PROJECT_FILE, PROJECT_KEYS, SUITE_KEYS, load};
pub use model::{
    AuthSpec, CaseSpec, Defaults, Handshake, IdentitySpec, Named, Pause, Payload, PayloadKind, Project, Redirects,
    Retry, SchemeSpec, SecretSource, SecretSpec, Session, Shared, StepSpec, Suite, Suites, TargetSpec, TlsSpec, find,
};
pub use reader::{Fields, Key, Reader, key, parse_duration};
pub use shared::{DEFAULT_KEYS, SECRET_KEYS, SHARED_KEYS, TARGET_KEYS, TLS_KEYS};
pub use step::{STEP_KEYS, one_or_more_steps, request_step};
pub use yaml::{Data, Entry, Node, Style};
