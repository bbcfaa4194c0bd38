//! The ways in which a system call reaches us, behind one small trait.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use strace_ebpf_common::config::{KPROBE_ENTER, KPROBE_EXIT};

use crate::{
    arch::{
        ARGS_COMPAT, ARGS_NATIVE, BP, FIRST_ARG, FIRST_WORD, IP, ORIG_AX, PT_REGS_BYTES, RESULT,
        SP, STACK_BYTES, WORDS,
    },
    kernel,
    maps::setting,
    read::bpf_probe_read_kernel,
};

/// What the bodies need to know about the system call at hand.
pub trait Hook: Copy {
    /// The registers, in whatever form is cheap to read from.
    type Regs: Regs;
    /// The program's context, for the perf transport.
    fn ctx(self) -> *mut c_void;
    /// At enter: the number. All contexts have it in the second word, but for those of kprobes.
    #[inline(always)]
    fn nr(self) -> u64 {
        word_at(self.ctx(), 1)
    }
    /// At exit: the result.
    fn ret(self) -> i64;
    /// The tracee's user-space registers.
    fn regs(self) -> Self::Regs;
}

/// The tracee's registers at the system call.
pub trait Regs: Copy {
    /// Word `index` of `struct pt_regs`.
    fn word(&self, index: usize) -> u64;

    /// The six arguments.
    #[inline(always)]
    fn args(&self, compat: bool) -> [u64; 6] {
        let mut args = [0; 6];
        let mut i = 0;
        while i < 6 {
            args[i] = if compat {
                u64::from(self.word(ARGS_COMPAT[i]) as u32)
            } else {
                self.word(ARGS_NATIVE[i])
            };
            i += 1;
        }
        args
    }

    /// Number of the call as the kernel saved it at enter.
    #[inline(always)]
    fn orig_nr(&self) -> u64 {
        self.word(ORIG_AX)
    }

    /// Instruction pointer.
    #[inline(always)]
    fn ip(&self) -> u64 {
        self.word(IP)
    }

    /// Frame pointer, or whatever the program keeps there.
    #[inline(always)]
    fn bp(&self) -> u64 {
        self.word(BP)
    }

    /// Stack pointer.
    #[inline(always)]
    fn sp(&self) -> u64 {
        self.word(SP)
    }
}

/// Registers behind a pointer whose type the verifier knows: plain loads.
#[derive(Clone, Copy)]
pub struct TypedRegs(*const u64);

impl Regs for TypedRegs {
    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        // SAFETY: `index` is within `struct pt_regs`; the verifier checks it again.
        unsafe { self.0.add(index).read_volatile() }
    }
}

/// Registers copied to the stack.
#[derive(Clone, Copy)]
pub struct CopiedRegs([u64; WORDS]);

impl Regs for CopiedRegs {
    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        self.0[index - FIRST_WORD]
    }
}

impl CopiedRegs {
    /// One copy of what is needed: cheaper than a helper call per register.
    #[inline(always)]
    fn at(address: u64) -> Self {
        let mut words = [0u64; WORDS];
        // SAFETY: the helper checks the source; the destination is ours.
        unsafe {
            bpf_probe_read_kernel(
                words.as_mut_ptr().cast(),
                (WORDS * 8) as u32,
                (address + (FIRST_WORD * 8) as u64) as *const c_void,
            );
        }
        Self(words)
    }
}

/// A function of its own, so that the buffer is not on its callers' stacks.
#[inline(never)]
fn word_behind(address: u64) -> u64 {
    kernel::read(address, 0)
}

/// Where the current task's user-space registers are: at the top of its kernel stack.
#[inline(never)]
pub fn registers_of_task() -> u64 {
    if setting!(has_task_regs) != 0 {
        // SAFETY: helpers 158 and 175, which the setting says are there.
        return (unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) }) as u64;
    }
    let stack: u64 = kernel::read(kernel::current(), setting!(offsets.task_stack));
    stack + STACK_BYTES - PT_REGS_BYTES
}

#[inline(always)]
fn word_at(ctx: *mut c_void, index: usize) -> u64 {
    // SAFETY: every index used below is within the context of its program type.
    unsafe { ctx.cast::<u64>().add(index).read_volatile() }
}

/// The same where the setting decides between two indexes: the two loads must not be merged into one at a
/// computed place, which the verifier refuses.
#[inline(always)]
fn word_apart(ctx: *mut c_void, index: usize) -> u64 {
    let mut apart = word_at(ctx, index);
    // SAFETY: moves a register to itself; it only keeps this branch apart.
    unsafe { core::arch::asm!("{0} = {0}", inout(reg) apart) };
    apart
}

/// tp_btf: arguments with types.
#[derive(Clone, Copy)]
pub struct Typed(pub *mut c_void);

impl Hook for Typed {
    type Regs = TypedRegs;
    #[inline(always)]
    fn ctx(self) -> *mut c_void {
        self.0
    }
    #[inline(always)]
    fn ret(self) -> i64 {
        word_at(self.0, 1) as i64
    }
    #[inline(always)]
    fn regs(self) -> TypedRegs {
        TypedRegs(word_at(self.0, 0) as *const u64)
    }
}

/// Raw tracepoint: the same arguments as plain numbers. Or, by the settings, a kprobe or kretprobe on functions
/// that take the user's registers (`__x64_sys_*` and their kin, `x64_sys_call`): the same code serves both, the
/// verifier sees only what the settings leave. Then the context holds the kernel's registers.
#[derive(Clone, Copy)]
pub struct Raw<const EXIT: bool>(pub *mut c_void);

impl<const EXIT: bool> Raw<EXIT> {
    /// The address of the user's registers: an argument, or, when a function has returned and its argument is
    /// gone, the top of the task's kernel stack.
    #[inline(always)]
    fn address(self) -> u64 {
        if EXIT && setting!(kprobes) & KPROBE_EXIT != 0 {
            registers_of_task()
        } else if !EXIT && setting!(kprobes) & KPROBE_ENTER != 0 {
            word_apart(self.0, FIRST_ARG)
        } else {
            word_at(self.0, 0)
        }
    }
}

impl<const EXIT: bool> Hook for Raw<EXIT> {
    type Regs = CopiedRegs;
    #[inline(always)]
    fn ctx(self) -> *mut c_void {
        self.0
    }
    #[inline(always)]
    fn nr(self) -> u64 {
        if setting!(kprobes) & KPROBE_ENTER != 0 {
            word_behind(word_apart(self.0, FIRST_ARG) + (ORIG_AX * 8) as u64)
        } else {
            word_at(self.0, 1)
        }
    }
    #[inline(always)]
    fn ret(self) -> i64 {
        if setting!(kprobes) & KPROBE_EXIT != 0 {
            word_apart(self.0, RESULT) as i64
        } else {
            word_at(self.0, 1) as i64
        }
    }
    #[inline(always)]
    fn regs(self) -> CopiedRegs {
        CopiedRegs::at(self.address())
    }
}

/// Classic tracepoint: a record, not the kernel's arguments.
#[derive(Clone, Copy)]
pub struct Classic(pub *mut c_void);

impl Hook for Classic {
    type Regs = TypedRegs;
    #[inline(always)]
    fn ctx(self) -> *mut c_void {
        self.0
    }
    #[inline(always)]
    fn ret(self) -> i64 {
        word_at(self.0, 2) as i64
    }
    #[inline(always)]
    fn regs(self) -> TypedRegs {
        // SAFETY: helpers 158 and 175, Linux 5.15; user space checks before it loads these.
        TypedRegs(unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) as *const u64 })
    }
}

/// fexit of `x64_sys_call(const struct pt_regs *regs, unsigned int nr)` and `ia32_sys_call`: typed arguments,
/// followed by the result. Their fentry has the arguments of the tracepoint and is served by [`Typed`].
#[derive(Clone, Copy)]
pub struct Fexit(pub *mut c_void);

impl Hook for Fexit {
    type Regs = TypedRegs;
    #[inline(always)]
    fn ctx(self) -> *mut c_void {
        self.0
    }
    #[inline(always)]
    fn ret(self) -> i64 {
        word_at(self.0, 2) as i64
    }
    #[inline(always)]
    fn regs(self) -> TypedRegs {
        TypedRegs(word_at(self.0, 0) as *const u64)
    }
}

/// Did the current call come in by a 32-bit entry?
#[inline(always)]
pub fn is_compat() -> bool {
    let offset = setting!(offsets.task_status);
    kernel::current_u32(offset) & crate::arch::TS_COMPAT != 0
}
