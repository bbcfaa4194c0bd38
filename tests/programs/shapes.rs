//! Calls whose arguments strace can show in several ways: constants, structures, data, and memory that ends too early.
//!
//! Usage: `shapes many`: one writev of as many buffers as the kernel takes. `shapes` (no output; status 0, or 1 if the memory could not be had). The calls, in this order, on addresses
//! and descriptors that are the same in every run without address randomisation: flags, enums, modes, devices, signals,
//! limits, socket addresses; data through a pipe, a pair of sockets and vectors of buffers; arrays that run into a page
//! that is not mapped. Calls may fail: what counts is how they are shown.

use std::ptr::{null, null_mut};

const PAGE: usize = 4096;

fn call(nr: libc::c_long, args: &[usize]) -> libc::c_long {
    let a = |i: usize| args.get(i).copied().unwrap_or(0);
    // SAFETY: memory that is passed outlives the call, or is none on purpose.
    unsafe { libc::syscall(nr, a(0), a(1), a(2), a(3), a(4), a(5)) }
}

fn at<T>(value: &T) -> usize {
    std::ptr::from_ref(value) as usize
}

/// A 32-bit -100 in a register, as C passes it.
const AT_FDCWD: usize = libc::AT_FDCWD as u32 as usize;

fn constants() {
    let path = c"/no/such/file";
    let path = path.as_ptr() as usize;
    call(libc::SYS_openat, &[AT_FDCWD, path, 0x8000_0042, 0o644]);
    call(libc::SYS_openat, &[AT_FDCWD, path, 0x80000]);
    call(libc::SYS_mknodat, &[AT_FDCWD, path, 0o20_644, 0x103]);
    call(libc::SYS_mmap, &[0, 0, 0x1000, 0x5404_0001, 3]);
    call(libc::SYS_madvise, &[0, 0, 4]);
    call(libc::SYS_kill, &[99_999_999, 9]);
    call(libc::SYS_socket, &[2, 0x80001, 6]);
    call(libc::SYS_ioctl, &[1000, 0x5401, 0]);
    call(libc::SYS_ioctl, &[1000, 0x8004_1234, 0]);
    call(libc::SYS_fcntl, &[1000, 2, 1]);
    call(libc::SYS_prctl, &[23, 21]);
    let handler: [usize; 4] = [1, 0x1000_0000, 0, 1 << 1 | 1 << 16];
    call(libc::SYS_rt_sigaction, &[10, at(&handler), 0, 8]);
    let mut limit = [0usize; 2];
    let limit = std::ptr::from_mut(&mut limit) as usize;
    call(libc::SYS_prlimit64, &[0, 3, 0, limit]);
    let times = [[1usize, 0x3fff_ffff], [2, 3]];
    call(libc::SYS_utimensat, &[AT_FDCWD, path, at(&times), 0x100]);
    let inet = [2u8, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    call(libc::SYS_connect, &[1000, at(&inet), 16]);
    let mut inet6 = [0u8; 28];
    inet6[0] = 10;
    inet6[23] = 1;
    call(libc::SYS_bind, &[1000, at(&inet6), 28]);
    let mut stat = [0u8; 144];
    let stat = std::ptr::from_mut(&mut stat) as usize;
    call(
        libc::SYS_newfstatat,
        &[AT_FDCWD, c"/dev/null".as_ptr() as usize, stat, 0],
    );
}

/// Descriptors of a pipe and of two sockets.
struct Ends {
    pipe: [i32; 2],
    sockets: [i32; 2],
}

fn data() -> Ends {
    let (mut pipe, mut sockets) = ([0i32; 2], [0i32; 2]);
    call(
        libc::SYS_pipe2,
        &[
            std::ptr::from_mut(&mut pipe) as usize,
            libc::O_NONBLOCK as usize,
        ],
    );
    call(
        libc::SYS_socketpair,
        &[1, 2, 0, std::ptr::from_mut(&mut sockets) as usize],
    );
    let (from, to) = (pipe[0] as usize, pipe[1] as usize);
    let bytes: Vec<u8> = (0..=255).collect();
    let mut room = vec![0u8; 300];
    let (bytes, room) = (bytes.as_ptr() as usize, room.as_mut_ptr() as usize);
    call(libc::SYS_write, &[to, bytes, 0]);
    call(libc::SYS_write, &[to, bytes + 60, 41]);
    call(libc::SYS_read, &[from, room, 16]);
    call(libc::SYS_read, &[from, room, 300]);
    call(libc::SYS_read, &[from, room, 300]);
    let vector = [bytes + 65, 3, bytes + 97, 20];
    call(libc::SYS_writev, &[to, at(&vector), 2]);
    let rooms = [room, 5, room + 100, 200];
    call(libc::SYS_readv, &[from, at(&rooms), 2]);
    let header = [0, 0, at(&vector), 2, 0, 0, 0, 0];
    let two = [header, header];
    let (one, other) = (sockets[0] as usize, sockets[1] as usize);
    call(libc::SYS_sendmsg, &[one, at(&header), 0]);
    call(libc::SYS_sendmmsg, &[one, at(&two), 2, 0]);
    let header = [0, 0, at(&rooms), 2, 0, 0, 0, 0];
    let two = [header, header];
    call(libc::SYS_recvmsg, &[other, at(&header), 0]);
    call(libc::SYS_recvmmsg, &[other, at(&two), 2, 0, 0]);
    call(libc::SYS_sendto, &[one, bytes + 48, 10, 0, 0, 0]);
    call(libc::SYS_recvfrom, &[other, room, 300, 0, 0, 0]);
    Ends { pipe, sockets }
}

/// Arrays that end at `end`, where nothing is mapped, and claim to be longer.
fn cut_off(end: usize, ends: &Ends) {
    let bytes = [7u8; 64];
    let before = |words: &[usize]| {
        let start = end - size_of_val(words);
        // SAFETY: the words before `end` are ours.
        unsafe { std::ptr::copy_nonoverlapping(words.as_ptr(), start as *mut usize, words.len()) };
        start
    };
    let (to, socket) = (ends.pipe[1] as usize, ends.sockets[0] as usize);
    let poll = 1usize << 32;
    call(libc::SYS_poll, &[before(&[poll, poll + 1, poll + 2]), 6, 0]);
    let vector = before(&[at(&bytes), 3, at(&bytes) + 3, 4]);
    call(libc::SYS_writev, &[to, vector, 4]);
    call(libc::SYS_writev, &[to, vector, 2]);
    let header = [0, 0, vector, 4, 0, 0, 0];
    call(libc::SYS_sendmsg, &[socket, at(&header), 0]);
    call(libc::SYS_setgroups, &[9, before(&[1 | 2 << 32, 3])]);
    call(libc::SYS_sched_setaffinity, &[0, 64, before(&[1])]);
    call(libc::SYS_nanosleep, &[before(&[1]), 0]);
    call(
        libc::SYS_openat,
        &[AT_FDCWD, before(&[usize::MAX / 255 * 97]), 0],
    );
    call(libc::SYS_write, &[to, end - 6, 20]);
    call(libc::SYS_connect, &[socket, before(&[1]), 100]);
    let words = before(&[c"one".as_ptr() as usize, c"two".as_ptr() as usize]);
    call(
        libc::SYS_execve,
        &[c"/no/such/file".as_ptr() as usize, words, words],
    );
    call(
        libc::SYS_execve,
        &[c"/no/such/file".as_ptr() as usize, words, end],
    );
}

/// `UIO_MAXIOV` of `include/uapi/linux/uio.h`.
const MOST_BUFFERS: usize = 1024;

fn main() {
    if std::env::args().nth(1).is_some_and(|word| word == "many") {
        let buffers = [[c"x".as_ptr() as usize, 1]; MOST_BUFFERS];
        call(libc::SYS_writev, &[1000, at(&buffers), MOST_BUFFERS]);
        return;
    }
    // SAFETY: a fresh mapping, of which the second page is given back.
    let start = unsafe {
        let (size, prot) = (2 * PAGE, libc::PROT_READ | libc::PROT_WRITE);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let start = libc::mmap(null_mut(), size, prot, flags, -1, 0);
        if start == libc::MAP_FAILED || libc::munmap(start.byte_add(PAGE), PAGE) != 0 {
            std::process::exit(1);
        }
        start.cast::<u8>()
    };
    debug_assert_ne!(start.cast_const(), null());
    constants();
    let ends = data();
    cut_off(start as usize + PAGE, &ends);
}
