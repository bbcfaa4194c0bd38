//! From a row of the system call table to the probes' plan: what to copy, when, and how much.
//!
//! Only what the decoders show is copied; see [`decode::shows`].

mod arguments;
mod chains;
mod descriptors;
mod inner;
mod scsi;
#[cfg(test)]
mod tests;

use strace_ebpf_common::{
    limits::{ABIS, MANY_ELEMENTS, MAX_ELEMENTS, PLANS_PER_ABI},
    plan::{
        FROM_ARG, FROM_ARG_POINTER32, FROM_ARG_POINTER64, FROM_ARG32, FROM_BLOCK32, FROM_BLOCK64,
        FROM_CONST, FROM_RESULT, FROM_RESULT_MAX, KIND_BYTES, KIND_POINTERS, KIND_STR, OP_ELEMENTS,
        OP_FIRST_WORD, OP_IF_ELEMENT, OP_NETLINK, OP_PTR32, OP_RESULT_IS_TOTAL, Op,
        PLAN_EMIT_ENTER, PLAN_ENTER, PLAN_EXEC, PLAN_NO_RETURN, PLAN_SIMPLE, PLAN_WANTED, Plan,
        SIMPLE_BYTES, SIMPLE_OPS, WHEN_ENTER, WHEN_EXIT, WHEN_FAILURE, WHEN_RETRY, WHEN_SUCCESS,
    },
};

use super::{
    detail::{Detail, Details},
    filter::Filter,
};
use crate::{
    decode,
    tables::{self, Abi, Arg, Attrs, Dir, Len, Match, Place, Ret, Syscall, Ty, Variant},
};

/// How much to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a string or buffer (`-s`).
    pub string: u32,
    /// Calls that do not return are wanted: their outcome is neither success nor failure.
    pub no_return: bool,
    /// The beginning of every call is an event of its own, with the memory that it was given
    /// (the strace format).
    pub report_enter: bool,
    /// What descriptors lead to is wanted.
    pub descriptors: bool,
}

/// One plan per number and ABI, in the order of the probes' map.
#[must_use]
pub fn compile_all(filter: &Filter, limits: &Limits, details: &Details) -> Vec<Plan> {
    let mut plans = vec![Plan::default(); (ABIS * PLANS_PER_ABI) as usize];
    for abi in Abi::ALL {
        let first = abi as u32 * PLANS_PER_ABI;
        for nr in 0..PLANS_PER_ABI {
            let plan = &mut plans[(first + nr) as usize];
            match tables::syscall(abi, nr) {
                Some(syscall) => {
                    let (wanted, detail) = (filter.may_want(abi, nr), details.of(abi, nr));
                    let dump = detail
                        .data
                        .map(|dir| details.dumped(dir).bits().unwrap_or(0));
                    let inner = &|number| details.of_inner(number);
                    *plan = compile(
                        syscall,
                        abi,
                        wanted,
                        limits,
                        Shown {
                            detail,
                            dump,
                            inner,
                        },
                    );
                }
                // Every number without a name, those beyond the table included.
                None if filter.wants_unknown() => plan.flags = PLAN_WANTED,
                None => {}
            }
        }
    }
    plans
}

/// What is shown of a call.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// In what detail.
    pub detail: Detail,
    /// Its data is dumped: of which descriptors, as [`Op::cond_bits`].
    pub dump: Option<u64>,
    /// In what detail a call is shown that this one means, by its number.
    pub inner: &'a dyn Fn(u16) -> Detail,
}

/// Plan of one call. Calls that are not wanted keep what the probes must know of them.
#[must_use]
pub fn compile(
    syscall: &'static Syscall,
    abi: Abi,
    wanted: bool,
    limits: &Limits,
    shown: Shown<'_>,
) -> Plan {
    let mut builder = Builder {
        plan: Plan::default(),
        abi,
        limits: *limits,
        shown,
        condition: None,
        data: None,
        whole: false,
        exec: false,
        messages: syscall.attrs.contains(Attrs::MESSAGES),
        args: syscall.args,
        places: &[],
        sizes: sizes(syscall),
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
    // Registers need no copies, unless data is dumped below them.
    if !shown.detail.raw || shown.dump.is_some() {
        builder.arguments(syscall);
    }
    builder.finish()
}

/// Can the probes run this operation in place?
fn is_simple(op: &Op) -> bool {
    let lengths = [
        FROM_CONST,
        FROM_ARG,
        FROM_ARG32,
        FROM_RESULT,
        FROM_RESULT_MAX,
    ];
    op.addr_from == FROM_ARG
        // Totals, what lies before a hole and messages take more than one look.
        && op.flags & (OP_RESULT_IS_TOTAL | OP_ELEMENTS | OP_NETLINK) == 0
        && op.limit <= SIMPLE_BYTES
        && op.shift == 0
        && op.max_elements > 0
        && (op.kind == KIND_STR || op.kind == KIND_BYTES && lengths.contains(&op.len_from))
}

/// Bytes of a page, as a power of two.
const PAGE_SHIFT: u16 = 12;

/// Copies of about the same size are joined: a larger one costs more, and might reach beyond the end of the memory.
const SIZES: [u16; 3] = [16, 128, 1024];

/// A call of more forms than this has copies of every size, and all of them for every form would be a waste.
const MANY_FORMS: usize = 64;

/// Number of the sizes that the copy is larger than.
fn size_class(sizes: &[u16], op: &Op) -> usize {
    sizes.iter().filter(|size| op.len_off > **size).count()
}

struct Builder<'a> {
    args: &'static [Arg],
    /// Where they are, if not in the registers of their numbers.
    places: &'static [Place],
    plan: Plan,
    abi: Abi,
    limits: Limits,
    shown: Shown<'a>,
    /// The data is copied whole, whatever is shown of it.
    whole: bool,
    /// Of the variant whose copies are made.
    condition: Option<(u8, u64)>,
    /// The copy for a dump, to be added last.
    data: Option<Op>,
    exec: bool,
    /// What the sizes of copies that are joined have between them.
    sizes: &'static [u16],
    /// The data may be messages of a netlink socket.
    messages: bool,
}

impl Builder<'_> {
    fn finish(mut self) -> Plan {
        self.condition = None;
        if let Some(op) = self.data.take() {
            let index = usize::from(self.plan.n_ops);
            if let Some(place) = self.plan.ops.get_mut(index) {
                *place = Op {
                    max_elements: op.max_elements.max(1),
                    ..op
                };
                self.plan.n_ops += 1;
            }
        }
        self.drop_covered();
        let used = usize::from(self.plan.n_ops);
        self.plan.when = self.plan.ops[..used]
            .iter()
            .fold(0, |when, op| when | op.when);
        if self.plan.when & WHEN_ENTER != 0 {
            self.plan.flags |= PLAN_ENTER;
        }
        if used <= SIMPLE_OPS && self.plan.ops[..used].iter().all(is_simple) {
            self.plan.flags |= PLAN_SIMPLE;
        }
        self.plan
    }

    /// Every argument, in all of its variants.
    fn arguments(&mut self, syscall: &'static Syscall) {
        let variants = syscall
            .variants
            .iter()
            .map(|variant| (variant.args, condition(variant)));
        if self.array(syscall) {
            return self.inner_calls(syscall);
        }
        for (args, condition) in std::iter::once((syscall.args, None)).chain(variants) {
            self.args = args;
            self.condition = condition;
            self.every_argument();
        }
        self.inner_calls(syscall);
        let of_variant = |variant: &&tables::Variant| {
            let what = variant.ret.as_ref();
            what.is_some_and(|what| what.ty == Ty::Fd)
        };
        if self.limits.descriptors
            && (syscall.ret == Ret::Fd || syscall.variants.iter().any(of_variant))
        {
            self.descriptor_result();
        }
    }

    /// Those of the form that is at hand.
    fn every_argument(&mut self) {
        for (index, arg) in (0u8..).zip(self.args) {
            if self.limits.descriptors && arg.ty.is_descriptor() {
                self.descriptor_argument(index);
            }
            if decode::shows(arg.ty) && self.shows(arg.ty) {
                self.argument(index, arg.ty, arg.needs_enter(), arg.needs_exit());
            }
        }
    }

    /// Is it shown in the detail that is asked for? Of structures not even an address is copied, but for what is told
    /// behind the result.
    fn shows(&self, ty: Ty) -> bool {
        let told = matches!(
            ty,
            Ty::Bits {
                dir: Dir::InOut,
                ..
            }
        );
        let is_data = self.shown.dump.is_some()
            && matches!(
                ty,
                Ty::Iovec { .. } | Ty::Msghdr { .. } | Ty::Mmsghdr { .. }
            );
        self.shown.detail.structs || decode::is_text(ty) || told || is_data
    }

    /// Does the plan copy the same bytes already, or bytes that begin at the same place? The decoder looks at the call's
    /// other arguments to know how many of them count.
    fn join(&mut self, op: &Op) -> Option<u8> {
        if op.kind == KIND_POINTERS {
            return None;
        }
        let used = usize::from(self.plan.n_ops);
        let fixed = |op: &Op| op.len_from == FROM_CONST && op.scale == 1 && op.kind == KIND_BYTES;
        // What may be messages is an address to another one of several calls, which it does not harm.
        let looks = if self.places.is_empty() {
            0
        } else {
            OP_NETLINK | OP_FIRST_WORD
        };
        let is_same = |old: &Op| {
            let place = |op: &Op| {
                (
                    (op.kind, op.arg, op.addr_from, op.addr_off, op.len_from),
                    // What is before a hole of several sizes tells which of them are there.
                    if fixed(op) { 0 } else { op.flags & !looks },
                    (op.block, op.stride, op.max_elements.max(1)),
                    op.shift,
                )
            };
            let both_fixed = fixed(old) && fixed(op);
            let at_enter = |op: &Op| op.when & WHEN_ENTER != 0;
            let (one, other) = (size_class(self.sizes, old), size_class(self.sizes, op));
            // A few bytes more at the enter cost little.
            let sizes_fit = one == other && (one < 2 || at_enter(old) == at_enter(op));
            place(old) == place(op)
                && (both_fixed && sizes_fit || (old.len_off, old.scale) == (op.len_off, op.scale))
        };
        let found = self.plan.ops[..used].iter().position(is_same)?;
        let old = &mut self.plan.ops[found];
        if fixed(op) {
            if old.len_off != op.len_off {
                old.flags |= OP_ELEMENTS;
            }
            old.len_off = old.len_off.max(op.len_off);
        }
        if (old.cond_arg, old.cond_bits == 0) == (op.cond_arg, op.cond_bits == 0) {
            old.cond_bits |= op.cond_bits;
        } else {
            (old.cond_arg, old.cond_bits) = (0, 0);
        }
        old.flags |= op.flags & looks;
        old.when |= op.when;
        old.limit = old.limit.max(op.limit);
        // At most sixteen.
        Some(found as u8)
    }

    /// Takes from copies of a fixed size the calls for which a larger one is made of the same bytes at the same time. The
    /// smallest stay: they are what is left where the larger ones reach beyond the memory's end.
    fn drop_covered(&mut self) {
        let used = usize::from(self.plan.n_ops);
        let ops = self.plan.ops;
        let fixed = |op: &Op| {
            op.len_from == FROM_CONST && op.kind == KIND_BYTES && op.addr_from == FROM_ARG
        };
        let sizes = self.sizes;
        for (i, op) in self.plan.ops[..used].iter_mut().enumerate() {
            let is_block = ops[..used]
                .iter()
                .any(|other| other.addr_from != FROM_ARG && usize::from(other.block) == i);
            if !fixed(op) || is_block || op.cond_bits == 0 || size_class(sizes, op) == 0 {
                continue;
            }
            let covering = ops[..used].iter().filter(|other| {
                fixed(other)
                    && (other.arg, other.addr_off) == (op.arg, op.addr_off)
                    && other.cond_arg == op.cond_arg
                    && size_class(sizes, other) > size_class(sizes, op)
                    && op.when & !other.when == 0
            });
            let covered = covering.fold(0, |all, other| all | other.cond_bits);
            op.cond_bits &= !covered;
            if op.cond_bits == 0 {
                op.when = 0;
            }
        }
    }

    /// Adds an operation and gives its index. A plan that is full stays as it is: what is missing
    /// then shows as a pointer. Tests hold that only calls that are several in one need more, and which.
    fn add(&mut self, op: Op) -> Option<u8> {
        let mut op = self.placed(op)?;
        if let Some((arg, bits)) = self.condition
            && op.flags & OP_IF_ELEMENT == 0
        {
            (op.cond_arg, op.cond_bits) = (arg, bits);
        }
        if let Some(index) = self.join(&op) {
            return Some(index);
        }
        let index = self.plan.n_ops;
        let place = self.plan.ops.get_mut(usize::from(index))?;
        *place = Op {
            max_elements: op.max_elements.max(1),
            ..op
        };
        self.plan.n_ops += 1;
        Some(index)
    }

    /// When memory of this direction is read. Arguments of an execve are gone after a success.
    fn when(&self, dir: Dir, enter: bool, exit: bool) -> u8 {
        let enter = enter || self.limits.report_enter && dir != Dir::Out;
        // What was given is read once, at enter; again only if that failed.
        let again = dir == Dir::In && !self.exec && (self.limits.report_enter || enter);
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
        if again {
            when |= WHEN_RETRY;
        } else if exit || self.exec {
            when |= at_exit;
        }
        when
    }

    fn word(&self) -> u16 {
        self.abi.word_bytes() as u16
    }

    /// Elements that are copied of arrays and vectors: more than are shown, so that there are those that other messages share.
    fn most_elements(&self) -> u16 {
        let shown = shown_elements(&self.limits);
        if self.shown.detail.verbose || shown > MAX_ELEMENTS {
            MANY_ELEMENTS
        } else {
            MAX_ELEMENTS
        }
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

fn sizes(syscall: &Syscall) -> &'static [u16] {
    let most = if syscall.variants.len() > MANY_FORMS {
        SIZES.len()
    } else {
        1
    };
    SIZES.split_at(most).0
}

/// When copies for a variant are of use, as [`Op::cond_arg`] and `cond_bits`: one argument's values.
fn condition(variant: &Variant) -> Option<(u8, u64)> {
    let test = variant.tests.iter().find(|test| test.how == Match::Is)?;
    // Bits that the test leaves out may be set all the same.
    if test.mask & 63 != 63 {
        return None;
    }
    let bits = test.values.iter().map(|value| 1 << (value & 63));
    Some((test.arg, bits.fold(0, |all, bit| all | bit)))
}

/// Elements of a vector that are shown unless `-v`: as many as bytes of a string, as in strace.
#[must_use]
pub fn shown_elements(limits: &Limits) -> u16 {
    u16::try_from(limits.string)
        .unwrap_or(MANY_ELEMENTS)
        .clamp(1, MANY_ELEMENTS)
}

/// Gives the operation its length. An argument that is an `int` counts as signed 32 bits.
fn with_length(args: &[Arg], op: Op, len: Len) -> Op {
    let shift = if matches!(len, Len::Pages(_)) {
        PAGE_SHIFT
    } else {
        op.shift
    };
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
        Len::ArgPtr32At(n, at) => (FROM_ARG_POINTER32, u16::from(n) | u16::from(at) << 8),
        Len::ArgPtr64(n) => (FROM_ARG_POINTER64, u16::from(n)),
        Len::Pages(n) => (FROM_ARG, u16::from(n)),
    };
    Op {
        len_from,
        len_off,
        shift,
        ..op
    }
}
