//! Memory that was not resident when the probes looked: they cannot fault pages in, but
//! process_vm_readv(2) can, as long as the process lives and has not changed it since.

use strace_ebpf_common::{
    limits::PATH_MAX,
    plan::{KIND_BYTES, KIND_STR, Op},
};

use crate::sys;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The bytes; a string's NUL is not among them.
    pub bytes: Vec<u8>,
    /// There was more than the limit.
    pub truncated: bool,
}

const PAGE: u64 = 4096;

/// Reads what operation `op` could not: `full` bytes of a buffer, or a string, at `addr`.
#[must_use]
pub fn fetch(pid: u32, op: &Op, addr: u64, full: u32) -> Option<Fetched> {
    match op.kind {
        KIND_STR => string(pid, addr, op.limit.min(PATH_MAX)),
        KIND_BYTES => {
            let len = full.min(op.limit);
            // Of what nobody knows the length, nothing can be said.
            if len == 0 {
                return None;
            }
            let mut bytes = vec![0; len as usize];
            let got = sys::read_process(pid, addr, &mut bytes).ok()?;
            (got == bytes.len()).then_some(Fetched {
                bytes,
                truncated: full > op.limit,
            })
        }
        _ => None,
    }
}

/// Page by page, because the string may end right before a hole.
fn string(pid: u32, addr: u64, limit: u32) -> Option<Fetched> {
    let mut bytes = Vec::new();
    // One byte more than is shown tells "longer" from "just so".
    let most = limit as usize + 1;
    while bytes.len() < most {
        let at = addr.checked_add(bytes.len() as u64)?;
        let to_page_end = (PAGE - at % PAGE) as usize;
        let mut chunk = vec![0; to_page_end.min(most - bytes.len())];
        let got = sys::read_process(pid, at, &mut chunk).ok()?;
        chunk.truncate(got);
        if got == 0 {
            return None;
        }
        if let Some(end) = memchr::memchr(0, &chunk) {
            bytes.extend_from_slice(&chunk[..end]);
            return Some(Fetched {
                bytes,
                truncated: false,
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(limit as usize);
    Some(Fetched {
        bytes,
        truncated: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch_own(text: &[u8], kind: u8, limit: u32, full: u32) -> Option<Fetched> {
        let op = Op {
            kind,
            limit,
            ..Op::default()
        };
        fetch(std::process::id(), &op, text.as_ptr() as u64, full)
    }

    #[test]
    fn reads_strings_and_buffers() {
        let text = b"/some/path\0rest";
        let whole = Fetched {
            bytes: b"/some/path".to_vec(),
            truncated: false,
        };
        assert_eq!(fetch_own(text, KIND_STR, 4095, 0), Some(whole));
        let cut = Fetched {
            bytes: b"/so".to_vec(),
            truncated: true,
        };
        assert_eq!(fetch_own(text, KIND_STR, 3, 0), Some(cut));
        let just = Fetched {
            bytes: b"/some/path".to_vec(),
            truncated: false,
        };
        assert_eq!(fetch_own(text, KIND_STR, 10, 0), Some(just));
        let buffer = Fetched {
            bytes: b"/some".to_vec(),
            truncated: true,
        };
        assert_eq!(fetch_own(text, KIND_BYTES, 5, 12), Some(buffer));
    }

    #[test]
    fn what_is_not_there_stays_unread() {
        let op = Op {
            kind: KIND_STR,
            limit: 10,
            ..Op::default()
        };
        assert_eq!(fetch(std::process::id(), &op, 8, 0), None);
        assert_eq!(fetch(0x7fff_fff0, &op, 8, 0), None);
    }
}
