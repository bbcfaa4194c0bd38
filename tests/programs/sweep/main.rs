//! Calls of every kind with arguments of every kind, none of which the kernel carries out: for comparing decoders.
//!
//! Usage: `sweep x86_64|i386|x32 ROUNDS[:SEED] [NAME...]` makes every call of that ABI's table but some (or the named ones) so many
//! times; `sweep addresses|options|control|netlink ROUNDS[:SEED]` those of sockets that take such. The arguments are drawn from what their types in `xtask/data` allow and from what they do not: values of their sets,
//! small and large numbers, pointers to memory filled in several ways, to the end of it, and to nowhere; the same in every run.
//! A seccomp filter answers every one of these calls, by turns with 0 and with ENOSYS, so no call does anything, and what a
//! successful one is said to have written is what was there. Prints how many calls it made.
//! Elsewhere than on x86_64 it prints `skip` and ends with status 77.

#[cfg(target_arch = "x86_64")]
mod calls;
#[cfg(target_arch = "x86_64")]
mod data;
#[cfg(target_arch = "x86_64")]
mod memory;
#[cfg(target_arch = "x86_64")]
mod sockets;

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("skip");
    std::process::exit(77);
}

#[cfg(target_arch = "x86_64")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use data::{Abi, Draw};
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [subject, rounds, names @ ..] = &args[..] else {
        return Err("usage: sweep x86_64|i386|x32|SUBJECT ROUNDS[:SEED] [NAME...]".into());
    };
    let (rounds, seed) = rounds.split_once(':').unwrap_or((rounds, ""));
    let rounds: u32 = rounds.parse()?;
    memory::map()?;
    calls::answer_all()?;
    if let Some((name, run)) = sockets::SUBJECTS.iter().find(|(name, _)| name == subject) {
        let mut draw = Draw::new(&format!("{name}{seed}"));
        println!("{} calls", run(&mut draw, rounds)?);
        return Ok(());
    }
    let abi = Abi::parse(subject)?;
    let mut made = 0;
    for (nr, name, kinds) in data::table(abi)? {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        // The draws of a call do not depend on the calls before it.
        let mut draw = Draw::new(&format!("{name}{seed}"));
        for round in 0..rounds {
            let good = round % 2 == 0;
            let mut registers = [0; 7];
            registers[0] = nr;
            for (register, kind) in registers[1..].iter_mut().zip(&kinds) {
                *register = draw.argument(kind, abi, good);
            }
            calls::make(abi, &registers, good);
            made += 1;
        }
    }
    println!("{made} calls");
    Ok(())
}
