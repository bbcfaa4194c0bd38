//! Attaching by a perf event: to a classic tracepoint, whose id comes from tracefs (which need not be mounted;
//! a mount of our own that nobody else sees does as well), or to one function as a kprobe.

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use anyhow::{Context, Result};

use crate::sys::{
    self,
    perf::{self, Attr},
};

const PERF_EVENT_IOC_SET_BPF: libc::c_ulong = 0x4004_2408;

/// Attaches `program` to `group:name`; closing the result detaches it.
pub fn attach_tracepoint(group: &str, name: &str, program: BorrowedFd<'_>) -> Result<OwnedFd> {
    let id = id(group, name).with_context(|| format!("finding tracepoint {group}:{name}"))?;
    open(&perf::tracepoint(id), program)
        .with_context(|| format!("attaching to tracepoint {group}:{name}"))
}

/// Attaches `program` to the entry of a kernel function, or to its return; closing the result detaches
/// it. `kind` is the type of perf event that makes kprobes: Linux 4.17.
pub fn attach_kprobe(
    kind: u32,
    function: &CStr,
    returns: bool,
    program: BorrowedFd<'_>,
) -> io::Result<OwnedFd> {
    let mut attr = perf::attributes(kind.into(), returns.into());
    attr[2] = 1; // sample_period
    attr[7] = function.as_ptr() as u64; // kprobe_func
    open(&attr, program)
}

fn open(attr: &Attr, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // The program hangs on the place itself and runs on every CPU, whatever CPU is named.
    let event = perf::open(attr, 0)?;
    let program = program.as_raw_fd() as libc::c_ulong;
    sys::ioctl(event.as_fd(), PERF_EVENT_IOC_SET_BPF, program)?;
    perf::enable(event.as_fd())?;
    Ok(event)
}

/// The tracepoint's number in this kernel.
pub fn id(group: &str, name: &str) -> io::Result<u64> {
    let path = CString::new(format!("events/{group}/{name}/id"))?;
    sys::read_tracefs(&path)?
        .trim()
        .parse()
        .map_err(io::Error::other)
}
