//! `cargo xtask vm --report`: docs/kernels.md, from what `measure.rs` says in every guest.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail};

use super::guests::Guest;
use super::measure::{HOOKS, MARK, TRANSPORTS};

const HEAD: &str = "# Kernels

What each way to hook system calls (`--attach`) does on each kernel of the test matrix, with each way out of the kernel
(`--transport`). Made by `cargo xtask vm --report`, never by hand.

The kernels are Debian's for cloud machines, in virtual machines with two processors that QEMU emulates. Everything takes many
times longer there than on a real processor: compare rows, not with other machines.

* *attach*: from the start of the tracer until it has attached to a running process and all its calls; *detach*: from Ctrl-C until it is
  gone. Milliseconds, the least of three (of one, where functions are hooked one by one).
* *cost*: CPU time of a traced `getppid`, as a multiple of one that is not traced, with the transport that `auto` takes; the least
  of three.
* The columns of the transports say what arrived of 32,000 calls, made by eight threads at the same time. *complete*: all. Otherwise how
  many arrived and how many the tracer told as missing; together they are never fewer than were made.
";

/// What one guest said.
#[derive(Debug, Default)]
pub(super) struct Section {
    auto: BTreeMap<String, String>,
    hooks: BTreeMap<String, Row>,
}

/// One hook.
#[derive(Debug, Default)]
struct Row {
    there: bool,
    says: String,
    attach: String,
    detach: String,
    cost: String,
    transports: BTreeMap<String, String>,
}

impl Section {
    /// Takes a line of the guest's; true if it is for the report.
    pub(super) fn line(&mut self, line: &str) -> Result<bool> {
        let mut words = line.split('\t');
        if words.next() != Some(MARK) {
            return Ok(false);
        }
        let words: Vec<&str> = words.collect();
        match words[..] {
            ["auto", what, says] => {
                self.auto.insert(what.into(), says.into());
            }
            ["hook", hook, there, says] => {
                let row = self.row(hook);
                row.there = there == "1";
                row.says = says.into();
            }
            ["times", hook, attach, detach] => {
                let row = self.row(hook);
                row.attach = attach.into();
                row.detach = detach.into();
            }
            ["cost", hook, cost] => self.row(hook).cost = cost.into(),
            ["refused", hook, transport, _] => self.set(hook, transport, "–".into()),
            ["calls", hook, transport, arrived, told, all] => {
                let [arrived, told, all] = [arrived, told, all].map(|n| n.parse::<u64>());
                let (arrived, told, all) = (arrived?, told?, all?);
                if arrived > all || arrived + told < all {
                    bail!(
                        "{hook}, {transport}: {arrived} of {all} calls arrived, but {told} are told as missing"
                    );
                }
                let text = if arrived == all {
                    "complete".into()
                } else {
                    format!("{arrived}, {told} told")
                };
                self.set(hook, transport, text);
            }
            _ => bail!("not understood: {line}"),
        }
        Ok(true)
    }

    fn row(&mut self, hook: &str) -> &mut Row {
        self.hooks.entry(hook.into()).or_default()
    }

    fn set(&mut self, hook: &str, transport: &str, text: String) {
        self.row(hook).transports.insert(transport.into(), text);
    }

    /// Writes the section of a guest.
    fn write(&self, text: &mut String, guest: &Guest, version: &str) -> Result<()> {
        let auto = |what| self.auto.get(what).map_or("?", String::as_str);
        write!(
            text,
            "\n## Linux {version} (Debian {})\n\n`auto` takes {} and {}.\n\n",
            guest.suite,
            auto("hook"),
            auto("transport")
        )?;
        let transports = TRANSPORTS.join(" | ");
        writeln!(
            text,
            "| `--attach` | on | {transports} | attach | detach | cost |"
        )?;
        writeln!(text, "|---|---|---|---|---|---:|---:|---:|")?;
        let mut refusals = String::new();
        for hook in HOOKS {
            let row = self
                .hooks
                .get(hook)
                .with_context(|| format!("nothing about {hook}"))?;
            if !row.there {
                let says = row.says.replace(&format!("--attach {hook}: "), "");
                let says = says.replace("--attach ", "").replace("; use auto", "");
                writeln!(refusals, "* {hook} is refused: {says}")?;
                continue;
            }
            let cell = |name| row.transports.get(name).map_or("?", String::as_str);
            let cells = TRANSPORTS.map(cell).join(" | ");
            let on = row.says.split([';', ':']).next().unwrap_or_default();
            let (attach, detach, cost) = (&row.attach, &row.detach, &row.cost);
            writeln!(
                text,
                "| {hook} | {on} | {cells} | {attach} | {detach} | {cost} |"
            )?;
        }
        if !refusals.is_empty() {
            write!(text, "\n{refusals}")?;
        }
        Ok(())
    }
}

/// The page.
pub(super) fn page(sections: &[(&Guest, String, Section)]) -> Result<String> {
    let mut text = HEAD.to_owned();
    for (guest, version, section) in sections {
        section
            .write(&mut text, guest, version)
            .with_context(|| format!("the report of {}", guest.name))?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::guests::GUESTS;
    use super::*;

    #[test]
    fn lines_become_a_table() -> Result<()> {
        let mut section = Section::default();
        for line in [
            "@report\tauto\thook\ttp_btf",
            "@report\tauto\ttransport\tmapped",
            "@report\thook\ttp-btf\t1\tcomplete",
            "@report\ttimes\ttp-btf\t12\t3",
            "@report\tcost\ttp-btf\t2.50",
            "@report\tcalls\ttp-btf\tmapped\t32000\t0\t32000",
            "@report\tcalls\ttp-btf\tringbuf\t31000\t1000\t32000",
            "@report\trefused\ttp-btf\tperf\tno",
        ] {
            assert!(section.line(line)?, "{line}");
        }
        assert!(!section.line("anything else")?);
        assert!(
            section
                .line("@report\tcalls\ttp-btf\tperf\t31000\t10\t32000")
                .is_err()
        );
        for hook in HOOKS.into_iter().skip(1) {
            section.line(&format!(
                "@report\thook\t{hook}\t0\t--attach {hook}: not here; use --attach auto"
            ))?;
        }
        let guest = GUESTS.first().context("no guest")?;
        let page = page(&[(guest, "5.10.1-1".into(), section)])?;
        let rows = [
            "## Linux 5.10.1-1 (Debian bullseye)",
            "`auto` takes tp_btf and mapped.",
            "| tp-btf | complete | complete | 31000, 1000 told | – | 12 | 3 | 2.50 |",
            "* fentry is refused: not here",
        ];
        for row in rows {
            assert!(page.contains(row), "{row}\n{page}");
        }
        Ok(())
    }
}
