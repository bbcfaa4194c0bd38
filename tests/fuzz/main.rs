//! Whatever arrives, nothing panics and no line breaks: property tests of everything that reads foreign bytes or text.
//!
//! Each target takes plain bytes (`Source`), so that proptest can shrink what fails. Seeds of failures are kept in
//! `regressions/`, committed, and tried first. `STRACE_EBPF_FUZZ=N` makes N times as many cases; once takes half a minute
//! together. Needs no privilege: nothing is traced.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod command_lines;
mod decoders;
mod records;
mod source;

use proptest::{
    collection::vec,
    prelude::any,
    test_runner::{Config, FileFailurePersistence, TestRunner},
};
use source::Source;

/// Tries a target on many inputs of up to so many words.
fn check(name: &'static str, cases: u32, words: usize, target: impl Fn(&mut Source)) {
    let scale = std::env::var("STRACE_EBPF_FUZZ").map_or(1, |n| n.parse().unwrap());
    let seeds = format!(
        "{}/../tests/fuzz/regressions/{name}.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    let config = Config {
        cases: cases * scale,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(Box::leak(
            seeds.into_boxed_str(),
        )))),
        ..Config::default()
    };
    let run = TestRunner::new(config).run(&vec(any::<u64>(), 0..words), |words| {
        target(&mut Source::new(&words));
        Ok(())
    });
    if let Err(why) = run {
        panic!("{name}: {why}");
    }
}

/// Printable ASCII, and what is allowed besides.
#[track_caller]
fn assert_harmless(text: &[u8], allowed: &[u8]) {
    let bad = text
        .iter()
        .position(|byte| !(0x20..0x7f).contains(byte) && !allowed.contains(byte));
    assert_eq!(bad, None, "{:?}", String::from_utf8_lossy(text));
}
