//! Values that cannot be printed.
