//! Calls that are several in one, socketcall(2) and ipc(2) of i386: from the call that was made to the one that is meant.
//!
//! Which call, and where its arguments are, is in the table (`xtask/data/syscalls/inner.txt`). Where the array with the
//! arguments could not be read, and for values that the table does not have, the outer call stays.

use strace_ebpf_common::record::{
    CALL_DELAYED, CALL_HAS_ENTER, CALL_INJECTED, CALL_NO_RETURN, CALL_RETVAL, CALL_SPARSE,
    CallRecord,
};

use super::{abi_of, cx::number_at};
use crate::{
    session::Call,
    tables::{self, Place, Syscall},
};

/// From this bit of a record's flags on stands which one it is, plus one; the probes leave them zero.
const INNER_SHIFT: u32 = 8;
const OF_PROBES: u16 =
    CALL_NO_RETURN | CALL_HAS_ENTER | CALL_SPARSE | CALL_INJECTED | CALL_DELAYED | CALL_RETVAL;
const _: () = assert!(OF_PROBES >> INNER_SHIFT == 0);
const _: () = assert!(tables::INNER_CALLS < 255);
/// The copy of the array is the first of such a call's plan.
const ARRAY_OP: u8 = 0;

/// The number of the inner call where [`unwrap`] has found it.
#[must_use]
pub fn number_of(record: &CallRecord) -> Option<u16> {
    (record.flags >> INNER_SHIFT).checked_sub(1)
}

/// The call of a record, the inner one where [`unwrap`] has found it.
#[must_use]
pub fn syscall_of(record: &CallRecord) -> Option<&'static Syscall> {
    match number_of(record) {
        Some(number) => tables::inner(number),
        None => tables::syscall(abi_of(record.abi), record.nr),
    }
}

/// Turns a call that is several in one into the one that is meant: its arguments and what was copied for them. Once is
/// enough.
pub fn unwrap(call: &mut Call<'_>) {
    if call.record.flags >> INNER_SHIFT != 0 {
        return;
    }
    let Some(outer) = tables::syscall(abi_of(call.record.abi), call.record.nr) else {
        return;
    };
    let made = call.record.args;
    let mut several = tables::inner_of(outer);
    let Some((number, inner)) =
        several.find(|(_, inner)| inner.value.is_none_or(|value| value == made[0] as u32))
    else {
        return;
    };
    let array = call
        .captures
        .iter()
        .filter(|c| c.header.op == ARRAY_OP && c.header.errno == 0)
        .map(|c| c.bytes)
        .max_by_key(|bytes| bytes.len());
    let mut args = [0; 6];
    for (arg, place) in args.iter_mut().zip(inner.places) {
        let value = match *place {
            Place::Register(n) => made.get(usize::from(n)).copied(),
            Place::Word(n) => array.and_then(|bytes| number_at(bytes, 4 * usize::from(n), 4)),
        };
        let Some(value) = value else {
            return;
        };
        *arg = value;
    }
    if inner.has_array() {
        call.captures.retain(|c| c.header.op != ARRAY_OP);
    }
    call.record.args = args;
    call.record.flags |= (number + 1) << INNER_SHIFT;
}

#[cfg(test)]
mod tests {
    use smallvec::SmallVec;
    use strace_ebpf_common::{capture::Capture, record::ABI_I386};

    use super::*;
    use crate::session::parse::Captured;

    fn call<'a>(name: &str, args: [u64; 6], array: &'a [u8]) -> Call<'a> {
        let (nr, _) = tables::by_name(tables::Abi::I386, name).expect("a call");
        let header = Capture {
            addr: args[1],
            arg: 1,
            len: array.len() as u32,
            full: array.len() as u32,
            ..Capture::default()
        };
        Call {
            record: CallRecord {
                nr,
                abi: ABI_I386,
                args,
                ..CallRecord::default()
            },
            captures: SmallVec::from_iter([Captured {
                header,
                bytes: array,
            }]),
            no_return: false,
        }
    }

    #[test]
    fn the_call_that_is_meant_takes_the_outer_ones_place() {
        let array = [3, 0, 0, 0, 0, 0x10, 0, 0x20, 16, 0, 0, 0];
        let mut bind = call("socketcall", [2, 0x2000, 0, 0, 0, 0], &array);
        unwrap(&mut bind);
        assert_eq!(syscall_of(&bind.record).map(|call| call.name), Some("bind"));
        assert_eq!(bind.record.args, [3, 0x2000_1000, 16, 0, 0, 0]);
        assert_eq!(bind.captures.len(), 0);
        let once = bind.record;
        unwrap(&mut bind);
        assert_eq!(
            (bind.record.args, bind.record.flags),
            (once.args, once.flags)
        );
        let mut semop = call("ipc", [1, 7, 2, 0, 0x2000, 0], &[]);
        unwrap(&mut semop);
        assert_eq!(
            syscall_of(&semop.record).map(|call| call.name),
            Some("semop")
        );
        assert_eq!(semop.record.args, [7, 0x2000, 2, 0, 0, 0]);
    }

    #[test]
    fn without_an_array_and_for_other_values_it_stays() {
        for (name, args, array) in [
            ("socketcall", [2, 0x2000, 0, 0, 0, 0], &[0; 8][..]),
            ("socketcall", [99, 0x2000, 0, 0, 0, 0], &[0; 24][..]),
            ("ipc", [99, 0, 0, 0, 0, 0], &[][..]),
            ("close", [2, 0, 0, 0, 0, 0], &[][..]),
        ] {
            let mut call = call(name, args, array);
            unwrap(&mut call);
            assert_eq!(syscall_of(&call.record).map(|call| call.name), Some(name));
            assert_eq!(call.record.args, args);
        }
    }
}
