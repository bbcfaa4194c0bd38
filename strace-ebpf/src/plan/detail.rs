//! In what detail each call is shown: strace's `-e abbrev=`, `verbose=`, `raw=`, `read=`, `write=`, settled once per
//! number and ABI, so that nothing is looked up by name while tracing.

use strace_ebpf_common::limits::{ABIS, PLANS_PER_ABI};

use super::qualify::{Descriptors, Qualifiers};
use crate::tables::{self, Abi, Attrs, Dir, Syscall, Ty};

/// In what detail one call is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Registers, nothing decoded.
    pub raw: bool,
    /// Nothing abbreviated.
    pub verbose: bool,
    /// Structures, not just their addresses.
    pub structs: bool,
    /// Data goes through the descriptor in its first argument, and that of some descriptors is dumped: who writes it.
    pub data: Option<Dir>,
}

impl Detail {
    /// Without any option.
    pub const NORMAL: Self = Self {
        raw: false,
        verbose: false,
        structs: true,
        data: None,
    };
}

/// In what detail every call is shown.
#[derive(Clone, Debug)]
pub struct Details {
    of: Vec<Detail>,
    /// Of the calls that are meant by those that are several in one.
    inner: Vec<Detail>,
    read: Descriptors,
    write: Descriptors,
}

impl Details {
    /// As the options say.
    #[must_use]
    pub fn new(qualifiers: &Qualifiers) -> Self {
        let mut of = vec![Detail::NORMAL; (ABIS * PLANS_PER_ABI) as usize];
        for abi in Abi::ALL {
            let first = (abi as u32 * PLANS_PER_ABI) as usize;
            for (nr, detail) in (0..PLANS_PER_ABI).zip(&mut of[first..]) {
                detail.raw = qualifiers.raw.wants(abi, nr);
                detail.verbose = !qualifiers.abbrev.wants(abi, nr);
                detail.structs = qualifiers.verbose.wants(abi, nr);
                detail.data = tables::syscall(abi, nr).and_then(|call| qualifiers.data(call));
            }
        }
        let inner = (0..tables::INNER_CALLS as u16).map(|number| Detail {
            raw: qualifiers.raw.wants_inner(number),
            verbose: !qualifiers.abbrev.wants_inner(number),
            structs: qualifiers.verbose.wants_inner(number),
            data: tables::inner(number).and_then(|call| qualifiers.data(call)),
        });
        Self {
            of,
            inner: inner.collect(),
            read: qualifiers.read.clone(),
            write: qualifiers.write.clone(),
        }
    }

    /// Of one call.
    #[must_use]
    pub fn of(&self, abi: Abi, nr: u32) -> Detail {
        let nr = nr.min(PLANS_PER_ABI - 1);
        let place = (abi as u32 * PLANS_PER_ABI + nr) as usize;
        self.of.get(place).copied().unwrap_or(Detail::NORMAL)
    }

    /// Of a call that is meant by one that is several in one.
    #[must_use]
    pub fn of_inner(&self, number: u16) -> Detail {
        let detail = self.inner.get(usize::from(number));
        detail.copied().unwrap_or(Detail::NORMAL)
    }

    /// Is the data of a call with such a first argument dumped?
    #[must_use]
    pub fn dumps(&self, detail: Detail, fd: u64) -> bool {
        detail
            .data
            .is_some_and(|dir| self.dumped(dir).contains(fd as i32))
    }

    /// The descriptors of which data is dumped that goes this way.
    #[must_use]
    pub fn dumped(&self, dir: Dir) -> &Descriptors {
        match dir {
            Dir::Out => &self.read,
            _ => &self.write,
        }
    }
}

impl Qualifiers {
    /// Who writes the data of a call, if any of that is dumped.
    fn data(&self, call: &'static Syscall) -> Option<Dir> {
        data_of(call).filter(|dir| !self.dumped(*dir).is_empty())
    }

    fn dumped(&self, dir: Dir) -> &Descriptors {
        match dir {
            Dir::Out => &self.read,
            _ => &self.write,
        }
    }
}

/// Who writes the data that a call moves through its descriptor.
fn data_of(syscall: &'static Syscall) -> Option<Dir> {
    if !syscall.attrs.contains(Attrs::DATA) {
        return None;
    }
    let data = |ty| {
        matches!(
            ty,
            Ty::Buf { .. } | Ty::Iovec { .. } | Ty::Msghdr { .. } | Ty::Mmsghdr { .. }
        )
    };
    let arg = syscall.args.iter().find(|arg| data(arg.ty))?;
    arg.ty.dir()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    fn details(line: &str) -> Details {
        let words = std::iter::once("strace-ebpf").chain(line.split(' '));
        let cli = cli::parse(words.map(Into::into)).expect("parses");
        Details::new(&Qualifiers::parse(&cli).expect("valid"))
    }

    fn of(details: &Details, name: &str) -> Detail {
        let (nr, _) = tables::by_name(Abi::X86_64, name).expect(name);
        details.of(Abi::X86_64, nr)
    }

    #[test]
    fn each_call_has_its_own() {
        let some = details("-e raw=openat -e abbrev=!stat -e verbose=none true");
        assert!(of(&some, "openat").raw && !of(&some, "read").raw);
        assert!(of(&some, "stat").verbose && !of(&some, "fstat").verbose);
        assert!(!of(&some, "stat").structs);
        let all = details("-v true");
        assert!(of(&all, "stat").verbose && of(&all, "stat").structs);
    }

    #[test]
    fn calls_that_are_meant_have_their_own_too() {
        let some = details("-e raw=bind -e abbrev=!listen -e write=3 true");
        let of = |name: &str| {
            let (_, outer) = tables::by_name(Abi::I386, "socketcall").expect("a call");
            let mut all = tables::inner_of(outer);
            let (number, _) = all.find(|(_, inner)| inner.call.name == name).expect(name);
            some.of_inner(number)
        };
        assert!(of("bind").raw && !of("listen").raw);
        assert!(of("listen").verbose && !of("bind").verbose);
        assert_eq!((of("send").data, of("recv").data), (Some(Dir::In), None));
    }

    #[test]
    fn data_of_descriptors() {
        let some = details("-e read=3 -e write=!4 true");
        let (read, write) = (of(&some, "recvmsg"), of(&some, "writev"));
        assert_eq!((read.data, write.data), (Some(Dir::Out), Some(Dir::In)));
        assert!(some.dumps(read, 3) && !some.dumps(read, 4));
        assert!(some.dumps(write, 3) && !some.dumps(write, 4));
        assert!(
            !some.dumps(write, u64::from(u32::MAX)),
            "-1 is no descriptor"
        );
        assert_eq!(of(&some, "setxattr").data, None);
        assert_eq!(of(&details("true"), "read").data, None);
    }
}
