//! ioctl requests over memory of their own: what a type, a flag or a command makes of a structure, and what that leads to.
//! Descriptor -2 stands for devices that do as they are told, as among the requests.

use crate::{
    answers,
    lines::{Edge, Lines},
    requests::{FAILS, SUCCEEDS},
};

/// Where the first row's memory is; each has a page.
const MEMORY: usize = 0x1100_0000;
const PAGE: usize = 4096;
/// So many bytes of a structure are before unreadable memory where it is cut.
const CUT: usize = 3;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let rows: Vec<Vec<&str>> = include_str!("devices.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
        .collect();
    let memory = answers::fresh(MEMORY, rows.len() * PAGE);
    answers::answer(libc::SYS_ioctl, SUCCEEDS);
    let mut lines = Vec::new();
    for ((row, own), page) in rows.iter().zip(memory.chunks_exact_mut(PAGE)).zip(0..) {
        let [number, words, failed, done @ ..] = &row[..] else {
            panic!("number, memory and text: {row:?}");
        };
        // Of some requests what is before unreadable memory is shown.
        let (number, is_whole) = match number.strip_prefix('~') {
            Some(number) => (number, false),
            None => (*number, true),
        };
        let number = number.trim_start_matches("0x");
        let request = usize::from_str_radix(number, 16).expect("a hexadecimal number");
        let at = MEMORY + page * PAGE;
        words.split(' ').for_each(|word| fill(own, at, word));
        let done = done.first().unwrap_or(failed);
        let name = failed.split(", ").next().expect("a name");
        let nowhere = edge.wall() as usize;
        let cut = nowhere - CUT;
        lines.push((FAILS, request, at, format!("ioctl(-1, {failed})")));
        lines.push((SUCCEEDS, request, at, format!("ioctl(-2, {done})")));
        lines.push((FAILS, request, 0, format!("ioctl(-1, {name}, NULL)")));
        for bad in [nowhere, cut].into_iter().take(1 + usize::from(is_whole)) {
            let text = format!("ioctl(-1, {name}, {bad:#x})");
            lines.push((FAILS, request, bad, text));
        }
    }
    l.begin();
    for (fd, request, arg, text) in &lines {
        let ret = l.run(libc::SYS_ioctl, &[*fd as usize, *request, *arg]);
        l.expect(text, &[], ret);
    }
    l.end();
}

/// `PLACE:WIDTH=VALUE`, where `@PLACE` is an address in the same page and `'TEXT` is text.
fn fill(page: &mut [u8], at: usize, word: &str) {
    let hex = |text: &str| {
        let text = text.trim_start_matches("0x");
        u64::from_str_radix(text, 16).expect("a hexadecimal number")
    };
    let (place, value) = word.split_once('=').expect("PLACE:WIDTH=VALUE");
    let (place, width) = place.split_once(':').expect("PLACE:WIDTH=VALUE");
    let place = hex(place) as usize;
    let bytes = match (value.strip_prefix('\''), value.strip_prefix('@')) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (_, Some(own)) => (at as u64 + hex(own)).to_le_bytes().to_vec(),
        _ => hex(value).to_le_bytes().to_vec(),
    };
    let width = hex(width) as usize;
    page[place..place + width].copy_from_slice(&bytes[..width]);
}
