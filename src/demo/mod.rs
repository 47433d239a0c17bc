//! The embedded demo API: a small, believable service (accounts, notes, an admin area) that is right by the RFCs.
//!
//! It is an independent judge of what the rest of the crate sends, so it imports nothing of it: tokens are
//! verified with `jsonwebtoken`, passwords with `argon2`, cookies and challenges by hand from the RFCs.
//! All state lives in memory and belongs to one [`Demo`].
//!
//! To add a route: write the handler in the file of its area under `routes/`, name it in that file's `routes()` and in
//! the list of `routes/home.rs`, and test it over a real socket under `tests/`. Take `Caller`, `Reader` or `Admin` as
//! the first argument of a route that needs a person, and `Input<T>` last where it reads JSON.
//!
//! To add a weakness: one row in [`WEAKNESSES`], and `app.is_weak("id")` at the one place where the route is strict.

mod aws;
mod basic;
mod bearer;
mod body;
mod clock;
mod cookie;
mod cors;
mod digest;
mod error;
mod gateway;
mod hmac;
mod lockout;
mod oauth;
mod outer;
mod password;
mod random;
mod routes;
mod server;
mod sessions;
mod signin;
mod state;
mod store;
mod tls;
mod token;
mod users;
mod weakness;
mod web;

#[cfg(test)]
mod tests;

pub use server::{Demo, DemoError, DemoOptions};
pub use tls::CLIENT_FILES;
pub use weakness::{WEAKNESS_IDS, WEAKNESSES, Weakness};
