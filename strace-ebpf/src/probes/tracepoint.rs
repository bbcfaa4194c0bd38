//! Attaching to a classic tracepoint: its id comes from tracefs, which need not be mounted; a
//! mount of our own that nobody else sees does as well.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use anyhow::{Context, Result};

use crate::sys;

const PERF_TYPE_TRACEPOINT: u64 = 2;
/// `PERF_ATTR_SIZE_VER5` of `include/uapi/linux/perf_event.h`.
const ATTR_BYTES: u64 = 112;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
const PERF_EVENT_IOC_SET_BPF: libc::c_ulong = 0x4004_2408;

/// Attaches `program` to `group:name`; closing the result detaches it.
pub fn attach(group: &str, name: &str, program: BorrowedFd<'_>) -> Result<OwnedFd> {
    let id = id(group, name).with_context(|| {
        format!("finding tracepoint {group}:{name} (mount tracefs at /sys/kernel/tracing, or run with CAP_SYS_ADMIN)")
    })?;
    let mut attr = [0u64; ATTR_BYTES as usize / 8];
    attr[0] = PERF_TYPE_TRACEPOINT | ATTR_BYTES << 32;
    attr[1] = id;
    attr[2] = 1; // sample_period
    let context = || format!("attaching to tracepoint {group}:{name}");
    // The program hangs on the tracepoint itself and runs on every CPU, whatever CPU is named.
    let event = sys::perf_event_open(&attr, 0).with_context(context)?;
    sys::ioctl(
        event.as_fd(),
        PERF_EVENT_IOC_SET_BPF,
        program.as_raw_fd() as libc::c_ulong,
    )
    .with_context(context)?;
    sys::ioctl(event.as_fd(), PERF_EVENT_IOC_ENABLE, 0).with_context(context)?;
    Ok(event)
}

/// The tracepoint's number in this kernel.
pub fn id(group: &str, name: &str) -> io::Result<u64> {
    let path = format!("events/{group}/{name}/id");
    for mount in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
        if let Ok(text) = std::fs::read_to_string(format!("{mount}/{path}")) {
            return parse(&text);
        }
    }
    let root = sys::private_mount(c"tracefs")?;
    let mut text = String::new();
    let file = sys::open_at(root.as_fd(), &CString::new(path)?)?;
    File::from(file).read_to_string(&mut text)?;
    parse(&text)
}

fn parse(text: &str) -> io::Result<u64> {
    text.trim().parse().map_err(io::Error::other)
}
