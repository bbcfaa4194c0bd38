//! Calls that are answered instead of made: with a mark in the sixth register, where the call has no argument, they return 0
//! and nothing is done. So the lines of a success can be stated where none is to be had, or where it would do harm.

use crate::lines::Lines;

/// The mark.
const ANSWERED: usize = 0x600d_ca11;

const NUMBER: u32 = 0;
const SIXTH_ARGUMENT: u32 = 16 + 8 * 5;

/// From now on calls with the mark succeed; a family that uses it begins with this.
pub fn begin() {
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
        // A mapping's offset may be anything.
        statement(load, 0, 0, NUMBER),
        statement(equal, 3, 0, libc::SYS_mmap as u32),
        statement(load, 0, 0, SIXTH_ARGUMENT),
        statement(equal, 0, 1, ANSWERED as u32),
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

/// Such a call.
pub fn answered(l: &mut Lines, nr: std::ffi::c_long, args: &[usize]) -> i64 {
    let mut all = [0, 0, 0, 0, 0, ANSWERED];
    all[..args.len()].copy_from_slice(args);
    let ret = l.run(nr, &all);
    // What the C library calls next may leave the register as it is.
    // SAFETY: a register that functions may change.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("xor r9d, r9d", out("r9") _);
    }
    assert_eq!(ret, 0, "an answer");
    ret
}
