//! Two places from which calls are made for each way into the kernel, and the filter that answers them: one place succeeds.

use std::arch::global_asm;

use crate::data::Abi;

// rdi: number and six arguments. Both ways keep what C says a function keeps; int 0x80 may zero r8 to r11.
global_asm!(
    ".macro sweep_wide name",
    ".globl \\name",
    "\\name:",
    "mov rax, [rdi]",
    "mov rsi, [rdi + 16]",
    "mov rdx, [rdi + 24]",
    "mov r10, [rdi + 32]",
    "mov r8, [rdi + 40]",
    "mov r9, [rdi + 48]",
    "mov rdi, [rdi + 8]",
    "syscall",
    ".globl \\name\\()_end",
    "\\name\\()_end:",
    "ret",
    ".endm",
    ".macro sweep_narrow name",
    ".globl \\name",
    "\\name:",
    "push rbx",
    "push rbp",
    "mov rax, [rdi]",
    "mov rbx, [rdi + 8]",
    "mov rcx, [rdi + 16]",
    "mov rdx, [rdi + 24]",
    "mov rsi, [rdi + 32]",
    "mov rbp, [rdi + 48]",
    "mov rdi, [rdi + 40]",
    "int 0x80",
    ".globl \\name\\()_end",
    "\\name\\()_end:",
    "pop rbp",
    "pop rbx",
    "ret",
    ".endm",
    "sweep_wide sweep_wide_good",
    "sweep_wide sweep_wide_bad",
    "sweep_narrow sweep_narrow_good",
    "sweep_narrow sweep_narrow_bad",
);

unsafe extern "C" {
    fn sweep_wide_good(registers: *const [u64; 7]);
    fn sweep_wide_bad(registers: *const [u64; 7]);
    fn sweep_narrow_good(registers: *const [u64; 7]);
    fn sweep_narrow_bad(registers: *const [u64; 7]);
    fn sweep_wide_good_end();
    fn sweep_wide_bad_end();
    fn sweep_narrow_good_end();
    fn sweep_narrow_bad_end();
}

/// Makes the call; it comes back with 0 or with ENOSYS.
pub fn make(abi: Abi, registers: &[u64; 7], good: bool) {
    // SAFETY: the filter answers, so that the kernel looks at none of the registers.
    unsafe {
        match (abi, good) {
            (Abi::I386, true) => sweep_narrow_good(registers),
            (Abi::I386, false) => sweep_narrow_bad(registers),
            (_, true) => sweep_wide_good(registers),
            (_, false) => sweep_wide_bad(registers),
        }
    }
}

/// From now on calls from those places are answered.
pub fn answer_all() -> Result<(), std::io::Error> {
    // `seccomp_data.instruction_pointer`, its low half, include/uapi/linux/seccomp.h.
    const IP: u32 = 8;
    let statement = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let answer = |place: unsafe extern "C" fn(), errno: i32| {
        [
            statement(
                libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
                0,
                1,
                place as usize as u32,
            ),
            statement(
                libc::BPF_RET | libc::BPF_K,
                0,
                0,
                libc::SECCOMP_RET_ERRNO | errno as u32,
            ),
        ]
    };
    let mut filter = vec![statement(
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        0,
        0,
        IP,
    )];
    filter.extend(answer(sweep_wide_good_end, 0));
    filter.extend(answer(sweep_narrow_good_end, 0));
    filter.extend(answer(sweep_wide_bad_end, libc::ENOSYS));
    filter.extend(answer(sweep_narrow_bad_end, libc::ENOSYS));
    filter.push(statement(
        libc::BPF_RET | libc::BPF_K,
        0,
        0,
        libc::SECCOMP_RET_ALLOW,
    ));
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the program is there for as long as the call takes.
    let ret = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    if ret == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}
