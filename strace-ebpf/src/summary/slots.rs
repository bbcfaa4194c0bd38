//! Which system call has which row in the probes' map: only calls that are wanted have one.

use strace_ebpf_common::limits::{COUNT_SLOTS_MAX, PLANS_PER_ABI};

use crate::{
    plan::filter::Filter,
    tables::{self, Abi},
};

/// A system call as rows are kept for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Its ABI.
    pub abi: Abi,
    /// Its number, without x32's bit. The last one of the table stands for all from there on.
    pub nr: u32,
}

impl Call {
    /// Its name; numbers without one are shown in hexadecimal.
    #[must_use]
    pub fn name(&self) -> String {
        match tables::syscall(self.abi, self.nr) {
            Some(syscall) => syscall.name.to_owned(),
            None if self.nr == PLANS_PER_ABI - 1 => format!("syscall_{:#x}+", self.nr),
            None => format!("syscall_{:#x}", self.nr),
        }
    }

    /// Does the table know it?
    #[must_use]
    pub fn is_known(&self) -> bool {
        tables::syscall(self.abi, self.nr).is_some()
    }
}

/// Rows by call, calls by row.
#[derive(Clone, Debug)]
pub struct Slots {
    /// The probes' table.
    pub table: Box<[u16; COUNT_SLOTS_MAX]>,
    calls: Vec<Call>,
}

impl Slots {
    /// Rows for what the filter lets through, in the order of ABIs and numbers.
    #[must_use]
    pub fn new(filter: &Filter) -> Self {
        let mut table = Box::new([0; COUNT_SLOTS_MAX]);
        let mut calls = Vec::new();
        let all = Abi::ALL
            .into_iter()
            .flat_map(|abi| (0..PLANS_PER_ABI).map(move |nr| Call { abi, nr }));
        for (place, call) in table.iter_mut().zip(all) {
            let wanted = if call.is_known() {
                filter.may_want(call.abi, call.nr)
            } else {
                filter.wants_unknown()
            };
            if wanted {
                calls.push(call);
                // Fewer than two thousand.
                *place = calls.len() as u16;
            }
        }
        Self { table, calls }
    }

    /// Entries of the probes' map: row 0 is nobody's.
    #[must_use]
    pub fn entries(&self) -> u32 {
        self.calls.len() as u32 + 1
    }

    /// Every row with its call.
    pub fn rows(&self) -> impl Iterator<Item = (u32, Call)> + '_ {
        (1..).zip(self.calls.iter().copied())
    }

    /// The call of a row.
    #[must_use]
    pub fn call(&self, slot: u32) -> Option<Call> {
        self.calls.get((slot as usize).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wanted_has_a_row() {
        let slots = Slots::new(&Filter::parse("read,getpid").expect("valid"));
        let names: Vec<(Abi, String)> = slots.rows().map(|(_, c)| (c.abi, c.name())).collect();
        assert_eq!(slots.entries() as usize, names.len() + 1);
        assert_eq!(
            names.iter().filter(|(abi, _)| *abi == Abi::X86_64).count(),
            2
        );
        for (slot, call) in slots.rows() {
            let index = call.abi as usize * PLANS_PER_ABI as usize + call.nr as usize;
            assert_eq!(u32::from(slots.table[index]), slot);
            assert_eq!(slots.call(slot), Some(call));
        }
        assert_eq!(slots.call(0), None);
        assert_eq!(slots.call(slots.entries()), None);
    }

    #[test]
    fn everything_and_the_unknown() {
        let slots = Slots::new(&Filter::all());
        let last = Call {
            abi: Abi::X86_64,
            nr: PLANS_PER_ABI - 1,
        };
        assert!(slots.rows().any(|(_, call)| call == last));
        assert_eq!(last.name(), "syscall_0x23f+");
        assert!(slots.entries() as usize <= COUNT_SLOTS_MAX);
        assert_eq!(Slots::new(&Filter::none()).entries(), 1);
    }
}
