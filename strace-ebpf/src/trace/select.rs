//! The calls that `-P` and `-e trace-fds=` choose: those that name one of the paths, or were given a descriptor that is open on
//! one, or one of the numbers. Which they are is known when the call begins.

use smallvec::SmallVec;
use strace_ebpf_common::record::CallRecord;

use crate::{
    decode::{self, descriptor},
    plan::{filter::Filter, qualify::Descriptors},
    session::Call,
    tables::{self, Syscall},
};

/// What a call must have to do with to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Paths as they were typed, and what they lead to.
    pub paths: Vec<Vec<u8>>,
    /// Descriptors.
    pub numbers: Option<Descriptors>,
}

impl Selection {
    /// Does the call have to do with one of them?
    #[must_use]
    pub fn chooses(&self, call: &Call<'_>, syscall: Option<&Syscall>) -> bool {
        let named = |syscall| descriptor::paths(call, syscall).any(|path| self.has(path));
        syscall.is_some_and(named)
            || descriptor::given(call).any(|(fd, open)| {
                let by_number = self.numbers.as_ref().is_some_and(|set| set.contains(fd));
                by_number || open.is_some_and(|open| self.has_file(&open))
            })
    }

    fn has(&self, path: &[u8]) -> bool {
        self.paths.iter().any(|wanted| wanted == path)
    }

    fn has_file(&self, opened: &descriptor::Opened<'_>) -> bool {
        let mut path = SmallVec::new();
        opened.parts().is_some_and(|parts| {
            parts.path(&mut path);
            self.has(&path)
        })
    }
}

/// Which calls are told of those that are several in one (i386), where these are not all: the probes send them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts(pub Filter);

impl Parts {
    /// Is this call told, that was taken for what it means?
    #[must_use]
    pub fn tells(&self, record: &CallRecord) -> bool {
        match decode::number_of(record) {
            Some(number) => self.0.wants_inner(number),
            None => self.0.wants(decode::abi_of(record.abi), record.nr) || !is_several(record),
        }
    }
}

/// A number without a name is wanted when it comes.
fn is_several(record: &CallRecord) -> bool {
    let outer = tables::syscall(decode::abi_of(record.abi), record.nr);
    outer.is_some_and(|outer| tables::inner_of(outer).next().is_some())
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::record::ABI_I386;

    use super::*;
    use crate::tables::Abi;

    #[test]
    fn what_is_meant_counts() {
        let record = |name: &str| CallRecord {
            nr: tables::by_name(Abi::I386, name).map_or(9999, |(nr, _)| nr),
            abi: ABI_I386,
            ..CallRecord::default()
        };
        let parts = |text: &str| Parts(Filter::parse(text).expect(text));
        // What could not be taken for another one is itself.
        for (text, call, told) in [
            ("bind", "socketcall", false),
            ("socketcall", "socketcall", true),
            ("!bind", "socketcall", true),
            ("bind", "getpid", true),
            ("bind", "nosuch", true),
        ] {
            assert_eq!(parts(text).tells(&record(call)), told, "{text} {call}");
        }
    }
}
