//! The helpers that read memory, under their own names, whatever the kernel's age.
//!
//! The ordinary object has Linux 5.5's own, which know user memory from the kernel's. The object for perf buffers
//! alone, the only one that kernels before 5.8 take, does with what there was before: one helper for both, which a
//! hostile tracee could make read the kernel's memory. So an address that is not the user's is refused here.

#[cfg(not(feature = "perf-only"))]
pub use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};

#[cfg(feature = "perf-only")]
pub use old::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};

#[cfg(feature = "perf-only")]
mod old {
    use core::ffi::{c_long, c_void};

    use aya_ebpf::helpers::generated::{bpf_probe_read, bpf_probe_read_str};

    const EFAULT: c_long = 14;

    /// The upper half of the address space is the kernel's, on every 64-bit machine.
    #[inline(always)]
    fn is_user(from: *const c_void) -> bool {
        (from as i64) >= 0
    }

    /// # Safety
    /// As the helper of that name.
    #[inline(always)]
    pub unsafe fn bpf_probe_read_user(to: *mut c_void, len: u32, from: *const c_void) -> c_long {
        if !is_user(from) {
            return -EFAULT;
        }
        // SAFETY: by contract.
        unsafe { bpf_probe_read(to, len, from) }
    }

    /// # Safety
    /// As the helper of that name.
    #[inline(always)]
    pub unsafe fn bpf_probe_read_user_str(
        to: *mut c_void,
        len: u32,
        from: *const c_void,
    ) -> c_long {
        if !is_user(from) {
            return -EFAULT;
        }
        // SAFETY: by contract.
        unsafe { bpf_probe_read_str(to, len, from) }
    }

    /// # Safety
    /// As the helper of that name.
    #[inline(always)]
    pub unsafe fn bpf_probe_read_kernel(to: *mut c_void, len: u32, from: *const c_void) -> c_long {
        // SAFETY: by contract.
        unsafe { bpf_probe_read(to, len, from) }
    }

    /// # Safety
    /// As the helper of that name.
    #[inline(always)]
    pub unsafe fn bpf_probe_read_kernel_str(
        to: *mut c_void,
        len: u32,
        from: *const c_void,
    ) -> c_long {
        // SAFETY: by contract.
        unsafe { bpf_probe_read_str(to, len, from) }
    }
}
