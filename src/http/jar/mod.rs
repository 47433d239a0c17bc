//! The cookie jar.
