//! What must be asked from the running system after the fact, and may be late or gone.

pub mod cgroup;
pub mod interfaces;
pub mod memory;
pub mod names;
mod spaces;
pub mod state;
