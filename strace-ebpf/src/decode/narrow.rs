//! Registers of the calls that x32 has for itself: the kernel carries them out as those of 32-bit programs, so that of
//! addresses, sizes and words only the lower half counts, and strace shows no more of them. File offsets are whole.

use strace_ebpf_common::record::ABI_X32;

use crate::{
    session::Call,
    tables::{self, Abi, Ty},
};

/// The first of them, `arch/x86/entry/syscalls/syscall_64.tbl`.
const FIRST: u32 = 512;

/// Takes off what the kernel does not look at.
pub fn narrow(call: &mut Call<'_>) {
    let record = &mut call.record;
    if record.abi != ABI_X32 || record.nr < FIRST {
        return;
    }
    let Some(syscall) = tables::syscall(Abi::X32, record.nr) else {
        return;
    };
    for (raw, arg) in record.args.iter_mut().zip(syscall.args) {
        *raw = match arg.ty {
            Ty::Offset => *raw,
            Ty::Long => i64::from(*raw as i32) as u64,
            _ => u64::from(*raw as u32),
        };
    }
}

#[cfg(test)]
mod tests {
    use smallvec::SmallVec;
    use strace_ebpf_common::record::{ABI_X86_64, CallRecord};

    use super::*;

    #[test]
    fn only_calls_of_x32_alone_lose_the_upper_halves_but_of_offsets() {
        const WIDE: u64 = 0x1_f345_6789;
        let whole = [WIDE; 6];
        let cut = 0xf345_6789;
        let negative = 0xffff_ffff_f345_6789;
        for (abi, nr, want) in [
            (ABI_X32, 534, [cut, cut, cut, WIDE, WIDE, WIDE]),
            (ABI_X32, 544, [cut, negative, cut, WIDE, WIDE, WIDE]),
            (ABI_X32, 0, whole),
            (ABI_X32, 575, whole),
            (ABI_X86_64, 534, whole),
        ] {
            let mut call = Call {
                record: CallRecord {
                    abi,
                    nr,
                    args: whole,
                    ..CallRecord::default()
                },
                captures: SmallVec::new(),
                no_return: false,
            };
            narrow(&mut call);
            assert_eq!(call.record.args, want, "{abi} {nr}");
        }
    }
}
