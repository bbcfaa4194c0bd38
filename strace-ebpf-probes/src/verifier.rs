//! Keeps the verifier's work small: it walks what follows once for each combination of what it knows.

use core::arch::asm;

/// Values that the verifier cannot know, from a word of memory that is zero.
#[derive(Clone, Copy)]
pub struct Unknown(u64);

impl Unknown {
    /// # Safety
    /// `zero` is a map's memory and holds zero.
    #[inline(always)]
    pub unsafe fn new(zero: *const u64) -> Self {
        // SAFETY: by contract.
        Self(unsafe { zero.read_volatile() })
    }

    /// The same value, of which the verifier knows nothing any more.
    #[inline(always)]
    pub fn make(self, mut value: u64) -> u64 {
        // SAFETY: an exclusive or with zero.
        unsafe { asm!("{0} ^= {1}", inout(reg) value, in(reg) self.0, options(nomem, nostack)) };
        value
    }
}

/// The smaller of two numbers, without a branch.
#[inline(always)]
pub fn min(a: u32, b: u32) -> u32 {
    let mut less = u64::from(a).wrapping_sub(u64::from(b));
    // SAFETY: a shift. In a form that the compiler does not turn into a branch: all ones if `a` is less.
    unsafe { asm!("{0} s>>= 63", inout(reg) less, options(pure, nomem, nostack)) };
    (a & less as u32) | (b & !less as u32)
}
