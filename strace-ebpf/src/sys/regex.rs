//! Regular expressions of the C library, regcomp(3): those of strace, with its words for one that is none.

use std::ffi::{CString, c_char};

/// An extended regular expression, compiled.
#[derive(Debug)]
pub struct Regex(Box<libc::regex_t>);

impl Regex {
    /// Compiles it, or says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let pattern = CString::new(pattern).map_err(|_| "Invalid regular expression".to_owned())?;
        // SAFETY: integers and pointers, for which zeros are values.
        let mut compiled: Box<libc::regex_t> = Box::new(unsafe { std::mem::zeroed() });
        // SAFETY: the pattern ends with a NUL; `compiled` is ours. With an error there is nothing in it to be freed.
        let error = unsafe {
            libc::regcomp(
                &raw mut *compiled,
                pattern.as_ptr(),
                libc::REG_EXTENDED | libc::REG_NOSUB,
            )
        };
        if error == 0 {
            Ok(Self(compiled))
        } else {
            Err(complaint(error, &compiled))
        }
    }

    /// Does it match anywhere in the text?
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        let Ok(text) = CString::new(text) else {
            return false;
        };
        // SAFETY: compiled before; the text ends with a NUL; nothing is told of where it matches.
        unsafe {
            libc::regexec(
                &raw const *self.0,
                text.as_ptr(),
                0,
                std::ptr::null_mut(),
                0,
            ) == 0
        }
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: compiled before, and not used any more.
        unsafe { libc::regfree(&raw mut *self.0) }
    }
}

fn complaint(error: i32, compiled: &libc::regex_t) -> String {
    let mut text = [0_u8; 128];
    // SAFETY: writes at most as many bytes as it is told, a NUL among them.
    unsafe {
        libc::regerror(
            error,
            compiled,
            text.as_mut_ptr().cast::<c_char>(),
            text.len(),
        );
    }
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(0);
    String::from_utf8_lossy(text.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_those_of_the_c_library() {
        let is_match = |pattern, text| Regex::new(pattern).expect(pattern).is_match(text);
        assert!(is_match("^get[[:alpha:]]id$", "getpid"));
        assert!(!is_match("^get[[:digit:]]", "getpid"));
        assert!(is_match("", "anything") && is_match("a|b", "b"));
        for wrong in ["(", "[[:foo:]]", "[a", "a{1", "a\0"] {
            let told = Regex::new(wrong).err();
            assert!(told.is_some_and(|told| !told.is_empty()), "{wrong:?}");
        }
    }
}
