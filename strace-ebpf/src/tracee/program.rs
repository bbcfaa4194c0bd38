//! Which file a command's name means.

use std::{
    ffi::{CString, OsStr},
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::launch::LaunchError;

/// Finds the program as execvp(3) would: one with a slash is taken as it is, another is looked for
/// in PATH. Doing it here keeps failed attempts out of the trace.
pub fn find_program(name: &OsStr) -> Result<PathBuf, LaunchError> {
    if name.is_empty() {
        return Err(LaunchError::NotFound(String::new()));
    }
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/bin:/usr/bin".into());
    let mut denied = None;
    for dir in std::env::split_paths(&path) {
        let dir = if dir.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            dir
        };
        let candidate = dir.join(name);
        match executable(&candidate) {
            Ok(true) => return Ok(candidate),
            Ok(false) => {}
            Err(error) => denied = Some(error),
        }
    }
    let name = name.to_string_lossy().into_owned();
    Err(match denied {
        Some(error) => LaunchError::NotExecutable(name, error),
        None => LaunchError::NotFound(name),
    })
}

/// Is there a regular file that we may execute? An error if there is one that we may not.
fn executable(path: &Path) -> io::Result<bool> {
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(false);
    }
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a NUL-terminated path.
    match unsafe { libc::access(path.as_ptr(), libc::X_OK) } {
        0 => Ok(true),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_programs_up_as_a_shell_does() {
        assert!(find_program(OsStr::new("sh")).is_ok_and(|path| path.is_absolute()));
        assert_eq!(
            find_program(OsStr::new("./x/y")).ok(),
            Some(PathBuf::from("./x/y"))
        );
        for name in ["", "no-such-command-anywhere"] {
            let error = find_program(OsStr::new(name)).expect_err("must not be found");
            assert_eq!(error.status(), 127);
        }
    }
}
