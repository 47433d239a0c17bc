//! authspec: proves who gets in and who does not.

pub mod demo;
pub mod event;
pub mod http;
pub mod report;
pub mod secret;
pub mod source;
pub mod term;
pub mod verdict;
