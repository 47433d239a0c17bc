//! A pass means something: servers that would fool a careless runner, and suites as an honest person
//! writes them. Each test says which verdict is honest, and no run may be green that shows nothing.
//!
//! To add a server: a closure over [`server::Request`], a suite, and [`runs::Run::must`].
#![expect(clippy::unwrap_used, reason = "a test may end there")]
#![allow(unreachable_pub, dead_code, reason = "every module here serves the others")]

mod afterwards;
mod api;
mod astray;
mod browsers;
mod busy;
mod by_hand;
mod caches;
mod causes;
mod changed;
mod codes;
mod cookies;
mod costs;
mod detours;
mod devices;
mod digest;
mod dying;
mod ending;
mod exclusive;
mod expiry;
mod families;
mod flows;
mod fresh;
mod guesses;
mod hollow;
mod id_tokens;
mod kept;
mod keys;
mod late;
mod leaking;
mod lifecycle;
mod limits;
mod lives;
mod lying;
mod matrix;
mod nonces;
mod origins;
mod origins_denied;
mod outcomes;
mod pages;
mod parts;
mod paused;
mod permit;
mod proofs;
mod racing;
mod redirects;
mod refusals;
mod renewals;
mod replays;
mod requests;
mod retries;
mod rotation;
mod running;
mod runs;
mod server;
mod sessions;
mod signed_anew;
mod sources;
mod spilling;
mod suspects;
mod talks;
mod telling;
mod tokens;
mod typed;
mod undisturbed;
mod unsent;
mod varied;
mod waiting;
mod walls;
mod way_in;
