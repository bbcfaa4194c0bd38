//! `cargo xtask vm`: the end-to-end tests in virtual machines, one per kernel of the matrix.
//!
//! Debian's cloud kernels are fetched through apt and booted under QEMU's emulation with this machine's own programs
//! around them. Everything is kept in the cache folder; nothing of this machine is changed but for the installation of
//! QEMU where it is missing.

mod apt;
mod boot;
mod cpio;
mod guests;
mod kernel;
pub(crate) mod measure;
mod report;
mod results;
mod root;
mod suite;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::setup;
use crate::tools::{self, say};
use boot::{End, Machine};
use guests::Guest;
use kernel::Kernel;
use report::Section;
use root::{Built, Task};

/// Tells the tests how many times longer to be patient.
const SLOW_VARIABLE: &str = "STRACE_EBPF_TEST_SLOW";

/// Options of `cargo xtask vm`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Kernels, separated by commas: 5.10, 6.1, 6.12, sid (also 7.x) or all
    #[arg(long, value_name = "LIST", default_value = "all")]
    kernel: String,
    /// Run a shell command in each guest instead of the tests; strace-ebpf and the test programs are in PATH
    #[arg(long, value_name = "COMMAND", conflicts_with = "shell")]
    run: Option<String>,
    /// Measure every hook and transport in each guest, and write docs/kernels.md
    #[arg(long, conflicts_with_all = ["shell", "run"])]
    report: bool,
    /// Give me a shell in the guest
    #[arg(long)]
    shell: bool,
    /// A file or folder of this machine that the guest shall have too (may be repeated)
    #[arg(long, value_name = "PATH")]
    add: Vec<PathBuf>,
    /// More words for the kernel's command line, such as lockdown=confidentiality
    #[arg(
        long,
        value_name = "WORDS",
        default_value = "",
        allow_hyphen_values = true
    )]
    append: String,
    /// Processors of each guest
    #[arg(long, value_name = "N", default_value_t = 2)]
    cpus: u32,
    /// Seconds after which a guest is killed, and has failed
    #[arg(long, value_name = "SECONDS", default_value_t = 3000)]
    limit: u64,
    /// How many times longer the tests are to be patient than on a real processor: more where the machine is busy
    #[arg(long, value_name = "N", default_value_t = 6)]
    slow: u32,
    /// Guests that run at the same time; as many as there are processors and memory for, if not given
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Tests to run: parts of their names
    #[arg(last = true)]
    filters: Vec<String>,
}

/// Runs every chosen guest; an error when one of them failed, after all have run.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = tools::workspace_root()?;
    let guests = guests::chosen(&options.kernel)?;
    if options.shell && guests.len() != 1 {
        bail!("--shell needs one --kernel");
    }
    boot::require_qemu()?;
    let work = crate::run::target_dir(&root).join("vm");
    let vm = Vm {
        options,
        built: root::build(&root, &work)?,
        work,
        root,
        report: Mutex::new(BTreeMap::new()),
    };
    let tests = vm.tests()?;
    let mut told = vm.all(&guests, &tests);
    // Once more together: between the guests there are thousands of lines.
    told.sort_by_key(|told| guests.iter().position(|guest| guest.name == told.guest));
    for told in &told {
        say!("{}", told.text);
    }
    let failed: Vec<&str> = told
        .iter()
        .filter(|told| told.failed)
        .map(|told| told.guest)
        .collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    if options.report {
        vm.write_report(&guests)?;
    }
    Ok(())
}

/// How a guest's run went.
struct Told {
    guest: &'static str,
    failed: bool,
    text: String,
}

/// What all guests of a run share.
struct Vm<'a> {
    options: &'a Options,
    root: PathBuf,
    work: PathBuf,
    built: Built,
    /// By guest: its kernel's version, and what it said.
    report: Mutex<BTreeMap<&'static str, (String, Section)>>,
}

impl Vm<'_> {
    /// All end-to-end tests.
    fn tests(&self) -> Result<Vec<String>> {
        let list = tools::output(Command::new(&self.built.tests).arg("--list"))?;
        Ok(results::listed(&list))
    }

    /// Runs the guests, some at the same time.
    fn all(&self, guests: &[&'static Guest], tests: &[String]) -> Vec<Told> {
        let next = AtomicUsize::new(0);
        let told = Mutex::new(Vec::new());
        // Times that are measured beside another guest would be worth nothing.
        let alone = self.options.report || self.options.shell;
        let jobs = self.options.jobs;
        let jobs = jobs.unwrap_or_else(|| if alone { 1 } else { boot::at_the_same_time() });
        std::thread::scope(|scope| {
            for _ in 0..jobs.clamp(1, guests.len()) {
                scope.spawn(|| {
                    while let Some(guest) = guests.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let one = self.tell(guest, tests);
                        told.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(one);
                    }
                });
            }
        });
        told.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a guest and says how it went.
    fn tell(&self, guest: &'static Guest, tests: &[String]) -> Told {
        let start = Instant::now();
        let outcome = self.guest(guest, tests);
        let seconds = start.elapsed().as_secs();
        let told = match &outcome {
            Ok(summary) => format!("{}: {summary} ({seconds} s)", guest.name),
            Err(error) => format!("{}: FAILED: {error:#} ({seconds} s)", guest.name),
        };
        say!("{told}");
        Told {
            guest: guest.name,
            failed: outcome.is_err(),
            // Of a guest that died, all but its last messages.
            text: told.lines().next().unwrap_or_default().to_owned(),
        }
    }

    fn guest(&self, guest: &Guest, tests: &[String]) -> Result<String> {
        let kernel = match kernel::get(guest, &setup::cache_dir()?) {
            Ok(kernel) => kernel,
            Err(error) if guest.moving => {
                say!(
                    "{}: NOT RUN: its kernel cannot be had: {error:#}",
                    guest.name
                );
                return Ok("not run: no kernel to be had today".into());
            }
            Err(error) => return Err(error).context("its kernel cannot be had"),
        };
        if self.options.shell {
            say!(
                "{}: Linux {}: exit ends the guest",
                guest.name,
                kernel.version
            );
            let initramfs = self.initramfs(guest, "exec bash -i\n".into(), true)?;
            self.machine(guest, &kernel, &initramfs).talk()?;
            return Ok("done".into());
        }
        match &self.options.run {
            Some(command) => self.command(guest, &kernel, command),
            None if self.options.report => self.measure(guest, &kernel),
            None => self.suite(guest, &kernel, tests),
        }
    }

    /// Measures, for the report.
    fn measure(&self, guest: &Guest, kernel: &Kernel) -> Result<String> {
        let own = std::env::current_exe().context("finding this program")?;
        let script = format!("{} measure\n", own.display());
        let initramfs = self.initramfs(guest, script, false)?;
        let machine = self.machine(guest, kernel, &initramfs);
        let (mut section, mut refused) = (Section::default(), None);
        let end = machine.run(&mut |line| match section.line(line) {
            Ok(true) => say!("{}: {}", guest.name, line.replace('\t', " ")),
            Ok(false) if line.starts_with("@vm ") => {}
            Ok(false) => println!("{} {line}", guest.name),
            Err(error) => refused = Some(error),
        })?;
        if let Some(error) = refused {
            return Err(error);
        }
        if end != End::Exit(0) {
            return Err(self.failure(&machine, &end));
        }
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.insert(guest.name, (kernel.version.clone(), section));
        Ok("measured".into())
    }

    /// Writes docs/kernels.md, in the order of the guests.
    fn write_report(&self, guests: &[&'static Guest]) -> Result<()> {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let sections: Vec<_> = guests
            .iter()
            .filter_map(|guest| report.remove(guest.name).map(|(v, s)| (*guest, v, s)))
            .collect();
        let file = self.root.join("docs/kernels.md");
        std::fs::write(&file, report::page(&sections)?)
            .with_context(|| format!("writing {}", file.display()))?;
        say!("written to {}", file.display());
        Ok(())
    }

    fn initramfs(&self, guest: &Guest, script: String, interactive: bool) -> Result<PathBuf> {
        let file = self.work.join(format!("initramfs-{}", guest.name));
        let programs = self.built.program.parent().unwrap_or(&self.root);
        let path = format!(
            "export PATH=$PATH:{}:{} {SLOW_VARIABLE}={}\ncd /tmp\n",
            programs.display(),
            self.built.examples.display(),
            self.options.slow,
        );
        let mut add = self.options.add.clone();
        if self.options.report {
            add.push(std::env::current_exe().context("finding this program")?);
        }
        let task = Task {
            script: path + &script,
            interactive,
            add: &add,
        };
        root::write(&self.root, &self.built, &task, &file)?;
        Ok(file)
    }

    fn machine<'m>(
        &'m self,
        guest: &Guest,
        kernel: &'m Kernel,
        initramfs: &'m Path,
    ) -> Machine<'m> {
        Machine {
            kernel,
            initramfs,
            console: self.work.join(format!("console-{}.log", guest.name)),
            parameters: self.options.append.clone(),
            cpus: self.options.cpus,
            limit: Duration::from_secs(self.options.limit),
        }
    }

    /// Runs one command; what it says goes to our standard output.
    fn command(&self, guest: &Guest, kernel: &Kernel, command: &str) -> Result<String> {
        let initramfs = self.initramfs(guest, format!("{command}\n"), false)?;
        let machine = self.machine(guest, kernel, &initramfs);
        say!("{}: Linux {}", guest.name, kernel.version);
        let end = machine.run(&mut |line| {
            if !line.starts_with("@vm ") {
                println!("{line}");
            }
        })?;
        match end {
            End::Exit(0) => Ok("done".into()),
            end => Err(self.failure(&machine, &end)),
        }
    }

    fn failure(&self, machine: &Machine<'_>, end: &End) -> anyhow::Error {
        match end {
            End::Exit(status) => anyhow::anyhow!("exit status {status}"),
            End::Died => anyhow::anyhow!(
                "the guest died; its last messages:\n{}",
                machine.last_messages()
            ),
            End::TimedOut => anyhow::anyhow!(
                "not ended after {} s; the guest's last messages:\n{}",
                self.options.limit,
                machine.last_messages()
            ),
        }
    }
}
