//! Takes values out of an answer: one source and, if needed, one cut.
//!
//! To add a source or a cut: one row in [`SOURCES`] or [`CUTS`] with its function and a unit test.

use std::fmt::Debug;

use crate::http::Trail;
use crate::template::{Scope, Value};
