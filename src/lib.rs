//! authspec: proves who gets in and who does not.

pub mod answer;
pub mod auth;
pub mod capture;
pub mod check;
pub mod cli;
pub mod demo;
pub mod diag;
pub mod event;
pub mod exec;
pub mod http;
pub mod jose;
pub mod jsonpath;
pub mod plan;
pub mod report;
pub mod secret;
pub mod source;
pub mod spec;
pub mod step;
pub mod template;
pub mod term;
pub mod verdict;
