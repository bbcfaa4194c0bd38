//! Arguments that are nothing but the value of a register.

use super::value::{Args, Value};
use crate::{
    session::Call,
    tables::{self, Abi, SetId, Ty},
};

/// A set of the first 32 signals: where it has most of them strace shows those that it has not, and none of the others.
pub fn short_set(bits: u64) -> u64 {
    const MOST: u32 = 21;
    if bits.count_ones() > MOST {
        bits | !0 << 32
    } else {
        bits
    }
}

/// A file's type and permission bits: without a type that has a name, a number.
pub fn mode(raw: u64) -> Value<'static> {
    const S_IFMT: u64 = 0o170_000;
    match tables::set(SetId::FileType).name_of(raw & S_IFMT) {
        Some(_) => Value::Set(tables::set(SetId::FileModeBits), raw),
        None => Value::Octal(raw),
    }
}

/// Argument `index` of the call.
pub fn scalars(out: &mut Args<'_>, ty: Ty, raw: u64, call: &Call<'_>, index: u8, abi: Abi) {
    match ty {
        Ty::QuotaCmd => {
            out.push(Value::Wire((raw as u32).to_le_bytes(), 0));
            out.push(Value::CallOpen("QCMD"));
            let (cmd, kind) = (raw as u32 >> 8, raw & 0xff);
            out.push(Value::Names(tables::set(SetId::QuotactlCmd), cmd.into()));
            out.push(Value::Names(tables::set(SetId::QuotaType), kind));
            out.push(Value::CallClose);
        }
        Ty::IoPrio => {
            // `include/uapi/linux/ioprio.h`.
            const CLASS_SHIFT: u64 = 13;
            let raw = raw & 0xffff_ffff;
            out.push(Value::Wire((raw as u32).to_le_bytes(), 1));
            out.push(Value::CallOpen("IOPRIO_PRIO_VALUE"));
            let set = tables::set(SetId::IoprioClass);
            out.push(Value::Set(set, raw >> CLASS_SHIFT));
            out.push(Value::Uint(raw & ((1 << CLASS_SHIFT) - 1)));
            out.push(Value::CallClose);
        }
        Ty::Ethernet => {
            let wire = (raw as u16).to_le_bytes();
            let protocol = u16::from_be_bytes(wire);
            out.push(Value::Wire([wire[0], wire[1], 0, 0], 2));
            out.push(Value::CallOpen("htons"));
            let set = tables::set(SetId::EthernetProtocol);
            out.push(Value::Set(set, protocol.into()));
            out.push(Value::CallClose);
        }
        // A number that is better known than its name, as those of `Noted`, but in hexadecimal.
        Ty::Enum(id @ SetId::Xfeature) => {
            out.push(Value::NotedHex(tables::set(id), raw));
        }
        Ty::Tone => {
            out.push(Value::Uint(raw));
            out.push(Value::Tone(hertz(raw), None));
        }
        Ty::Beep => {
            let (ticks, ms) = (raw & 0xffff, raw as u32 >> 16);
            if ms > 0 {
                out.push(Value::Uint(ms.into()));
                out.push(Value::Shift(16));
            }
            out.push(Value::Uint(ticks));
            out.push(Value::Tone(hertz(ticks), Some(ms)));
        }
        _ => out.push(scalar(ty, raw, call, index, abi)),
    }
}

/// The same, of a type that is one token.
pub fn scalar(ty: Ty, raw: u64, call: &Call<'_>, index: u8, abi: Abi) -> Value<'static> {
    let next = || {
        call.record
            .args
            .get(usize::from(index) + 1)
            .copied()
            .unwrap_or(0)
    };
    // `IORING_REGISTER_USE_REGISTERED_RING`, `include/uapi/linux/io_uring.h`.
    const REGISTERED_RING: u64 = 1 << 31;
    let narrow = abi.word_bytes() == 4 && abi == Abi::I386;
    match ty {
        Ty::Int => Value::Int(i64::from(raw as i32)),
        Ty::Pid => Value::Pid(raw as i32),
        Ty::Uint => Value::Uint(u64::from(raw as u32)),
        Ty::Uid | Ty::Gid if raw as u32 == u32::MAX => Value::Int(-1),
        Ty::Uid | Ty::Gid => Value::Uint(u64::from(raw as u32)),
        Ty::Uid16 | Ty::Gid16 if raw as u16 == u16::MAX => Value::Int(-1),
        Ty::Uid16 | Ty::Gid16 => Value::Uint(u64::from(raw as u16)),
        Ty::Long | Ty::Offset if narrow => Value::Int(i64::from(raw as i32)),
        Ty::Long | Ty::Offset => Value::Int(raw as i64),
        Ty::Ulong | Ty::Size => Value::Uint(raw),
        Ty::Offset64 => Value::Int((raw & 0xffff_ffff | next() << 32) as i64),
        Ty::Ulong64 => Value::Uint(raw & 0xffff_ffff | next() << 32),
        Ty::Offset64Hi => Value::Int((raw << 32 | next() & 0xffff_ffff) as i64),
        Ty::PageOffset => Value::Hex(raw << 12),
        Ty::Hex32 => Value::Hex(u64::from(raw as u32)),
        Ty::Octal => Value::Octal(raw & 0xffff),
        Ty::Mode => mode(raw & 0xffff),
        Ty::MarkFd if raw as i32 == -1 => Value::Number("FAN_NOFD", -1),
        Ty::RingFd if next() & REGISTERED_RING != 0 => Value::Uint(u64::from(raw as u32)),
        Ty::Fd | Ty::RingFd => Value::Fd(raw as i32),
        Ty::DirFd | Ty::MarkFd => Value::DirFd(raw as i32),
        Ty::Signal => Value::Signal(raw as u32),
        Ty::Addr => Value::Addr(raw),
        Ty::IoPrio => Value::IoPrio(raw as u32),
        // Asks for the present one.
        Ty::Flags(SetId::Personality) if raw as u32 == u32::MAX => Value::Hex(raw & 0xffff_ffff),
        Ty::WakeOp => Value::WakeOp(raw as u32),
        Ty::Flags64(id) => Value::Set(tables::set(id), raw & 0xffff_ffff | next() << 32),
        Ty::Enum(SetId::IoctlRequest) => {
            let (request, names) = (raw as u32, tables::ioctl_names(abi, raw as u32));
            match tables::ioctl_pattern(request) {
                Some(pattern) => Value::IoctlOf(pattern, names, request),
                None => Value::Ioctl(names, request),
            }
        }
        // Numbers that are better known than their names.
        Ty::Enum(id @ (SetId::SyslogAction | SetId::Loglevel | SetId::PidType)) => {
            Value::Noted(tables::set(id), raw as u32)
        }
        Ty::Flags(id) | Ty::Enum(id) => Value::Set(tables::set(id), raw),
        Ty::SigMask => Value::SigSet(short_set(raw & 0xffff_ffff)),
        Ty::Dev => {
            let (major, minor) = (raw >> 8 & 0xfff, raw & 0xff | raw >> 12 & 0xf_ff00);
            Value::Dev(major as u32, minor as u32)
        }
        Ty::Key if raw as u32 == 0 => Value::Const("IPC_PRIVATE", 0),
        Ty::Key => Value::Hex(u64::from(raw as u32)),
        _ => Value::Hex(raw),
    }
}

/// The frequency of a wave that lasts so many ticks of the timer chip, `PIT_TICK_RATE` of the kernel.
fn hertz(ticks: u64) -> u32 {
    const TICKS_PER_SECOND: u64 = 1_193_182;
    TICKS_PER_SECOND.checked_div(ticks).unwrap_or(0) as u32
}
