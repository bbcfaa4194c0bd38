//! `--lossless`: lets processes go on that the probes have stopped, when there is room again.
//!
//! The probes stop a process by SIGSTOP when a buffer is half full or our output stands still, and note it in a map that we have mapped. A watchdog,
//! forked before anything is attached, has the same memory: should the tracer end in whatever way, the end of a pipe
//! tells it, and it lets everything go on.

use std::{
    ffi::{CStr, CString},
    io,
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::ffi::OsStringExt,
    },
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::MapData;
use strace_ebpf_common::{
    config::{HELD_EVERY, HELD_NEVER, HELD_NOT, HELD_RELEASED, HELD_STOPPED},
    mapped::Cursor,
};

use super::proc;
use crate::{
    resolve::{cgroup, state},
    sys::{self, Mapping},
};

/// How long after it was let go a process is looked after: since Linux 6.14 a signal of the probes may be sent a moment
/// later than they say, and so come after the one that lets go on.
const LOOK_AFTER_NS: u64 = 1_000_000_000;
/// How often it is looked at.
const LOOK_EVERY_NS: u64 = 5_000_000;

/// The maps' memory.
struct Shared {
    held: Mapping,
    processes: usize,
    cursors: Mapping,
    cpus: usize,
}

impl Shared {
    /// The state of process `pid`.
    fn held(&self, pid: usize) -> Option<&AtomicU64> {
        if pid >= self.processes {
            return None;
        }
        // SAFETY: an aligned word within the mapping, written by the probes and by us.
        Some(unsafe { AtomicU64::from_ptr(self.held.as_ptr().cast::<u64>().add(pid)) })
    }

    /// Is the process stopped, or was it until a moment ago?
    fn holds(&self, pid: usize) -> bool {
        self.held(pid).is_some_and(|held| {
            matches!(held.load(Ordering::Acquire), HELD_STOPPED | HELD_RELEASED)
        })
    }

    /// How often the probes have stopped anything.
    fn stops(&self) -> u64 {
        let cursors = self.cursors.as_ptr().cast::<Cursor>();
        (0..self.cpus)
            .map(|cpu| {
                // SAFETY: as in `held`; one for each CPU.
                unsafe { (&raw mut (*cursors.add(cpu)).stops).read_volatile() }
            })
            .sum()
    }

    /// Processes in this state.
    fn in_state(&self, state: u64) -> impl Iterator<Item = usize> {
        (1..self.processes).filter(move |pid| {
            self.held(*pid).map(|held| held.load(Ordering::Acquire)) == Some(state)
        })
    }

    /// Whether whatever comes to the end of a call is to be stopped.
    fn hold_every(&self, every: bool) {
        if let Some(held) = self.held(0) {
            let state = if every { HELD_EVERY } else { HELD_NOT };
            held.store(state, Ordering::Release);
        }
    }

    /// Lets go what is stopped. In this order: what is stopped after the change is noted again.
    fn release(&self, mut each: impl FnMut(u32)) {
        self.hold_every(false);
        for pid in self.in_state(HELD_STOPPED) {
            if let Some(held) = self.held(pid) {
                held.store(HELD_RELEASED, Ordering::Release);
                sys::kill(pid as u32, libc::SIGCONT);
                each(pid as u32);
            }
        }
    }
}

/// The tracer's side.
pub struct Brake {
    shared: Shared,
    stops_seen: u64,
    /// Processes that were let go, and until when they are looked after.
    released: Vec<(u32, u64)>,
    next_look: u64,
    watchdog: Option<Watchdog>,
}

impl Brake {
    /// Takes over the maps: `held` has an entry for each of `processes` numbers.
    pub fn new(held: &MapData, cursors: &MapData, processes: u32, cpus: u32) -> io::Result<Self> {
        let page = |bytes: usize| bytes.next_multiple_of(4096);
        let shared = Shared {
            held: Mapping::new(held.fd().as_fd(), page(8 * processes as usize), 0, true)?,
            processes: processes as usize,
            cursors: Mapping::new(
                cursors.fd().as_fd(),
                page(size_of::<Cursor>() * cpus as usize),
                0,
                true,
            )?,
            cpus: cpus as usize,
        };
        let mut brake = Self {
            shared,
            stops_seen: 0,
            released: Vec::new(),
            next_look: 0,
            watchdog: None,
        };
        brake.exempt(1);
        brake.exempt(std::process::id());
        brake.watch()?;
        Ok(brake)
    }

    /// This process is never to be stopped.
    pub fn exempt(&self, pid: u32) {
        if let Some(held) = self.shared.held(pid as usize) {
            held.store(HELD_NEVER, Ordering::Release);
        }
    }

    fn watch(&mut self) -> io::Result<()> {
        let watchdog = Watchdog::start(&self.shared)?;
        self.exempt(watchdog.pid);
        self.watchdog = Some(watchdog);
        Ok(())
    }

    /// Is, or was, this process stopped by us a moment ago?
    #[must_use]
    pub fn holds(&self, pid: u32) -> bool {
        self.shared.holds(pid as usize)
    }

    /// Stops one process after the other while `stuck`: without it those that the drainer keeps up with would go on.
    pub fn hold(&self, stuck: bool) {
        self.shared.hold_every(stuck);
    }

    /// Looks after what is stopped; lets it go if there is `room` again.
    pub fn look(&mut self, now_ns: u64, room: bool) {
        if !room {
            return;
        }
        let stops = self.shared.stops();
        if stops != self.stops_seen {
            self.stops_seen = stops;
            let (released, until) = (&mut self.released, now_ns + LOOK_AFTER_NS);
            self.shared.release(|pid| {
                released.retain(|(old, _)| *old != pid);
                released.push((pid, until));
            });
        }
        if now_ns >= self.next_look {
            self.next_look = now_ns + LOOK_EVERY_NS;
            self.look_at_released(now_ns);
        }
    }

    fn look_at_released(&mut self, now_ns: u64) {
        let shared = &self.shared;
        self.released.retain(|(pid, until)| {
            let Some(held) = shared.held(*pid as usize) else {
                return false;
            };
            if held.load(Ordering::Acquire) == HELD_RELEASED && proc::is_stopped(*pid) {
                sys::kill(*pid, libc::SIGCONT);
            }
            if now_ns < *until {
                return true;
            }
            // Unless it has been stopped again.
            let _ =
                held.compare_exchange(HELD_RELEASED, HELD_NOT, Ordering::AcqRel, Ordering::Relaxed);
            false
        });
    }

    /// A watchdog that somebody has ended is replaced.
    pub fn check_watchdog(&mut self) -> io::Result<()> {
        if self.watchdog.as_ref().is_some_and(Watchdog::has_ended) {
            self.watchdog = None;
            self.watch()?;
        }
        Ok(())
    }

    /// The probes are detached: nothing is stopped any more from here on.
    pub fn finish(mut self) {
        self.shared.release(|_| {});
        // A signal under way takes microseconds; then nothing is left for the watchdog to do.
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(1));
            for pid in self.shared.in_state(HELD_RELEASED) {
                if proc::is_stopped(pid as u32) {
                    sys::kill(pid as u32, libc::SIGCONT);
                }
            }
        }
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.dismiss();
        }
    }
}

/// The process that outlives us, as the holder of the pipe's other end.
struct Watchdog {
    pid: u32,
    pipe: OwnedFd,
}

impl Watchdog {
    fn start(shared: &Shared) -> io::Result<Self> {
        let mut pipe = [0; 2];
        // SAFETY: room for two descriptors.
        sys::check(i64::from(unsafe {
            libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC)
        }))?;
        // SAFETY: new descriptors, ours alone.
        let [read, write] = pipe.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        let procs = cgroup::root().map(|root| root.join("cgroup.procs"));
        let procs = procs.and_then(|file| CString::new(file.into_os_string().into_vec()).ok());
        // SAFETY: other threads may be there: the child makes nothing but system calls.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => watch(read.as_raw_fd(), shared, procs.as_deref()),
            pid => Ok(Self {
                pid: pid as u32,
                pipe: write,
            }),
        }
    }

    fn has_ended(&self) -> bool {
        let mut status = 0;
        // SAFETY: a valid place for the status.
        unsafe { libc::waitpid(self.pid as i32, &mut status, libc::WNOHANG) != 0 }
    }

    fn dismiss(self) {
        // SAFETY: one live byte; the child waits for it.
        unsafe {
            libc::write(self.pipe.as_raw_fd(), [0u8].as_ptr().cast(), 1);
            libc::waitpid(self.pid as i32, std::ptr::null_mut(), 0);
        }
    }
}

/// The watchdog's life; `procs` takes processes into the root of the cgroups. No allocation, no lock: a thread of the tracer may have held one when it was forked.
fn watch(pipe: RawFd, shared: &Shared, procs: Option<&CStr>) -> ! {
    // SAFETY: system calls on our own process. Nothing of the tracer's stays open: neither its output nor the probes.
    unsafe {
        sys::be_alone(c"sebpf-watchdog");
        libc::dup2(pipe, 0);
        // Linux 5.9; before that one by one.
        if libc::syscall(libc::SYS_close_range, 1, u32::MAX, 0) != 0 {
            (1..libc::sysconf(libc::_SC_OPEN_MAX).clamp(1024, 1 << 20) as i32).for_each(|fd| {
                libc::close(fd);
            });
        }
        // Whoever kills the tracer's whole cgroup is not to kill us with it.
        let procs = procs.map_or(-1, |file| {
            libc::open(file.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC)
        });
        if procs >= 0 {
            libc::write(procs, c"0".as_ptr().cast(), 1);
            libc::close(procs);
        }
        let mut byte = 0u8;
        if libc::read(0, (&raw mut byte).cast(), 1) == 1 {
            libc::_exit(0);
        }
    }
    // Programs that were running when the tracer ended may stop one process more.
    for pause_ms in [0, 2, 20, 200, 1000] {
        // SAFETY: plain numbers.
        unsafe { libc::usleep(pause_ms * 1000) };
        shared.release(|_| {});
        for pid in shared.in_state(HELD_RELEASED) {
            if stopped(pid) {
                sys::kill(pid as u32, libc::SIGCONT);
            }
        }
    }
    // SAFETY: ends this process at once.
    unsafe { libc::_exit(0) }
}

/// Is the process stopped, by `/proc/PID/stat`? Without memory from the heap.
fn stopped(pid: usize) -> bool {
    let mut path = *b"/proc/0000000000/stat\0";
    let (mut rest, mut at) = (pid, 16);
    while at > 6 {
        at -= 1;
        path[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    // The number without its leading zeros: /proc knows no others.
    let mut skip = 6;
    while skip < 15 && path[skip] == b'0' {
        skip += 1;
    }
    path.copy_within(skip..22, 6);
    let mut text = [0u8; 128];
    // SAFETY: a NUL-terminated path; room for that many bytes.
    let got = unsafe {
        let fd = libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return false;
        }
        let got = libc::read(fd, text.as_mut_ptr().cast(), text.len());
        libc::close(fd);
        got
    };
    let text = text.get(..usize::try_from(got).unwrap_or(0)).unwrap_or(&[]);
    state::letter(text) == Some(b'T')
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn knows_what_it_holds() {
        // SAFETY: a name that ends in NUL; then a new descriptor, ours alone.
        let memory = unsafe { OwnedFd::from_raw_fd(libc::memfd_create(c"held".as_ptr(), 0)) };
        std::fs::File::from(memory.try_clone().expect("open"))
            .set_len(4096)
            .expect("grows");
        let map = || Mapping::new(memory.as_fd(), 4096, 0, true).expect("is mapped");
        let shared = Shared {
            held: map(),
            processes: 512,
            cursors: map(),
            cpus: 0,
        };
        let holds = |state| {
            shared
                .held(7)
                .expect("is there")
                .store(state, Ordering::Release);
            shared.holds(7)
        };
        assert!(holds(HELD_STOPPED) && holds(HELD_RELEASED));
        assert!(!holds(HELD_NOT) && !holds(HELD_NEVER));
        assert!(!shared.holds(8) && !shared.holds(512));
    }

    #[test]
    fn tells_a_stopped_process_from_a_running_one() {
        let mut child = Command::new("sleep")
            .arg("60")
            .stdout(Stdio::null())
            .spawn()
            .expect("starts");
        let pid = child.id();
        assert!(!stopped(pid as usize) && !proc::is_stopped(pid));
        sys::kill(pid, libc::SIGSTOP);
        while !proc::is_stopped(pid) {
            std::thread::yield_now();
        }
        assert!(stopped(pid as usize));
        sys::kill(pid, libc::SIGCONT);
        while proc::is_stopped(pid) {
            std::thread::yield_now();
        }
        assert!(!stopped(pid as usize));
        child.kill().expect("is there");
        child.wait().expect("ends");
        assert!(!stopped(pid as usize) && !proc::is_stopped(pid));
        assert!(!stopped(usize::from(u8::MAX) << 30));
    }
}
