//! Our own messages: on standard error, a line each, beginning with the name we were called by.

use std::{
    fmt::Arguments,
    io::Write,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

static NAME: OnceLock<String> = OnceLock::new();
static IS_STRACE: AtomicBool = AtomicBool::new(false);
static DEBUG: AtomicBool = AtomicBool::new(false);

/// Sets the name, once, before the first message; called strace, messages have strace's words where it has some.
pub fn set_name(name: String, is_strace: bool) {
    // A second name changes nothing: the first one was the right one.
    let _ = NAME.set(name);
    IS_STRACE.store(is_strace, Ordering::Relaxed);
}

/// Are we called strace?
#[must_use]
pub fn is_strace() -> bool {
    IS_STRACE.load(Ordering::Relaxed)
}

/// The name.
#[must_use]
pub fn name() -> &'static str {
    NAME.get().map_or("strace-ebpf", String::as_str)
}

/// From now on what the tracer does is told (`-d`).
pub fn tell_all() {
    DEBUG.store(true, Ordering::Relaxed);
}

/// What the tracer does, for those who asked. Not for the path of an event.
pub fn debug(message: Arguments<'_>) {
    if DEBUG.load(Ordering::Relaxed) {
        line(message);
    }
}

/// Writes one message.
pub fn line(message: Arguments<'_>) {
    text(format_args!("{}: {message}\n", name()));
}

/// Writes text as it is, by one write(2), so that lines of a trace do not come in between. Where nobody hears us there is
/// nobody to be told that.
pub fn text(text: Arguments<'_>) {
    let _ = std::io::stderr().write_all(text.to_string().as_bytes());
}
