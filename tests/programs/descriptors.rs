//! Descriptors of every kind, each used once, for what `-y` and `-yy` show behind their numbers.
//!
//! Usage: `descriptors DIR`, or, by itself after an execve, `descriptors --inherited FD GONE`.
//! Between two writes of `begin` and `end` to standard output: files (hostile names, renamed, deleted), copies, pipes, files of
//! memory, devices, a directory deleted while it is the current one, poll and select, sockets of every family connected and
//! not, descriptors sent through a socket, a child, and an execve that closes one descriptor and keeps another. What could not
//! be done is told on standard error. Everything is the same from run to run but inodes, ports and processes.

use std::{ffi::CString, mem};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn text(text: &str) -> Result<CString> {
    Ok(CString::new(text)?)
}

fn say(words: &str) {
    // SAFETY: the buffer is alive and as long as said.
    unsafe { libc::write(1, words.as_ptr().cast(), words.len()) };
}

fn check(what: &str, result: i64) -> i32 {
    if result < 0 {
        eprintln!("{what}: {}", std::io::Error::last_os_error());
    }
    result as i32
}

/// A call that takes nothing but a descriptor.
fn sync(fd: i32) {
    // SAFETY: no pointers.
    unsafe { libc::fsync(fd) };
}

fn open(path: &str) -> Result<i32> {
    let path = text(path)?;
    // SAFETY: a string that ends in NUL.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_CREAT | libc::O_RDWR, 0o600) };
    Ok(check("open", fd.into()))
}

fn files(dir: &str) -> Result<()> {
    for name in [
        "plain",
        "a<b>c\"d\\e",
        "\u{1}\u{2}9",
        "line\nfeed\ttab",
        "\u{e9}",
    ] {
        let path = format!("{dir}/{name}");
        let fd = open(&path)?;
        sync(fd);
        // SAFETY: strings that end in NUL, descriptors of our own.
        unsafe {
            let moved = text(&format!("{dir}/moved"))?;
            libc::rename(text(&path)?.as_ptr(), moved.as_ptr());
            sync(fd);
            libc::unlink(moved.as_ptr());
            sync(fd);
            let copy = libc::dup(fd);
            libc::dup2(fd, 50);
            libc::dup2(copy, 50);
            libc::fcntl(fd, libc::F_DUPFD, 60);
            libc::fcntl(fd, libc::F_GETFD);
            for fd in [60, 50, copy, fd, fd] {
                libc::close(fd);
            }
        }
    }
    Ok(())
}

/// What has no name in a directory, and devices.
fn others(dir: &str) -> Result<()> {
    // SAFETY: strings that end in NUL; arrays of the sizes said.
    unsafe {
        let mut ends = [0; 2];
        libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC);
        libc::write(ends[1], c"x".as_ptr().cast(), 1);
        let memory = libc::memfd_create(c"a/b".as_ptr(), 0);
        let event = libc::eventfd(0, 0);
        let notify = libc::inotify_init();
        let timer = libc::timerfd_create(libc::CLOCK_MONOTONIC, 0);
        let process = libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) as i32;
        let space = libc::open(c"/proc/self/ns/mnt".as_ptr(), libc::O_RDONLY);
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        let root = libc::open(c"/".as_ptr(), libc::O_RDONLY);
        for fd in [memory, event, notify, timer, process, space, null, root] {
            sync(fd);
        }
        libc::openat(root, c"etc/passwd".as_ptr(), libc::O_RDONLY);
        let mut set: libc::fd_set = mem::zeroed();
        libc::FD_SET(ends[0], &mut set);
        libc::FD_SET(null, &mut set);
        let mut now = libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        };
        libc::select(
            null + 1,
            &raw mut set,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &raw mut now,
        );
        let poll = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut polled = [poll(ends[0]), poll(null), poll(-1)];
        libc::poll(polled.as_mut_ptr(), 3, 0);
        let epoll = libc::epoll_create1(0);
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: 1,
        };
        libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, ends[0], &raw mut event);
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            null,
            0,
        );
        let gone = text(&format!("{dir}/gone"))?;
        libc::mkdir(gone.as_ptr(), 0o700);
        libc::chdir(gone.as_ptr());
        libc::rmdir(gone.as_ptr());
        libc::openat(libc::AT_FDCWD, c"nothing".as_ptr(), libc::O_RDONLY);
        libc::chdir(text(dir)?.as_ptr());
        libc::openat(libc::AT_FDCWD, c"nothing".as_ptr(), libc::O_RDONLY);
        sync(999);
        sync(-1);
    }
    Ok(())
}

/// Both ends of a connection over an internet family, told when they listen, when they are connected, and after one is closed.
unsafe fn internet(family: i32) {
    // SAFETY: addresses of the sizes said.
    unsafe {
        let mut address: libc::sockaddr_in6 = mem::zeroed();
        let mut size = if family == libc::AF_INET {
            // The address 127.0.0.1 is where the other family has its flow.
            address.sin6_flowinfo = u32::from_ne_bytes([127, 0, 0, 1]);
            mem::size_of::<libc::sockaddr_in>() as u32
        } else {
            address.sin6_addr.s6_addr[15] = 1;
            mem::size_of::<libc::sockaddr_in6>() as u32
        };
        address.sin6_family = family as u16;
        let at = (&raw mut address).cast::<libc::sockaddr>();
        let server = libc::socket(family, libc::SOCK_STREAM, 0);
        check("bind", libc::bind(server, at, size).into());
        libc::listen(server, 1);
        libc::getsockname(server, at, &raw mut size);
        let client = libc::socket(family, libc::SOCK_STREAM, 0);
        check("connect", libc::connect(client, at, size).into());
        let accepted = libc::accept(server, std::ptr::null_mut(), std::ptr::null_mut());
        sync(client);
        sync(accepted);
        libc::close(accepted);
        libc::close(client);
        let datagrams = libc::socket(family, libc::SOCK_DGRAM, 0);
        sync(datagrams);
        libc::connect(datagrams, at, size);
        sync(datagrams);
        libc::close(datagrams);
        libc::close(server);
        // Nobody listens there any more: a port was taken and given back.
        let refused = libc::socket(family, libc::SOCK_STREAM, 0);
        libc::connect(refused, at, size);
        sync(refused);
        libc::close(refused);
    }
}

fn unix_address(path: &[u8]) -> (libc::sockaddr_un, u32) {
    // SAFETY: all zeros are an address.
    let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
    address.sun_family = libc::AF_UNIX as u16;
    for (to, from) in address.sun_path.iter_mut().zip(path) {
        *to = *from as libc::c_char;
    }
    (address, 2 + path.len() as u32)
}

unsafe fn local(dir: &str) {
    // SAFETY: addresses and buffers of the sizes said.
    unsafe {
        let mut pair = [0; 2];
        libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr());
        send(pair[0], &[0, pair[1]]);
        receive(pair[1]);
        // Nobody else's: names without a path are there for all.
        let abstract_name = format!("\0na\"me{}", std::process::id());
        let path = format!("{dir}/so\"cket");
        let names = [abstract_name.into_bytes(), path.into_bytes()];
        for (name, kind) in names.iter().zip([libc::SOCK_STREAM, libc::SOCK_SEQPACKET]) {
            let (address, size) = unix_address(name);
            let at = (&raw const address).cast::<libc::sockaddr>();
            let server = libc::socket(libc::AF_UNIX, kind, 0);
            check("bind", libc::bind(server, at, size).into());
            libc::listen(server, 1);
            let client = libc::socket(libc::AF_UNIX, kind, 0);
            check("connect", libc::connect(client, at, size).into());
            let accepted = libc::accept(server, std::ptr::null_mut(), std::ptr::null_mut());
            for fd in [server, client, accepted] {
                sync(fd);
            }
        }
        let route = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, 0);
        let mut address: libc::sockaddr_nl = mem::zeroed();
        address.nl_family = libc::AF_NETLINK as u16;
        sync(route);
        let size = mem::size_of_val(&address) as u32;
        libc::bind(route, (&raw const address).cast(), size);
        sync(route);
    }
}

const CONTROL: usize = 24;

/// A message with descriptors.
unsafe fn message(
    bytes: &mut [u8; 1],
    iov: &mut libc::iovec,
    control: &mut [u64; 3],
) -> libc::msghdr {
    iov.iov_base = bytes.as_mut_ptr().cast();
    iov.iov_len = 1;
    // SAFETY: all zeros are a message.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = iov;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = CONTROL as _;
    message
}

unsafe fn send(to: i32, fds: &[i32; 2]) {
    // SAFETY: everything that the message points to is alive.
    unsafe {
        let (mut bytes, mut iov, mut control) = ([7], mem::zeroed(), [0; 3]);
        let message = message(&mut bytes, &mut iov, &mut control);
        let head = libc::CMSG_FIRSTHDR(&raw const message);
        (*head).cmsg_len = libc::CMSG_LEN(8) as _;
        (*head).cmsg_level = libc::SOL_SOCKET;
        (*head).cmsg_type = libc::SCM_RIGHTS;
        std::ptr::copy_nonoverlapping(fds.as_ptr().cast(), libc::CMSG_DATA(head), 8);
        check("sendmsg", libc::sendmsg(to, &raw const message, 0) as i64);
    }
}

unsafe fn receive(from: i32) {
    // SAFETY: as above.
    unsafe {
        let (mut bytes, mut iov, mut control) = ([0], mem::zeroed(), [0; 3]);
        let mut message = message(&mut bytes, &mut iov, &mut control);
        check("recvmsg", libc::recvmsg(from, &raw mut message, 0) as i64);
    }
}

/// A child uses what it inherited; then an execve, after which one descriptor is closed.
fn inherit(dir: &str) -> Result<()> {
    let kept = open(&format!("{dir}/kept"))?;
    let lost = open(&format!("{dir}/lost"))?;
    let program = std::env::current_exe()?;
    let program = text(program.to_str().ok_or("a strange name")?)?;
    let words = [
        program.clone(),
        text("--inherited")?,
        text(&kept.to_string())?,
        text(&lost.to_string())?,
    ];
    let mut argv: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
    argv.push(std::ptr::null());
    // SAFETY: strings that end in NUL, in an array that ends in NULL.
    unsafe {
        libc::fcntl(lost, libc::F_SETFD, libc::FD_CLOEXEC);
        match libc::fork() {
            0 => {
                sync(kept);
                sync(lost);
                libc::execv(program.as_ptr(), argv.as_ptr());
                libc::_exit(1)
            }
            child => {
                let mut status = 0;
                libc::waitpid(child, &raw mut status, 0);
                sync(lost);
            }
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["--inherited", kept, lost] => {
            sync(kept.parse()?);
            sync(lost.parse()?);
        }
        [dir] => {
            say("begin\n");
            files(dir)?;
            others(dir)?;
            // SAFETY: calls with arguments of their own.
            unsafe {
                internet(libc::AF_INET);
                internet(libc::AF_INET6);
                local(dir);
            }
            inherit(dir)?;
            say("end\n");
        }
        _ => return Err("usage: descriptors DIR".into()),
    }
    Ok(())
}
