//! Shared by probes and user space.
#![no_std]
