//! What is copied for one argument, by its type.

use strace_ebpf_common::{
    limits::PATH_MAX,
    plan::{
        FROM_ARG, FROM_ARG32, FROM_CONST, FROM_STACK, KIND_BYTES, KIND_ENTRIES, KIND_STR,
        OP_ELEMENTS, Op, WHEN_ENTER, WHEN_EXIT, WHEN_FAILURE, WHEN_SUCCESS, WHEN_UNSEEN,
    },
};

use super::{Builder, shown_elements, with_length};
use crate::tables::{self, Abi, Dir, Len, StructId, Ty};

/// Bytes of directory entries that are looked at: what glibc asks for at once.
const ENTRIES_BYTES: u32 = 32 * 1024;

/// Bytes behind what is known of a structure whose caller says how long it is.
const BEYOND_BYTES: u32 = 64;

/// Most bytes of a mask of bits: eight `fd_set`s of `include/uapi/linux/posix_types.h`.
const BITS_BYTES: u32 = 1024;

/// Bits of a word of a mask, as a power of two, and its bytes.
const MASK_WORD: (u16, u16) = (6, 8);

/// Pages of which mincore(2) is shown with `-v`.
const MOST_PAGES: u32 = 16 * 1024;

/// An `int`.
const INT_BYTES: u32 = 4;

impl Builder<'_> {
    /// The value of a socket option; a length below 0 is a large one.
    fn option(&mut self, from_arg: Op, len: Len, limit: u32) {
        let op = Op {
            kind: KIND_BYTES,
            limit,
            scale: 1,
            ..from_arg
        };
        let op = with_length(self.args, op, len);
        let len_from = match op.len_from {
            FROM_ARG32 => FROM_ARG,
            other => other,
        };
        self.add(Op { len_from, ..op });
    }

    pub(super) fn argument(&mut self, arg: u8, ty: Ty, enter: bool, exit: bool) {
        let Some(dir) = ty.dir() else {
            return;
        };
        let when = self.when(dir, enter, exit);
        let from_arg = Op {
            arg,
            when,
            addr_from: FROM_ARG,
            addr_off: u16::from(arg),
            ..Op::default()
        };
        match ty {
            Ty::Path => {
                self.add(Op {
                    kind: KIND_STR,
                    limit: PATH_MAX - 1,
                    ..from_arg
                });
            }
            Ty::Str => {
                self.add(Op {
                    kind: KIND_STR,
                    limit: self.limits.string,
                    ..from_arg
                });
            }
            Ty::PathBuf { len, .. } => {
                let op = Op {
                    kind: KIND_BYTES,
                    limit: PATH_MAX,
                    scale: 1,
                    ..from_arg
                };
                self.add(with_length(self.args, op, len));
            }
            Ty::Remain { id } => {
                let size = tables::struct_size(id, self.abi);
                let op = Op {
                    kind: KIND_BYTES,
                    limit: size,
                    scale: 1,
                    when: WHEN_FAILURE,
                    ..from_arg
                };
                self.add(with_length(self.args, op, Len::Const(size)));
            }
            Ty::Buf { len, .. }
            | Ty::Binary { len, .. }
            | Ty::Xattr { len, .. }
            | Ty::NodeName { len, .. } => {
                // One byte tells whether it can be read, though none be shown.
                let op = Op {
                    kind: KIND_BYTES,
                    limit: self.limits.string.max(1),
                    scale: 1,
                    ..from_arg
                };
                let is_data = matches!(ty, Ty::Buf { .. });
                let shown = match len {
                    Len::Const(n) => Len::Const(n.min(self.limits.string)),
                    len => len,
                };
                let own = if is_data { self.data(op) } else { op };
                self.add(with_length(self.args, own, shown));
                if is_data {
                    self.dumped(with_length(self.args, op, len));
                }
            }
            Ty::OptVal { len, .. } => self.option(from_arg, len, self.limits.string.max(INT_BYTES)),
            Ty::IntOpt { len, .. } => self.option(from_arg, len, INT_BYTES),
            Ty::StrVec => self.strings(from_arg, true),
            Ty::EnvVec => self.strings(from_arg, self.shown.detail.verbose),
            Ty::Iovec { count, .. } => {
                let size = 2 * self.word();
                let op = Op {
                    kind: KIND_BYTES,
                    flags: OP_ELEMENTS,
                    scale: size,
                    limit: u32::from(size) * u32::from(self.most_elements()),
                    ..from_arg
                };
                // The array is the caller's, and shown of calls that failed too.
                let when_read = if dir == Dir::Out { WHEN_EXIT } else { when };
                let vector = self.add(Op {
                    when: when_read,
                    ..with_length(self.args, op, count)
                });
                if let Some(vector) = vector {
                    self.buffers(arg, when, vector, dir == Dir::Out);
                }
            }
            Ty::Msghdr { .. } => {
                let size = self.msghdr_bytes();
                let op = Op {
                    kind: KIND_BYTES,
                    len_from: FROM_CONST,
                    len_off: size,
                    scale: 1,
                    limit: u32::from(size),
                    ..from_arg
                };
                // The length of the name that there is room for is gone after the call.
                let before = if dir == Dir::In {
                    0
                } else {
                    WHEN_ENTER | WHEN_UNSEEN
                };
                let header = self.add(Op {
                    when: when | before,
                    ..op
                });
                if let Some(header) = header {
                    self.message(arg, when, header, 0, dir == Dir::Out);
                }
            }
            Ty::Mmsghdr { count, .. } => {
                // struct mmsghdr: a msghdr and an unsigned int, padded to the word.
                let stride = self.msghdr_bytes() + self.word();
                let op = Op {
                    kind: KIND_BYTES,
                    flags: OP_ELEMENTS,
                    scale: stride,
                    limit: u32::from(stride) * u32::from(self.most_elements()),
                    ..from_arg
                };
                // How much of each was sent is written there.
                let headers = self.add(Op {
                    when: when | WHEN_SUCCESS,
                    ..with_length(self.args, op, count)
                });
                if let Some(headers) = headers {
                    self.message(arg, when, headers, stride, false);
                }
            }
            Ty::Struct { id, len, .. } => {
                let size = tables::struct_size(id, self.abi);
                // A newer program's structure may be longer than ours.
                let verbose = self.shown.detail.verbose;
                let most = match len {
                    None => size,
                    // As many entries as the kernel has written (getdents64).
                    Some(Len::Ret) => ENTRIES_BYTES,
                    Some(Len::Pages(_)) if verbose => MOST_PAGES,
                    Some(Len::Pages(_)) => shown_elements(&self.limits).into(),
                    Some(_) if id == StructId::CpuSet => size,
                    Some(_) => size + BEYOND_BYTES,
                };
                // Entries are shown with -v, else counted.
                let (kind, stride) = match id {
                    StructId::LinuxDirent if !verbose => (KIND_ENTRIES, 2 * self.word()),
                    StructId::LinuxDirent64 if !verbose => (KIND_ENTRIES, 16),
                    _ => (KIND_BYTES, 0),
                };
                let flags = match len {
                    Some(Len::Const(_)) => OP_ELEMENTS,
                    _ => 0,
                };
                let op = Op {
                    kind,
                    stride,
                    flags,
                    limit: most,
                    scale: 1,
                    ..from_arg
                };
                let block = self.add(with_length(self.args, op, len.unwrap_or(Len::Const(size))));
                let Some(block) = block else {
                    return;
                };
                self.members(arg, when, block, id, 0);
                if id == StructId::SgIo {
                    self.commands(arg, block);
                }
                self.descriptor_members(dir, block, id, 0);
            }
            Ty::Array { elem, count, .. } => {
                let size = tables::struct_size(elem, self.abi);
                // What is ready is told behind the result.
                let after = if elem == StructId::Pollfd {
                    WHEN_SUCCESS
                } else {
                    0
                };
                let op = Op {
                    when: when | after,
                    kind: KIND_BYTES,
                    flags: OP_ELEMENTS,
                    limit: size * u32::from(self.most_elements()),
                    scale: size as u16,
                    ..from_arg
                };
                // As many bytes as they are, to be joined with other copies.
                let block = self.add(match count {
                    Len::Const(n) => {
                        let op = Op { scale: 1, ..op };
                        with_length(self.args, op, Len::Const(n.saturating_mul(size)))
                    }
                    count => with_length(self.args, op, count),
                });
                if let Some(block) = block {
                    self.members(arg, when, block, elem, size as u16);
                    self.descriptor_members(dir, block, elem, size as u16);
                }
            }
            Ty::Frame => {
                // `ucontext.uc_sigmask`, arch/x86/include/asm/sigframe.h, above the address that the handler returned to.
                let at = [296, 248, 280][self.abi as usize];
                self.add(Op {
                    kind: KIND_BYTES,
                    when: WHEN_ENTER,
                    addr_from: FROM_STACK,
                    addr_off: at,
                    len_from: FROM_CONST,
                    len_off: 8,
                    scale: 1,
                    limit: 8,
                    ..from_arg
                });
            }
            Ty::Bits { count, word, .. } => {
                // Of nodes those before unreadable memory are shown.
                let (shift, scale, flags) = match (word, self.word()) {
                    (StructId::Nodemask, 4) => (5, 4, OP_ELEMENTS),
                    (StructId::Nodemask, _) => (6, 8, OP_ELEMENTS),
                    _ => (MASK_WORD.0, MASK_WORD.1, 0),
                };
                let op = Op {
                    kind: KIND_BYTES,
                    flags,
                    shift,
                    scale,
                    limit: BITS_BYTES,
                    ..from_arg
                };
                let block = self.add(with_length(self.args, op, count));
                if let Some(block) = block
                    && dir == Dir::InOut
                {
                    self.descriptor_bits(block, count);
                }
            }
            Ty::Msgbuf { len, .. } => {
                // A `long` and as many bytes: one copy of what is shown, and one that surely is not too long.
                let long = if self.abi == Abi::I386 { 4 } else { 8 };
                let most = self.limits.string + long;
                let op = Op {
                    kind: KIND_BYTES,
                    scale: 1,
                    limit: most,
                    ..from_arg
                };
                self.add(with_length(self.args, op, Len::Const(most)));
                self.add(with_length(self.args, op, len));
            }
            _ => {}
        }
    }
}
