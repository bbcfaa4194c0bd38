//! What the C library says of a regular expression, regcomp(3): strace's words for one that is none.

use std::ffi::{CString, c_char};

/// Of a pattern that is wrong in our own syntax too; general words if it is right to the C library.
#[must_use]
pub fn regex_complaint(pattern: &str) -> String {
    complaint(pattern).unwrap_or_else(|| "Invalid regular expression".to_owned())
}

fn complaint(pattern: &str) -> Option<String> {
    let pattern = CString::new(pattern).ok()?;
    let mut compiled = std::mem::MaybeUninit::<libc::regex_t>::zeroed();
    let mut text = [0_u8; 128];
    // SAFETY: the pattern ends with a NUL; `compiled` is ours. It is initialized, and to be freed, only on success; with an
    // error regerror(3) writes at most as many bytes as it is told, a NUL among them.
    unsafe {
        let error = libc::regcomp(
            compiled.as_mut_ptr(),
            pattern.as_ptr(),
            libc::REG_EXTENDED | libc::REG_NOSUB,
        );
        if error == 0 {
            libc::regfree(compiled.as_mut_ptr());
            return None;
        }
        libc::regerror(
            error,
            compiled.as_ptr(),
            text.as_mut_ptr().cast::<c_char>(),
            text.len(),
        );
    }
    let end = text.iter().position(|byte| *byte == 0)?;
    let said = String::from_utf8_lossy(text.get(..end)?).into_owned();
    Some(said)
}
