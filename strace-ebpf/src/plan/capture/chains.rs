//! Operations that follow pointers within what earlier ones copied: members of structures, vectors of strings and of
//! buffers, messages.

use strace_ebpf_common::{
    limits::{MAX_ELEMENTS, MAX_POINTERS, RECORD_MAX},
    plan::{
        FROM_BLOCK32, FROM_BLOCK64, FROM_CONST, FROM_MM_ARGS, KIND_BYTES, KIND_POINTERS, KIND_STR,
        OP_ELEMENTS, OP_RESULT_IS_TOTAL, Op, WHEN_SUCCESS,
    },
};

use super::{Builder, shown_elements};
use crate::tables::{self, MemberTy, StructId, Ty};

impl Builder {
    /// What the members of a structure point to.
    pub(super) fn members(&mut self, arg: u8, when: u8, block: u8, id: StructId) {
        let Some(layout) = tables::layout(id, self.abi) else {
            return;
        };
        for member in layout.members {
            let from_member = Op {
                kind: KIND_BYTES,
                when,
                arg,
                addr_from: self.block_word(),
                block,
                addr_off: member.at,
                scale: 1,
                ..Op::default()
            };
            let fixed = |id| tables::struct_size(id, self.abi).min(u32::from(u16::MAX)) as u16;
            let (len_from, len_off, limit) = match member.ty {
                MemberTy::To {
                    id,
                    bytes_at: Some(at),
                } => (self.block_word(), at, u32::from(fixed(id))),
                MemberTy::To { id, bytes_at: None } => {
                    (FROM_CONST, fixed(id), u32::from(fixed(id)))
                }
                MemberTy::ToBuf { bytes_at: Some(at) } => {
                    (self.block_word(), at, self.limits.string)
                }
                MemberTy::ToStr => {
                    self.add(Op {
                        kind: KIND_STR,
                        limit: self.limits.string,
                        ..from_member
                    });
                    continue;
                }
                MemberTy::Writes { id, width } => {
                    // The structure is copied once more for the probes to find the pointer in.
                    self.plan.ops[usize::from(block)].when |= WHEN_SUCCESS;
                    let size = fixed(id);
                    self.add(Op {
                        when: WHEN_SUCCESS,
                        addr_from: if width == 8 {
                            FROM_BLOCK64
                        } else {
                            FROM_BLOCK32
                        },
                        len_from: FROM_CONST,
                        len_off: size,
                        limit: u32::from(size),
                        ..from_member
                    });
                    continue;
                }
                _ => continue,
            };
            self.add(Op {
                len_from,
                len_off,
                limit,
                ..from_member
            });
        }
    }

    /// A NULL-terminated vector of strings: its pointers, and with `contents` the strings.
    pub(super) fn strings(&mut self, from_arg: Op, contents: bool) {
        let pointers = self.add(Op {
            kind: KIND_POINTERS,
            flags: self.pointer_flag(),
            max_elements: MAX_POINTERS,
            ..from_arg
        });
        if contents {
            // One more than is shown tells that there are more.
            let shown = if self.shown.detail.verbose {
                MAX_ELEMENTS
            } else {
                shown_elements(&self.limits)
            };
            self.add(Op {
                kind: KIND_STR,
                addr_from: self.block_word(),
                addr_off: 0,
                block: pointers,
                stride: self.word(),
                limit: self.limits.string,
                max_elements: shown,
                ..from_arg
            });
        }
        let are_arguments = matches!(
            self.args.get(usize::from(from_arg.arg)).map(|arg| arg.ty),
            Some(Ty::StrVec)
        );
        if self.exec && are_arguments {
            // Where the enter could not read them: the new program's own copy.
            self.add(Op {
                kind: KIND_BYTES,
                when: WHEN_SUCCESS,
                addr_from: FROM_MM_ARGS,
                len_from: FROM_MM_ARGS,
                scale: 1,
                limit: 4096,
                ..from_arg
            });
        }
    }

    /// The buffers of the iovecs that operation `vector` copied.
    pub(super) fn buffers(&mut self, arg: u8, when: u8, vector: u8, result_is_total: bool) {
        let word = self.word();
        let op = Op {
            kind: KIND_BYTES,
            when,
            arg,
            flags: if result_is_total {
                OP_RESULT_IS_TOTAL
            } else {
                0
            },
            addr_from: self.block_word(),
            len_from: self.block_word(),
            block: vector,
            len_off: word,
            scale: 1,
            stride: 2 * word,
            limit: self.limits.string,
            max_elements: MAX_ELEMENTS,
            ..Op::default()
        };
        self.add(op);
        self.dumped(op);
    }

    /// The same copy once more, whole, where the call's data is dumped. It comes last, so that it leaves what else is
    /// shown its room in the record.
    pub(super) fn dumped(&mut self, op: Op) {
        let Some(cond_bits) = self.shown.dump else {
            return;
        };
        self.data = Some(Op {
            limit: RECORD_MAX,
            cond_arg: 0,
            cond_bits,
            ..op
        });
    }

    /// Name, buffers and control data of the msghdrs that operation `headers` copied.
    pub(super) fn message(
        &mut self,
        arg: u8,
        when: u8,
        headers: u8,
        stride: u16,
        result_is_total: bool,
    ) {
        let word = self.word();
        let from_block = self.block_word();
        let part = |at: u16, len_from: u8, scale: u16, limit: u32| Op {
            kind: KIND_BYTES,
            when,
            arg,
            addr_from: from_block,
            len_from,
            block: headers,
            addr_off: at * word,
            len_off: (at + 1) * word,
            scale,
            stride,
            limit,
            max_elements: MAX_ELEMENTS,
            ..Op::default()
        };
        // { name, namelen, iov, iovlen, control, controllen, flags }, each a word.
        self.add(part(0, FROM_BLOCK32, 1, 128));
        let vector = self.add(Op {
            flags: OP_ELEMENTS,
            ..part(
                2,
                from_block,
                2 * word,
                u32::from(2 * word) * u32::from(MAX_ELEMENTS),
            )
        });
        self.buffers(arg, when, vector, result_is_total);
        let control = self.add(part(4, from_block, 1, self.limits.string.max(256)));
        self.descriptor_words(control);
    }
}
