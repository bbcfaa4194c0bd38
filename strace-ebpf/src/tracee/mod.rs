//! The processes to trace: a command of our own, held back until the probes are in place, and
//! running processes, marked thread by thread.

pub mod brake;
pub mod inject;
pub mod launch;
pub mod proc;
pub mod program;
pub mod user;
