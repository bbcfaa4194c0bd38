//! Time: clocks, sleeps, interval timers, timerfd, POSIX timers.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    l.begin();
    sleeps(l, &edge);
    clocks(l, &edge);
    timers(l, &edge);
    descriptors(l, &edge);
    l.end();
}

fn sleeps(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let time = [0i64, 5];
    let left = [7i64, 7];
    call!(
        l,
        SYS_nanosleep,
        [&raw const time, &raw const left],
        "nanosleep({tv_sec=0, tv_nsec=5}, %)",
        Ptr(&raw const left)
    );
    let bad = [-1i64, 1_000_000_000];
    call!(
        l,
        SYS_nanosleep,
        [&raw const bad, NULL],
        "nanosleep({tv_sec=-1, tv_nsec=1000000000}, NULL)"
    );
    call!(
        l,
        SYS_nanosleep,
        [wall, NULL],
        "nanosleep(%, NULL)",
        Ptr(wall)
    );
    let cut = edge.cut(time, 8);
    call!(
        l,
        SYS_nanosleep,
        [cut, NULL],
        "nanosleep(%, NULL)",
        Ptr(cut)
    );
    call!(l, SYS_nanosleep, [NULL, NULL], "nanosleep(NULL, NULL)");
    call!(
        l,
        SYS_clock_nanosleep,
        [1, 1, &raw const time, NULL],
        "clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=0, tv_nsec=5}, NULL)"
    );
    call!(
        l,
        SYS_clock_nanosleep,
        [99, 2, NULL, wall],
        "clock_nanosleep(0x63 /* CLOCK_??? */, 0x2 /* TIMER_??? */, NULL, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_clock_nanosleep,
        [-7i32, 0, NULL, NULL],
        "clock_nanosleep(0xfffffff9 /* CLOCK_??? */, 0, NULL, NULL)"
    );
}

fn clocks(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let mut now = [0i64; 2];
    let ret = quiet!(l, SYS_clock_gettime, [7, &raw mut now]);
    l.expect(
        "clock_gettime(CLOCK_BOOTTIME, {tv_sec=%, tv_nsec=%})",
        &[&now[0], &now[1]],
        ret,
    );
    call!(
        l,
        SYS_clock_gettime,
        [88, &raw mut now],
        "clock_gettime(0x58 /* CLOCK_??? */, %)",
        Ptr(&raw const now)
    );
    let mut res = [0i64; 2];
    call!(
        l,
        SYS_clock_getres,
        [0, &raw mut res],
        "clock_getres(CLOCK_REALTIME, {tv_sec=%, tv_nsec=%})",
        res[0],
        res[1]
    );
    call!(
        l,
        SYS_clock_getres,
        [2, NULL],
        "clock_getres(CLOCK_PROCESS_CPUTIME_ID, NULL)"
    );
    call!(
        l,
        SYS_clock_settime,
        [1, &raw const res],
        "clock_settime(CLOCK_MONOTONIC, {tv_sec=%, tv_nsec=%})",
        res[0],
        res[1]
    );
    call!(
        l,
        SYS_clock_settime,
        [0, wall],
        "clock_settime(CLOCK_REALTIME, %)",
        Ptr(wall)
    );
    let mut zone = [9i32; 2];
    let ret = quiet!(l, SYS_gettimeofday, [&raw mut now, &raw mut zone]);
    l.expect(
        "gettimeofday({tv_sec=%, tv_usec=%}, {tz_minuteswest=%, tz_dsttime=%})",
        &[&now[0], &now[1], &zone[0], &zone[1]],
        ret,
    );
    call!(
        l,
        SYS_gettimeofday,
        [wall, NULL],
        "gettimeofday(%, NULL)",
        Ptr(wall)
    );
    let bad = [-1i64, 7];
    call!(
        l,
        SYS_settimeofday,
        [&raw const bad, NULL],
        "settimeofday({tv_sec=-1, tv_usec=7}, NULL)"
    );
    let ret = quiet!(l, SYS_time, [&raw mut now]);
    l.line(
        "time([% /* % */]) = % (%)",
        &[&now[0], &date(now[0]), &ret, &date(ret)],
    );
    let ret = quiet!(l, SYS_time, [NULL]);
    l.line("time(NULL) = % (%)", &[&ret, &date(ret)]);
    let mut tms = [0u64; 4];
    let ret = quiet!(l, SYS_times, [&raw mut tms]);
    l.expect(
        "times({tms_utime=%, tms_stime=%, tms_cutime=%, tms_cstime=%})",
        &[
            &ticks(tms[0]),
            &ticks(tms[1]),
            &ticks(tms[2]),
            &ticks(tms[3]),
        ],
        ret,
    );
    call!(l, SYS_times, [wall], "times(%)", Ptr(wall));
    call!(l, SYS_adjtimex, [wall], "adjtimex(%)", Ptr(wall));
    call!(
        l,
        SYS_clock_adjtime,
        [1, NULL],
        "clock_adjtime(CLOCK_MONOTONIC, NULL)"
    );
}

/// Hundredths of a second as strace writes them.
fn ticks(ticks: u64) -> String {
    match ticks {
        0 => "0".to_owned(),
        _ => format!("{ticks} /* {}.{:02} s */", ticks / 100, ticks % 100),
    }
}

/// Seconds since 1970 as strace writes them.
fn date(seconds: i64) -> String {
    let mut out = [0u8; 64];
    // SAFETY: all zero is a valid tm; the buffer has room for the format.
    let len = unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        libc::localtime_r(&seconds, &mut parts);
        libc::strftime(
            out.as_mut_ptr().cast(),
            out.len(),
            c"%Y-%m-%dT%H:%M:%S%z".as_ptr(),
            &parts,
        )
    };
    String::from_utf8_lossy(&out[..len]).into_owned()
}

fn timers(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let long = [[1000i64, 1], [2000, 2]];
    let mut old = [[9i64; 2]; 2];
    call!(
        l,
        SYS_setitimer,
        [1, &raw const long, &raw mut old],
        "setitimer(ITIMER_VIRTUAL, {it_interval={tv_sec=1000, tv_usec=1}, it_value={tv_sec=2000, tv_usec=2}}, {it_interval={tv_sec=0, tv_usec=0}, it_value={tv_sec=0, tv_usec=0}})"
    );
    call!(
        l,
        SYS_setitimer,
        [7, NULL, NULL],
        "setitimer(0x7 /* ITIMER_??? */, NULL, NULL)"
    );
    call!(
        l,
        SYS_setitimer,
        [2, wall, NULL],
        "setitimer(ITIMER_PROF, %, NULL)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_getitimer,
        [2, &raw mut old],
        "getitimer(ITIMER_PROF, {it_interval={tv_sec=0, tv_usec=0}, it_value={tv_sec=0, tv_usec=0}})"
    );
    call!(
        l,
        SYS_getitimer,
        [-1i32, &raw mut old],
        "getitimer(0xffffffff /* ITIMER_??? */, %)",
        Ptr(&raw const old)
    );
    call!(l, SYS_alarm, [0], "alarm(0)");
    call!(l, SYS_alarm, [55], "alarm(55)");
    let mut id = -1i32;
    // struct sigevent: value, signo, notify, and more.
    let event = Sigevent {
        value: 0x1_0000_0007,
        signo: 10,
        notify: 0,
        rest: [0; 12],
    };
    call!(
        l,
        SYS_timer_create,
        [1, &raw const event, &raw mut id],
        "timer_create(CLOCK_MONOTONIC, {sigev_value={sival_int=7, sival_ptr=0x100000007}, sigev_signo=SIGUSR1, sigev_notify=SIGEV_SIGNAL}, [%])",
        id
    );
    let first = id;
    let event = Sigevent {
        value: 0,
        signo: 10,
        notify: 1,
        rest: [0; 12],
    };
    call!(
        l,
        SYS_timer_create,
        [0, &raw const event, &raw mut id],
        "timer_create(CLOCK_REALTIME, {sigev_signo=10, sigev_notify=SIGEV_NONE}, [%])",
        id
    );
    let event = Sigevent {
        value: 1,
        signo: 99,
        notify: 2,
        rest: [0x1234, 0, 0x5678, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    };
    call!(
        l,
        SYS_timer_create,
        [77, &raw const event, &raw mut id],
        "timer_create(0x4d /* CLOCK_??? */, {sigev_value={sival_int=1, sival_ptr=0x1}, sigev_signo=99, sigev_notify=SIGEV_THREAD, sigev_notify_function=0x1234, sigev_notify_attributes=0x5678}, %)",
        Ptr(&raw const id)
    );
    let event = Sigevent {
        value: 1,
        signo: 12,
        notify: 4,
        rest: [-5i32 as u32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    };
    call!(
        l,
        SYS_timer_create,
        [0, &raw const event, NULL],
        "timer_create(CLOCK_REALTIME, {sigev_value={sival_int=1, sival_ptr=0x1}, sigev_signo=SIGUSR2, sigev_notify=SIGEV_THREAD_ID, sigev_notify_thread_id=-5}, NULL)"
    );
    let event = Sigevent {
        value: 1,
        signo: 12,
        notify: 9,
        rest: [0; 12],
    };
    call!(
        l,
        SYS_timer_create,
        [0, &raw const event, NULL],
        "timer_create(CLOCK_REALTIME, {sigev_value={sival_int=1, sival_ptr=0x1}, sigev_signo=12, sigev_notify=0x9 /* SIGEV_??? */}, NULL)"
    );
    call!(
        l,
        SYS_timer_create,
        [0, wall, NULL],
        "timer_create(CLOCK_REALTIME, %, NULL)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_timer_settime,
        [first, 0, &raw const long, &raw mut old],
        "timer_settime(%, 0, {it_interval={tv_sec=1000, tv_nsec=1}, it_value={tv_sec=2000, tv_nsec=2}}, {it_interval={tv_sec=0, tv_nsec=0}, it_value={tv_sec=0, tv_nsec=0}})",
        first
    );
    call!(
        l,
        SYS_timer_settime,
        [-1i32, 2, NULL, wall],
        "timer_settime(-1, 0x2 /* TIMER_??? */, NULL, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_timer_gettime,
        [-1i32, &raw mut old],
        "timer_gettime(-1, %)",
        Ptr(&raw const old)
    );
    call!(
        l,
        SYS_timer_getoverrun,
        [first],
        "timer_getoverrun(%)",
        first
    );
    call!(l, SYS_timer_delete, [first], "timer_delete(%)", first);
    call!(l, SYS_timer_delete, [99], "timer_delete(99)");
}

#[repr(C)]
struct Sigevent {
    value: u64,
    signo: i32,
    notify: i32,
    rest: [u32; 12],
}

fn descriptors(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let fd = call!(
        l,
        SYS_timerfd_create,
        [1, 0x80800],
        "timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC|TFD_NONBLOCK)"
    );
    call!(
        l,
        SYS_timerfd_create,
        [33, 1],
        "timerfd_create(0x21 /* CLOCK_??? */, TFD_TIMER_ABSTIME)"
    );
    // Long ago on every clock.
    let long = [[0i64, 0], [1, 2]];
    let mut old = [[9i64; 2]; 2];
    call!(
        l,
        SYS_timerfd_settime,
        [fd, 3, &raw const long, &raw mut old],
        "timerfd_settime(%, TFD_TIMER_ABSTIME|TFD_TIMER_CANCEL_ON_SET, {it_interval={tv_sec=0, tv_nsec=0}, it_value={tv_sec=1, tv_nsec=2}}, {it_interval={tv_sec=0, tv_nsec=0}, it_value={tv_sec=0, tv_nsec=0}})",
        fd
    );
    call!(
        l,
        SYS_timerfd_settime,
        [-1i32, 4, wall, NULL],
        "timerfd_settime(-1, 0x4 /* TFD_??? */, %, NULL)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_timerfd_gettime,
        [-1i32, wall],
        "timerfd_gettime(-1, %)",
        Ptr(wall)
    );
    // The timer is over at once, but its interrupt may be late; a call would be in the trace.
    for turn in 0..20_000_000u64 {
        std::hint::black_box(turn);
    }
    let mut count = 0u64;
    call!(
        l,
        SYS_read,
        [fd, &raw mut count, 8],
        r#"read(%, "\1\0\0\0\0\0\0\0", 8)"#,
        fd
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
}
