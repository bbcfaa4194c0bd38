//! Copies for calls that are several in one: those of each inner call, with addresses and lengths from where its
//! arguments are, and made only where the first argument says that it is this call.

use strace_ebpf_common::plan::{
    FROM_ARG, FROM_ARG_POINTER32, FROM_ARG_POINTER64, FROM_ARG32, FROM_BLOCK32, FROM_CONST,
    FROM_RESULT, FROM_RESULT_MAX, KIND_BYTES, KIND_DESCRIPTOR, OP_ELEMENTS, OP_FIRST_WORD,
    OP_NETLINK, Op, WHEN_ENTER, WHEN_EXIT,
};

use super::{Builder, Shown};
use crate::tables::{self, Attrs, Place, Syscall, Ty};

/// The copy of the array is the first one.
const ARRAY: u8 = 0;
/// Bytes of a word of it.
const WORD: u16 = 4;

impl Builder<'_> {
    /// The array with the arguments of the calls that `outer` may be, copied in whatever detail: it is what registers are to
    /// others. False if there is none.
    pub(super) fn array(&mut self, outer: &'static Syscall) -> bool {
        if !tables::inner_of(outer).any(|(_, inner)| inner.has_array()) {
            return false;
        }
        for (index, arg) in (0u8..).zip(outer.args) {
            if let Ty::Struct { id, .. } = arg.ty {
                let size = tables::struct_size(id, self.abi);
                self.add(Op {
                    kind: KIND_BYTES,
                    when: WHEN_ENTER | WHEN_EXIT,
                    arg: index,
                    flags: OP_ELEMENTS,
                    addr_from: FROM_ARG,
                    addr_off: index.into(),
                    len_from: FROM_CONST,
                    len_off: size as u16,
                    scale: 1,
                    limit: size,
                    ..Op::default()
                });
            }
        }
        true
    }

    /// Every call that `outer` may be.
    pub(super) fn inner_calls(&mut self, outer: &'static Syscall) {
        for (number, inner) in tables::inner_of(outer) {
            let detail = (self.shown.inner)(number);
            // Of which descriptors data is dumped cannot be asked of an array: all of it is copied.
            self.whole = detail.data.is_some();
            if detail.raw && !self.whole {
                continue;
            }
            self.args = inner.call.args;
            self.condition = inner.value.map(|value| (0, 1 << (value & 63)));
            self.places = inner.places;
            self.messages = inner.call.attrs.contains(Attrs::MESSAGES);
            let dump = self.whole.then_some(0);
            self.shown = Shown {
                detail,
                dump,
                ..self.shown
            };
            self.every_argument();
            self.data = None;
        }
        self.condition = None;
        self.places = &[];
    }

    /// The operation for arguments that are elsewhere than in their registers. `None` for a length behind a pointer in the
    /// array, that would be one look more than an operation has, and for one in the array of what is not there itself.
    pub(super) fn placed(&self, op: Op) -> Option<Op> {
        if self.places.is_empty() {
            return Some(op);
        }
        let place = |n: u16| self.places.get(usize::from(n & 0xff)).copied();
        let mut op = op;
        if op.flags & OP_NETLINK != 0 && matches!(place(0)?, Place::Word(0)) {
            op.flags |= OP_FIRST_WORD;
        }
        let mut in_array = false;
        if op.addr_from == FROM_ARG {
            match place(op.addr_off)? {
                Place::Register(n) => op.addr_off = n.into(),
                Place::Word(n) => {
                    (op.addr_from, op.block) = (FROM_BLOCK32, ARRAY);
                    op.addr_off = WORD * u16::from(n);
                    in_array = true;
                }
            }
        }
        let of_arg = [
            FROM_ARG,
            FROM_ARG32,
            FROM_RESULT_MAX,
            FROM_ARG_POINTER32,
            FROM_ARG_POINTER64,
        ];
        if of_arg.contains(&op.len_from) {
            match (place(op.len_off)?, op.len_from) {
                (Place::Register(n), _) => op.len_off = op.len_off & !0xff | u16::from(n),
                (Place::Word(_), FROM_ARG_POINTER32 | FROM_ARG_POINTER64) => return None,
                // What the kernel has written is no more than there was room for.
                (Place::Word(_), FROM_RESULT_MAX) => (op.len_from, op.len_off) = (FROM_RESULT, 0),
                // The set's copy ends with the last word that counts.
                (Place::Word(_), _) if !in_array && op.kind == KIND_DESCRIPTOR => {
                    (op.len_from, op.len_off) = (FROM_CONST, u16::MAX);
                }
                (Place::Word(_), _) if !in_array => return None,
                (Place::Word(n), _) => {
                    (op.len_from, op.len_off) = (FROM_BLOCK32, WORD * u16::from(n));
                }
            }
        }
        Some(op)
    }
}
