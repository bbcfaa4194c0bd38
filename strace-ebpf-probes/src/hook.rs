//! The three ways in which a system call reaches us, behind one small trait.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};

use crate::{
    arch::{ARGS_COMPAT, ARGS_NATIVE, FIRST_WORD, IP, ORIG_AX, SP, WORDS},
    kernel,
    read::bpf_probe_read_kernel,
};

/// What the bodies need to know about the system call at hand.
pub trait Hook: Copy {
    /// The registers, in whatever form is cheap to read from.
    type Regs: Regs;
    /// The program's context, for the perf transport.
    fn ctx(self) -> *mut c_void;
    /// At enter: the number.
    fn nr(self) -> u64;
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

#[inline(always)]
fn word_at(ctx: *mut c_void, index: usize) -> u64 {
    // SAFETY: every index used below is within the context of its program type.
    unsafe { ctx.cast::<u64>().add(index).read_volatile() }
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
    fn nr(self) -> u64 {
        word_at(self.0, 1)
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

/// Raw tracepoint: the same arguments as plain numbers.
#[derive(Clone, Copy)]
pub struct Raw(pub *mut c_void);

impl Hook for Raw {
    type Regs = CopiedRegs;
    #[inline(always)]
    fn ctx(self) -> *mut c_void {
        self.0
    }
    #[inline(always)]
    fn nr(self) -> u64 {
        word_at(self.0, 1)
    }
    #[inline(always)]
    fn ret(self) -> i64 {
        word_at(self.0, 1) as i64
    }
    #[inline(always)]
    fn regs(self) -> CopiedRegs {
        let mut words = [0u64; WORDS];
        // One copy of what is needed: cheaper than a helper call per register.
        // SAFETY: the helper checks the source; the destination is ours.
        unsafe {
            bpf_probe_read_kernel(
                words.as_mut_ptr().cast(),
                (WORDS * 8) as u32,
                (word_at(self.0, 0) + (FIRST_WORD * 8) as u64) as *const c_void,
            );
        }
        CopiedRegs(words)
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
    fn nr(self) -> u64 {
        word_at(self.0, 1)
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

/// Did the current call come in by a 32-bit entry?
#[inline(always)]
pub fn is_compat() -> bool {
    let offset = crate::maps::setting!(offsets.task_status);
    kernel::current_u32(offset) & crate::arch::TS_COMPAT != 0
}
