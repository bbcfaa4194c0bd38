//! The seccomp filter of a command whose calls are changed: the kernel asks about those calls, and about no other.
//!
//! A classic BPF program over `struct seccomp_data` (`include/uapi/linux/seccomp.h`): architecture, number, answer.

use std::ops::RangeInclusive;

use strace_ebpf_common::limits::X32_SYSCALL_BIT;

use crate::{
    plan::inject::Rules,
    tables::{self, Abi},
};

/// `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_I386`, `include/uapi/linux/audit.h`.
pub const ARCH_X86_64: u32 = 0xc000_003e;
/// See there.
pub const ARCH_I386: u32 = 0x4000_0003;

/// Offsets in `struct seccomp_data`.
const AT_NR: u32 = 0;
const AT_ARCH: u32 = 4;
const AT_ARGS: u32 = 16;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_ABOVE: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
const JUMP_FROM: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// By which the command's own call is known that hands the filter's listener over, before anybody could answer: two words
/// in arguments that the call does not have.
pub type Secret = [u64; 2];

/// The program; at most some two thousand instructions of the 4096 that there may be.
#[must_use]
pub fn program(rules: &Rules, secret: Secret) -> Vec<libc::sock_filter> {
    let mut out = Vec::new();
    let of_64 = section(rules, Abi::X86_64, 0, Some(secret));
    let of_x32 = section(rules, Abi::X32, X32_SYSCALL_BIT, None);
    let of_32 = section(rules, Abi::I386, 0, None);
    for (arch, sections) in [(ARCH_X86_64, vec![of_64, of_x32]), (ARCH_I386, vec![of_32])] {
        out.push(statement(LOAD, AT_ARCH));
        // Jumps of an instruction reach 255 others at most: over a return.
        out.push(jump(JUMP_EQUAL, arch, 1, 0));
        let len: usize = sections.iter().map(Vec::len).sum();
        out.push(statement(ALWAYS, len as u32 + 2));
        out.push(statement(LOAD, AT_NR));
        out.extend(sections.into_iter().flatten());
        out.push(statement(RETURN, libc::SECCOMP_RET_ALLOW));
    }
    out.push(statement(RETURN, libc::SECCOMP_RET_ALLOW));
    out
}

const ALWAYS: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;

/// Asks about the calls of one ABI; the number is loaded.
fn section(rules: &Rules, abi: Abi, bit: u32, secret: Option<Secret>) -> Vec<libc::sock_filter> {
    let mut out = Vec::new();
    let ranges = ranges(tables::all(abi).map(|(nr, _)| nr), |nr| {
        rules.of(abi, nr).is_some()
    });
    let handover = libc::SYS_sendmsg as u32;
    for range in ranges {
        let (first, last) = (range.start() | bit, range.end() | bit);
        let secret = secret.filter(|_| range.contains(&handover));
        let answer = answer(handover, secret);
        let over = answer.len() as u8;
        out.push(jump(JUMP_ABOVE, last, over + 1, 0));
        out.push(jump(JUMP_FROM, first, 0, over));
        out.extend(answer);
    }
    out
}

/// Asks, unless it is the call that nobody could answer yet.
fn answer(handover: u32, secret: Option<Secret>) -> Vec<libc::sock_filter> {
    let mut out = Vec::new();
    if let Some(secret) = secret {
        let words: Vec<u32> = secret
            .into_iter()
            .flat_map(|word| [word as u32, (word >> 32) as u32])
            .collect();
        // Behind them stands the answer for what is the handover, then the one for what is not.
        let mut left = 2 * words.len() as u8 + 1;
        out.push(jump(JUMP_EQUAL, handover, 0, left));
        for (index, word) in (0u32..).zip(words) {
            left -= 2;
            out.push(statement(LOAD, AT_ARGS + 4 * 8 + 4 * index));
            out.push(jump(JUMP_EQUAL, word, 0, left));
        }
        out.push(statement(RETURN, libc::SECCOMP_RET_ALLOW));
    }
    out.push(statement(RETURN, libc::SECCOMP_RET_USER_NOTIF));
    out
}

/// Numbers in a row of which all are `wanted`. Those that no call has may be in it.
fn ranges(
    numbers: impl Iterator<Item = u32>,
    wanted: impl Fn(u32) -> bool,
) -> Vec<RangeInclusive<u32>> {
    let mut found: Vec<RangeInclusive<u32>> = Vec::new();
    let mut goes_on = false;
    for nr in numbers {
        if wanted(nr) {
            match found.last_mut().filter(|_| goes_on) {
                Some(last) => *last = *last.start()..=nr,
                None => found.push(nr..=nr),
            }
        }
        goes_on = wanted(nr);
    }
    found
}

fn statement(code: u16, k: u32) -> libc::sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do, for the instructions used here.
    fn run(program: &[libc::sock_filter], arch: u32, nr: u32, args: [u64; 6]) -> u32 {
        let mut data = Vec::new();
        data.extend(nr.to_le_bytes());
        data.extend(arch.to_le_bytes());
        data.extend([0; 8]);
        data.extend(args.iter().flat_map(|arg| arg.to_le_bytes()));
        let (mut at, mut a) = (0, 0);
        loop {
            let i = &program[at];
            at += 1;
            let mut branch = |taken| at += usize::from(if taken { i.jt } else { i.jf });
            match i.code {
                LOAD => {
                    let k = i.k as usize;
                    a = u32::from_le_bytes(data[k..k + 4].try_into().expect("four"));
                }
                JUMP_EQUAL => branch(a == i.k),
                JUMP_ABOVE => branch(a > i.k),
                JUMP_FROM => branch(a >= i.k),
                ALWAYS => at += i.k as usize,
                RETURN => return i.k,
                other => panic!("instruction {other}"),
            }
        }
    }

    #[test]
    fn asks_about_just_the_calls_of_the_rules() {
        for set in [
            "close",
            "close,sendmsg,getpid",
            "all",
            "%file",
            "!read",
            "none",
            "close@32",
            "sendmsg@x32",
        ] {
            let mut rules = Rules::default();
            rules.add("fault", set).expect(set);
            let secret = [0x1234_5678_9abc_def0, 7];
            let program = program(&rules, secret);
            assert!(program.len() < 4096, "{set}: {}", program.len());
            for (abi, arch, bit) in [
                (Abi::X86_64, ARCH_X86_64, 0),
                (Abi::X32, ARCH_X86_64, X32_SYSCALL_BIT),
                (Abi::I386, ARCH_I386, 0),
            ] {
                for (nr, syscall) in tables::all(abi) {
                    let expected = match rules.of(abi, nr) {
                        Some(_) => libc::SECCOMP_RET_USER_NOTIF,
                        None => libc::SECCOMP_RET_ALLOW,
                    };
                    let got = run(&program, arch, nr | bit, [7; 6]);
                    assert_eq!(got, expected, "{set}: {} of {abi:?}", syscall.name);
                }
            }
            let handover = libc::SYS_sendmsg as u32;
            let [one, two] = secret;
            let own = run(&program, ARCH_X86_64, handover, [0, 0, 0, 0, one, two]);
            assert_eq!(own, libc::SECCOMP_RET_ALLOW, "{set}");
            // Another architecture, whatever it means.
            assert_eq!(
                run(&program, 0xc000_00b7, 3, [0; 6]),
                libc::SECCOMP_RET_ALLOW
            );
        }
    }
}
