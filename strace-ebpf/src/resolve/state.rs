//! What threads are doing now, proc_pid_stat(5).

use std::{fs, str::FromStr};

/// What stands behind the name, which is in parentheses and may hold any byte: the state letter first.
fn behind_name(stat: &[u8]) -> Option<&[u8]> {
    stat.get(memchr::memrchr(b')', stat)? + 2..)
}

/// The state letter.
#[must_use]
pub fn letter(stat: &[u8]) -> Option<u8> {
    behind_name(stat)?.first().copied()
}

/// A field from the third on, by its number in proc_pid_stat(5).
#[must_use]
pub fn field<T: FromStr>(stat: &[u8], number: usize) -> Option<T> {
    let mut words = behind_name(stat)?.split(|byte| *byte == b' ');
    let word = words.nth(number.checked_sub(3)?)?;
    std::str::from_utf8(word).ok()?.trim_end().parse().ok()
}

/// Is the thread stopped, by a signal?
#[must_use]
pub fn is_stopped(tid: u32) -> bool {
    let stat = fs::read(format!("/proc/{tid}/stat")).unwrap_or_default();
    letter(&stat) == Some(b'T')
}

/// The signal that a thread is stopped by, if it is. The kernel forgets which once the parent has been told; SIGSTOP then.
#[must_use]
pub fn stop_signal(tid: u32) -> Option<u32> {
    let stat = fs::read(format!("/proc/{tid}/stat")).unwrap_or_default();
    (letter(&stat) == Some(b'T')).then(|| exit_code(&stat).unwrap_or(libc::SIGSTOP as u32))
}

/// Field 52, while it is one of the signals that stop.
fn exit_code(stat: &[u8]) -> Option<u32> {
    let code: u32 = field(stat, 52)?;
    let stops = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    stops.contains(&(code as i32)).then_some(code)
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
        let stat = |code| format!("7 (a) b) T {}{code}\n", "0 ".repeat(48));
        assert_eq!(exit_code(stat(20).as_bytes()), Some(20));
        assert_eq!(exit_code(stat(0).as_bytes()), None);
        assert_eq!(exit_code(b"7 (a) T 20\n"), None);
    }
}
