//! What the probes and user space agree on: records, capture plans, settings and counters.
//!
//! Everything here is `repr(C)` with fixed-width integers and explicit padding, because the two
//! sides are compiled for different targets. Sizes are asserted at compile time on both.
#![cfg_attr(not(test), no_std)]

pub mod capture;
pub mod config;
pub mod counters;
pub mod descriptor;
pub mod limits;
pub mod mapped;
pub mod plan;
pub mod record;
pub mod summary;
