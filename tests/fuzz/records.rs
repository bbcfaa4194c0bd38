//! Any records in any order, whole and damaged, through everything between the buffers and the output: lines keep their
//! structure, in both formats.

use std::sync::Arc;

use strace_ebpf::{
    cli,
    plan::{Request, capture, detail::Details},
    run,
    session::parse,
};
use strace_ebpf_common::{
    capture::{ARG_NONE, OP_FRAMES},
    plan::Plan,
    record::{
        CALL_BYTES, CallRecord, ExecRecord, Fixed, ForkRecord, Header, KIND_ENTER, KIND_EXEC,
        KIND_EXIT, KIND_FORK, KIND_SIGNAL, KIND_TASK_EXIT, SignalRecord, TaskExitRecord,
    },
};

use crate::{Source, assert_harmless, check, decoders};

/// Beyond any `pid_max`: nobody's memory is read.
const TIDS: [u32; 3] = [0x3fff_0000, 0x3fff_0001, 0x3fff_0002];

fn request(line: &str) -> (Request, Arc<Vec<Plan>>) {
    let words = std::iter::once("strace-ebpf").chain(line.split(' '));
    let request = Request::new(cli::parse(words.map(Into::into)).unwrap()).unwrap();
    let details = Details::new(&request.qualifiers);
    let plans = capture::compile_all(&request.qualifiers.trace, &request.limits, &details);
    (request, Arc::new(plans))
}

fn bytes_of<T: Fixed>(record: &T) -> Vec<u8> {
    let start = std::ptr::from_ref(record).cast::<u8>();
    // SAFETY: records are integers without padding.
    unsafe { std::slice::from_raw_parts(start, size_of::<T>()) }.to_vec()
}

fn header(source: &mut Source, kind: u16, clock: u64) -> Header {
    Header {
        len: 0,
        kind,
        cpu: u16::from(source.byte() % 3),
        seq: if source.one_in(8) {
            source.word()
        } else {
            clock
        },
        ts_ns: if source.one_in(16) {
            source.word()
        } else {
            clock << 20
        },
        tgid: source.pick(&TIDS),
        tid: source.pick(&TIDS),
        comm: std::array::from_fn(|_| source.byte()),
    }
}

fn call(source: &mut Source, header: Header) -> Vec<u8> {
    let args = std::array::from_fn(|_| {
        if source.flag() {
            0x10_0000
        } else {
            source.word()
        }
    });
    let n_captures = source.byte() % 6;
    let record = CallRecord {
        header,
        nr: if source.one_in(8) {
            source.word() as u32
        } else {
            source.below(600) as u32
        },
        flags: u16::from(source.byte() % 4),
        abi: source.byte() % 4,
        n_captures,
        ret: if source.flag() {
            i64::from(source.byte()) - 128
        } else {
            source.word() as i64
        },
        duration_ns: if source.flag() {
            u64::MAX
        } else {
            source.word()
        },
        args,
    };
    let mut bytes = bytes_of(&record);
    assert_eq!(bytes.len(), CALL_BYTES);
    for _ in 0..n_captures {
        let memory = decoders::memory(source);
        let capture = decoders::capture(source, &args, memory.len());
        bytes.extend(bytes_of(&capture));
        bytes.extend(&memory);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

/// A record of that kind with anything in its own members.
fn fixed<T: Fixed>(source: &mut Source, header: Header) -> Vec<u8> {
    let mut bytes = bytes_of(&header);
    bytes.extend(source.bytes(size_of::<T>() - size_of::<Header>()));
    bytes
}

fn record(source: &mut Source, clock: u64) -> Vec<u8> {
    let kinds = [
        KIND_EXIT,
        KIND_EXIT,
        KIND_ENTER,
        KIND_FORK,
        KIND_EXEC,
        KIND_TASK_EXIT,
        KIND_SIGNAL,
        99,
    ];
    let kind = source.pick(&kinds);
    let header = header(source, kind, clock);
    let mut bytes = match kind {
        KIND_FORK => bytes_of(&ForkRecord {
            header,
            child_tgid: source.pick(&TIDS),
            child_tid: source.pick(&TIDS),
        }),
        KIND_EXEC => {
            let mut bytes = bytes_of(&ExecRecord {
                header,
                old_tid: source.pick(&TIDS),
                n_captures: u32::from(source.byte() % 3),
            });
            let name = source.bytes(40);
            let capture = decoders::capture(source, &[0; 6], name.len());
            bytes.extend(bytes_of(&capture));
            bytes.extend(name);
            bytes
        }
        KIND_TASK_EXIT => fixed::<TaskExitRecord>(source, header),
        KIND_SIGNAL => {
            let mut bytes = fixed::<SignalRecord>(source, header);
            if source.flag() {
                let stack = source.bytes(64);
                let mut capture = decoders::capture(source, &[0; 6], stack.len());
                (capture.arg, capture.op) = (ARG_NONE, OP_FRAMES);
                bytes.extend(bytes_of(&capture));
                bytes.extend(stack);
            }
            bytes
        }
        _ => call(source, header),
    };
    let len = bytes.len() as u32;
    bytes[..4].copy_from_slice(&len.to_ne_bytes());
    // One in eight is damaged: cut, or with a byte that is wrong.
    match source.byte() {
        0..16 => bytes.truncate(source.below(bytes.len())),
        16..32 => {
            let at = source.below(bytes.len());
            bytes[at] = source.byte();
        }
        _ => {}
    }
    bytes
}

fn trace(source: &mut Source, (request, plans): &(Request, Arc<Vec<Plan>>)) -> Vec<u8> {
    let mut tracer = run::tracer(request, plans.clone(), 2);
    let mut clock = 0;
    while !source.is_empty() {
        clock += 1;
        tracer.record(&record(source, clock));
        if source.one_in(8) {
            tracer.idle();
        }
    }
    let pieces = tracer.take_output().into_iter();
    pieces.flat_map(|piece| piece.bytes).collect()
}

#[test]
fn tsv_lines_keep_their_columns() {
    let requests = [
        request("-f -- true"),
        request("-ff -o /dev/null -i -n --relative-timestamps=ns -b execve -- true"),
        request("-f -v -X verbose -e read=all -e raw=openat -x -- true"),
        request(
            "-f --columns time,pid,tid,comm,syscall,ret,errno,dur,args -s 0 -e verbose=none -- true",
        ),
    ];
    check("tsv", 10_000, 400, |source| {
        let request = &requests[source.below(requests.len())];
        let out = trace(source, request);
        assert_harmless(&out, b"\t\n");
        assert!(out.is_empty() || out.ends_with(b"\n"));
        for line in out
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let columns = line.split(|byte| *byte == b'\t');
            assert!(
                columns.clone().count() >= 8,
                "{:?}",
                String::from_utf8_lossy(line)
            );
            assert!(
                columns.into_iter().all(|column| !column.is_empty()),
                "{:?}",
                String::from_utf8_lossy(line)
            );
        }
    });
}

#[test]
fn strace_lines_are_harmless() {
    let requests = [
        request("--format strace -f -- true"),
        request(
            "--format strace -f -v -X raw -T -ttt -e write=all -e read=1,2 -xx -o /dev/null -- true",
        ),
        request("--format strace -ff -o /dev/null -i -n -N -t -r --syscall-times=ns -- true"),
        request(
            "--format strace -f -e status=unfinished,detached -e signal=none -i -b execve -- true",
        ),
        request("--format strace -f -e verbose=none -e raw=write -e status=failed -r -q -- true"),
    ];
    check("strace", 10_000, 400, |source| {
        let request = &requests[source.below(requests.len())];
        assert_harmless(&trace(source, request), b"\n");
    });
}

#[test]
fn any_bytes_are_a_record_or_an_error() {
    check("parse", 50_000, 40, |source| {
        let len = source.below(300);
        let bytes = source.bytes(len);
        if let Ok(parse::Event::Exit(record, body)) = parse::parse(&bytes) {
            let count = parse::captures(body, record.n_captures).count();
            assert!(count <= usize::from(record.n_captures));
        }
    });
}
