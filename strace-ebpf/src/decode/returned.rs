//! What a call's result says besides its number, as strace writes in parentheses behind it: what is ready, flags by name.

use super::{
    Options, abi_of,
    cx::{self, Cx},
    pointers::length,
    poll,
    scalar::scalar,
    structs,
    value::{Args, Value},
    video,
};
use crate::{
    session::Call,
    tables::{self, Arg, Dir, Part, Ret, SetId, StructId, Syscall, Ty},
};

/// Adds the remark as one argument; no argument where there is none.
pub fn returned<'a>(
    out: &mut Args<'a>,
    call: &Call<'a>,
    syscall: Option<&Syscall>,
    options: &Options,
) {
    let told = !call.no_return && call.record.ret >= 0 && !options.raw;
    let Some(syscall) = syscall.filter(|_| told) else {
        return;
    };
    let ret = call.record.ret as u64;
    let variant = syscall.variant(&call.record.args);
    let args = variant.map_or(syscall.args, |variant| variant.args);
    if let Some(arg) = variant.and_then(|variant| variant.ret.as_ref()) {
        let named = match arg.ty {
            Ty::Enum(SetId::SignalHandler) => {
                if tables::set(SetId::SignalHandler).name_of(ret).is_none() {
                    return;
                }
                true
            }
            Ty::Enum(id) => tables::set(id).name_of(0).is_some(),
            Ty::IoPrio | Ty::SigMask => true,
            // Access modes have a name for 0 too.
            Ty::Flags(id) => matches!(tables::set(id).split(0).next(), Some(Part::Name(_))),
            _ => false,
        };
        if !matches!(arg.ty, Ty::Fd | Ty::Pid) && (ret != 0 || named) {
            out.begin();
            if arg.name != "-" {
                out.push(Value::Word(match arg.name {
                    // Rows have no blanks in names.
                    "old_mask" => "old mask",
                    name => name,
                }));
            }
            out.push(match arg.ty {
                // Those that strace 6.1 does not show as numbers.
                Ty::Flags(id @ SetId::OpenFlags) => Value::Names(tables::set(id), ret),
                Ty::Flags(id @ SetId::Personality) => Value::Set(tables::set(id), ret),
                Ty::Enum(id) | Ty::Flags(id) if arg.name == "-" => {
                    Value::Names(tables::set(id), ret)
                }
                Ty::Signal => signal_name(ret),
                ty => scalar(ty, ret, call, 5, abi_of(call.record.abi)),
            });
        }
        return;
    }
    if matches!(syscall.ret, Ret::Signum | Ret::Time) && ret == 0 {
        return;
    }
    if syscall.ret == Ret::Signum {
        out.begin();
        out.push(signal_name(ret));
        return;
    }
    if syscall.ret == Ret::Time {
        out.begin();
        out.push(Value::DateAlone(call.record.ret));
        return;
    }
    if syscall.name == "set_thread_area" {
        return segment(out, call, args, options);
    }
    if let Some(Ty::Struct {
        id: StructId::V4l2Created,
        ..
    }) = args.get(2).map(|arg| arg.ty)
    {
        return video::created_as(
            out,
            &Cx::new(call, abi_of(call.record.abi), args, 2, options),
        );
    }
    waited(out, call, args, options);
}

/// set_thread_area(2): which entry the kernel has chosen.
fn segment(out: &mut Args<'_>, call: &Call<'_>, args: &'static [Arg], options: &Options) {
    let cx = Cx::new(call, abi_of(call.record.abi), args, 0, options);
    let number = cx
        .bytes_after()
        .and_then(|bytes| cx::number_at(bytes, 0, 4));
    if let Some(number) = number {
        out.begin();
        out.push(Value::Field("entry_number"));
        out.push(Value::Uint(number));
    }
}

fn signal_name(ret: u64) -> Value<'static> {
    match tables::signal_name(ret as u32) {
        Some(name) => Value::Name(name),
        None => Value::Uint(ret),
    }
}

/// poll(2), select(2) and their kin: what is ready, and the time that is left.
fn waited<'a>(out: &mut Args<'a>, call: &Call<'a>, args: &'static [Arg], options: &Options) {
    let is_poll = |arg: &Arg| {
        matches!(
            arg.ty,
            Ty::Array {
                elem: StructId::Pollfd,
                ..
            }
        )
    };
    let is_set = |arg: &Arg| {
        matches!(
            arg.ty,
            Ty::Bits {
                dir: Dir::InOut,
                ..
            }
        )
    };
    if let Some(index) = args
        .iter()
        .position(|arg| matches!(arg.ty, Ty::Mmsghdr { .. }))
    {
        left(out, call, args, index + 3, options);
        return;
    }
    if !args.iter().any(|arg| is_poll(arg) || is_set(arg)) {
        return;
    }
    if call.record.ret == 0 {
        out.begin();
        out.push(Value::Name("Timeout"));
        return;
    }
    let abi = abi_of(call.record.abi);
    for (index, arg) in (0u8..).zip(args) {
        let cx = Cx::new(call, abi, args, index, options);
        if !options.structs && is_left_at(arg) && cx.register(index) != 0 && args.iter().any(is_set)
        {
            if out.is_empty() {
                out.begin();
            }
            out.push(Value::Word("left"));
            out.push(Value::Addr(cx.register(index)));
            continue;
        }
        let Some(bytes) = cx.bytes_after() else {
            continue;
        };
        // One argument, begun by the first thing that is told.
        let begin = |out: &mut Args<'a>| {
            if out.is_empty() {
                out.begin();
            }
        };
        match arg.ty {
            Ty::Array { .. } if is_poll(arg) && options.structs => {
                begin(out);
                poll::ready(out, bytes, options.elements);
            }
            Ty::Bits { count, .. } => {
                let count = length(&cx, count).unwrap_or(0);
                let own = bytes.get(..count.div_ceil(8).min(128) as usize);
                let own = own.filter(|own| own.iter().any(|&byte| byte != 0));
                let word = SETS.get(usize::from(index).wrapping_sub(1));
                if let (Some(own), Some(word)) = (own, word)
                    && count <= 1024
                {
                    begin(out);
                    out.push(Value::Word(word));
                    out.push(Value::Bits(own, count.min(8 * own.len() as u64) as u32));
                }
            }
            Ty::Struct {
                dir: Dir::InOut,
                id,
                ..
            } => {
                begin(out);
                out.push(Value::Word("left"));
                structs::pointee(out, &cx, id, cx.register(index), bytes);
            }
            _ => {}
        }
    }
}

/// The time limit, which the kernel changes to what is left of it.
fn is_left_at(arg: &Arg) -> bool {
    matches!(
        arg.ty,
        Ty::Struct {
            dir: Dir::InOut,
            ..
        }
    )
}

/// recvmmsg(2): the time that is left, if there was any.
fn left<'a>(
    out: &mut Args<'a>,
    call: &Call<'a>,
    args: &'static [Arg],
    index: usize,
    options: &Options,
) {
    let Some(Ty::Struct { id, .. }) = args.get(index).map(|arg| arg.ty) else {
        return;
    };
    let cx = Cx::new(call, abi_of(call.record.abi), args, index as u8, options);
    if call.record.ret == 0 {
        out.begin();
        out.push(Value::Name("Timeout"));
    } else if let Some(bytes) = cx.bytes_after() {
        out.begin();
        out.push(Value::Word("left"));
        structs::pointee(out, &cx, id, cx.register(cx.index), bytes);
    }
}

/// The sets of select(2) in the order of its arguments.
const SETS: [&str; 3] = ["in", "out", "except"];

/// A result that is flags is printed in hexadecimal.
pub fn is_flags(call: &Call<'_>, syscall: &Syscall) -> bool {
    let variant = syscall.variant(&call.record.args);
    let ret = variant.and_then(|variant| variant.ret.as_ref());
    ret.is_some_and(|arg| matches!(arg.ty, Ty::Flags(_))) && !cx::failed(call)
}

/// A result that is of this type, a descriptor or a process, in this variant.
pub fn is_of(ty: Ty, call: &Call<'_>, syscall: &Syscall) -> bool {
    let variant = syscall.variant(&call.record.args);
    let ret = variant.and_then(|variant| variant.ret.as_ref());
    ret.is_some_and(|arg| arg.ty == ty) && !cx::failed(call)
}
