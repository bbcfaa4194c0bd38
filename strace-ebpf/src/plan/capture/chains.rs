//! Operations that follow pointers within what earlier ones copied: members of structures, vectors of strings and of
//! buffers, messages.

use strace_ebpf_common::{
    limits::{MANY_ELEMENTS, MAX_POINTERS, PATH_MAX, RECORD_MAX},
    plan::{
        FROM_ARG, FROM_BLOCK16, FROM_BLOCK32, FROM_BLOCK64, FROM_CONST, FROM_MM_ARGS, FROM_RESULT,
        KIND_BYTES, KIND_POINTERS, KIND_STR, NETLINK_HEADER, OP_ELEMENTS, OP_IF_ELEMENT,
        OP_NETLINK, OP_RESULT_IS_TOTAL, Op, WHEN_EXIT, WHEN_SUCCESS,
    },
};

use super::{Builder, shown_elements};
use crate::tables::{self, Dir, Length, MemberTy, Pointee, StructId, Ty};

/// Structures that a pointer followed with `-v` leads to: the instructions of a filter, `BPF_MAXINSNS` of
/// `include/uapi/linux/bpf_common.h`.
const MOST_DETAILS: u32 = 4096;

impl Builder<'_> {
    /// What the members of the structures that operation `block` copied point to, `stride` bytes apart.
    pub(super) fn members(&mut self, arg: u8, when: u8, block: u8, id: StructId, stride: u16) {
        let op = Op {
            kind: KIND_BYTES,
            when,
            arg,
            block,
            scale: 1,
            stride,
            max_elements: if stride == 0 { 1 } else { self.most_elements() },
            ..Op::default()
        };
        self.members_from(op, id, 0);
    }

    /// The same of a structure that begins so many bytes within.
    fn members_from(&mut self, op: Op, id: StructId, start: u16) {
        let Some(layout) = tables::layout(id, self.abi) else {
            return;
        };
        if layout.spared && self.limits.descriptors {
            return;
        }
        for member in layout.members {
            let dir = match member.ty {
                MemberTy::Details { id, count_at } if self.shown.detail.verbose => {
                    self.details(op, id, start + member.at, start + count_at);
                    continue;
                }
                MemberTy::To { dir, .. } => dir,
                MemberTy::Writes { .. } => Dir::Out,
                MemberTy::Struct(id) => {
                    self.members_from(op, id, start + member.at);
                    continue;
                }
                _ => continue,
            };
            let when = match dir {
                Dir::In => op.when,
                Dir::Out => WHEN_SUCCESS,
                Dir::InOut => WHEN_EXIT,
            };
            if dir != Dir::In {
                // The structure is copied once more for the probes to find the pointer in.
                self.plan.ops[usize::from(op.block)].when |= when;
            }
            let addr_off = start + member.at;
            let op = Op {
                when,
                addr_off,
                ..op
            };
            self.member(op, member.ty, start);
        }
    }

    /// The structures behind a pointer that is followed with `-v`, and the two bytes that say how many there are.
    fn details(&mut self, op: Op, id: StructId, at: u16, count_at: u16) {
        let size = tables::struct_size(id, self.abi);
        self.add(Op {
            addr_from: self.block_word(),
            addr_off: at,
            len_from: FROM_BLOCK16,
            len_off: count_at,
            flags: OP_ELEMENTS,
            scale: size as u16,
            limit: size * MOST_DETAILS,
            ..op
        });
    }

    fn member(&mut self, op: Op, ty: MemberTy, start: u16) {
        let (what, width, length) = match ty {
            MemberTy::To {
                what,
                width,
                length,
                ..
            } => (what, width, length),
            MemberTy::Writes { id, width } => (Pointee::Struct(id), width, None),
            _ => return,
        };
        let from_block = |width| {
            if width == 8 {
                FROM_BLOCK64
            } else {
                FROM_BLOCK32
            }
        };
        let op = Op {
            addr_from: from_block(width),
            ..op
        };
        let size = |id| tables::struct_size(id, self.abi).min(u32::from(u16::MAX)) as u16;
        let counted = |op: Op, fixed: u16| match length {
            Some(Length::Member { at, width }) => Op {
                len_from: from_block(width),
                len_off: start + at,
                ..op
            },
            // As many bytes as they are, to be joined with other copies.
            Some(Length::Fixed(n)) => Op {
                len_from: FROM_CONST,
                len_off: n.saturating_mul(fixed),
                ..op
            },
            Some(Length::Argument(n)) => Op {
                len_from: FROM_ARG,
                len_off: n.into(),
                ..op
            },
            Some(Length::Result) => Op {
                len_from: FROM_RESULT,
                ..op
            },
            None => Op {
                len_from: FROM_CONST,
                len_off: fixed,
                ..op
            },
        };
        let op = match what {
            Pointee::Struct(id) => Op {
                limit: u32::from(size(id)),
                ..counted(op, size(id))
            },
            Pointee::Array(id) if matches!(length, Some(Length::Fixed(_))) => Op {
                flags: OP_ELEMENTS,
                limit: u32::from(size(id)) * u32::from(self.most_elements()),
                ..counted(op, size(id))
            },
            Pointee::Array(id) => Op {
                scale: size(id),
                flags: OP_ELEMENTS,
                limit: u32::from(size(id)) * u32::from(self.most_elements()),
                ..counted(op, 1)
            },
            Pointee::Bytes | Pointee::Binary => Op {
                limit: self.limits.string,
                ..counted(op, 0)
            },
            Pointee::Str => Op {
                kind: KIND_STR,
                limit: self.limits.string,
                ..op
            },
            Pointee::Path => Op {
                kind: KIND_STR,
                limit: PATH_MAX - 1,
                ..op
            },
        };
        let (arg, when) = (op.arg, op.when);
        let Some(inner) = self.add(op) else {
            return;
        };
        match what {
            Pointee::Struct(StructId::Iocb) => self.transfers(arg, when, inner),
            Pointee::Array(id) => self.elements(arg, when, inner, id),
            _ => {}
        }
    }

    /// What the structures point to that operation `block` copied, as many as are shown.
    fn elements(&mut self, arg: u8, when: u8, block: u8, id: StructId) {
        let op = Op {
            kind: KIND_BYTES,
            when,
            arg,
            block,
            scale: 1,
            stride: tables::struct_size(id, self.abi) as u16,
            max_elements: shown_elements(&self.limits),
            ..Op::default()
        };
        self.members_from(op, id, 0);
    }

    /// Where a member of a structure is.
    pub(super) fn place(&self, id: StructId, name: &str) -> u16 {
        let layout = tables::layout(id, self.abi);
        let found = layout.and_then(|layout| layout.members.iter().find(|m| m.name == name));
        found.map_or(0, |member| member.at)
    }

    /// What the `iocb`s that operation `block` copied read or write, by their opcodes: `include/uapi/linux/aio_abi.h`.
    fn transfers(&mut self, arg: u8, when: u8, block: u8) {
        const IOCB_CMD_PWRITE: u8 = 1;
        const IOCB_CMD_PREADV: u8 = 7;
        const IOCB_CMD_PWRITEV: u8 = 8;
        self.descriptor_members(Dir::In, block, StructId::Iocb, 0);
        let (text, most) = (self.limits.string, self.most_elements());
        let at = |name| self.place(StructId::Iocb, name);
        let (opcode_at, buffer_at, length_at) =
            (at("aio_lio_opcode"), at("aio_buf"), at("aio_nbytes"));
        let of = |opcodes: &[u8]| Op {
            kind: KIND_BYTES,
            when,
            arg,
            flags: OP_IF_ELEMENT,
            addr_from: FROM_BLOCK64,
            len_from: FROM_BLOCK64,
            block,
            cond_arg: opcode_at as u8,
            cond_bits: opcodes.iter().fold(0, |all, opcode| all | 1 << opcode),
            addr_off: buffer_at,
            len_off: length_at,
            scale: 1,
            limit: text,
            max_elements: most,
            ..Op::default()
        };
        self.add(of(&[IOCB_CMD_PWRITE]));
        let size = 2 * self.word();
        let vector = Op {
            scale: size,
            limit: u32::from(size) * u32::from(shown_elements(&self.limits)),
            ..of(&[IOCB_CMD_PREADV, IOCB_CMD_PWRITEV])
        };
        let vector = self.add(Op {
            flags: vector.flags | OP_ELEMENTS,
            ..vector
        });
        if let Some(vector) = vector {
            self.buffers(arg, when, vector, false);
        }
    }

    /// A NULL-terminated vector of strings: its pointers, and with `contents` the strings.
    pub(super) fn strings(&mut self, from_arg: Op, contents: bool) {
        let pointers = self.add(Op {
            kind: KIND_POINTERS,
            flags: self.pointer_flag(),
            max_elements: self.most_elements().max(MAX_POINTERS),
            ..from_arg
        });
        if let Some(pointers) = pointers
            && contents
        {
            // One more than is shown tells that there are more.
            let shown = if self.shown.detail.verbose {
                MANY_ELEMENTS
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
            max_elements: self.most_elements(),
            ..Op::default()
        };
        self.add(self.data(op));
        self.dumped(op);
    }

    /// Data that may be messages: what tells that they are is copied at least.
    pub(super) fn data(&self, op: Op) -> Op {
        let op = match self.whole {
            true => Op {
                limit: RECORD_MAX,
                ..op
            },
            false => op,
        };
        if !self.messages {
            return op;
        }
        Op {
            flags: op.flags | OP_NETLINK,
            limit: op.limit.max(NETLINK_HEADER),
            ..op
        }
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
        let most = self.most_elements();
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
            max_elements: most,
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
                u32::from(2 * word) * u32::from(most),
            )
        });
        if let Some(vector) = vector {
            self.buffers(arg, when, vector, result_is_total);
        }
        let control = self.add(part(4, from_block, 1, self.limits.string.max(256)));
        if let Some(control) = control {
            self.descriptor_words(control);
        }
    }
}
