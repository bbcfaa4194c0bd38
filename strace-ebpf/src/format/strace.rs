//! The strace format: the shape of lines, byte for byte as strace(1) writes them.
//!
//! Pieces of a line are written one after the other, because a call's line may be cut by another
//! thread's (`<unfinished ...>`) and taken up again (`<... read resumed>`).

use smallvec::SmallVec;
use strace_ebpf_common::{
    limits::COMM_BYTES,
    record::{CALL_DELAYED, CALL_INJECTED},
};

use super::{
    color::{self, Color},
    number,
    text::{self, Rendering},
    time::{Clock, Precision, Style},
};
use crate::{
    decode::{
        Outcome,
        value::{Args, Value},
    },
    tables,
};

/// What stands behind a result: what was done to the call, and how long it took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// `CALL_*` bits.
    pub flags: u16,
    /// Where it is known.
    pub duration_ns: Option<u64>,
}

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Column of the results (`-a`, `--columns`).
    pub column: usize,
    /// Each line begins with the thread's number, not in brackets (`-f -o FILE`).
    pub bare_tid: bool,
    /// It begins so, in brackets, even where there is just one (`--always-show-pid`).
    pub tid: bool,
    /// Number of the call (`-n`).
    pub number: bool,
    /// Instruction pointer (`-i`).
    pub ip: bool,
    /// Names of arguments (`-N`).
    pub names: bool,
    /// Time spent in each call (`-T`).
    pub durations: Option<Precision>,
    /// How values look.
    pub rendering: Rendering,
}

/// What a line may begin with besides whose it is and when.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Number of the call, or of the last one.
    pub nr: u32,
    /// Where the program is.
    pub ip: Option<u64>,
    /// It is a 32-bit one.
    pub narrow: bool,
    /// The thread's name, if that is shown.
    pub comm: Option<[u8; COMM_BYTES]>,
}

/// The names of a call's arguments, or nothing where they are not shown.
pub type Names = SmallVec<[&'static str; 6]>;

/// How much of a call's arguments is known when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// So many arguments.
    pub args: usize,
    /// Of the next one the part before what the call adds to it: `[3] => [5]`.
    pub grows: bool,
    /// Is the comma behind them told with what follows, as strace does it for clone(2)?
    pub comma_follows: bool,
}

impl Known {
    /// Everything.
    pub const ALL: Self = Self {
        args: usize::MAX,
        grows: false,
        comma_follows: false,
    };

    /// Is nothing left to be told?
    #[must_use]
    pub fn is_all(self, args: &Args<'_>) -> bool {
        self.args >= args.iter().count()
    }
}

/// Where the part begins that the call has added.
fn grown_at(values: &[Value<'_>]) -> usize {
    let becomes = |value: &Value<'_>| matches!(value, Value::Becomes);
    values.iter().position(becomes).unwrap_or(values.len())
}

/// Writes lines.
#[derive(Debug)]
pub struct Strace {
    look: Look,
    absolute: Option<Clock>,
    relative: Option<Clock>,
    /// Characters of the present line so far.
    col: usize,
}

impl Strace {
    /// A writer with nothing written.
    #[must_use]
    pub fn new(look: Look, absolute: Option<Style>, relative: Option<Style>) -> Self {
        Self {
            look,
            absolute: absolute.map(Clock::new),
            relative: relative.map(Clock::new),
            col: 0,
        }
    }

    /// Another writer of such lines.
    #[must_use]
    pub fn other(&self) -> Self {
        Self {
            look: self.look,
            absolute: self.absolute.as_ref().map(Clock::other),
            relative: self.relative.as_ref().map(Clock::other),
            col: 0,
        }
    }

    /// How lines look.
    #[must_use]
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// Measures the wall clock anew.
    pub fn refresh_clock(&mut self) {
        if let Some(clock) = &mut self.absolute {
            clock.refresh();
        }
    }

    /// Counts what stands in the line since `before`.
    fn advance(&mut self, out: &[u8], before: usize) {
        let text = out.get(before..).unwrap_or_default();
        self.col += if self.look.rendering.color {
            color::visible(text)
        } else {
            text.len()
        };
    }

    fn paint(&self, out: &mut Vec<u8>, color: Color, write: impl FnOnce(&mut Vec<u8>)) {
        color::paint(
            out,
            Some(color).filter(|_| self.look.rendering.color),
            write,
        );
    }

    /// Begins a line: number of the thread, in brackets where there are several; the time; the place.
    pub fn leader(&mut self, out: &mut Vec<u8>, tid: u32, several: bool, ts_ns: u64, place: Place) {
        let before = out.len();
        self.col = 0;
        if self.look.bare_tid {
            match &place.comm {
                Some(comm) => {
                    number::decimal(out, tid);
                    text::comm(out, comm, self.look.rendering.strings);
                }
                None => number::left(out, u64::from(tid), 5),
            }
            out.push(b' ');
        } else if several || self.look.tid {
            out.extend_from_slice(b"[pid ");
            number::right(out, u64::from(tid), 5);
            if let Some(comm) = &place.comm {
                text::comm(out, comm, self.look.rendering.strings);
            }
            out.extend_from_slice(b"] ");
        }
        if let Some(clock) = &mut self.absolute {
            clock.write(out, ts_ns);
            out.push(b' ');
        }
        if let Some(clock) = &mut self.relative {
            // Seconds in six places.
            let mut since = Vec::new();
            clock.write(&mut since, ts_ns);
            let point = memchr::memchr(b'.', &since).unwrap_or(since.len());
            if self.absolute.is_some() {
                out.extend_from_slice(b"(+");
            }
            out.extend(std::iter::repeat_n(b' ', 6usize.saturating_sub(point)));
            out.extend_from_slice(&since);
            if self.absolute.is_some() {
                out.push(b')');
            }
            out.push(b' ');
        }
        if self.look.number {
            out.push(b'[');
            number::right(out, u64::from(place.nr), 4);
            out.extend_from_slice(b"] ");
        }
        if self.look.ip {
            let digits = if place.narrow { 8 } else { 16 };
            out.push(b'[');
            match place.ip {
                Some(ip) => number::hex_padded(out, ip, digits),
                None => out.extend(std::iter::repeat_n(b'?', digits as usize)),
            }
            out.extend_from_slice(b"] ");
        }
        self.advance(out, before);
    }

    /// The name and the first arguments, as many as are `known`.
    pub fn begin(
        &mut self,
        out: &mut Vec<u8>,
        name: &[u8],
        args: &Args<'_>,
        names: &Names,
        known: Known,
    ) {
        let before = out.len();
        self.paint(out, color::NAME, |out| out.extend_from_slice(name));
        out.push(b'(');
        for (i, values) in args.iter().take(known.args).enumerate() {
            if i > 0 {
                out.extend_from_slice(b", ");
            }
            named_argument(out, names, i);
            text::argument(out, values, self.look.rendering);
        }
        // What comes next will be an argument too.
        let next = args.iter().nth(known.args);
        if known.args > 0 && next.is_some() && !known.comma_follows {
            out.extend_from_slice(b", ");
        }
        if let Some(values) = next.filter(|_| known.grows) {
            named_argument(out, names, known.args);
            text::argument(
                out,
                values.get(..grown_at(values)).unwrap_or(values),
                self.look.rendering,
            );
        }
        self.advance(out, before);
    }

    /// The other arguments.
    pub fn rest(&mut self, out: &mut Vec<u8>, args: &Args<'_>, names: &Names, known: Known) {
        let before = out.len();
        for (i, values) in args.iter().skip(known.args).enumerate() {
            if i > 0 || known.comma_follows {
                out.extend_from_slice(b", ");
            }
            let begun = if i == 0 && known.grows {
                grown_at(values)
            } else {
                named_argument(out, names, known.args + i);
                0
            };
            text::argument(
                out,
                values.get(begun..).unwrap_or_default(),
                self.look.rendering,
            );
        }
        self.advance(out, before);
    }

    /// Another line has to come in between.
    pub fn unfinished(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b" <unfinished ...>\n");
        self.col = 0;
    }

    /// The line goes on.
    pub fn resumed(&mut self, out: &mut Vec<u8>, name: &[u8]) {
        let before = out.len();
        out.extend_from_slice(b"<... ");
        self.paint(out, color::NAME, |out| out.extend_from_slice(name));
        out.extend_from_slice(b" resumed>");
        self.advance(out, before);
    }

    /// The result, what it leads to or its name, what strace says about it in parentheses, and the end of the line.
    pub fn result(
        &mut self,
        out: &mut Vec<u8>,
        outcome: &Outcome,
        behind: &[Value<'_>],
        returned: &Args<'_>,
        done: Done,
    ) {
        let before = out.len();
        out.extend_from_slice(b") ");
        self.advance(out, before);
        out.extend(std::iter::repeat_n(
            b' ',
            self.look.column.saturating_sub(self.col),
        ));
        out.extend_from_slice(b"= ");
        match outcome {
            Outcome::Value(value) => self.paint(out, color::RESULT, |out| {
                text::one(out, value, self.look.rendering);
            }),
            Outcome::Error(errno) => self.paint(out, color::ERROR, |out| error(out, *errno)),
            Outcome::Narrow(value, errno) => self.paint(out, color::ERROR, |out| {
                number::decimal(out, *value);
                out.push(b' ');
                named(out, *errno);
            }),
            Outcome::Restart(errno) => self.paint(out, color::ERROR, |out| {
                out.extend_from_slice(b"? ");
                named(out, *errno);
            }),
            Outcome::NoReturn => self.paint(out, color::RESULT, |out| out.push(b'?')),
        }
        text::argument(out, behind, self.look.rendering);
        if let Some(values) = returned.iter().next() {
            out.extend_from_slice(b" (");
            text::argument(out, values, self.look.rendering);
            out.push(b')');
        }
        for (flag, text) in [(CALL_INJECTED, " (INJECTED)"), (CALL_DELAYED, " (DELAYED)")] {
            if done.flags & flag != 0 {
                out.extend_from_slice(text.as_bytes());
            }
        }
        if let Some(precision) = self.look.durations
            && let Some(ns) = done.duration_ns
        {
            out.extend_from_slice(b" <");
            precision.write(out, ns);
            out.push(b'>');
        }
        out.push(b'\n');
        self.col = 0;
    }

    /// A line that is not a call, such as `+++ exited with 0 +++`.
    pub fn remark(&mut self, out: &mut Vec<u8>, remark: &str) {
        out.extend_from_slice(remark.as_bytes());
        out.push(b'\n');
        self.col = 0;
    }

    /// `--- stopped by SIGSTOP ---`
    pub fn stopped(&mut self, out: &mut Vec<u8>, signal: u32) {
        out.extend_from_slice(b"--- stopped by ");
        text::signal_name(out, signal);
        out.extend_from_slice(b" ---\n");
        self.col = 0;
    }

    /// `--- SIGCHLD {…} ---`
    pub fn signal(&mut self, out: &mut Vec<u8>, signal: u32, info: &[Value<'_>]) {
        out.extend_from_slice(b"--- ");
        text::signal_name(out, signal);
        out.push(b' ');
        text::argument(out, info, self.look.rendering);
        out.extend_from_slice(b" ---\n");
        self.col = 0;
    }
}

/// `NAME=` before argument `i`.
fn named_argument(out: &mut Vec<u8>, names: &Names, i: usize) {
    if let Some(name) = names.get(i) {
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
    }
}

fn error(out: &mut Vec<u8>, errno: u32) {
    out.extend_from_slice(b"-1 ");
    named(out, errno);
}

/// `ENOENT (No such file or directory)`
fn named(out: &mut Vec<u8>, errno: u32) {
    match tables::errno_name(errno) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => {
            out.extend_from_slice(b"(errno ");
            number::decimal(out, errno);
            out.push(b')');
            return;
        }
    }
    if let Some(message) = tables::errno_message(errno) {
        out.extend_from_slice(b" (");
        out.extend_from_slice(message.as_bytes());
        out.push(b')');
    }
}

#[cfg(test)]
#[path = "strace_tests.rs"]
mod tests;
