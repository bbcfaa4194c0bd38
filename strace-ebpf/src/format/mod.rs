//! Decoded events to bytes. Nothing here looks up a constant or asks /proc: that was done before.

pub mod color;
pub mod constants;
pub mod descriptor;
pub mod dump;
pub mod escape;
mod network;
pub mod number;
mod requests;
pub mod strace;
pub mod text;
pub mod time;
pub mod tsv;
