//! Signals that end a process at once: the kernel sends them but does not deliver them. They are
//! kept from when they are sent until the process ends by them, or they are delivered after all.

use strace_ebpf_common::record::{SIGNAL_DELIVERED, SIGNAL_SENT, SignalRecord, TaskExitRecord};

use super::ByTid;

/// Signals sent and not yet seen to arrive, by process.
#[derive(Debug, Default)]
pub struct Fatal {
    sent: ByTid<Vec<SignalRecord>>,
}

impl Fatal {
    /// Takes note of a signal. True if it is to be told now.
    pub fn note(&mut self, record: &SignalRecord) -> bool {
        let tgid = record.header.tgid;
        match record.outcome {
            SIGNAL_SENT => {
                let list = self.sent.entry(tgid).or_default();
                list.retain(|sent| sent.signal != record.signal);
                list.push(*record);
                false
            }
            SIGNAL_DELIVERED => {
                if let Some(list) = self.sent.get_mut(&tgid) {
                    list.retain(|sent| sent.signal != record.signal);
                }
                true
            }
            _ => true,
        }
    }

    /// A thread has ended: the signal that did it, once per process, if it was never delivered.
    pub fn ended(&mut self, record: &TaskExitRecord) -> Option<SignalRecord> {
        let header = &record.header;
        let list = self.sent.get_mut(&header.tgid)?;
        let signal = record.code & 0x7f;
        let found = list
            .iter()
            .position(|sent| signal != 0 && sent.signal == signal);
        let sent = found.map(|at| list.swap_remove(at));
        if list.is_empty() || header.tid == header.tgid {
            self.sent.remove(&header.tgid);
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::record::Header;

    use super::*;

    fn signal(tgid: u32, signal: u32, outcome: u32) -> SignalRecord {
        let header = Header {
            tgid,
            tid: tgid,
            ..Header::default()
        };
        SignalRecord {
            header,
            signal,
            outcome,
            nr: 0,
            flags: 0,
            ip: 0,
            info: [0; 48],
        }
    }

    fn end(tgid: u32, tid: u32, code: u32) -> TaskExitRecord {
        TaskExitRecord {
            header: Header {
                tgid,
                tid,
                ..Header::default()
            },
            code,
            nr: 0,
        }
    }

    #[test]
    fn a_fatal_signal_is_told_once_when_the_process_ends_by_it() {
        let mut fatal = Fatal::default();
        assert!(!fatal.note(&signal(7, 15, SIGNAL_SENT)));
        assert!(fatal.ended(&end(8, 8, 15)).is_none(), "another process");
        assert_eq!(fatal.ended(&end(7, 9, 15)).map(|s| s.signal), Some(15));
        assert!(fatal.ended(&end(7, 7, 15)).is_none());
        assert!(fatal.sent.is_empty());
    }

    #[test]
    fn one_that_was_delivered_is_told_then() {
        let mut fatal = Fatal::default();
        assert!(!fatal.note(&signal(7, 10, SIGNAL_SENT)));
        assert!(fatal.note(&signal(7, 10, SIGNAL_DELIVERED)));
        assert!(fatal.ended(&end(7, 7, 10)).is_none());
        assert!(fatal.note(&signal(7, 17, strace_ebpf_common::record::SIGNAL_IGNORED)));
    }
}
