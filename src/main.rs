//! The `authspec` binary: hands everything to the library.

fn main() {}
