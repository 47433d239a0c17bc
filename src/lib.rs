//! authspec: proves who gets in and who does not.
//!
//! Reads login flows, token life cycles and access rules from YAML, runs them against a server, and
//! says what holds and why not.
//!
//! ```text
//! files ──► suites ──► plan ──► run ──► facts ──► events, causes ──► reports, exit code
//!  spec                plan     exec    evidence   event, diagnose   report, verdict
//! ```
//!
//! - Reading: [`spec`] makes typed suites of YAML, [`source`] keeps their places, [`diag`] words their faults.
//! - Planning: [`plan`] resolves names and makes cases, [`step`] compiles requests.
//! - What the language knows, pure and as tables: [`auth`] (schemes), [`check`] (expectations and operators),
//!   [`capture`] (sources and cuts), [`template`] (functions), with [`jsonpath`], [`jose`] and [`page`] (HTML forms); [`mutate`] (deliberate defects).
//! - For editors: [`schema`] makes a JSON Schema of the same tables.
//! - Running: [`exec`] is the only stage with tasks and sockets, [`http`] puts requests on the wire, and
//!   [`answer`] is what came back.
//! - Explaining: [`evidence`] takes down what an exchange shows, [`diagnose`] has the rules that say what it means.
//! - Telling: [`event`] is the stream that every report in [`report`] listens to, [`verdict`] gives the exit code.
//! - Counting: [`cover`] says which promises of an API document no case has checked.
//! - Ground: [`files`] says what a suite may read, [`secret`] holds and masks values, [`term`] measures text for terminals.
//! - [`cli`] is the command line; [`demo`] the embedded API, which uses nothing of the rest.
//!
//! `docs/architecture.md` says how they fit together and how to add a row to each table.

pub mod answer;
pub mod auth;
pub mod capture;
pub mod check;
pub mod cli;
pub mod cover;
pub mod demo;
pub mod diag;
pub mod diagnose;
pub mod event;
pub mod evidence;
pub mod exec;
pub mod files;
pub mod http;
pub mod jose;
pub mod jsonpath;
pub mod mutate;
pub mod page;
pub mod plan;
pub mod report;
pub mod schema;
pub mod secret;
pub mod source;
pub mod spec;
pub mod step;
pub mod template;
pub mod term;
pub mod verdict;
