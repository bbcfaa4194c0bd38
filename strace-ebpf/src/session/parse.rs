//! Bytes of one record to a checked event. Whatever the bytes are, nothing panics.

use strace_ebpf_common::{
    capture::{CAPTURE_BYTES, Capture, padded},
    record::{
        CAPTURES_TO_END, CallRecord, ExecRecord, ForkRecord, Header, KIND_ENTER, KIND_EXEC,
        KIND_EXIT, KIND_FORK, KIND_SIGNAL, KIND_TASK_EXIT, SignalRecord, TaskExitRecord,
        read_fixed,
    },
};

/// One piece of the tracee's memory.
#[derive(Clone, Copy, Debug)]
pub struct Captured<'a> {
    /// From where, and how it went.
    pub header: Capture,
    /// The bytes; empty when they could not be read.
    pub bytes: &'a [u8],
}

/// A parsed record; `body` is what follows the fixed part.
#[derive(Debug)]
pub enum Event<'a> {
    /// A call returned.
    Exit(CallRecord, &'a [u8]),
    /// A call began, with something to be read or told now.
    Enter(CallRecord, &'a [u8]),
    /// A task made another.
    Fork(ForkRecord),
    /// A task replaced its program; the body holds the file name.
    Exec(ExecRecord, &'a [u8]),
    /// A task ended.
    TaskExit(TaskExitRecord),
    /// A signal; the body holds the stack, if that was copied.
    Signal(SignalRecord, &'a [u8]),
}

/// Why a record could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer bytes than the kind's fixed part.
    TooShort,
    /// Its own length is not that of the bytes.
    WrongLength,
    /// A kind that this version does not know.
    UnknownKind(u16),
}

/// Parses one record.
pub fn parse(bytes: &[u8]) -> Result<Event<'_>, ParseError> {
    let header: Header = read_fixed(bytes).ok_or(ParseError::TooShort)?;
    let len = header.len as usize;
    // The buffers pad what they carry to eight bytes.
    if len < size_of::<Header>() || len > bytes.len() {
        return Err(ParseError::WrongLength);
    }
    let bytes = &bytes[..len];
    fn fixed<T: strace_ebpf_common::record::Fixed>(bytes: &[u8]) -> Result<(T, &[u8]), ParseError> {
        let value = read_fixed(bytes).ok_or(ParseError::TooShort)?;
        Ok((value, &bytes[size_of::<T>()..]))
    }
    Ok(match header.kind {
        KIND_EXIT => fixed(bytes).map(|(record, body)| Event::Exit(record, body))?,
        KIND_ENTER => fixed(bytes).map(|(record, body)| Event::Enter(record, body))?,
        KIND_FORK => Event::Fork(fixed(bytes)?.0),
        KIND_EXEC => fixed(bytes).map(|(record, body)| Event::Exec(record, body))?,
        KIND_TASK_EXIT => Event::TaskExit(fixed(bytes)?.0),
        KIND_SIGNAL => fixed(bytes).map(|(record, body)| Event::Signal(record, body))?,
        kind => return Err(ParseError::UnknownKind(kind)),
    })
}

/// A call's record, and the captures behind it.
#[must_use]
pub fn call(bytes: &[u8]) -> Option<(CallRecord, &[u8])> {
    let body = bytes.get(size_of::<CallRecord>()..)?;
    Some((read_fixed(bytes)?, body))
}

/// The captures in `body`, as many as a record says; ends early where the bytes end early.
pub fn captures(mut body: &[u8], count: u8) -> impl Iterator<Item = Captured<'_>> {
    let most = match count {
        CAPTURES_TO_END => usize::MAX,
        count => count.into(),
    };
    (0..most).map_while(move |_| {
        let header: Capture = read_fixed(body)?;
        let rest = body.get(CAPTURE_BYTES as usize..)?;
        let bytes = rest.get(..header.len as usize)?;
        body = rest
            .get(padded(u64::from(header.len)) as usize..)
            .unwrap_or_default();
        Some(Captured { header, bytes })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, len: usize) -> Vec<u8> {
        let mut bytes = vec![0u8; len.max(6)];
        bytes[0..4].copy_from_slice(&(len as u32).to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes.truncate(len);
        bytes
    }

    #[test]
    fn every_length_too_short_is_refused() {
        let kinds = [
            (KIND_EXIT, size_of::<CallRecord>()),
            (KIND_ENTER, size_of::<CallRecord>()),
            (KIND_FORK, size_of::<ForkRecord>()),
            (KIND_EXEC, size_of::<ExecRecord>()),
            (KIND_TASK_EXIT, size_of::<TaskExitRecord>()),
            (KIND_SIGNAL, size_of::<SignalRecord>()),
        ];
        for (kind, whole) in kinds {
            for len in 0..whole {
                assert!(
                    parse(&record(kind, len)).is_err(),
                    "kind {kind}, {len} bytes"
                );
            }
            assert!(parse(&record(kind, whole)).is_ok(), "kind {kind}");
            assert!(
                parse(&record(kind, whole + 8)).is_ok(),
                "kind {kind} with a body"
            );
        }
    }

    #[test]
    fn unknown_kinds_and_wrong_lengths_are_told_apart() {
        assert_eq!(
            parse(&record(99, 64)).err(),
            Some(ParseError::UnknownKind(99))
        );
        let mut bytes = record(KIND_FORK, 56);
        bytes[0] = 57;
        assert_eq!(parse(&bytes).err(), Some(ParseError::WrongLength));
        bytes[0] = 3;
        assert_eq!(parse(&bytes).err(), Some(ParseError::WrongLength));
    }

    #[test]
    fn captures_end_where_the_bytes_end() {
        let mut body = vec![0u8; CAPTURE_BYTES as usize + 8];
        body[8..12].copy_from_slice(&5u32.to_ne_bytes());
        body[24..29].copy_from_slice(b"hello");
        let two = [body.clone(), body.clone()].concat();
        assert_eq!(captures(&two, 2).count(), 2);
        assert_eq!(captures(&two, 1).count(), 1);
        for len in 0..two.len() {
            let whole = captures(&two[..len], 2).count();
            assert!(whole <= len / 29, "{len} bytes gave {whole} captures");
        }
        let first = captures(&two, 2).next().map(|c| c.bytes.to_vec());
        assert_eq!(first.as_deref(), Some(&b"hello"[..]));
        let many = body.repeat(300);
        assert_eq!(captures(&many, 254).count(), 254);
        assert_eq!(captures(&many, CAPTURES_TO_END).count(), 300);
        body[8..12].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(captures(&body, 1).count(), 0);
        assert_eq!(captures(&body, CAPTURES_TO_END).count(), 0);
    }
}
