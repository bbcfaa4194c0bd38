//! From the paths of `-P` and the descriptors of `-e trace-fds=` to the calls that are told.

use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::{
    format::escape::{self, Hex},
    plan::{Request, qualify::QUIET_PATHS},
    say,
    trace::select::Selection,
};

/// The calls that are told, if not all; says what the paths of `-P` lead to, as strace does.
pub fn selection(request: &Request) -> Option<Selection> {
    let numbers = request.qualifiers.trace_fds.clone();
    if request.paths.is_empty() && numbers.is_none() {
        return None;
    }
    let mut paths = Vec::new();
    for path in &request.paths {
        let typed = path.as_bytes();
        paths.push(typed.to_vec());
        let resolved = std::fs::canonicalize(path).map(|path| path.into_os_string().into_vec());
        if let Ok(resolved) = resolved
            && resolved != typed
        {
            if request.output.quiet & QUIET_PATHS == 0 {
                let quoted = |bytes: &[u8]| {
                    let mut out = Vec::new();
                    escape::quoted(&mut out, bytes, Hex::Never);
                    String::from_utf8_lossy(&out).into_owned()
                };
                let (typed, resolved) = (quoted(typed), quoted(&resolved));
                say::line(format_args!(
                    "Requested path {typed} resolved into {resolved}"
                ));
            }
            paths.push(resolved);
        }
    }
    Some(Selection { paths, numbers })
}
