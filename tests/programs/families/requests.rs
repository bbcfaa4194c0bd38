//! ioctl requests, one after the other: with memory of numbers that count up, without memory, and with some that is not there.
//! Descriptor -2 stands for devices that do as they are told: a seccomp filter answers with 0.

use crate::{
    answers,
    lines::{Edge, Lines},
};

pub const FAILS: i32 = -1;
pub const SUCCEEDS: i32 = -2;
/// Where the numbers are, as the list has it.
const MEMORY: usize = 0x1000_0000;
const BYTES: usize = 65536;
/// Bytes that count; the rest is zero.
const COUNTED: usize = 4096;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let rows: Vec<Vec<&str>> = include_str!("requests.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
        .collect();
    map();
    answers::answer(libc::SYS_ioctl, SUCCEEDS);
    // All texts before the first call that counts: more memory is a call, too.
    let lines: Vec<Line> = rows.iter().flat_map(|row| lines_of(row, &edge)).collect();
    l.begin();
    for line in &lines {
        let ret = l.run(libc::SYS_ioctl, &[line.fd as usize, line.request, line.arg]);
        l.expect(&line.text, &[], ret);
    }
    l.end();
}

struct Line {
    fd: i32,
    request: usize,
    arg: usize,
    text: String,
}

/// A call that fails, one that succeeds, and where there is memory, two without.
fn lines_of(row: &[&str], edge: &Edge) -> Vec<Line> {
    let [number, failed, done @ ..] = row else {
        return Vec::new();
    };
    let number = number.trim_start_matches("0x");
    let request = usize::from_str_radix(number, 16).expect("a hexadecimal number");
    let name = failed.split(", ").next().expect("a name");
    let line = |fd: i32, arg: usize, text: &str| Line {
        fd,
        request,
        arg,
        text: format!("ioctl({fd}, {text})"),
    };
    let mut lines = vec![
        line(FAILS, MEMORY, failed),
        line(SUCCEEDS, MEMORY, done.first().unwrap_or(failed)),
    ];
    let is_pointer = |text: &&str| {
        [", {", ", [", ", \""]
            .iter()
            .any(|open| text.contains(open))
    };
    if row[1..].iter().any(is_pointer) {
        let nowhere = edge.wall() as usize;
        lines.push(line(FAILS, 0, &format!("{name}, NULL")));
        lines.push(line(FAILS, nowhere, &format!("{name}, {nowhere:#x}")));
    }
    lines
}

fn map() {
    let memory = answers::fresh(MEMORY, BYTES);
    for (place, byte) in memory.iter_mut().take(COUNTED).enumerate() {
        *byte = if place % 4 == 0 {
            (place / 4 + 1) as u8
        } else {
            0
        };
    }
}
