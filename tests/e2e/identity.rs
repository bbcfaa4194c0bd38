//! What the tracer says that it saw and lost is what another program saw, which only counts and shares no code with it.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use regex::Regex;
use strace_ebpf::kernel::{Facts, allow_locked_memory, raw_tracepoints_are_preemptible};

use crate::{
    harness::{Running, TempDir, alone, example, slow, tracer},
    hooks,
    rows::Row,
};

const BPF_MAP_CREATE: i64 = 0;
const BPF_MAP_LOOKUP_ELEM: i64 = 1;
const BPF_PROG_LOAD: i64 = 5;
const BPF_RAW_TRACEPOINT_OPEN: i64 = 17;

/// `bpf(2)` with an attribute of 64-bit words.
fn bpf<const N: usize>(command: i64, mut attr: [u64; N]) -> i64 {
    // SAFETY: pointers in `attr` are to live data of the callers.
    unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), 8 * N) }
}

#[track_caller]
fn owned(fd: i64) -> OwnedFd {
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: a new descriptor.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

/// Counts the getppid calls of one process.
struct Counter {
    map: OwnedFd,
    _program: OwnedFd,
    _link: OwnedFd,
}

/// One instruction: code, registers (source in the high half), offset, constant.
const fn insn(code: u8, regs: u8, offset: i16, imm: i32) -> u64 {
    code as u64 | (regs as u64) << 8 | (offset as u16 as u64) << 16 | (imm as u32 as u64) << 32
}

impl Counter {
    fn attach(tgid: u32) -> Self {
        // Type 2 is an array; key 4 bytes, value 8, one entry.
        let map = owned(bpf(BPF_MAP_CREATE, [2 | 4 << 32, 8 | 1 << 32]));
        let code = [
            insn(0x79, 0x16, 8, 0), // r6 = the number, second argument of sys_enter
            insn(0x55, 0x06, 13, libc::SYS_getppid as i32), // if it is another one: to the end
            insn(0x85, 0, 0, 14),   // bpf_get_current_pid_tgid()
            insn(0x77, 0, 0, 32),   // r0 >>= 32
            insn(0x55, 0, 10, tgid as i32), // another process: to the end
            insn(0x62, 0x0a, -4, 0), // key 0 on the stack
            insn(0xbf, 0xa2, 0, 0), // r2 = r10
            insn(0x07, 0x02, 0, -4), // r2 -= 4
            insn(0x18, 0x11, 0, map.as_raw_fd()), // r1 = the map
            0,
            insn(0x85, 0, 0, 1),    // bpf_map_lookup_elem()
            insn(0x15, 0, 3, 0),    // nothing: to the end
            insn(0xb7, 0x01, 0, 1), // r1 = 1
            insn(0xdb, 0x10, 0, 0), // lock *r0 += r1
            insn(0xb7, 0, 0, 0),    // r0 = 0
            insn(0xb7, 0, 0, 0),    // the end: r0 = 0
            insn(0x95, 0, 0, 0),
        ];
        let license = c"GPL";
        // Type 17 is a raw tracepoint.
        let attr = [
            17 | (code.len() as u64) << 32,
            code.as_ptr() as u64,
            license.as_ptr() as u64,
            0,
            0,
            0,
        ];
        let program = owned(bpf(BPF_PROG_LOAD, attr));
        let name = c"sys_enter";
        let link = owned(bpf(
            BPF_RAW_TRACEPOINT_OPEN,
            [name.as_ptr() as u64, program.as_raw_fd() as u64],
        ));
        Self {
            map,
            _program: program,
            _link: link,
        }
    }

    fn count(&self) -> u64 {
        let (key, mut value) = (0u32, 0u64);
        let attr = [
            self.map.as_raw_fd() as u64,
            &raw const key as u64,
            &raw mut value as u64,
            0,
        ];
        assert_eq!(bpf(BPF_MAP_LOOKUP_ELEM, attr), 0);
        value
    }
}

const CALLS: u64 = 4000;
const RUNS: usize = 100;

#[test]
fn a_hundred_overflows_are_accounted_for_to_the_call() {
    let _machine = alone();
    let rounds = if slow() > 1 { 6 } else { RUNS };
    for round in 0..rounds {
        overflow(round, 2);
    }
}

/// More threads than processors: each is taken away in the midst of a call, or of a program of ours where that can be.
#[test]
fn eight_threads_that_overflow_are_accounted_for_to_the_call() {
    let _machine = alone();
    let rounds = if slow() > 1 { 3 } else { RUNS / 4 };
    for round in 0..rounds {
        overflow(round, 8);
    }
}

/// Traces calls with a buffer that is much too small.
#[track_caller]
fn overflow(round: usize, threads: u64) {
    let totals = Regex::new(r"(\d+) events lost: (\d+) seen, (\d+) delivered").unwrap();
    let version = Facts::gather().unwrap().version;
    allow_locked_memory(version).unwrap();
    let mut transports = hooks::transports();
    transports.retain(|transport| *transport != "perf");
    let made = threads * CALLS;
    // Our counter is a raw tracepoint: where it may miss calls itself, what the program says must do.
    let counts = |counter: &Counter| match raw_tracepoints_are_preemptible() {
        true => made,
        false => counter.count(),
    };
    let transport = transports[round % transports.len()];
    let dir = TempDir::new();
    let file = dir.file("trace");
    let mut command = std::process::Command::new(example("calls"));
    let [threads_text, calls] = [threads, CALLS].map(|number| number.to_string());
    command.args(["--wait", "--threads", &threads_text, "--calls", &calls]);
    let mut program = Running::start_with_stdin(&mut command);
    let pid = program.stdout_line("ready ").split_off(6);
    let counter = Counter::attach(pid.parse().unwrap());
    let options = [
        "--buffer-size",
        "4K",
        "--transport",
        transport,
        "-e",
        "trace=getppid",
    ];
    let tracer = Running::start(tracer(&options).args(["-o", &file, "-p", &pid]));
    tracer.stderr_line("attached");
    program.close_stdin();
    assert_eq!(program.wait().code(), 0);
    let output = tracer.wait();
    let what = format!("run {round}, {threads} threads, {transport}: {output:?}");
    assert_eq!(output.code(), 0, "{what}");
    let found = totals.captures(&output.stderr);
    let found = found.unwrap_or_else(|| panic!("nothing was lost: {what}"));
    let [lost, seen, delivered] = [1, 2, 3].map(|i| found[i].parse::<u64>().unwrap());

    assert_eq!(counts(&counter), made, "{what}");
    // Records that are no calls: the ends of the threads and of the main one.
    assert_eq!(seen, counts(&counter) + threads + 1, "{what}");
    assert_eq!(seen, delivered + lost, "{what}");
    let trace = std::fs::read_to_string(&file).unwrap();
    let (mut rows, mut gaps) = (0, 0);
    for row in trace.lines().map(Row::parse) {
        match row.name {
            "+lost" => gaps += row.ret() as u64,
            _ => rows += 1,
        }
    }
    assert_eq!((rows, gaps), (delivered, lost), "{what}");
}
