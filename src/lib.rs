//! authspec: proves who gets in and who does not.

pub mod demo;
pub mod http;
pub mod secret;
