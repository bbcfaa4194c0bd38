//! Calls with the worst arguments: names with control bytes, paths at every limit, pointers to nowhere.
//!
//! Usage: `hostile`. Takes the comm `t\tn\n\e[31m\xff"\\` and makes each call below once, in order. Output, in one
//! write(2) at the end: a line `NAME LABEL RET ERRNO` per call; ERRNO is a name, `-` when the call succeeded,
//! or a number. LABEL says what was passed and holds no space. An execve which succeeds is made in a child,
//! its label has `child:` in front and RET is the child's exit status. Dies by SIGALRM after 30 s.

use std::ffi::{CString, c_char};
use std::ptr::null;

/// Addresses which no process has: low, hole, past user space (4 levels), non-canonical, kernel.
const BAD: [(&str, usize); 6] = [
    ("0", 0),
    ("0x1000", 0x1000),
    ("0xdeadbeef000", 0x0dea_dbee_f000),
    ("0x800000000000", 0x8000_0000_0000),
    ("0x4000000000000000", 0x4000_0000_0000_0000),
    ("0xffffffff81000000", 0xffff_ffff_8100_0000),
];

fn errno_name(ret: i64) -> String {
    let names = [
        (libc::ENOENT, "ENOENT"),
        (libc::E2BIG, "E2BIG"),
        (libc::EBADF, "EBADF"),
        (libc::EFAULT, "EFAULT"),
        (libc::EINVAL, "EINVAL"),
        (libc::ENAMETOOLONG, "ENAMETOOLONG"),
        (libc::ENOSYS, "ENOSYS"),
    ];
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    match names.iter().find(|(number, _)| *number == errno) {
        _ if ret != -1 => "-".into(),
        Some((_, name)) => (*name).into(),
        None => errno.to_string(),
    }
}

/// Makes call `nr` and adds its line to `out`; every argument is a plain number.
fn call(out: &mut String, name: &str, label: &str, nr: i64, args: [usize; 5]) -> i64 {
    // SAFETY: none of the calls made here gives the kernel memory to write to or changes what Rust relies on.
    let ret = unsafe { libc::syscall(nr, args[0], args[1], args[2], args[3], args[4]) };
    *out += &format!("{name} {label} {ret} {}\n", errno_name(ret));
    ret
}

fn open(out: &mut String, label: &str, path: usize) {
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    call(
        out,
        "openat",
        label,
        libc::SYS_openat,
        [libc::AT_FDCWD as usize, path, flags, 0, 0],
    );
}

fn paths(out: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let odd: [(&str, &[u8]); 8] = [
        ("tab", b"/no/tab\there"),
        ("newline", b"/no/new\nline"),
        ("escape", b"/no/\x1b[31mred\x1b[0m"),
        ("utf8-invalid", b"/no/\xff\xfe\xc3\x28"),
        ("utf8", "/no/\u{e4}\u{20ac}".as_bytes()),
        ("quotes", b"/no/\"double\"'single'"),
        ("backslashes", b"/no/\\n\\\\\\x41"),
        ("controls", b"/no/\x01\x7f\x80\x011\r\x0b\x0c"),
    ];
    for (label, path) in odd {
        open(out, label, CString::new(path)?.as_ptr() as usize);
    }
    for length in [255usize, 256, 4094, 4095, 4096, 5000] {
        let path: Vec<u8> = b"/a".iter().copied().cycle().take(length).collect();
        open(
            out,
            &format!("length-{length}"),
            CString::new(path)?.as_ptr() as usize,
        );
    }
    open(out, "empty", c"".as_ptr() as usize);
    BAD.iter()
        .for_each(|(label, address)| open(out, label, *address));
    let end = page_end()?;
    for (label, text) in [
        ("no-nul-before-unmapped", b"/no/nul!"),
        ("nul-is-last-byte", b"/no/nul\0"),
    ] {
        // SAFETY: the eight bytes before `end` are mapped and writable.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), (end - 8) as *mut u8, 8) };
        open(out, label, end - 8);
    }
    Ok(())
}

/// The end of a mapped page which is followed by one that cannot be read.
fn page_end() -> Result<usize, std::io::Error> {
    let (rw, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a fresh mapping, whose second page nobody uses.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let start = libc::mmap(std::ptr::null_mut(), 2 * page, rw, flags, -1, 0);
        if start == libc::MAP_FAILED || libc::mprotect(start.add(page), page, libc::PROT_NONE) != 0
        {
            return Err(std::io::Error::last_os_error());
        }
        Ok(start as usize + page)
    }
}

fn writes(out: &mut String, null_fd: usize, pipe: usize) {
    // Twelve odd bytes, then filler for traces which show more than was asked for.
    let text = b"hostile\t\n\x1b\xff\0zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
    let good = text.as_ptr() as usize;
    for (to, fd) in [("null", null_fd), ("pipe", pipe)] {
        for (label, address) in BAD {
            call(
                out,
                "write",
                &format!("{to}:{label}"),
                libc::SYS_write,
                [fd, address, 64, 0, 0],
            );
        }
        call(
            out,
            "write",
            &format!("{to}:usize-max"),
            libc::SYS_write,
            [fd, good, usize::MAX, 0, 0],
        );
    }
    call(
        out,
        "write",
        "null:0x7fffffff",
        libc::SYS_write,
        [null_fd, good, 0x7fff_ffff, 0, 0],
    );
    call(
        out,
        "write",
        "null:odd-bytes",
        libc::SYS_write,
        [null_fd, good, 12, 0, 0],
    );
    call(
        out,
        "write",
        "badfd:odd-bytes",
        libc::SYS_write,
        [usize::MAX, good, 12, 0, 0],
    );
    let iovecs = vec![
        libc::iovec {
            iov_base: good as *mut _,
            iov_len: 1
        };
        1025
    ];
    let bad = [
        iovecs[0],
        libc::iovec {
            iov_base: 0x1000 as *mut _,
            iov_len: 64,
        },
    ];
    let (list, bad) = (iovecs.as_ptr() as usize, bad.as_ptr() as usize);
    for (label, args) in [
        ("null:1024", [null_fd, list, 1024]),
        ("null:1025", [null_fd, list, 1025]),
        ("null:array-0x1000", [null_fd, 0x1000, 2]),
        ("pipe:first-bad", [pipe, bad + size_of::<libc::iovec>(), 1]),
        ("pipe:second-bad", [pipe, bad, 2]),
    ] {
        call(
            out,
            "writev",
            label,
            libc::SYS_writev,
            [args[0], args[1], args[2], 0, 0],
        );
    }
}

/// Runs execve in a child and adds its exit status, or 200 + errno.
fn exec_child(out: &mut String, label: &str, argv: *const *const c_char) {
    // SAFETY: one thread; the child only calls execve and _exit.
    let status = unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::syscall(
                libc::SYS_execve,
                c"/bin/true".as_ptr(),
                argv,
                null::<*const c_char>(),
            );
            libc::_exit(200 + *libc::__errno_location());
        }
        let mut status = 0;
        libc::waitpid(pid, &mut status, 0);
        libc::WEXITSTATUS(status)
    };
    *out += &format!("execve child:{label} {status} -\n");
}

fn execs(out: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let (missing, truth, word) = (
        c"/no/such/program".as_ptr(),
        c"/bin/true".as_ptr() as usize,
        c"word".as_ptr(),
    );
    let plain = [word, null()];
    let mut many = vec![word; 2000];
    many.push(null());
    let long = CString::new(vec![b'L'; 100 * 1024])?;
    let too_long = CString::new(vec![b'M'; 128 * 1024])?;
    let (one_long, one_too_long) = (
        [word, long.as_ptr(), null()],
        [word, too_long.as_ptr(), null()],
    );
    let bad_second = [word, 0x1000 as *const c_char, null()];
    for (label, path, argv) in [
        ("missing:plain", missing as usize, plain.as_ptr() as usize),
        ("missing:null-argv", missing as usize, 0),
        ("missing:2000", missing as usize, many.as_ptr() as usize),
        (
            "missing:100KiB",
            missing as usize,
            one_long.as_ptr() as usize,
        ),
        ("true:argv-0x1000", truth, 0x1000),
        ("true:second-0x1000", truth, bad_second.as_ptr() as usize),
        ("true:128KiB", truth, one_too_long.as_ptr() as usize),
        ("0x1000:plain", 0x1000, plain.as_ptr() as usize),
    ] {
        call(
            out,
            "execve",
            label,
            libc::SYS_execve,
            [path, argv, 0, 0, 0],
        );
    }
    exec_child(out, "null-argv", null());
    exec_child(out, "2000", many.as_ptr());
    exec_child(out, "100KiB", one_long.as_ptr());
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut text, mut pipe) = (String::new(), [0; 2]);
    let out = &mut text;
    // SAFETY: `pipe` has room for two; the path is NUL-terminated.
    let null_fd = unsafe {
        libc::alarm(30);
        libc::pipe2(pipe.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC);
        libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) as usize
    };
    let comm = c"t\tn\n\x1b[31m\xff\"\\".as_ptr() as usize;
    call(
        out,
        "prctl",
        "PR_SET_NAME",
        libc::SYS_prctl,
        [libc::PR_SET_NAME as usize, comm, 0, 0, 0],
    );
    paths(out)?;
    writes(out, null_fd, pipe[1] as usize);
    execs(out)?;
    call(out, "syscall_0x270f", "9999", 9999, [1, 2, 3, 4, 5]);
    call(out, "syscall_0xffffffffffffffff", "-1", -1, [1, 2, 3, 4, 5]);
    call(
        out,
        "syscall_0x40000027",
        "x32-getpid",
        0x4000_0000 | 39,
        [1, 2, 3, 4, 5],
    );
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}
