//! Whether a thread is stopped now, proc_pid_stat(5).

use std::fs;

/// Is it stopped, by a signal?
#[must_use]
pub fn is_stopped(tid: u32) -> bool {
    let stat = fs::read(format!("/proc/{tid}/stat")).unwrap_or_default();
    // Behind the name, which is in parentheses and may hold any byte.
    let behind = memchr::memrchr(b')', &stat).and_then(|at| stat.get(at + 2));
    behind == Some(&b'T')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_running_is_not_stopped() {
        assert!(!is_stopped(std::process::id()) && !is_stopped(0x7fff_0000));
    }
}
