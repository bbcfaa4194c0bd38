//! The capabilities that tracing needs, capabilities(7).

use std::{fs, io, os::unix::fs::MetadataExt};

/// Effective capabilities as the bit set of `/proc/self/status`; none over the kernel in a user namespace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps(pub u64);

/// The initial user namespace's inode, `USER_NS_INIT_INO` in `include/uapi/linux/nsfs.h`.
const USER_NS_INIT_INO: u64 = 0xEFFF_FFFD;

/// What is said of a user namespace.
pub const USER_NAMESPACE: &str = "this is a user namespace, in which also root has no rights over the kernel: tracing needs CAP_BPF and \
    CAP_PERFMON outside of it, in the initial user namespace";

/// Are we in a user namespace whose capabilities say nothing about the kernel? Not if nobody can tell.
#[must_use]
pub fn in_user_namespace() -> bool {
    fs::metadata("/proc/self/ns/user").is_ok_and(|of| of.ino() != USER_NS_INIT_INO)
}

const CAP_SYS_PTRACE: u32 = 19;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_SYS_NICE: u32 = 23;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

impl Caps {
    /// Of this process.
    pub fn current() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let all = Self(parse(&status).unwrap_or(0));
        Ok(if in_user_namespace() { Self(0) } else { all })
    }

    fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 != 0
    }

    /// May load and attach tracing programs: CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN.
    #[must_use]
    pub fn can_trace(self) -> bool {
        self.has(CAP_SYS_ADMIN) || self.has(CAP_BPF) && self.has(CAP_PERFMON)
    }

    /// May read other users' processes.
    #[must_use]
    pub fn can_read_others(self) -> bool {
        self.has(CAP_SYS_PTRACE)
    }

    /// May raise its own scheduling class.
    #[must_use]
    pub fn can_schedule(self) -> bool {
        self.has(CAP_SYS_NICE)
    }

    /// May mount tracefs for itself, and open any perf event.
    #[must_use]
    pub fn can_mount(self) -> bool {
        self.has(CAP_SYS_ADMIN)
    }
}

fn parse(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_effective_set() {
        assert_eq!(
            parse("CapPrm:\tff\nCapEff:\t000000c000000000\n"),
            Some(0xc0_0000_0000)
        );
        assert_eq!(parse("Name: x\n"), None);
        assert!(Caps(0xc0_0000_0000).can_trace());
        assert!(Caps(1 << 21).can_trace());
        assert!(!Caps(1 << 39).can_trace());
    }
}
