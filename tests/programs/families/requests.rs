//! ioctl requests, one after the other: with memory of numbers that count up, without memory, and with some that is not there.
//! Descriptor -2 stands for devices that do as they are told: a seccomp filter answers with 0.

use crate::lines::{Edge, Lines};

const FAILS: i32 = -1;
const SUCCEEDS: i32 = -2;
/// Where the numbers are, as the list has it.
const MEMORY: usize = 0x1000_0000;
const BYTES: usize = 65536;
/// Bytes that count; the rest is zero.
const COUNTED: usize = 4096;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let rows: Vec<Vec<&str>> = include_str!("requests.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
        .collect();
    map();
    answer();
    l.begin();
    for row in &rows {
        let [number, failed, done @ ..] = &row[..] else {
            continue;
        };
        let number = number.trim_start_matches("0x");
        let request = usize::from_str_radix(number, 16).expect("a hexadecimal number");
        let name = failed.split(", ").next().expect("a name");
        request_line(l, FAILS, request, MEMORY, failed);
        request_line(l, SUCCEEDS, request, MEMORY, done.first().unwrap_or(failed));
        let is_pointer = |text: &str| {
            [", {", ", [", ", \""]
                .iter()
                .any(|open| text.contains(open))
        };
        if row[1..].iter().any(|text| is_pointer(text)) {
            request_line(l, FAILS, request, 0, &format!("{name}, NULL"));
            let nowhere = edge.wall() as usize;
            let text = format!("{name}, {nowhere:#x}");
            request_line(l, FAILS, request, nowhere, &text);
        }
    }
    l.end();
}

fn request_line(l: &mut Lines, fd: i32, request: usize, arg: usize, text: &str) {
    let ret = l.run(libc::SYS_ioctl, &[fd as usize, request, arg]);
    l.expect(&format!("ioctl({fd}, {text})"), &[], ret);
}

fn map() {
    // SAFETY: fresh memory at an address that nothing else has, filled before anyone else knows of it.
    unsafe {
        let at = libc::mmap(
            MEMORY as *mut _,
            BYTES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        );
        assert_eq!(at as usize, MEMORY, "the list's address is taken");
        let bytes = std::slice::from_raw_parts_mut(at.cast::<u8>(), BYTES);
        for (place, byte) in bytes.iter_mut().take(COUNTED).enumerate() {
            *byte = if place % 4 == 0 {
                (place / 4 + 1) as u8
            } else {
                0
            };
        }
    }
}

/// From now on requests of descriptor -2 succeed, and nothing is done.
fn answer() {
    const NUMBER: u32 = 0;
    const FIRST_ARGUMENT: u32 = 16;
    let statement = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let ret = libc::BPF_RET | libc::BPF_K;
    let mut filter = [
        statement(load, 0, 0, NUMBER),
        statement(equal, 0, 3, libc::SYS_ioctl as u32),
        statement(load, 0, 0, FIRST_ARGUMENT),
        statement(equal, 0, 1, SUCCEEDS as u32),
        statement(ret, 0, 0, libc::SECCOMP_RET_ERRNO),
        statement(ret, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: a filter for this process, alive during the call.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    };
    assert!(done, "{}", std::io::Error::last_os_error());
}
