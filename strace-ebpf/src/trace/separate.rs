//! `-ff`: each thread (in the strace format, as strace has it) or process (in the TSV format) has
//! lines and a file of its own. One is selected at a time; the others are put by.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use strace_ebpf_common::record::{ExecRecord, Header};

use super::{Lines, Tracer, strace};
use crate::sink::Piece;

/// What is not selected.
#[derive(Debug, Default)]
pub struct Separate {
    /// The selected one.
    key: u32,
    /// In the strace format: calls in progress, positions in lines.
    lines: BTreeMap<u32, Box<strace::Lines>>,
    /// What is written and not yet handed on. One that is empty stands for a file that is to be there.
    outs: BTreeMap<u32, Vec<u8>>,
    /// What each file begins with, and which have it.
    header: Vec<u8>,
    begun: HashSet<u32>,
}

impl Tracer {
    /// From now on lines are separate.
    pub fn separate(&mut self) {
        self.separate = Some(Separate {
            header: std::mem::take(&mut self.common.out),
            ..Separate::default()
        });
    }

    /// The number of the file that lines go to; 0 where there is one for all.
    pub(super) fn key(&self) -> u32 {
        self.separate.as_ref().map_or(0, |separate| separate.key)
    }

    /// Everything that can be selected.
    pub(super) fn keys(&self) -> Vec<u32> {
        let key = self.key();
        let others = self
            .separate
            .iter()
            .flat_map(|separate| separate.lines.keys());
        std::iter::once(key).chain(others.copied()).collect()
    }

    /// Selects whom a record is about.
    pub(super) fn select_for(&mut self, header: &Header) {
        if self.separate.is_some() {
            self.select(match self.lines {
                Lines::Tsv(_) => header.tgid,
                Lines::Strace(_) => header.tid,
            });
        }
    }

    /// Selects a thread or a process.
    pub(super) fn select(&mut self, key: u32) {
        let Some(separate) = &mut self.separate else {
            return;
        };
        let old = std::mem::replace(&mut separate.key, key);
        if old == key {
            return;
        }
        if !self.common.out.is_empty() {
            separate
                .outs
                .entry(old)
                .or_default()
                .append(&mut self.common.out);
        }
        let out = separate.outs.entry(key).or_default();
        if separate.begun.insert(key) {
            out.extend_from_slice(&separate.header);
        }
        if let Lines::Strace(lines) = &mut self.lines {
            let found = separate.lines.remove(&key);
            let mut next = found.unwrap_or_else(|| Box::new(lines.other()));
            next.share_with(lines);
            let before = std::mem::replace(lines, next);
            // 0 is nobody; threads that have ended are not kept.
            if old != 0 && lines.knows(old) {
                separate.lines.insert(old, before);
            }
        }
    }

    /// A thread has taken over another's number: it leaves its own lines and goes on in the other's.
    pub(super) fn exec_separately(&mut self, record: &ExecRecord) {
        let (old, new) = (record.old_tid, record.header.tid);
        if old == new {
            return;
        }
        self.select(old);
        let Lines::Strace(lines) = &mut self.lines else {
            return;
        };
        let moved = lines.leave(&mut self.common, old, new);
        self.select(new);
        if let Lines::Strace(lines) = &mut self.lines {
            lines.take_over(&mut self.common, record, moved);
        }
        if let Some(separate) = &mut self.separate {
            separate.lines.remove(&old);
        }
    }

    /// Hands on what was put by.
    pub(super) fn take_separate_output(&mut self) {
        let Some(separate) = &mut self.separate else {
            return;
        };
        for (key, out) in std::mem::take(&mut separate.outs) {
            if key != 0 {
                self.ready.push(Piece {
                    key,
                    bytes: Bytes::from(out),
                });
            }
        }
    }
}
