//! Arguments in memory which is not there yet: a BPF program cannot fault a page in, the kernel can.
//!
//! Usage: `fault [--dir DIR]` (default: the system's directory for temporary files; the file is unlinked).
//! A fresh file is synced, dropped from the page cache and mapped privately; every string stands alone in
//! 64 KiB (what the kernel maps around a fault) and is only touched by the call which gets it. Output, in
//! this order: `present N` (pages of ours in the page table before the calls, by pagemap: 0); 16 times
//! `open PATH RET`; 4 times `write null START RET` (one page to /dev/null, which does not touch it) and 4 times
//! `write pipe START RET`, START being the first 16 bytes; twice `exec PATH ARG... STATUS` of a child: first
//! with the argv strings there, then with path and argv array there too; `present N` after (20: 16
//! paths and what went into the pipe; more when a tracer faulted pages in). The opens fail
//! with ENOENT. Dies by SIGALRM after 60 s.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const STRIDE: usize = 64 * 1024;
/// Bytes in one write.
const PAGE: usize = 4096;
/// Slots by use: 16 paths, 8 buffers, then per execve three argv strings, a path and an argv array.
const BUFFERS: usize = 16;
const EXECS: [usize; 2] = [24, 29];
const SLOTS: usize = 34;

struct Slots {
    file: File,
    start: usize,
}

impl Slots {
    fn new(dir: &Path) -> Result<Self, std::io::Error> {
        let path = dir.join(format!("strace-ebpf-fault-{}", std::process::id()));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        std::fs::remove_file(path)?;
        file.set_len((SLOTS * STRIDE) as u64)?;
        let (length, fd) = (SLOTS * STRIDE, file.as_raw_fd());
        // SAFETY: a fresh mapping of a file which stays open; only the kernel reads it.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_PRIVATE,
                fd,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: the range was mapped just now. No reading ahead.
        unsafe { libc::madvise(start, length, libc::MADV_RANDOM) };
        Ok(Self {
            file,
            start: start as usize,
        })
    }

    fn address(&self, slot: usize) -> usize {
        self.start + slot * STRIDE
    }

    /// Through the file, so that the mapping is not touched.
    fn put(&self, slot: usize, bytes: &[u8]) -> Result<(), std::io::Error> {
        self.file.write_all_at(bytes, (slot * STRIDE) as u64)
    }

    fn drop_pages(&self) -> Result<(), std::io::Error> {
        self.file.sync_all()?;
        // SAFETY: no pointers.
        unsafe { libc::posix_fadvise(self.file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
        Ok(())
    }

    /// How many slots have their page in the page table: bit 63 of proc_pid_pagemap(5).
    fn present(&self) -> Result<usize, std::io::Error> {
        // SAFETY: no pointers.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let (pagemap, mut count) = (File::open("/proc/self/pagemap")?, 0);
        for slot in 0..SLOTS {
            let mut entry = [0; 8];
            pagemap.read_exact_at(&mut entry, (self.address(slot) / page * 8) as u64)?;
            count += (u64::from_le_bytes(entry) >> 63) as usize;
        }
        Ok(count)
    }
}

fn path(slot: usize) -> String {
    format!("/tmp/strace-ebpf-not-resident/path-number-{slot:02}")
}

fn args(slot: usize) -> [String; 3] {
    ["zero", "one", "two"].map(|arg| format!("not-resident-arg-{arg}-of-slot-{slot}"))
}

fn buffer(slot: usize) -> Vec<u8> {
    format!("data-of-slot-{slot:02}.")
        .bytes()
        .cycle()
        .take(PAGE)
        .collect()
}

fn fill(slots: &Slots) -> Result<(), std::io::Error> {
    for slot in 0..BUFFERS {
        slots.put(slot, path(slot).as_bytes())?;
    }
    for slot in BUFFERS..EXECS[0] {
        slots.put(slot, &buffer(slot))?;
    }
    for first in EXECS {
        for (i, arg) in args(first).iter().enumerate() {
            slots.put(first + i, arg.as_bytes())?;
        }
        slots.put(first + 3, b"/bin/true")?;
        let argv: Vec<u8> = argv(slots, first)
            .iter()
            .flat_map(|pointer| pointer.to_ne_bytes())
            .collect();
        slots.put(first + 4, &argv)?;
    }
    slots.drop_pages()
}

fn argv(slots: &Slots, first: usize) -> [usize; 4] {
    [
        slots.address(first),
        slots.address(first + 1),
        slots.address(first + 2),
        0,
    ]
}

/// Runs execve in a child and returns its exit status, or 200 + errno.
fn exec(path: usize, argv: usize) -> i32 {
    // SAFETY: one thread; the child only calls execve and _exit, and the addresses stay mapped.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::syscall(libc::SYS_execve, path, argv, 0usize);
            libc::_exit(200 + *libc::__errno_location());
        }
        let mut status = 0;
        libc::waitpid(pid, &mut status, 0);
        libc::WEXITSTATUS(status)
    }
}

fn run(slots: &Slots) -> String {
    let (mut out, mut pipe) = (String::new(), [0; 2]);
    // SAFETY: `pipe` has room for two; the path is NUL-terminated.
    let null = unsafe {
        libc::pipe(pipe.as_mut_ptr());
        libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC)
    };
    for slot in 0..BUFFERS {
        // SAFETY: the slot holds a string; the rest of its page is zero.
        let ret = unsafe {
            libc::syscall(
                libc::SYS_openat,
                libc::AT_FDCWD,
                slots.address(slot),
                libc::O_RDONLY,
                0,
            )
        };
        out += &format!("open {} {ret}\n", path(slot));
    }
    for slot in BUFFERS..EXECS[0] {
        let (name, fd) = if slot < BUFFERS + 4 {
            ("null", null)
        } else {
            ("pipe", pipe[1])
        };
        // SAFETY: the slot's page is mapped; four pages fit into a pipe.
        let ret = unsafe { libc::syscall(libc::SYS_write, fd, slots.address(slot), PAGE) };
        out += &format!(
            "write {name} {} {ret}\n",
            String::from_utf8_lossy(&buffer(slot)[..16])
        );
    }
    let [first, second] = EXECS;
    let array = argv(slots, first);
    let status = exec(c"/bin/true".as_ptr() as usize, array.as_ptr() as usize);
    out += &format!("exec /bin/true {} {status}\n", args(first).join(" "));
    let status = exec(slots.address(second + 3), slots.address(second + 4));
    out + &format!("exec /bin/true {} {status}\n", args(second).join(" "))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = match &std::env::args().skip(1).collect::<Vec<_>>()[..] {
        [] => std::env::temp_dir(),
        [option, dir] if option == "--dir" => PathBuf::from(dir),
        _ => return Err("usage: fault [--dir DIR]".into()),
    };
    // SAFETY: no memory is involved.
    unsafe { libc::alarm(60) };
    let slots = Slots::new(&dir)?;
    fill(&slots)?;
    let before = slots.present()?;
    let calls = run(&slots);
    let text = format!("present {before}\n{calls}present {}\n", slots.present()?);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
