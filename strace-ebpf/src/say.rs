//! Our own messages: on standard error, a line each, beginning with the name we were called by.

use std::{fmt::Arguments, sync::OnceLock};

static NAME: OnceLock<&'static str> = OnceLock::new();

/// Sets the name, once, before the first message.
pub fn set_name(name: &'static str) {
    // A second name changes nothing: the first one was the right one.
    let _ = NAME.set(name);
}

/// The name.
#[must_use]
pub fn name() -> &'static str {
    NAME.get().copied().unwrap_or("strace-ebpf")
}

/// Writes one message.
pub fn line(message: Arguments<'_>) {
    eprintln!("{}: {message}", name());
}
