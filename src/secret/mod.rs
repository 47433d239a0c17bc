//! Values that cannot be printed: holds them, finds them in every spelling, masks them.
//!
//! Two nets. By value, [`SecretSet`] knows every declared and captured secret. By structure, [`structure`] knows where
//! credentials stand in headers, JSON, forms, addresses and pages, whether or not the value is known. Known values go
//! first, so that they keep their names. Mask before cutting: half a secret is not recognised.
//!
//! Imports nothing of the crate. To add an escape see `unescape`, to add an encoding see `forms`, to add a place where
//! credentials stand see `structure`.

mod alike;
mod folded;
mod follow;
mod forms;
mod index;
mod odd;
mod set;
pub mod structure;
#[cfg(test)]
mod tests;
mod unescape;
mod value;

pub use alike::alike;
pub use odd::{Odd, is_invisible};
pub use set::{Found, MaskName, SecretSet};
pub use structure::TextKind;
pub use unescape::unescaped;
pub use value::{NotText, Secret};
