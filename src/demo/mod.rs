//! The embedded demo API.
