//! Field offsets on a kernel without BTF, found by looking: a program copies the `task_struct` of
//! tasks of ours, and the offsets are where the values that we know are, in every copy.
//!
//! Found this way: tid, tgid, name, exit status. Not found: what leads to the program's argument
//! area and to PID namespaces; what depends on it is shown as unknown.

use std::{io, sync::mpsc};

use anyhow::{Context, Result, bail};
use strace_ebpf_common::{
    config::Offsets,
    limits::{SURVEY_BYTES, SURVEY_COMM},
};

use super::Version;

/// A copy of a task's structure.
pub type Copy = Box<[u8; SURVEY_BYTES]>;

/// Takes the copies: what the probes offer for the survey.
pub trait Camera {
    /// The structure of the last task that made a system call or ended.
    fn copy(&self) -> Result<Copy>;
}

/// `thread_info.status` (the first member of `task_struct` is `thread_info`): behind two words
/// since Linux 5.11, behind one before.
fn status_offset(version: Version) -> u32 {
    if version >= Version(5, 11) { 16 } else { 8 }
}

/// Looks at tasks of ours.
pub fn offsets(camera: &impl Camera, version: Version) -> Result<Offsets> {
    let mut pid = Candidates::all();
    let mut comm = Candidates::all();
    let tgid = std::process::id();
    for _ in 0..3 {
        // Each in a thread of its own, so that tid and tgid differ.
        let (tid, copy) = in_thread(camera)?;
        pid.keep(&copy, &[tid.to_ne_bytes(), tgid.to_ne_bytes()].concat());
        comm.keep(&copy, SURVEY_COMM);
    }
    let mut exit_code = Candidates::all();
    for status in [0x5a, 0x33] {
        let copy = at_end(camera, status)?;
        exit_code.keep(&copy, &(status << 8).to_ne_bytes());
    }
    let pid = pid.only("task_struct.pid")?;
    Ok(Offsets {
        task_pid: pid,
        task_tgid: pid + 4,
        task_comm: comm.only("task_struct.comm")?,
        task_exit_code: exit_code.only("task_struct.exit_code")?,
        task_status: status_offset(version),
        ..Offsets::default()
    })
}

/// Offsets that are still possible.
struct Candidates(Vec<u32>);

impl Candidates {
    fn all() -> Self {
        Self((0..SURVEY_BYTES as u32).step_by(4).collect())
    }

    fn keep(&mut self, copy: &Copy, value: &[u8]) {
        self.0
            .retain(|&at| copy.get(at as usize..at as usize + value.len()) == Some(value));
    }

    fn only(self, field: &str) -> Result<u32> {
        match self.0.as_slice() {
            [at] => Ok(*at),
            [] => bail!("{field} not found"),
            several => bail!("{field} is not clear: {} places", several.len()),
        }
    }
}

/// Makes a system call in a new, named thread and gives its tid and copy.
fn in_thread(camera: &impl Camera) -> Result<(u32, Copy)> {
    let (done, wait) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let name = String::from_utf8_lossy(SURVEY_COMM).into_owned();
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        // SAFETY: no arguments. The last call before the thread sleeps on its channel, a futex.
        let tid = unsafe { libc::syscall(libc::SYS_gettid) };
        // The receiver is gone only if the survey has failed.
        let _ = tell.send(tid as u32);
        let _ = wait.recv();
    })?;
    let tid = told.recv().context("surveying a thread")?;
    // The thread's own futex call comes right after; until then the copy may be another's.
    let copy = (0..1000).find_map(|_| {
        let copy = camera.copy().ok()?;
        let pair = [tid.to_ne_bytes(), std::process::id().to_ne_bytes()].concat();
        if memchr::memmem::find(copy.as_slice(), &pair).is_some() {
            return Some(copy);
        }
        std::thread::sleep(std::time::Duration::from_micros(200));
        None
    });
    drop(done);
    // It has no result.
    let _ = thread.join();
    Ok((tid, copy.context("the probe did not see a thread of ours")?))
}

/// The copy of a named child at its end. A kernel that preempts programs may have skipped ours: then another child.
fn at_end(camera: &impl Camera, status: i32) -> Result<Copy> {
    for _ in 0..10 {
        let (pid, copy) = end_of_child(camera, status)?;
        if memchr::memmem::find(copy.as_slice(), &[pid.to_ne_bytes(); 2].concat()).is_some() {
            return Ok(copy);
        }
    }
    bail!("the probe did not see a process of ours end")
}

/// A child, and the copy after its end.
fn end_of_child(camera: &impl Camera, status: i32) -> Result<(i32, Copy)> {
    // SAFETY: the child makes async-signal-safe calls only.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(io::Error::last_os_error()).context("starting a process to survey");
    }
    if pid == 0 {
        let mut name = [0u8; 16];
        name[..8].copy_from_slice(SURVEY_COMM);
        // SAFETY: a NUL-terminated name.
        unsafe {
            libc::prctl(libc::PR_SET_NAME, name.as_ptr());
            libc::_exit(status)
        }
    }
    // SAFETY: our own child.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    Ok((pid, camera.copy()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_in_every_copy_stays() {
        let mut one: Copy = Box::new([0; SURVEY_BYTES]);
        let mut two = one.clone();
        one[100..104].copy_from_slice(&7u32.to_ne_bytes());
        one[200..204].copy_from_slice(&7u32.to_ne_bytes());
        two[100..104].copy_from_slice(&9u32.to_ne_bytes());
        let mut candidates = Candidates::all();
        candidates.keep(&one, &7u32.to_ne_bytes());
        assert_eq!(candidates.0, [100, 200]);
        candidates.keep(&two, &9u32.to_ne_bytes());
        assert_eq!(candidates.only("x").ok(), Some(100));
        assert!(Candidates(vec![]).only("x").is_err());
        assert!(Candidates(vec![1, 2]).only("x").is_err());
    }
}
