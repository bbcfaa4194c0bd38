//! The TSV format: one line per event, fields separated by one tab (docs/output.md).

use strace_ebpf_common::record::{CALL_DELAYED, CALL_INJECTED, DURATION_UNKNOWN, Header};

use super::{
    escape, number,
    text::{self, Rendering},
    time::Clock,
};
use crate::{
    decode::{
        Outcome,
        value::{Args, Value},
    },
    session::{Call, books::Gap},
    tables,
};

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Start of the call.
    Time,
    /// Process.
    Pid,
    /// Thread.
    Tid,
    /// Thread name.
    Comm,
    /// Name of the call or `+event`.
    Syscall,
    /// Result.
    Ret,
    /// Name of the error.
    Errno,
    /// Nanoseconds in the call.
    Dur,
    /// The arguments, a column each.
    Args,
    /// CPU on which the call ended.
    Cpu,
    /// Effective user.
    Uid,
    /// Path of the cgroup.
    Cgroup,
    /// User-space return addresses, innermost first.
    Stack,
    /// Instruction pointer at the call.
    Ip,
    /// Number of the call.
    Nr,
    /// What `inject=` did to the call.
    Injected,
}

/// The default columns.
pub const DEFAULT: &[Column] = &[
    Column::Time,
    Column::Pid,
    Column::Tid,
    Column::Comm,
    Column::Syscall,
    Column::Ret,
    Column::Errno,
    Column::Dur,
    Column::Args,
];

const NAMES: &[(&str, Column)] = &[
    ("time", Column::Time),
    ("pid", Column::Pid),
    ("tid", Column::Tid),
    ("comm", Column::Comm),
    ("syscall", Column::Syscall),
    ("ret", Column::Ret),
    ("errno", Column::Errno),
    ("dur", Column::Dur),
    ("args", Column::Args),
    ("cpu", Column::Cpu),
    ("uid", Column::Uid),
    ("cgroup", Column::Cgroup),
    ("stack", Column::Stack),
    ("ip", Column::Ip),
    ("nr", Column::Nr),
    ("injected", Column::Injected),
];

impl Column {
    /// The name in `--columns` and in the header.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, column)| *column == self)
            .map_or("", |(name, _)| name)
    }
}

/// Parses `--columns`: names separated by commas; a leading `+` adds to the default ones. The
/// columns added this way stand before the arguments, whose number varies.
pub fn parse_columns(list: &str) -> Result<Vec<Column>, String> {
    let (adds, names) = match list.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, list),
    };
    let mut columns = Vec::new();
    for name in names.split(',') {
        let name = name.trim().trim_start_matches('+');
        let Some((_, column)) = NAMES.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "unknown column '{name}' (known: {})",
                known.join(" ")
            ));
        };
        columns.push(*column);
    }
    if adds {
        let mut all = DEFAULT.to_vec();
        for column in columns {
            add_column(&mut all, column);
        }
        return Ok(all);
    }
    Ok(columns)
}

/// Adds a column before the arguments.
pub fn add_column(columns: &mut Vec<Column>, column: Column) {
    let args = columns.iter().position(|other| *other == Column::Args);
    columns.insert(args.unwrap_or(columns.len()), column);
}

/// What an event other than a call puts into the columns.
#[derive(Debug, Default)]
pub struct Remark<'a> {
    /// With its `+`.
    pub name: &'static str,
    /// Column ret.
    pub ret: Option<i64>,
    /// Column dur.
    pub dur: Option<u64>,
    /// One text per argument column.
    pub args: &'a [Value<'a>],
}

/// What may stand beside the record's own facts.
#[derive(Debug, Default)]
pub struct Extra<'a> {
    /// Effective user.
    pub uid: Option<u32>,
    /// Path of the cgroup, or its number.
    pub cgroup: Option<&'a [u8]>,
    /// Return addresses.
    pub stack: &'a [u8],
    /// In their place, the job that finds callers by name.
    pub job: Option<u64>,
    /// Instruction pointer.
    pub ip: Option<u64>,
}

/// Writes lines.
#[derive(Debug)]
pub struct Tsv {
    columns: Vec<Column>,
    clock: Clock,
    rendering: Rendering,
}

impl Tsv {
    /// A writer of these columns.
    #[must_use]
    pub fn new(columns: Vec<Column>, clock: Clock, rendering: Rendering) -> Self {
        Self {
            columns,
            clock,
            rendering,
        }
    }

    /// The clock, to be refreshed now and then.
    pub fn clock(&mut self) -> &mut Clock {
        &mut self.clock
    }

    /// The line with the columns' names.
    pub fn header(&self, out: &mut Vec<u8>) {
        out.push(b'#');
        for (i, column) in self.columns.iter().enumerate() {
            if i > 0 {
                out.push(b'\t');
            }
            out.extend_from_slice(column.name().as_bytes());
        }
        out.push(b'\n');
    }

    /// A system call.
    pub fn call(
        &mut self,
        out: &mut Vec<u8>,
        call: &Call<'_>,
        outcome: &Outcome,
        args: &Args<'_>,
        extra: &Extra<'_>,
    ) {
        let header = &call.record.header;
        for i in 0..self.columns.len() {
            if i > 0 {
                out.push(b'\t');
            }
            match self.columns[i] {
                Column::Time => self.clock.write(out, call.start_ns()),
                Column::Syscall => text::call_name(out, &call.record, syscall_of(call)),
                Column::Nr => number::decimal(out, call.record.nr),
                Column::Injected => injected(out, call.record.flags),
                Column::Ret => self.ret(out, outcome),
                Column::Errno => errno(out, outcome),
                Column::Dur => duration(out, call.record.duration_ns),
                Column::Args => self.args(out, args, i > 0),
                column => common(out, column, header, extra),
            }
        }
        out.push(b'\n');
    }

    /// Any other event.
    pub fn remark(
        &mut self,
        out: &mut Vec<u8>,
        header: &Header,
        remark: &Remark<'_>,
        extra: &Extra<'_>,
    ) {
        for i in 0..self.columns.len() {
            if i > 0 {
                out.push(b'\t');
            }
            match self.columns[i] {
                Column::Time => self.clock.write(out, header.ts_ns),
                Column::Syscall => out.extend_from_slice(remark.name.as_bytes()),
                Column::Ret => optional(out, remark.ret),
                Column::Errno => out.push(b'-'),
                Column::Dur => optional(out, remark.dur),
                Column::Args => {
                    for (n, value) in remark.args.iter().enumerate() {
                        if n > 0 {
                            out.push(b'\t');
                        }
                        text::one(out, value, self.rendering);
                    }
                    if remark.args.is_empty() && i > 0 {
                        out.pop();
                    }
                }
                column => common(out, column, header, extra),
            }
        }
        out.push(b'\n');
    }

    /// A gap: how many events, on which CPU, between which times.
    pub fn gap(&mut self, out: &mut Vec<u8>, gap: &Gap) {
        let header = Header {
            cpu: gap.cpu as u16,
            ts_ns: gap.from_ns,
            ..Header::default()
        };
        let (mut from, mut to) = (Vec::new(), Vec::new());
        self.clock.write(&mut from, gap.from_ns);
        self.clock.write(&mut to, gap.to_ns);
        let cpu = format!("cpu={}", gap.cpu);
        let args = [
            Value::Text(cpu.as_bytes()),
            Value::Text(&from),
            Value::Text(&to),
        ];
        let remark = Remark {
            name: "+lost",
            ret: Some(gap.count as i64),
            dur: Some(gap.to_ns.saturating_sub(gap.from_ns)),
            args: &args,
        };
        self.remark(out, &header, &remark, &Extra::default());
    }

    fn ret(&self, out: &mut Vec<u8>, outcome: &Outcome) {
        match outcome {
            Outcome::Value(value) => text::one(out, value, self.rendering),
            Outcome::Error(_) => out.extend_from_slice(b"-1"),
            Outcome::Narrow(value, _) => number::decimal(out, *value),
            Outcome::Restart(_) | Outcome::NoReturn => out.push(b'?'),
        }
    }

    fn args(&self, out: &mut Vec<u8>, args: &Args<'_>, tab_before: bool) {
        let mut any = false;
        for values in args.iter() {
            if any {
                out.push(b'\t');
            }
            any = true;
            text::argument(out, values, self.rendering);
        }
        // No arguments, no column: the tab before them goes too.
        if !any && tab_before {
            out.pop();
        }
    }
}

/// A thread's name up to its NUL, escaped.
fn comm(out: &mut Vec<u8>, comm: &[u8]) {
    let len = memchr::memchr(0, comm).unwrap_or(comm.len());
    escape::escaped(out, &comm[..len]);
}

fn syscall_of(call: &Call<'_>) -> Option<&'static tables::Syscall> {
    crate::decode::syscall_of(&call.record)
}

fn errno(out: &mut Vec<u8>, outcome: &Outcome) {
    let (Outcome::Error(errno) | Outcome::Restart(errno) | Outcome::Narrow(_, errno)) = *outcome
    else {
        out.push(b'-');
        return;
    };
    match tables::errno_name(errno) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => {
            out.extend_from_slice(b"errno_");
            number::decimal(out, errno);
        }
    }
}

fn duration(out: &mut Vec<u8>, ns: u64) {
    if ns == DURATION_UNKNOWN {
        out.push(b'-');
    } else {
        number::decimal(out, ns);
    }
}

fn optional<I: itoa::Integer>(out: &mut Vec<u8>, value: Option<I>) {
    match value {
        Some(value) => number::decimal(out, value),
        None => out.push(b'-'),
    }
}

/// The columns that calls and other events share.
fn common(out: &mut Vec<u8>, column: Column, header: &Header, extra: &Extra<'_>) {
    match column {
        Column::Pid => number::decimal(out, header.tgid),
        Column::Tid => number::decimal(out, header.tid),
        Column::Comm if header.comm[0] == 0 => out.push(b'-'),
        Column::Comm => comm(out, &header.comm),
        Column::Cpu => number::decimal(out, header.cpu & 0x7fff),
        Column::Uid => optional(out, extra.uid),
        Column::Cgroup => match extra.cgroup {
            Some(path) => escape::escaped(out, path),
            None => out.push(b'-'),
        },
        Column::Stack => match extra.job {
            Some(job) => crate::stack::mark(out, job),
            None => stack(out, extra.stack),
        },
        Column::Ip => match extra.ip {
            Some(ip) => number::hex(out, ip),
            None => out.push(b'-'),
        },
        _ => out.push(b'-'),
    }
}

fn injected(out: &mut Vec<u8>, flags: u16) {
    out.extend_from_slice(match (flags & CALL_INJECTED, flags & CALL_DELAYED) {
        (0, 0) => b"-",
        (_, 0) => b"INJECTED",
        (0, _) => b"DELAYED",
        (_, _) => b"INJECTED,DELAYED",
    });
}

fn stack(out: &mut Vec<u8>, addresses: &[u8]) {
    let mut any = false;
    for address in addresses.chunks_exact(8) {
        let address = address
            .iter()
            .rev()
            .fold(0u64, |sum, &b| sum << 8 | u64::from(b));
        if address == 0 {
            break;
        }
        if any {
            out.push(b';');
        }
        any = true;
        number::hex(out, address);
    }
    if !any {
        out.push(b'-');
    }
}
