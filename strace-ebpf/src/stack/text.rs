//! The writer's side: marks in the output become lines of callers, or what stands in a column.

use std::{os::unix::ffi::OsStrExt, sync::Arc};

use bytes::Bytes;

use super::{Job, Jobs, MARK, MARK_BYTES, unwind::Unwinders};
use crate::format::{escape, number};

/// How callers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A line each, as strace(1) does.
    Lines,
    /// In one column, separated by semicolons.
    Column,
}

/// Replaces marks.
pub struct Writer {
    jobs: Arc<Jobs>,
    shape: Shape,
    limit: usize,
    unwinders: Unwinders,
}

impl Writer {
    /// With at most `limit` callers each.
    #[must_use]
    pub fn new(jobs: Arc<Jobs>, shape: Shape, limit: usize) -> Self {
        Self {
            jobs,
            shape,
            limit,
            unwinders: Unwinders::default(),
        }
    }

    /// The text with every mark replaced.
    pub fn replace(&mut self, text: Bytes) -> Bytes {
        let Some(mut at) = memchr::memchr(MARK, &text) else {
            return text;
        };
        let mut out = Vec::with_capacity(4 * text.len());
        let mut rest: &[u8] = &text;
        loop {
            let (before, mark) = rest.split_at(at);
            out.extend_from_slice(before);
            let (mark, behind) = mark.split_at(mark.len().min(MARK_BYTES));
            let number = mark.get(1..).and_then(|number| number.try_into().ok());
            if let Some(job) = number.and_then(|number| self.jobs.take(u64::from_ne_bytes(number)))
            {
                self.callers(&mut out, &job);
            }
            rest = behind;
            match memchr::memchr(MARK, rest) {
                Some(next) => at = next,
                None => break,
            }
        }
        out.extend_from_slice(rest);
        Bytes::from(out)
    }

    fn callers(&mut self, out: &mut Vec<u8>, job: &Job) {
        let (frames, more) = self.unwinders.frames(job, self.limit);
        for (place, address) in frames.iter().enumerate() {
            match self.shape {
                Shape::Lines => out.extend_from_slice(b" > "),
                Shape::Column if place > 0 => out.push(b';'),
                Shape::Column => {}
            }
            self.caller(out, job, *address, place > 0);
            if self.shape == Shape::Lines {
                out.push(b'\n');
            }
        }
        match self.shape {
            Shape::Lines if more => out.extend_from_slice(b" > too many stack frames\n"),
            Shape::Column if more => out.extend_from_slice(b";..."),
            _ => {}
        }
    }

    /// `FILE(FUNCTION+0xINTO) [0xOFFSET]`, the offset being that in the file.
    fn caller(&mut self, out: &mut Vec<u8>, job: &Job, address: u64, returns: bool) {
        let Some(mapped) = job.space.at(address) else {
            out.extend_from_slice(b"()");
            return bracket(out, self.shape, address);
        };
        let offset = (address - mapped.start).wrapping_add(mapped.offset);
        escape::escaped(out, mapped.path.as_os_str().as_bytes());
        out.push(b'(');
        let binary = self.unwinders.binary(mapped, job.tgid);
        let place = binary.as_ref().and_then(|binary| binary.address_of(offset));
        if let Some((name, into)) = place.and_then(|place| binary.as_ref()?.symbol(place, returns))
        {
            escape::escaped(out, demangled(name).as_bytes());
            out.extend_from_slice(b"+0x");
            hex(out, into);
        }
        out.push(b')');
        bracket(out, self.shape, offset);
    }
}

fn bracket(out: &mut Vec<u8>, shape: Shape, address: u64) {
    out.extend_from_slice(match shape {
        Shape::Lines => b" [0x".as_slice(),
        Shape::Column => b"[0x",
    });
    hex(out, address);
    out.push(b']');
}

/// Digits, `0` for zero.
fn hex(out: &mut Vec<u8>, n: u64) {
    if n == 0 {
        out.push(b'0');
        return;
    }
    let at = out.len();
    number::hex(out, n);
    // Without its `0x`.
    out.drain(at..at + 2);
}

/// A name as the source has it.
fn demangled(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    if let Ok(rust) = rustc_demangle::try_demangle(&text) {
        return format!("{rust:#}");
    }
    if text.starts_with("_Z")
        && let Ok(symbol) = cpp_demangle::Symbol::new(name)
        && let Ok(plain) = symbol.demangle()
    {
        return plain;
    }
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{mark, space::Spaces};

    #[test]
    fn marks_become_text() {
        let here = marks_become_text as *const () as u64;
        let jobs = Arc::new(Jobs::default());
        let job = |ip| Job {
            registers: [ip, 0x1000, 0],
            stack: Box::new([0; 64]),
            space: Spaces::default().of(std::process::id(), here),
            tgid: std::process::id(),
            narrow: true,
        };
        jobs.put(7, job(here + 1));
        jobs.put(8, job(5));
        assert_eq!(jobs.bytes(), 128);
        let mut text = b"close(3) = 0\n".to_vec();
        mark(&mut text, 7);
        text.extend(b"x\n");
        mark(&mut text, 8);
        mark(&mut text, 99);
        let mut writer = Writer::new(Arc::clone(&jobs), Shape::Lines, 8);
        let done = writer.replace(Bytes::from(text));
        let lines = String::from_utf8(done.to_vec()).expect("text");
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(
            (lines[0], lines[2], lines[3]),
            ("close(3) = 0", "x", " > () [0x5]")
        );
        assert!(lines[1].starts_with(" > /") && lines[1].contains("marks_become_text+0x1) [0x"));
        assert_eq!((jobs.bytes(), lines.len()), (0, 4));
        for cut in 1..MARK_BYTES {
            assert!(writer.replace(Bytes::from(vec![MARK; cut])).is_empty());
        }
    }

    #[test]
    fn names_as_in_the_source() {
        for (name, plain) in [
            (
                "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE",
                "core::fmt::Formatter::pad",
            ),
            ("_ZN3foo3barEi", "foo::bar(int)"),
            ("__libc_start_main", "__libc_start_main"),
            ("_Z", "_Z"),
        ] {
            assert_eq!(demangled(name.as_bytes()), plain);
        }
    }
}
