//! Calls that are answered instead of made: with a mark in the sixth register, where the call has no argument, they return 0,
//! with another one EPERM, and nothing is done. So the lines of a success can be stated where none is to be had, or where it
//! would do harm; and memory of numbers that count up, for structures of which it does not matter what they say.

use std::{
    ffi::c_long,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::lines::Lines;

/// The marks.
const ANSWERED: usize = 0x600d_ca11;
const REFUSED: usize = 0x0bad_ca11;

/// Where the numbers are.
pub const MEMORY: usize = 0x1000_0000;
/// Where nothing is.
pub const NOWHERE: usize = 0x2000_0000;
const BYTES: usize = 65536;
/// Numbers of four bytes; behind them all is zero.
const NUMBERS: usize = 1024;

const NUMBER: u32 = 0;
const FIRST_ARGUMENT: u32 = 16;
const SIXTH_ARGUMENT: u32 = FIRST_ARGUMENT + 8 * 5;
const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

/// Without the filter the calls would be made.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// From now on calls with the mark succeed; a family that uses it begins with this.
pub fn begin() {
    install(&mut [
        // A mapping's offset may be anything.
        statement(LOAD, 0, 0, NUMBER),
        statement(EQUAL, 5, 0, libc::SYS_mmap as u32),
        statement(LOAD, 0, 0, SIXTH_ARGUMENT),
        statement(EQUAL, 0, 1, ANSWERED as u32),
        statement(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO),
        statement(EQUAL, 0, 1, REFUSED as u32),
        statement(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        statement(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]);
    BEGUN.store(true, Ordering::Relaxed);
}

/// From now on calls of this number with this first argument succeed, and nothing is done.
pub fn answer(nr: c_long, first: i32) {
    install(&mut [
        statement(LOAD, 0, 0, NUMBER),
        statement(EQUAL, 0, 3, nr as u32),
        statement(LOAD, 0, 0, FIRST_ARGUMENT),
        statement(EQUAL, 0, 1, first as u32),
        statement(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO),
        statement(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]);
}

fn statement(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

fn install(filter: &mut [libc::sock_filter]) {
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

/// A call of at most five arguments that succeeds.
pub fn answered(l: &mut Lines, nr: c_long, args: &[usize]) -> i64 {
    let ret = marked(l, nr, args, ANSWERED);
    assert_eq!(ret, 0, "an answer");
    ret
}

/// One that fails.
pub fn refused(l: &mut Lines, nr: c_long, args: &[usize]) -> i64 {
    let ret = marked(l, nr, args, REFUSED);
    assert_eq!(ret, -i64::from(libc::EPERM), "an answer");
    ret
}

fn marked(l: &mut Lines, nr: c_long, args: &[usize], mark: usize) -> i64 {
    assert!(BEGUN.load(Ordering::Relaxed), "call begin() first");
    let mut all = [0, 0, 0, 0, 0, mark];
    all[..args.len()].copy_from_slice(args);
    let ret = l.run(nr, &all);
    // What the C library calls next may leave the register as it is.
    // SAFETY: a register that functions may change.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("xor r9d, r9d", out("r9") _);
    }
    ret
}

/// Maps the memory.
pub fn map() {
    let numbers = fresh(MEMORY, BYTES).chunks_exact_mut(4).take(NUMBERS);
    for (place, n) in numbers.zip(1u32..) {
        place.copy_from_slice(&n.to_ne_bytes());
    }
}

/// Memory of zeros at an address that stands in a list. All of it is there: probes cannot fault pages in.
pub fn fresh(at: usize, bytes: usize) -> &'static mut [u8] {
    // SAFETY: fresh memory at an address that nothing else has; nobody else knows of it.
    unsafe {
        let got = libc::mmap(
            at as *mut _,
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        );
        assert_eq!(got as usize, at, "the list's address is taken");
        let memory = std::slice::from_raw_parts_mut(got.cast::<u8>(), bytes);
        memory.fill(0);
        memory
    }
}
