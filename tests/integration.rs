//! The one binary of tests that go through `authspec` as a person would.

#![allow(unreachable_pub, dead_code, reason = "helpers of a test binary")]

mod support;

#[path = "integration/files.rs"]
mod files;
#[path = "integration/golden.rs"]
mod golden;
#[path = "integration/interrupts.rs"]
mod interrupts;
#[path = "integration/logins.rs"]
mod logins;
#[path = "integration/pages.rs"]
mod pages;
#[path = "integration/plans.rs"]
mod plans;
#[path = "integration/serve.rs"]
mod serve;
#[path = "integration/shuffle.rs"]
mod shuffle;
#[path = "integration/untrusted.rs"]
mod untrusted;
#[path = "integration/vary.rs"]
mod vary;
#[path = "integration/watch.rs"]
mod watch;
#[path = "integration/wire.rs"]
mod wire;
#[path = "integration/worlds.rs"]
mod worlds;
