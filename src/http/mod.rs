//! Requests, responses, cookies and the wire.

pub mod challenge;
pub mod jar;
