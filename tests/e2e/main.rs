//! End-to-end tests: the real binary on the real kernel.
