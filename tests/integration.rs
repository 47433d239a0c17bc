//! The one binary of tests that go through `authspec` as a person would.

mod support;

#[path = "integration/golden.rs"]
mod golden;
