//! The injector's life: answers what the kernel asks about calls, seccomp_unotify(2), until no process is left whose calls
//! are asked about. Without a tracer every call is carried out at once.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
};

use strace_ebpf_common::{
    config::{Injected, TASK_TRACED, Task},
    record::{ABI_I386, CALL_DELAYED, CALL_INJECTED, CALL_RETVAL},
};

use super::{filter, wire};
use crate::{
    decode,
    plan::inject::{Action, Answer, Rules},
    probes::maps,
    sys,
};

/// `struct seccomp_notif`, `include/uapi/linux/seccomp.h`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Question {
    id: u64,
    pid: u32,
    flags: u32,
    nr: i32,
    arch: u32,
    instruction_pointer: u64,
    args: [u64; 6],
}

/// `struct seccomp_notif_resp`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Reply {
    id: u64,
    val: i64,
    error: i32,
    flags: u32,
}

const _: () = assert!(size_of::<Question>() == 80 && size_of::<Reply>() == 24);

/// `SECCOMP_IOCTL_NOTIF_RECV` and `SECCOMP_IOCTL_NOTIF_SEND`.
const RECEIVE: libc::c_ulong = 0xc050_2100;
const SEND: libc::c_ulong = 0xc018_2101;
/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`, Linux 5.5.
const CARRY_ON: u32 = 1;

/// A call that waits for its answer.
struct Waiting {
    due_ns: u64,
    question: Question,
    action: Action,
    asked_ns: u64,
}

struct Injector<'r> {
    rules: &'r Rules,
    control: OwnedFd,
    listener: OwnedFd,
    tasks: OwnedFd,
    injected: OwnedFd,
    waiting: Vec<Waiting>,
    /// Calls of a kind that threads have made, by thread, ABI and number.
    counts: HashMap<(u32, u8, u32), u32>,
    /// The tracer is there.
    traced: bool,
}

/// Becomes the injector, in a process of a single thread that is nobody's child.
pub fn live(rules: &Rules, control: OwnedFd, handover: OwnedFd) -> ! {
    // SAFETY: system calls on our own process.
    unsafe {
        if libc::fork() != 0 {
            libc::_exit(0);
        }
        sys::be_alone(c"sebpf-injector");
        // Delays are exact to the microsecond.
        libc::prctl(libc::PR_SET_TIMERSLACK, 1);
    }
    close_others(&[control.as_raw_fd(), handover.as_raw_fd()]);
    sys::schedule_first(0);
    if let Some([tasks, injected]) = wire::receive::<2>(control.as_raw_fd())
        && let Some([listener]) = wire::receive::<1>(handover.as_raw_fd())
    {
        drop(handover);
        let mut injector = Injector {
            rules,
            control,
            listener,
            tasks,
            injected,
            waiting: Vec::new(),
            counts: HashMap::new(),
            traced: true,
        };
        injector.serve();
        let _ = wire::send(injector.control.as_raw_fd(), &[]);
    }
    // SAFETY: ends this process; what it holds is the kernel's to close.
    unsafe { libc::_exit(0) }
}

/// Leaves nothing open that others may wait to be closed: the trace's pipe, the command's.
fn close_others(kept: &[RawFd]) {
    let mut kept: Vec<RawFd> = kept.to_vec();
    kept.sort_unstable();
    let mut first = 0;
    for fd in kept.into_iter().chain([RawFd::MAX]) {
        if fd > first {
            // SAFETY: descriptors of ours that nobody uses any more.
            unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) };
        }
        first = fd.saturating_add(1);
    }
}

impl Injector<'_> {
    fn serve(&mut self) {
        loop {
            let Some((asked, closed)) = self.wait() else {
                return;
            };
            if self.traced && closed {
                self.leave_alone();
            }
            if asked {
                self.ask();
            }
            self.answer_due();
        }
    }

    /// Waits for a question, the tracer's end, or the end of a delay; `None` when nobody can ask any more.
    fn wait(&self) -> Option<(bool, bool)> {
        let poll = |fd, events| libc::pollfd {
            fd,
            events,
            revents: 0,
        };
        let control = if self.traced {
            self.control.as_raw_fd()
        } else {
            -1
        };
        let mut polls = [
            poll(self.listener.as_raw_fd(), libc::POLLIN),
            poll(control, libc::POLLIN),
        ];
        let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
        let due = self.waiting.iter().map(|waiting| waiting.due_ns).min();
        let rest = due.map(|due| due.saturating_sub(now));
        let timeout = rest.map(|ns| libc::timespec {
            tv_sec: (ns / 1_000_000_000) as i64,
            tv_nsec: (ns % 1_000_000_000) as i64,
        });
        let timeout = timeout
            .as_ref()
            .map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: two entries and a valid timeout.
        let got = unsafe { libc::ppoll(polls.as_mut_ptr(), 2, timeout, std::ptr::null()) };
        if got < 0 {
            return Some((false, false));
        }
        let [listener, control] = polls;
        // Linux 5.9: no task has the filter any more.
        if listener.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0 {
            return None;
        }
        Some((listener.revents != 0, control.revents != 0))
    }

    /// The tracer has let go, or is gone: what waits is carried out.
    fn leave_alone(&mut self) {
        self.traced = false;
        for waiting in std::mem::take(&mut self.waiting) {
            let _ = self.reply(&carry_on(&waiting.question));
        }
    }

    /// Takes a question and answers it, at once or later.
    fn ask(&mut self) {
        // The kernel wants zeros, and may know more than we do.
        let mut room = [0u64; 64];
        // SAFETY: room for more than the kernel writes.
        let got = unsafe { libc::ioctl(self.listener.as_raw_fd(), RECEIVE, room.as_mut_ptr()) };
        if got < 0 {
            // The thread has been killed meanwhile.
            return;
        }
        // SAFETY: integers, and more of them than are read.
        let question = unsafe { room.as_ptr().cast::<Question>().read() };
        let asked_ns = sys::clock_ns(libc::CLOCK_MONOTONIC);
        let Some(action) = self.action(&question) else {
            let _ = self.reply(&carry_on(&question));
            return;
        };
        let delay_ns = action.delay_enter_ns.unwrap_or(0) + action.delay_exit_ns.unwrap_or(0);
        let waiting = Waiting {
            due_ns: asked_ns.saturating_add(delay_ns),
            question,
            action,
            asked_ns,
        };
        if delay_ns == 0 {
            self.answer(&waiting);
        } else {
            self.waiting.push(waiting);
        }
    }

    /// What is to be done to this call, counted as one of its thread's.
    fn action(&mut self, question: &Question) -> Option<Action> {
        let (abi, nr) = kind(question);
        let action = *self.rules.of(decode::abi_of(abi), nr)?;
        let tid = question.pid;
        let task: Task = read(self.tasks.as_fd(), tid)?;
        if !self.traced || task.state != TASK_TRACED {
            return None;
        }
        let note: Injected = read(self.injected.as_fd(), tid)?;
        if note.known == 0 {
            self.counts.retain(|(other, ..), _| *other != tid);
            let known = Injected {
                known: 1,
                ..Injected::default()
            };
            write(self.injected.as_fd(), tid, &known).ok()?;
        }
        let count = self.counts.entry((tid, abi, nr)).or_insert(0);
        *count = count.saturating_add(1);
        action.applies(*count).then_some(action)
    }

    fn answer_due(&mut self) {
        let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
        while let Some(index) = self.waiting.iter().position(|w| w.due_ns <= now) {
            let waiting = self.waiting.swap_remove(index);
            self.answer(&waiting);
        }
    }

    /// Notes what is done, for the probes, and does it.
    fn answer(&mut self, waiting: &Waiting) {
        let Waiting {
            question, action, ..
        } = waiting;
        let delayed = action.delay_enter_ns.is_some() || action.delay_exit_ns.is_some();
        let mut flags = if delayed { CALL_DELAYED } else { 0 };
        let mut reply = Reply {
            id: question.id,
            ..Reply::default()
        };
        match action.answer {
            Answer::CarriedOut => reply = carry_on(question),
            Answer::Error(errno) => {
                flags |= CALL_INJECTED;
                reply.error = -i32::from(errno);
            }
            Answer::Value(value) => {
                flags |= CALL_INJECTED | CALL_RETVAL;
                reply.val = value;
            }
        }
        let note = Injected {
            enter_ns: waiting.asked_ns,
            late_ns: action.delay_exit_ns.unwrap_or(0),
            flags,
            signal: action.signal,
            known: 1,
        };
        let noted = write(self.injected.as_fd(), question.pid, &note);
        if noted.is_ok() && self.reply(&reply).is_err() {
            // The thread has been killed, or interrupted: then it asks again.
            let nothing = Injected {
                known: 1,
                ..Injected::default()
            };
            let _ = write(self.injected.as_fd(), question.pid, &nothing);
            let (abi, nr) = kind(question);
            if let Some(count) = self.counts.get_mut(&(question.pid, abi, nr)) {
                *count = count.saturating_sub(1);
            }
        }
    }

    fn reply(&self, reply: &Reply) -> io::Result<()> {
        // SAFETY: a whole reply.
        let sent =
            unsafe { libc::ioctl(self.listener.as_raw_fd(), SEND, std::ptr::from_ref(reply)) };
        sys::check(i64::from(sent)).map(drop)
    }
}

fn carry_on(question: &Question) -> Reply {
    Reply {
        id: question.id,
        flags: CARRY_ON,
        ..Reply::default()
    }
}

/// ABI and number of a call.
fn kind(question: &Question) -> (u8, u32) {
    let nr = question.nr as u32;
    match question.arch {
        filter::ARCH_I386 => (ABI_I386, nr),
        _ => decode::of_64_bits(nr),
    }
}

/// An entry of one of the two maps, both of integers.
fn read<T: Default>(map: BorrowedFd<'_>, tid: u32) -> Option<T> {
    let mut value = T::default();
    // SAFETY: the maps' values are of these types.
    unsafe { maps::lookup(map, tid, &mut value) }.ok()?;
    Some(value)
}

fn write(map: BorrowedFd<'_>, tid: u32, note: &Injected) -> io::Result<()> {
    // SAFETY: the map's values are of this type.
    unsafe { maps::update(map, tid, note) }
}
