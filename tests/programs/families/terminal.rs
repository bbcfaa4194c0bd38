//! Terminals: a pseudo-terminal of our own, its attributes, sizes and small ioctls; ioctl numbers without a name.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

#[repr(C)]
#[derive(Clone, Copy)]
struct Termios {
    flags: [u32; 4],
    line: u8,
    cc: [u8; 19],
}

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let wall = edge.wall();
    l.begin();
    let master = call!(
        l,
        SYS_open,
        [c"/dev/ptmx", 0x102],
        r#"open("/dev/ptmx", O_RDWR|O_NOCTTY)"#
    );
    let mut number = -1i32;
    call!(
        l,
        SYS_ioctl,
        [master, 0x8004_5430u32, &raw mut number],
        "ioctl(%, TIOCGPTN, [%])",
        master,
        number
    );
    let lock = 0i32;
    call!(
        l,
        SYS_ioctl,
        [master, 0x4004_5431, &raw const lock],
        "ioctl(%, TIOCSPTLCK, [0])",
        master
    );
    let slave = quiet!(l, SYS_ioctl, [master, 0x5441, 0x102]);
    l.expect("ioctl(%, TIOCGPTPEER, 0x102)", &[&master], slave);
    attributes(l, slave, &edge);
    let mut size = [24u16, 80, 1, 2];
    call!(
        l,
        SYS_ioctl,
        [slave, 0x5414, &raw const size],
        "ioctl(%, TIOCSWINSZ, {ws_row=24, ws_col=80, ws_xpixel=1, ws_ypixel=2})",
        slave
    );
    call!(
        l,
        SYS_ioctl,
        [slave, 0x5413, &raw mut size],
        "ioctl(%, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=1, ws_ypixel=2})",
        slave
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x5413, wall],
        "ioctl(-1, TIOCGWINSZ, %)",
        Ptr(wall)
    );
    let cut = edge.cut(size, 4);
    call!(
        l,
        SYS_ioctl,
        [slave, 0x5414, cut],
        "ioctl(%, TIOCSWINSZ, %)",
        slave,
        Ptr(cut)
    );
    let mut word = 9i32;
    call!(
        l,
        SYS_ioctl,
        [master, 0x541b, &raw mut word],
        "ioctl(%, FIONREAD, [0])",
        master
    );
    call!(
        l,
        SYS_ioctl,
        [slave, 0x5424, &raw mut word],
        "ioctl(%, TIOCGETD, [0])",
        slave
    );
    call!(
        l,
        SYS_ioctl,
        [slave, 0x540b, 2],
        "ioctl(%, TCFLSH, TCIOFLUSH)",
        slave
    );
    call!(
        l,
        SYS_ioctl,
        [slave, 0x540a, 1],
        "ioctl(%, TCXONC, TCOON)",
        slave
    );
    call!(
        l,
        SYS_ioctl,
        [slave, 0x5409, 1],
        "ioctl(%, TCSBRK, 1)",
        slave
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x5415, &raw mut word],
        "ioctl(-1, TIOCMGET, %)",
        Ptr(&raw const word)
    );
    let bits = 6i32;
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x5418, &raw const bits],
        "ioctl(-1, TIOCMSET, [TIOCM_DTR|TIOCM_RTS])"
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x540f, wall],
        "ioctl(-1, TIOCGPGRP, %)",
        Ptr(wall)
    );
    call!(l, SYS_ioctl, [-1i32, 0x540e, 1], "ioctl(-1, TIOCSCTTY, 1)");
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x5412, c"x"],
        r#"ioctl(-1, TIOCSTI, "x")"#
    );
    call!(l, SYS_ioctl, [slave, 0x5451], "ioctl(%, FIOCLEX)", slave);
    call!(
        l,
        SYS_ioctl,
        [slave, 0x5421, &raw const lock],
        "ioctl(%, FIONBIO, [0])",
        slave
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc008_1234u32, 0x5678],
        "ioctl(-1, _IOC(_IOC_READ|_IOC_WRITE, 0x12, 0x34, 0x8), 0x5678)"
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x12, 0],
        "ioctl(-1, _IOC(_IOC_NONE, 0, 0x12, 0), 0)"
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8008_6601u32, NULL],
        "ioctl(-1, FS_IOC_GETFLAGS, NULL)"
    );
    for fd in [slave, master] {
        call!(l, SYS_close, [fd], "close(%)", fd);
    }

    l.end();
}

fn attributes(l: &mut Lines, slave: i64, edge: &Edge) {
    let mut termios = Termios {
        flags: [0; 4],
        line: 0,
        cc: [0; 19],
    };
    call!(
        l,
        SYS_ioctl,
        [slave, 0x5401, &raw mut termios],
        "ioctl(%, TCGETS, {c_iflag=ICRNL|IXON, c_oflag=NL0|CR0|TAB0|BS0|VT0|FF0|OPOST|ONLCR, c_cflag=B38400|CS8|CREAD, c_lflag=ISIG|ICANON|ECHO|ECHOE|ECHOK|IEXTEN|ECHOCTL|ECHOKE, ...})",
        slave
    );
    termios.flags = [0, 0, 0, 0];
    call!(
        l,
        SYS_ioctl,
        [slave, 0x5402, &raw const termios],
        "ioctl(%, SNDCTL_TMR_START or TCSETS, {c_iflag=, c_oflag=NL0|CR0|TAB0|BS0|VT0|FF0|, c_cflag=B0|CS5|, c_lflag=, ...})",
        slave
    );
    termios.flags = [0x8000_0001, 0x8000_1801, 0x0000_100f, 0x1_0003];
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x5403, &raw const termios],
        "ioctl(-1, SNDCTL_TMR_STOP or TCSETSW, {c_iflag=IGNBRK|0x80000000, c_oflag=NL0|CR0|XTABS|BS0|VT0|FF0|OPOST|0x80000000, c_cflag=B4000000|CS5|, c_lflag=ISIG|ICANON|EXTPROC, ...})"
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x5401, &raw mut termios],
        "ioctl(-1, TCGETS, %)",
        Ptr(&raw const termios)
    );
    let wall = edge.wall();
    call!(
        l,
        SYS_ioctl,
        [slave, 0x5404, wall],
        "ioctl(%, SNDCTL_TMR_CONTINUE or TCSETSF, %)",
        slave,
        Ptr(wall)
    );
}
