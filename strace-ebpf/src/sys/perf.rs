//! Perf events and their buffers, `perf_event_open(2)`, `include/uapi/linux/perf_event.h`.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Mapping, ioctl, owned};

/// `PERF_ATTR_SIZE_VER5`
const ATTR_BYTES: u64 = 112;
/// `struct perf_event_attr`, by words.
pub type Attr = [u64; ATTR_BYTES as usize / 8];

/// Type of the kernel's own events.
pub const PERF_TYPE_SOFTWARE: u64 = 1;
/// Record: so many others are missing.
pub const PERF_RECORD_LOST: u32 = 2;

const PERF_TYPE_TRACEPOINT: u64 = 2;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
/// `data_head` and `data_tail` in `struct perf_event_mmap_page`.
const HEAD_AT: usize = 1024;
const TAIL_AT: usize = 1032;

/// `watermark`, bit 14 of the flags word.
const FLAG_WATERMARK: u64 = 1 << 14;

/// Attributes with a type, their own size, and what is counted.
#[must_use]
pub fn attributes(kind: u64, config: u64) -> Attr {
    let mut attr = Attr::default();
    attr[0] = kind | ATTR_BYTES << 32;
    attr[1] = config;
    attr
}

/// Attributes of a classic tracepoint, by its number.
#[must_use]
pub fn tracepoint(id: u64) -> Attr {
    let mut attr = attributes(PERF_TYPE_TRACEPOINT, id);
    attr[2] = 1; // sample_period
    attr
}

/// `PERF_FLAG_FD_CLOEXEC`, `include/uapi/linux/perf_event.h`.
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;

/// An event for all processes on `cpu`, not enabled yet.
pub fn open(attr: &Attr, cpu: i32) -> io::Result<OwnedFd> {
    // SAFETY: the attribute's size field tells the kernel how much it may read.
    owned(unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attr.as_ptr(),
            -1,
            cpu,
            -1,
            PERF_FLAG_FD_CLOEXEC,
        )
    })
}

/// Lets an event count.
pub fn enable(event: BorrowedFd<'_>) -> io::Result<()> {
    ioctl(event, PERF_EVENT_IOC_ENABLE, 0)
}

/// The buffer of an event: a control page, and the data behind it.
#[derive(Debug)]
pub struct Buffer {
    event: OwnedFd,
    mapping: Mapping,
    page: usize,
    mask: u64,
}

impl Buffer {
    /// Opens an event on `cpu` with `bytes` of data, a power of two of pages, and enables it. The kernel wakes nobody: the
    /// watermark is never waited for. `Ok(None)` if that CPU is offline.
    pub fn open(mut attr: Attr, cpu: u32, bytes: u32) -> io::Result<Option<Self>> {
        attr[5] |= FLAG_WATERMARK;
        attr[6] = u64::from(bytes - 1); // wakeup_watermark, the low half
        let event = match open(&attr, cpu as i32) {
            Ok(event) => event,
            Err(e) if e.raw_os_error() == Some(libc::ENODEV) => return Ok(None),
            Err(e) => return Err(e),
        };
        // SAFETY: a plain query.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize };
        let mapping = Mapping::new(event.as_fd(), page + bytes as usize, 0, true)?;
        enable(event.as_fd())?;
        Ok(Some(Self {
            event,
            mapping,
            page,
            mask: u64::from(bytes) - 1,
        }))
    }

    fn control(&self, at: usize) -> &AtomicU64 {
        // SAFETY: a word of the control page.
        unsafe { &*self.mapping.as_ptr().add(at).cast::<AtomicU64>() }
    }

    /// Position behind the last record.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.control(HEAD_AT).load(Ordering::Acquire)
    }

    /// Gives the space before `pos` back to the kernel.
    pub fn release(&self, pos: u64) {
        self.control(TAIL_AT).store(pos, Ordering::Release);
    }

    /// Copies `out.len()` bytes from position `pos`, around the end if need be.
    pub fn copy(&self, pos: u64, out: &mut [u8]) {
        let start = (pos & self.mask) as usize;
        let first = out.len().min(self.mask as usize + 1 - start);
        // SAFETY: both parts lie within the data mapping; the kernel does not write before the tail.
        unsafe {
            let data = self.mapping.as_ptr().add(self.page);
            std::ptr::copy_nonoverlapping(data.add(start), out.as_mut_ptr(), first);
            std::ptr::copy_nonoverlapping(data, out.as_mut_ptr().add(first), out.len() - first);
        }
    }
}

impl AsFd for Buffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
