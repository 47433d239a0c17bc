//! authspec: proves who gets in and who does not.

pub mod answer;
pub mod capture;
pub mod check;
pub mod demo;
pub mod diag;
pub mod event;
pub mod http;
pub mod jsonpath;
pub mod secret;
pub mod source;
pub mod spec;
pub mod template;
pub mod term;
pub mod verdict;
