//! Where x86-64 keeps a system call's number, arguments and stack pointer.
//!
//! Indexes count 64-bit words of `struct pt_regs`, `arch/x86/include/asm/ptrace.h`.

/// First word that [`crate::hook::CopiedRegs`] has; the words below it are not needed.
pub const FIRST_WORD: usize = 4;
/// Words copied: up to the stack pointer.
pub const WORDS: usize = 16;

pub const BP: usize = 4;
pub const ORIG_AX: usize = 15;
pub const IP: usize = 16;
pub const SP: usize = 19;

/// In the kernel's own registers: rdi holds a function's first argument, rax its result.
pub const FIRST_ARG: usize = 14;
pub const RESULT: usize = 10;

/// `sizeof(struct pt_regs)`, and `THREAD_SIZE` of kernels before 5.15 without KASAN: the user's registers end
/// where the kernel stack does (`task_pt_regs` in `arch/x86/include/asm/processor.h`).
pub const PT_REGS_BYTES: u64 = 21 * 8;
pub const STACK_BYTES: u64 = 16 * 1024;

/// rdi, rsi, rdx, r10, r8, r9: syscall(2), "Architecture calling conventions".
pub const ARGS_NATIVE: [usize; 6] = [14, 13, 12, 7, 9, 8];
/// ebx, ecx, edx, esi, edi, ebp.
pub const ARGS_COMPAT: [usize; 6] = [5, 11, 12, 13, 14, 4];

/// `TS_COMPAT` of `thread_info.status`, `arch/x86/include/asm/thread_info.h`: the call came in by
/// a 32-bit entry. The code segment does not tell: `int 0x80` works from 64-bit code too.
pub const TS_COMPAT: u32 = 2;
