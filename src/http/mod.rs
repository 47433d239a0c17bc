//! Requests, responses, cookies and the wire.

pub mod jar;
