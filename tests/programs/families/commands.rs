//! Calls that do many things, by the command that they are given: every one of it, refused and answered, with memory of numbers
//! that count up, without, and with some that is not there. None is made.

use std::ffi::c_long;

use crate::{
    answers::{self, MEMORY, NOWHERE},
    lines::Lines,
};

const CALLS: &[(&str, c_long)] = &[
    ("arch_prctl", libc::SYS_arch_prctl),
    ("bpf", libc::SYS_bpf),
    ("fcntl", libc::SYS_fcntl),
    ("fsconfig", libc::SYS_fsconfig),
    ("io_uring_register", libc::SYS_io_uring_register),
    ("kcmp", libc::SYS_kcmp),
    ("keyctl", libc::SYS_keyctl),
    ("landlock_add_rule", libc::SYS_landlock_add_rule),
    (
        "lsm_get_self_attr",
        crate::lines::numbers::SYS_lsm_get_self_attr,
    ),
    (
        "lsm_set_self_attr",
        crate::lines::numbers::SYS_lsm_set_self_attr,
    ),
    ("membarrier", libc::SYS_membarrier),
    ("msgctl", libc::SYS_msgctl),
    ("ptrace", libc::SYS_ptrace),
    ("reboot", libc::SYS_reboot),
    ("seccomp", libc::SYS_seccomp),
    ("semctl", libc::SYS_semctl),
    ("shmctl", libc::SYS_shmctl),
    ("syslog", libc::SYS_syslog),
];

pub fn run(l: &mut Lines) {
    let rows: Vec<Row> = include_str!("commands.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(Row::new)
        .collect();
    answers::map();
    answers::begin();
    l.begin();
    for row in &rows {
        let ret = answers::refused(l, row.nr, &row.args);
        l.expect(row.failed, &[], ret);
        answers::answered(l, row.nr, &row.args);
        l.line(row.done, &[]);
    }
    l.end();
}

/// A line of the list.
struct Row {
    nr: c_long,
    args: Vec<usize>,
    failed: &'static str,
    done: &'static str,
}

impl Row {
    fn new(line: &'static str) -> Self {
        let [call, failed, done] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}");
        };
        let mut words = call.split(' ');
        let name = words.next().unwrap_or_default();
        let nr = CALLS.iter().find(|call| call.0 == name).map(|call| call.1);
        Self {
            nr: nr.expect("a call that is known"),
            args: words.map(number).collect(),
            failed,
            done,
        }
    }
}

/// `M` is the memory, `X` is none.
fn number(word: &str) -> usize {
    match word.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16).expect("a hexadecimal number"),
        None if word == "M" => MEMORY,
        None if word == "X" => NOWHERE,
        None => word.parse::<i64>().expect("a decimal number") as usize,
    }
}
