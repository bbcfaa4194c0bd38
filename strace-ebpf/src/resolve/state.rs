//! What threads are doing now, proc_pid_stat(5).

use std::fs;

/// What stands behind the name, which is in parentheses and may hold any byte: the state letter first.
#[must_use]
pub fn behind_name(stat: &[u8]) -> Option<&[u8]> {
    stat.get(memchr::memrchr(b')', stat)? + 2..)
}

/// The state letter.
#[must_use]
pub fn letter(stat: &[u8]) -> Option<u8> {
    behind_name(stat)?.first().copied()
}

/// Is the thread stopped, by a signal?
#[must_use]
pub fn is_stopped(tid: u32) -> bool {
    let stat = fs::read(format!("/proc/{tid}/stat")).unwrap_or_default();
    letter(&stat) == Some(b'T')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_running_is_not_stopped() {
        assert!(!is_stopped(std::process::id()) && !is_stopped(0x7fff_0000));
    }

    #[test]
    fn state_behind_a_hostile_name() {
        assert_eq!(letter(b"7 (a) b) Z 1 2"), Some(b'Z'));
        assert_eq!(letter(b"7 (\xff\n) T 1"), Some(b'T'));
        assert_eq!(letter(b"7"), None);
    }
}
