//! Signal sets, actions, siginfo and sigevent: sigaction(2), sigevent(7).

use super::{
    cx::{Cx, number, number_at},
    files::id_of,
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, Abi, Dir, SetId};

/// A set has eight bytes or is refused; of the pending ones the kernel fills in fewer if asked for fewer.
/// How many bytes a set of signals may have.
pub fn sizes_of_set(cx: &Cx<'_, '_>) -> std::ops::RangeInclusive<usize> {
    cx.abi.word_bytes() as usize..=8
}

pub fn sigset<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let arg = cx.args.get(usize::from(cx.index));
    let is_pending = arg.is_some_and(|arg| arg.name == "set" && arg.ty.dir() == Some(Dir::Out));
    let known = if is_pending { 1..=8 } else { sizes_of_set(cx) };
    if known.contains(&bytes.len()) {
        let bits = number(bytes);
        let is_short = bytes.len() == 4 && !is_pending;
        out.push(Value::SigSet(if is_short {
            super::scalar::short_set(bits)
        } else {
            bits
        }));
    }
}

/// The mask that rt_sigreturn(2) restores.
pub fn saved_mask(out: &mut Args<'_>, bytes: &[u8]) {
    out.push(Value::StructOpen);
    out.push(Value::Field("mask"));
    out.push(Value::SigSet(number(bytes)));
    out.push(Value::StructClose);
}

/// sigaction(2): the restorer only where there is one.
pub fn sigaction<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const SA_RESTORER: u64 = 0x400_0000;
    let Some(fields) = id_of(cx).and_then(|id| Fields::new(id, cx.abi, bytes)) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["sa_handler", "sa_mask", "sa_flags"]);
    if fields.get("sa_flags") & SA_RESTORER != 0 {
        fields.show(out, cx, "sa_restorer");
    }
    out.push(Value::StructClose);
}

/// timer_create(2), mq_notify(2).
pub fn sigevent<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const SIGEV_SIGNAL: u64 = 0;
    const SIGEV_THREAD: u64 = 2;
    const SIGEV_THREAD_ID: u64 = 4;
    let word = cx.abi.word_bytes() as usize;
    let get = |at, width| number_at(bytes, at, width);
    let (Some(value), Some(signal), Some(notify)) = (get(0, word), get(word, 4), get(word + 4, 4))
    else {
        return;
    };
    out.push(Value::StructOpen);
    if value != 0 {
        out.push(Value::Field("sigev_value"));
        out.push(Value::StructOpen);
        out.push(Value::Field("sival_int"));
        out.push(Value::Int(i64::from(value as i32)));
        out.push(Value::Field("sival_ptr"));
        out.push(Value::Addr(value));
        out.push(Value::StructClose);
    }
    out.push(Value::Field("sigev_signo"));
    out.push(match notify {
        SIGEV_SIGNAL | SIGEV_THREAD | SIGEV_THREAD_ID => Value::Signal(signal as u32),
        _ => Value::Uint(signal),
    });
    out.push(Value::Field("sigev_notify"));
    out.push(Value::Set(tables::set(SetId::SigeventNotify), notify));
    match notify {
        SIGEV_THREAD_ID => {
            out.push(Value::Field("sigev_notify_thread_id"));
            out.push(Value::Int(i64::from(get(word + 8, 4).unwrap_or(0) as i32)));
        }
        SIGEV_THREAD => {
            let first = (word + 8).next_multiple_of(word);
            out.push(Value::Field("sigev_notify_function"));
            out.push(Value::Addr(get(first, word).unwrap_or(0)));
            out.push(Value::Field("sigev_notify_attributes"));
            out.push(Value::Addr(get(first + word, word).unwrap_or(0)));
        }
        _ => {}
    }
    out.push(Value::StructClose);
}

/// A `siginfo_t` that an argument points to.
pub fn siginfo_of<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    siginfo(out, cx.abi, bytes);
}

/// A `siginfo_t`, or its first 48 bytes: sigaction(2). `{}` where all is zero.
pub fn siginfo<'a>(out: &mut Args<'a>, abi: Abi, bytes: &'a [u8]) {
    let word = abi.word_bytes() as usize;
    let get = |at, width| number_at(bytes, at, width);
    let (Some(signal), Some(errno), Some(code)) = (get(0, 4), get(4, 4), get(8, 4)) else {
        return;
    };
    out.push(Value::StructOpen);
    if signal != 0 {
        out.push(Value::Field("si_signo"));
        out.push(Value::Signal(signal as u32));
        out.push(Value::Field("si_code"));
        let of_signal = CODES.iter().find(|row| u64::from(row.0) == signal);
        let of_signal = of_signal.map(|row| tables::set(row.1));
        // Codes from SI_USER down are the same for all signals.
        let set = of_signal.filter(|set| set.name_of(code).is_some() && code as i32 > 0);
        out.push(Value::Set(set.unwrap_or(tables::set(SetId::SiCode)), code));
        if errno != 0 {
            out.push(Value::Field("si_errno"));
            out.push(match tables::errno_name(errno as u32) {
                Some(name) => Value::Number(name, errno as i32),
                None => Value::Uint(errno),
            });
        }
        // The union is aligned to a pointer.
        let rest = bytes
            .get(12usize.next_multiple_of(word)..)
            .unwrap_or_default();
        cause(out, rest, signal as u32, code as i32, word);
    }
    out.push(Value::StructClose);
}

/// Names of the positive codes of a signal.
const CODES: &[(u32, SetId)] = &[
    (4, SetId::SiCodeIll),
    (5, SetId::SiCodeTrap),
    (7, SetId::SiCodeBus),
    (8, SetId::SiCodeFpe),
    (11, SetId::SiCodeSegv),
    (17, SetId::SiCodeChld),
    (29, SetId::SiCodePoll),
    (31, SetId::SiCodeSys),
];

const SIGCHLD: u32 = 17;
const SIGIO: u32 = 29;
const SIGSYS: u32 = 31;
const SI_USER: i32 = 0;
const SI_QUEUE: i32 = -1;
const SI_TIMER: i32 = -2;
const SI_MESGQ: i32 = -3;
const SI_TKILL: i32 = -6;
const SI_KERNEL: i32 = 128;
/// `include/uapi/linux/audit.h`.
const AUDIT_ARCH_I386: u64 = 0x4000_0003;
const AUDIT_ARCH_X86_64: u64 = 0xc000_003e;
const CLD_EXITED: i32 = 1;

/// What else is told of a fault, behind the address and two bytes that are aligned to a pointer.
fn fault<'a>(out: &mut Args<'a>, rest: &'a [u8], signal: u32, code: i32, word: usize) {
    // `include/uapi/asm-generic/siginfo.h`.
    const BUS_MCEERR_AR: i32 = 4;
    const BUS_MCEERR_AO: i32 = 5;
    const SEGV_BNDERR: i32 = 3;
    const SEGV_PKUERR: i32 = 4;
    let get = |at, width| number_at(rest, at, width).unwrap_or(0);
    match (signal, code) {
        (7, BUS_MCEERR_AR | BUS_MCEERR_AO) => {
            out.push(Value::Field("si_addr_lsb"));
            out.push(Value::Uint(get(word, 2)));
        }
        (11, SEGV_BNDERR) => {
            out.push(Value::Field("si_lower"));
            out.push(Value::Addr(get(2 * word, word)));
            out.push(Value::Field("si_upper"));
            out.push(Value::Addr(get(3 * word, word)));
        }
        (11, SEGV_PKUERR) => {
            out.push(Value::Field("si_pkey"));
            out.push(Value::Uint(get(2 * word, 4)));
        }
        _ => {}
    }
}

/// What the signal's code says about the rest.
fn cause<'a>(out: &mut Args<'a>, rest: &'a [u8], signal: u32, code: i32, word: usize) {
    let get = |at, width| number_at(rest, at, width).unwrap_or(0);
    let int = |out: &mut Args<'a>, name, at| {
        out.push(Value::Field(name));
        out.push(Value::Int(i64::from(get(at, 4) as i32)));
    };
    let sender = |out: &mut Args<'a>| {
        out.push(Value::Field("si_pid"));
        out.push(Value::Pid(get(0, 4) as i32));
        out.push(Value::Field("si_uid"));
        out.push(match get(4, 4) as u32 {
            u32::MAX => Value::Int(-1),
            uid => Value::Uint(uid.into()),
        });
    };
    let value = |out: &mut Args<'a>, at| {
        int(out, "si_int", at);
        out.push(Value::Field("si_ptr"));
        out.push(Value::Addr(get(at, word)));
    };
    match code {
        SI_TIMER => {
            out.push(Value::Field("si_timerid"));
            out.push(Value::Hex(get(0, 4)));
            int(out, "si_overrun", 4);
            value(out, 8);
            return;
        }
        SI_QUEUE | SI_MESGQ => {
            sender(out);
            value(out, 8);
            return;
        }
        SI_USER | SI_TKILL => return sender(out),
        SI_KERNEL if !matches!(signal, 4 | 5 | 7 | 8 | 11 | SIGCHLD | SIGIO) => return,
        i32::MIN..0 => {
            sender(out);
            if get(8, word) != 0 {
                value(out, 8);
            }
            return;
        }
        _ => {}
    }
    match signal {
        SIGCHLD => {
            sender(out);
            out.push(Value::Field("si_status"));
            out.push(if code == CLD_EXITED {
                Value::Int(i64::from(get(8, 4) as i32))
            } else {
                Value::Signal(get(8, 4) as u32)
            });
            let first = 12usize.next_multiple_of(word);
            for (name, at) in [("si_utime", first), ("si_stime", first + word)] {
                out.push(Value::Field(name));
                super::structs::ticks(out, get(at, word));
            }
        }
        4 | 5 | 7 | 8 | 11 => {
            out.push(Value::Field("si_addr"));
            out.push(Value::Addr(get(0, word)));
            fault(out, rest, signal, code, word);
        }
        SIGIO => {
            out.push(Value::Field("si_band"));
            out.push(Value::Int(super::cx::signed(get(0, word), word)));
            int(out, "si_fd", word);
        }
        SIGSYS => {
            out.push(Value::Field("si_call_addr"));
            out.push(Value::Addr(get(0, word)));
            out.push(Value::Field("si_syscall"));
            let (nr, arch) = (get(word, 4) as u32, get(word + 4, 4));
            let abi = if arch == AUDIT_ARCH_I386 {
                Abi::I386
            } else {
                Abi::X86_64
            };
            out.push(match tables::syscall(abi, nr) {
                Some(call) => Value::NrName(call.name, nr),
                None => Value::Hex(nr.into()),
            });
            out.push(Value::Field("si_arch"));
            out.push(match arch {
                AUDIT_ARCH_I386 => Value::Const("AUDIT_ARCH_I386", arch),
                AUDIT_ARCH_X86_64 => Value::Const("AUDIT_ARCH_X86_64", arch),
                other => Value::Hex(other),
            });
        }
        _ => {
            if get(0, 4) != 0 || get(4, 4) != 0 {
                sender(out);
            }
            if get(8, word) != 0 {
                value(out, 8);
            }
        }
    }
}
