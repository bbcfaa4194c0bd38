//! Mends the arguments of a successful execve that were not resident when it began: the file name
//! from the kernel's own copy, the strings of argv from the new program's argument area.

use strace_ebpf_common::capture::{CAPTURE_AT_ENTER, CAPTURE_TRUNCATED};

use super::{Call, parse::Captured};
use crate::tables::{Attrs, Syscall, Ty};

/// Is this a call that replaced the program?
#[must_use]
pub fn succeeded(call: &Call<'_>, syscall: &Syscall) -> bool {
    syscall.attrs.contains(Attrs::EXEC) && call.record.ret == 0
}

/// Mends `call`; `filename` is what the kernel resolved (`linux_binprm.filename`).
pub fn mend<'a>(call: &mut Call<'a>, syscall: &Syscall, filename: Option<&'a [u8]>, limit: usize) {
    for (index, arg) in (0u8..).zip(syscall.args) {
        match arg.ty {
            Ty::Path => mend_path(call, index, filename),
            Ty::StrVec => mend_strings(call, index, filename, limit),
            _ => {}
        }
    }
}

fn mend_path<'a>(call: &mut Call<'a>, index: u8, filename: Option<&'a [u8]>) {
    let dirfd = index
        .checked_sub(1)
        .and_then(|i| call.record.args.get(usize::from(i)).copied());
    let unread =
        |captured: &&mut Captured<'a>| captured.header.arg == index && captured.header.errno != 0;
    if let Some(captured) = call.captures.iter_mut().find(unread)
        && let Some(filename) = filename.and_then(|name| as_passed(name, dirfd))
    {
        captured.header.errno = 0;
        captured.bytes = filename;
    }
}

/// The kernel names a file that execveat(2) found by descriptor `/dev/fd/N` or `/dev/fd/N/path`.
fn as_passed(name: &[u8], dirfd: Option<u64>) -> Option<&[u8]> {
    let Some(dirfd) = dirfd else {
        return Some(name);
    };
    let prefix = format!("/dev/fd/{}", dirfd as i32);
    match name.strip_prefix(prefix.as_bytes()) {
        Some(b"") => Some(b""),
        Some(rest) => rest.strip_prefix(b"/"),
        None => Some(name),
    }
}

/// The strings of a vector that could not be read, from the argument area. A script's area begins
/// with the interpreter's own words, but ends with the same arguments.
fn mend_strings(call: &mut Call<'_>, index: u8, filename: Option<&[u8]>, limit: usize) {
    let of_arg = |captured: &&Captured<'_>| captured.header.arg == index;
    let is_area = |captured: &Captured<'_>| captured.header.flags & CAPTURE_AT_ENTER == 0;
    if call.record.args.get(usize::from(index)) == Some(&0) {
        // No vector was passed: what the kernel made of that is not the caller's.
        call.captures
            .retain(|captured| captured.header.arg != index);
        return;
    }
    let Some(area) = call
        .captures
        .iter()
        .filter(of_arg)
        .find(|c| is_area(c))
        .copied()
    else {
        return;
    };
    let Some(vector) = call
        .captures
        .iter()
        .filter(of_arg)
        .find(|c| !is_area(c))
        .copied()
    else {
        return;
    };
    let bytes = area.bytes.strip_suffix(b"\0").unwrap_or(area.bytes);
    let words: Vec<&[u8]> = bytes.split(|&b| b == 0).collect();
    let whole = (area.header.flags | vector.header.flags) & CAPTURE_TRUNCATED == 0;
    // Words of the interpreter's before the script's own name, which takes the place of argv[0].
    let more = if whole {
        words.len().saturating_sub(vector.header.full as usize)
    } else {
        words
            .iter()
            .take(3)
            .skip(1)
            .position(|word| Some(*word) == filename)
            .map_or(0, |at| at + 1)
    };
    // The last word of an area that was cut may be cut itself.
    let known = if whole { words.len() } else { words.len() - 1 };
    for captured in &mut call.captures {
        let is_string = captured.header.arg == index
            && captured.header.flags & CAPTURE_AT_ENTER != 0
            && captured.header.op != vector.header.op;
        if !is_string || captured.header.errno == 0 {
            continue;
        }
        let place = usize::from(captured.header.element) + more;
        if (more == 0 || captured.header.element > 0)
            && let Some(word) = words.get(place).filter(|_| place < known)
        {
            captured.header.errno = 0;
            captured.bytes = &word[..word.len().min(limit)];
            if word.len() > limit {
                captured.header.flags |= CAPTURE_TRUNCATED;
            }
        }
    }
    // Kept only where the vector itself is missing.
    if vector.header.errno == 0 {
        call.captures
            .retain(|captured| captured.header.arg != index || !is_area(captured));
    }
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::{capture::Capture, record::CallRecord};

    use super::*;
    use crate::tables::{self, Abi};

    fn captured(
        arg: u8,
        op: u8,
        flags: u8,
        errno: u16,
        element: u16,
        full: u32,
        bytes: &[u8],
    ) -> Captured<'_> {
        Captured {
            header: Capture {
                arg,
                op,
                flags,
                errno,
                element,
                full,
                ..Capture::default()
            },
            bytes,
        }
    }

    fn mended(
        name: &str,
        dirfd: u64,
        captures: &[Captured<'static>],
        filename: &'static [u8],
    ) -> Vec<Vec<u8>> {
        let (nr, syscall) = tables::by_name(Abi::X86_64, name).expect(name);
        let record = CallRecord {
            nr,
            args: [dirfd, 1, 1, 1, 0, 0],
            ..CallRecord::default()
        };
        let mut call = Call {
            record,
            captures: captures.iter().copied().collect(),
            no_return: false,
        };
        mend(&mut call, syscall, Some(filename), 8);
        call.captures
            .iter()
            .filter(|c| c.header.errno == 0)
            .map(|c| c.bytes.to_vec())
            .collect()
    }

    const ENTER: u8 = CAPTURE_AT_ENTER;

    #[test]
    fn what_was_not_resident_comes_from_the_kernel_and_the_new_program() {
        let captures = [
            captured(1, 3, 0, 0, 0, 0, b"ls\0/very/long/word\0"),
            captured(0, 0, ENTER, 14, 0, 0, b""),
            captured(1, 1, ENTER, 0, 0, 2, &[0; 16]),
            captured(1, 2, ENTER, 14, 0, 0, b""),
            captured(1, 2, ENTER, 14, 1, 0, b""),
        ];
        let expected: [&[u8]; 4] = [b"/bin/ls", &[0; 16], b"ls", b"/very/lo"];
        assert_eq!(mended("execve", 0, &captures, b"/bin/ls"), expected);
    }

    #[test]
    fn a_script_keeps_its_arguments_but_not_its_own_name() {
        let captures = [
            captured(1, 3, 0, 0, 0, 0, b"/bin/sh\0./script\0x\0"),
            captured(1, 1, ENTER, 0, 0, 2, &[0; 16]),
            captured(1, 2, ENTER, 14, 0, 0, b""),
            captured(1, 2, ENTER, 14, 1, 0, b""),
        ];
        let expected: [&[u8]; 2] = [&[0; 16], b"x"];
        assert_eq!(mended("execve", 0, &captures, b"./script"), expected);
    }

    #[test]
    fn names_by_descriptor_are_those_that_were_passed() {
        assert_eq!(as_passed(b"/dev/fd/3", Some(3)), Some(&b""[..]));
        assert_eq!(as_passed(b"/dev/fd/3/x", Some(3)), Some(&b"x"[..]));
        assert_eq!(as_passed(b"/dev/fd/30", Some(3)), None);
        assert_eq!(
            as_passed(b"/bin/ls", Some(0xffff_ff9c)),
            Some(&b"/bin/ls"[..])
        );
        assert_eq!(as_passed(b"/bin/ls", None), Some(&b"/bin/ls"[..]));
    }
}
