//! From a row of the system call table to the probes' plan: what to copy, when, and how much.
//!
//! Only what the decoders show is copied; see [`decode::shows`].

use strace_ebpf_common::{
    limits::{ABIS, MAX_ELEMENTS, MAX_POINTERS, PATH_MAX, PLANS_PER_ABI},
    plan::{
        FROM_ARG, FROM_ARG_POINTER32, FROM_ARG_POINTER64, FROM_ARG32, FROM_BLOCK32, FROM_BLOCK64,
        FROM_CONST, FROM_MM_ARGS, FROM_RESULT, FROM_RESULT_MAX, FROM_STACK, KIND_BYTES,
        KIND_POINTERS, KIND_STR, OP_PTR32, OP_RESULT_IS_TOTAL, Op, PLAN_EMIT_ENTER, PLAN_ENTER,
        PLAN_EXEC, PLAN_NO_RETURN, PLAN_WANTED, Plan, WHEN_ENTER, WHEN_EXIT, WHEN_FAILURE,
        WHEN_RETRY, WHEN_SUCCESS,
    },
};

use super::filter::Filter;
use crate::{
    decode,
    tables::{self, Abi, Arg, Attrs, Dir, Len, MemberTy, StructId, Syscall, Ty},
};

/// How much to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a string or buffer (`-s`).
    pub string: u32,
    /// Whole vectors, also the environment (`-v`).
    pub verbose: bool,
    /// Calls that do not return are wanted: their outcome is neither success nor failure.
    pub no_return: bool,
    /// The beginning of every call is an event of its own, with the memory that it was given
    /// (the strace format).
    pub report_enter: bool,
}

/// One plan per number and ABI, in the order of the probes' map.
#[must_use]
pub fn compile_all(filter: &Filter, limits: &Limits) -> Vec<Plan> {
    let mut plans = vec![Plan::default(); (ABIS * PLANS_PER_ABI) as usize];
    for abi in Abi::ALL {
        let first = abi as u32 * PLANS_PER_ABI;
        for nr in 0..PLANS_PER_ABI {
            let plan = &mut plans[(first + nr) as usize];
            match tables::syscall(abi, nr) {
                Some(syscall) => *plan = compile(syscall, abi, filter.wants(abi, nr), limits),
                // Every number without a name, those beyond the table included.
                None if filter.wants_unknown() => plan.flags = PLAN_WANTED,
                None => {}
            }
        }
    }
    plans
}

/// Plan of one call. Calls that are not wanted keep what the probes must know of them.
#[must_use]
pub fn compile(syscall: &'static Syscall, abi: Abi, wanted: bool, limits: &Limits) -> Plan {
    let mut builder = Builder {
        plan: Plan::default(),
        abi,
        limits: *limits,
        exec: false,
        args: syscall.args,
    };
    if syscall.attrs.contains(Attrs::EXEC) {
        builder.plan.flags |= PLAN_EXEC;
        builder.exec = true;
    }
    if !wanted {
        return builder.plan;
    }
    let no_return = syscall.attrs.contains(Attrs::NORETURN);
    if no_return && !limits.no_return {
        return builder.plan;
    }
    builder.plan.flags |= PLAN_WANTED;
    if no_return {
        builder.plan.flags |= PLAN_NO_RETURN;
    }
    if limits.report_enter {
        builder.plan.flags |= PLAN_EMIT_ENTER;
    }
    builder.arguments(syscall);
    builder.finish()
}

/// Bytes of directory entries that are looked at: what glibc asks for at once.
const ENTRIES_BYTES: u32 = 32 * 1024;

/// Bytes behind what is known of a structure whose caller says how long it is.
const BEYOND_BYTES: u32 = 64;

/// Bytes of an `fd_set`, `include/uapi/linux/posix_types.h`.
const BITS_BYTES: u16 = 128;

/// A copy of at most this many bytes is not joined with a larger one: that might reach beyond the end of the memory.
const SMALL_BYTES: u16 = 16;

struct Builder {
    args: &'static [Arg],
    plan: Plan,
    abi: Abi,
    limits: Limits,
    exec: bool,
}

impl Builder {
    fn finish(mut self) -> Plan {
        let used = usize::from(self.plan.n_ops);
        self.plan.when = self.plan.ops[..used]
            .iter()
            .fold(0, |when, op| when | op.when);
        if self.plan.when & WHEN_ENTER != 0 {
            self.plan.flags |= PLAN_ENTER;
        }
        self.plan
    }

    /// Every argument, in all of its variants.
    fn arguments(&mut self, syscall: &'static Syscall) {
        let variants = syscall.variants.iter().map(|variant| variant.args);
        for args in std::iter::once(syscall.args).chain(variants) {
            self.args = args;
            for (index, arg) in (0u8..).zip(args) {
                if decode::shows(arg.ty) {
                    self.argument(index, arg.ty, arg.needs_enter(), arg.needs_exit());
                }
            }
        }
    }

    /// Does the plan copy the same bytes already, or bytes that begin at the same place? The decoder looks at the call's
    /// other arguments to know how many of them count.
    fn join(&mut self, op: &Op) -> Option<u8> {
        if op.addr_from != FROM_ARG || op.kind == KIND_POINTERS {
            return None;
        }
        let used = usize::from(self.plan.n_ops);
        let fixed = |op: &Op| op.len_from == FROM_CONST && op.scale == 1 && op.kind == KIND_BYTES;
        let is_same = |old: &Op| {
            let place = |op: &Op| {
                (
                    op.kind,
                    op.arg,
                    op.addr_from,
                    op.addr_off,
                    op.len_from,
                    op.flags,
                )
            };
            let both_fixed = fixed(old) && fixed(op);
            let sizes_fit = (old.len_off <= SMALL_BYTES) == (op.len_off <= SMALL_BYTES);
            place(old) == place(op)
                && (both_fixed && sizes_fit || (old.len_off, old.scale) == (op.len_off, op.scale))
        };
        let found = self.plan.ops[..used].iter().position(is_same)?;
        let old = &mut self.plan.ops[found];
        if fixed(op) {
            old.len_off = old.len_off.max(op.len_off);
        }
        old.when |= op.when;
        old.limit = old.limit.max(op.limit);
        // At most twelve.
        Some(found as u8)
    }

    /// Adds an operation and gives its index. A plan that is full stays as it is: what is missing
    /// then shows as a pointer. A test holds that no row of the table needs more.
    fn add(&mut self, op: Op) -> u8 {
        if let Some(index) = self.join(&op) {
            return index;
        }
        let index = self.plan.n_ops;
        if let Some(place) = self.plan.ops.get_mut(usize::from(index)) {
            *place = Op {
                max_elements: op.max_elements.max(1),
                ..op
            };
            self.plan.n_ops += 1;
        }
        index
    }

    /// When memory of this direction is read. Arguments of an execve are gone after a success.
    fn when(&self, dir: Dir, enter: bool, exit: bool) -> u8 {
        let enter = enter || self.limits.report_enter && dir != Dir::Out;
        // What was given is read once, at enter; again only if that failed.
        let again = self.limits.report_enter && dir == Dir::In;
        let at_exit = match dir {
            Dir::In if self.exec => WHEN_FAILURE,
            Dir::In => WHEN_EXIT,
            Dir::Out => WHEN_SUCCESS,
            // A failure may be told there (name_to_handle_at).
            Dir::InOut => WHEN_EXIT,
        };
        let mut when = 0;
        if enter {
            when |= WHEN_ENTER;
        }
        if exit && again {
            when |= WHEN_RETRY;
        } else if exit || self.exec {
            when |= at_exit;
        }
        when
    }

    fn argument(&mut self, arg: u8, ty: Ty, enter: bool, exit: bool) {
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
            Ty::Buf { len, .. } | Ty::Binary { len, .. } | Ty::OptVal { len, .. } => {
                let op = Op {
                    kind: KIND_BYTES,
                    limit: self.limits.string,
                    scale: 1,
                    ..from_arg
                };
                self.add(with_length(self.args, op, len));
            }
            Ty::StrVec => self.strings(from_arg, true),
            Ty::EnvVec => self.strings(from_arg, self.limits.verbose),
            Ty::Iovec { count, .. } => {
                let size = 2 * self.word();
                let op = Op {
                    kind: KIND_BYTES,
                    scale: size,
                    limit: u32::from(size) * u32::from(MAX_ELEMENTS),
                    ..from_arg
                };
                let vector = self.add(with_length(self.args, op, count));
                self.buffers(arg, when, vector, dir == Dir::Out);
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
                let before = if dir == Dir::In { 0 } else { WHEN_ENTER };
                let header = self.add(Op {
                    when: when | before,
                    ..op
                });
                self.message(arg, when, header, 0, dir == Dir::Out);
            }
            Ty::Mmsghdr { count, .. } => {
                // struct mmsghdr: a msghdr and an unsigned int, padded to the word.
                let stride = self.msghdr_bytes() + self.word();
                let op = Op {
                    kind: KIND_BYTES,
                    scale: stride,
                    limit: u32::from(stride) * u32::from(MAX_ELEMENTS),
                    ..from_arg
                };
                let headers = self.add(with_length(self.args, op, count));
                self.message(arg, when, headers, stride, false);
            }
            Ty::Struct { id, len, .. } => {
                let size = tables::struct_size(id, self.abi);
                // A newer program's structure may be longer than ours.
                let most = match len {
                    None => size,
                    // As many entries as the kernel has written (getdents64).
                    Some(Len::Ret) => ENTRIES_BYTES,
                    Some(_) => size + BEYOND_BYTES,
                };
                let op = Op {
                    kind: KIND_BYTES,
                    limit: most,
                    scale: 1,
                    ..from_arg
                };
                let block = self.add(with_length(self.args, op, len.unwrap_or(Len::Const(size))));
                self.members(arg, when, block, id);
            }
            Ty::Array { elem, count, .. } => {
                let size = tables::struct_size(elem, self.abi);
                let op = Op {
                    kind: KIND_BYTES,
                    limit: size * u32::from(MAX_ELEMENTS),
                    scale: size as u16,
                    ..from_arg
                };
                self.add(with_length(self.args, op, count));
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
            Ty::Bits { .. } => {
                // Its bits cannot be counted in bytes by the probes; this many are what there is room for in a program.
                self.add(Op {
                    kind: KIND_BYTES,
                    len_from: FROM_CONST,
                    len_off: BITS_BYTES,
                    scale: 1,
                    limit: u32::from(BITS_BYTES),
                    ..from_arg
                });
            }
            Ty::Msgbuf { len, .. } => {
                // A word and as many bytes: one copy of what is shown, and one that surely is not too long.
                let most = self.limits.string + u32::from(self.word());
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

    /// What the members of a structure point to.
    fn members(&mut self, arg: u8, when: u8, block: u8, id: StructId) {
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
    fn strings(&mut self, from_arg: Op, contents: bool) {
        let pointers = self.add(Op {
            kind: KIND_POINTERS,
            flags: self.pointer_flag(),
            max_elements: MAX_POINTERS,
            ..from_arg
        });
        if contents {
            // One more than is shown tells that there are more.
            let shown = if self.limits.verbose {
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
        if self.exec && contents {
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
    fn buffers(&mut self, arg: u8, when: u8, vector: u8, result_is_total: bool) {
        let word = self.word();
        self.add(Op {
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
        });
    }

    /// Name, buffers and control data of the msghdrs that operation `headers` copied.
    fn message(&mut self, arg: u8, when: u8, headers: u8, stride: u16, result_is_total: bool) {
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
        let vector = self.add(part(
            2,
            from_block,
            2 * word,
            u32::from(2 * word) * u32::from(MAX_ELEMENTS),
        ));
        self.buffers(arg, when, vector, result_is_total);
        self.add(part(4, from_block, 1, self.limits.string.max(256)));
    }

    fn word(&self) -> u16 {
        self.abi.word_bytes() as u16
    }

    fn msghdr_bytes(&self) -> u16 {
        7 * self.word()
    }

    fn pointer_flag(&self) -> u8 {
        if self.word() == 4 { OP_PTR32 } else { 0 }
    }

    fn block_word(&self) -> u8 {
        if self.word() == 4 {
            FROM_BLOCK32
        } else {
            FROM_BLOCK64
        }
    }
}

/// Elements of a vector that are shown unless `-v`: as many as bytes of a string, as in strace.
#[must_use]
pub fn shown_elements(limits: &Limits) -> u16 {
    u16::try_from(limits.string)
        .unwrap_or(MAX_ELEMENTS)
        .clamp(1, MAX_ELEMENTS)
}

/// Gives the operation its length. An argument that is an `int` counts as signed 32 bits.
fn with_length(args: &[Arg], op: Op, len: Len) -> Op {
    let is_int = |n: u8| {
        args.get(usize::from(n))
            .is_some_and(|arg| arg.ty == Ty::Int)
    };
    let (len_from, len_off) = match len {
        // A constant that does not fit is a scaled one.
        Len::Const(n) => (FROM_CONST, n.min(u32::from(u16::MAX)) as u16),
        Len::Arg(n) if is_int(n) => (FROM_ARG32, u16::from(n)),
        Len::Arg(n) => (FROM_ARG, u16::from(n)),
        Len::Ret => (FROM_RESULT, 0),
        Len::RetMax(n) => (FROM_RESULT_MAX, u16::from(n)),
        Len::ArgPtr32(n) => (FROM_ARG_POINTER32, u16::from(n)),
        Len::ArgPtr64(n) => (FROM_ARG_POINTER64, u16::from(n)),
    };
    Op {
        len_from,
        len_off,
        ..op
    }
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::limits::MAX_OPS;

    use super::*;

    const LIMITS: Limits = Limits {
        string: 32,
        verbose: false,
        no_return: true,
        report_enter: false,
    };

    fn plan(name: &str, abi: Abi) -> Plan {
        let (_, syscall) = tables::by_name(abi, name).expect(name);
        compile(syscall, abi, true, &LIMITS)
    }

    #[test]
    fn paths_are_read_whole_at_exit() {
        let plan = plan("openat", Abi::X86_64);
        assert_eq!(plan.n_ops, 1);
        let op = plan.ops[0];
        assert_eq!(
            (op.kind, op.when, op.arg, op.limit),
            (KIND_STR, WHEN_EXIT, 1, 4095)
        );
        assert_eq!(plan.flags, PLAN_WANTED);
    }

    #[test]
    fn output_buffers_follow_the_result_and_inputs_the_argument() {
        let read = plan("read", Abi::X86_64).ops[0];
        assert_eq!(
            (read.when, read.len_from, read.limit),
            (WHEN_SUCCESS, FROM_RESULT, 32)
        );
        let write = plan("write", Abi::X86_64).ops[0];
        assert_eq!(
            (write.when, write.len_from, write.len_off),
            (WHEN_EXIT, FROM_ARG, 2)
        );
    }

    #[test]
    fn execve_is_read_at_enter_and_again_after_a_failure() {
        let plan = plan("execve", Abi::X86_64);
        assert_eq!(plan.flags, PLAN_WANTED | PLAN_EXEC | PLAN_ENTER);
        let kinds: Vec<(u8, u8, u8)> = plan.ops[..usize::from(plan.n_ops)]
            .iter()
            .map(|op| (op.kind, op.when, op.arg))
            .collect();
        let both = WHEN_ENTER | WHEN_FAILURE;
        assert_eq!(
            kinds,
            [
                (KIND_STR, both, 0),
                (KIND_POINTERS, both, 1),
                (KIND_STR, both, 1),
                (KIND_BYTES, WHEN_SUCCESS, 1),
                (KIND_POINTERS, both, 2)
            ]
        );
        assert_eq!(plan.ops[2].block, 1);
    }

    #[test]
    fn exits_do_not_return_and_unwanted_calls_keep_what_must_be_known() {
        assert_eq!(
            plan("exit_group", Abi::X86_64).flags,
            PLAN_WANTED | PLAN_NO_RETURN
        );
        let (_, execve) = tables::by_name(Abi::X86_64, "execve").expect("execve");
        assert_eq!(
            compile(execve, Abi::X86_64, false, &LIMITS).flags,
            PLAN_EXEC
        );
    }

    #[test]
    fn vectors_are_walked_in_the_width_of_the_abi() {
        let wide = plan("writev", Abi::X86_64);
        assert_eq!(
            (wide.ops[0].scale, wide.ops[1].stride, wide.ops[1].len_off),
            (16, 16, 8)
        );
        let narrow = plan("writev", Abi::I386);
        assert_eq!(
            (
                narrow.ops[0].scale,
                narrow.ops[1].stride,
                narrow.ops[1].len_off
            ),
            (8, 8, 4)
        );
        assert_eq!(narrow.ops[1].addr_from, FROM_BLOCK32);
        assert_eq!(plan("readv", Abi::X86_64).ops[1].flags, OP_RESULT_IS_TOTAL);
    }

    #[test]
    fn messages_are_chains_of_operations() {
        let mut builder = Builder {
            plan: Plan::default(),
            abi: Abi::X86_64,
            limits: LIMITS,
            exec: false,
            args: &[],
        };
        builder.argument(
            1,
            Ty::Mmsghdr {
                dir: Dir::Out,
                count: Len::Ret,
            },
            false,
            true,
        );
        let plan = builder.finish();
        let chain: Vec<(u8, u8, u16, u16)> = plan.ops[..usize::from(plan.n_ops)]
            .iter()
            .map(|op| (op.addr_from, op.block, op.addr_off, op.stride))
            .collect();
        assert_eq!(
            chain,
            [
                (FROM_ARG, 0, 1, 0),
                (FROM_BLOCK64, 0, 0, 64),
                (FROM_BLOCK64, 0, 16, 64),
                (FROM_BLOCK64, 2, 0, 16),
                (FROM_BLOCK64, 0, 32, 64)
            ]
        );
    }

    #[test]
    fn variants_share_their_copies_small_and_large_apart() {
        let plan = plan("fcntl", Abi::X86_64);
        let ops = &plan.ops[..usize::from(plan.n_ops)];
        let sizes: Vec<(u8, u16, u32)> = ops
            .iter()
            .map(|op| (op.arg, op.len_off, op.limit))
            .collect();
        assert_eq!(sizes, [(2, 32, 32), (2, 8, 8)]);
        assert!(
            ops.iter().all(|op| op.when == WHEN_EXIT),
            "no record for the enter"
        );
    }

    #[test]
    fn pointers_in_structures_are_followed() {
        let clone3 = plan("clone3", Abi::X86_64);
        let chain: Vec<(u8, u8, u16)> = clone3.ops[..usize::from(clone3.n_ops)]
            .iter()
            .map(|op| (op.addr_from, op.when, op.addr_off))
            .collect();
        let both = WHEN_ENTER | WHEN_SUCCESS;
        let after = WHEN_SUCCESS;
        assert_eq!(
            chain,
            [
                (FROM_ARG, both, 0),
                (FROM_BLOCK64, after, 8),
                (FROM_BLOCK64, after, 24)
            ]
        );
    }

    #[test]
    fn no_row_needs_more_operations_than_there_are() {
        for abi in Abi::ALL {
            for (_, syscall) in tables::all(abi) {
                let mut builder = Builder {
                    plan: Plan::default(),
                    abi,
                    limits: Limits {
                        verbose: true,
                        ..LIMITS
                    },
                    exec: syscall.attrs.contains(Attrs::EXEC),
                    args: syscall.args,
                };
                builder.arguments(syscall);
                assert!(
                    usize::from(builder.plan.n_ops) < MAX_OPS,
                    "{}",
                    syscall.name
                );
            }
        }
    }

    #[test]
    fn the_filter_decides_what_is_wanted() {
        let filter = Filter::parse("openat").expect("valid");
        let plans = compile_all(&filter, &LIMITS);
        assert_eq!(plans.len(), (ABIS * PLANS_PER_ABI) as usize);
        assert_eq!(plans[257].flags & PLAN_WANTED, PLAN_WANTED);
        assert_eq!(plans[0].flags & PLAN_WANTED, 0);
        assert_eq!(plans[PLANS_PER_ABI as usize - 1].flags, 0);
        let plans = compile_all(&Filter::all(), &LIMITS);
        assert_eq!(plans[PLANS_PER_ABI as usize - 1].flags, PLAN_WANTED);
    }
}
