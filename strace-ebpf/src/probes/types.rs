//! The kernel's types as far as the loader needs them: a program on a typed tracepoint is loaded with the number that
//! the tracepoint's typedef has among them, and that is all.
//!
//! aya would read them all, 130,000 on a usual kernel, at 25 ms and 25 MiB each time, and it does so twice.

use anyhow::{Context, Result};
use aya::{Btf, EbpfLoader, Endianness};

use crate::kernel::btf::TraceTypes;

const MAGIC: u16 = 0xeb9f;
const HEADER_BYTES: u32 = 24;
const KIND_FWD: u32 = 7;
const KIND_TYPEDEF: u32 = 8;

/// Types with the tracepoints of `targets` under their numbers, and fillers everywhere else.
pub fn of_tracepoints(types: &TraceTypes, targets: &[&str]) -> Result<Btf> {
    let mut numbers = targets
        .iter()
        .map(|target| {
            let number = types.number(target);
            Ok((
                number.with_context(|| format!("this kernel has no typed tracepoint {target}"))?,
                *target,
            ))
        })
        .collect::<Result<Vec<(u32, &str)>>>()?;
    numbers.sort_unstable();
    Btf::parse(&bytes(&numbers), Endianness::default()).context("making a table of types")
}

/// BTF (`Documentation/bpf/btf.rst` of the kernel) in which number `n` is `typedef void btf_trace_NAME`.
fn bytes(numbers: &[(u32, &str)]) -> Vec<u8> {
    let last = numbers.last().map_or(0, |(number, _)| *number);
    let mut strings = b"\0x\0".to_vec();
    let mut types: Vec<u32> = Vec::with_capacity(3 * last as usize);
    let mut next = numbers.iter().peekable();
    for number in 1..=last {
        match next.next_if(|(wanted, _)| *wanted == number) {
            Some((_, name)) => {
                types.extend([strings.len() as u32, KIND_TYPEDEF << 24, 0]);
                strings.extend(format!("btf_trace_{name}\0").bytes());
            }
            None => types.extend([1, KIND_FWD << 24, 0]),
        }
    }
    let type_bytes = 4 * types.len() as u32;
    let mut out = Vec::with_capacity(HEADER_BYTES as usize + type_bytes as usize + strings.len());
    out.extend(MAGIC.to_ne_bytes());
    out.extend([1, 0]);
    let strings_len = strings.len() as u32;
    for word in [HEADER_BYTES, 0, type_bytes, type_bytes, strings_len] {
        out.extend(word.to_ne_bytes());
    }
    out.extend(types.iter().flat_map(|word| word.to_ne_bytes()));
    out.extend(strings);
    out
}

/// aya's loader without the kernel's types: nothing in our object is relocated by them. `EbpfLoader::new` reads them
/// whatever it is told afterwards; while no descriptor may be opened it cannot.
pub fn loader<'a>() -> EbpfLoader<'a> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a valid place.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return EbpfLoader::new();
    }
    let none = libc::rlimit {
        rlim_cur: 0,
        ..limit
    };
    // SAFETY: valid limits; those of before are put back at once, and no thread of ours opens anything meanwhile.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &none) };
    let mut loader = EbpfLoader::new();
    // SAFETY: as above.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    loader.btf(None);
    loader
}

#[cfg(test)]
mod tests {
    use aya_obj::btf::BtfKind;

    use super::*;

    #[test]
    fn tracepoints_have_their_numbers() {
        let types = TraceTypes::from([("sys_exit", 9), ("sys_enter", 4), ("other", 2)]);
        let btf = of_tracepoints(&types, &["sys_exit", "sys_enter"]).expect("both are there");
        for (name, number) in [("btf_trace_sys_exit", 9), ("btf_trace_sys_enter", 4)] {
            let found = btf.id_by_type_name_kind(name, BtfKind::Typedef);
            assert_eq!(found.ok(), Some(number), "{name}");
        }
        assert!(of_tracepoints(&types, &["missing"]).is_err());
    }
}
