//! Opens the embedded object, fills in its settings and maps, loads and attaches what fits the
//! kernel, and reads the books. Dropping [`Probes`] detaches everything; so does the end of the
//! process, however it comes, because nothing is pinned.

pub mod attach;
mod bits;
mod books;
pub mod functions;
mod load;
mod log;
pub mod maps;
mod offsets;
mod perf_event;
mod refusal;
#[cfg(test)]
mod stack_tests;
pub mod summary;
mod types;

use std::{
    fs::File,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    path::PathBuf,
};

use anyhow::{Context, Result, anyhow, bail};
use aya::{
    Ebpf,
    maps::{Array, MapData, PerCpuArray},
    programs::{BtfTracePoint, ProgramError, RawTracePoint, TracePoint},
};
use strace_ebpf_common::{
    config::{Config, DESCRIPTORS_PLAIN, TRANSPORT_MAPPED, TRANSPORT_PERF, Task},
    counters::{Counters, STREAMS},
    limits::{ABIS, MAX_ELEMENTS, PLANS_PER_ABI},
    mapped,
    plan::{KIND_POINTERS, Op, Plan as CapturePlan},
    summary::COUNT_OFF,
};

use crate::{kernel::btf::TraceTypes, say, summary::slots::Slots};
use attach::{Hook, Kernel, Program};
use books::recursion_misses;
pub use books::total;
use functions::{Events, Functions, Places};
use load::Code;
use maps::{Outlets, map_set_fd, share_data, take, take_data};
pub use offsets::survey;
use refusal::load_each;

/// The probes, compiled by `cargo xtask build-ebpf` and committed beside this file.
static OBJECT: &[u8] = aya::include_bytes_aligned!("probes.bpf.o");
/// The same for perf buffers alone: all that Linux before 5.8 takes.
static OBJECT_PERF: &[u8] = aya::include_bytes_aligned!("probes-perf.bpf.o");
/// The first with debug messages.
static OBJECT_DEBUG: &[u8] = aya::include_bytes_aligned!("probes-debug.bpf.o");
/// Names a file to load instead of the embedded object: how CI tests a fresh build.
const OBJECT_ENV: &str = "STRACE_EBPF_PROBES";

/// What to load and how.
#[derive(Debug)]
pub struct Settings {
    /// The probes' settings.
    pub config: Config,
    /// What to hang on.
    pub hook: Hook,
    /// What the choice of programs depends on, the hook aside.
    pub kernel: Kernel,
    /// Where on the kernel's functions a hook on them hangs.
    pub places: Option<Places>,
    /// Say nothing about slow attaching.
    pub quiet: bool,
    /// Size of each CPU's buffer: a power of two, whole pages.
    pub buffer_bytes: u32,
    /// CPUs that may ever be there.
    pub cpus: u32,
    /// Entries of the task map.
    pub pid_max: u32,
    /// One plan per number and ABI.
    pub plans: Vec<CapturePlan>,
    /// The cgroup to trace, when that is in scope.
    pub cgroup: Option<File>,
    /// The kernel's typed tracepoints.
    pub trace_types: TraceTypes,
    /// Rows of the summary, if there is one.
    pub slots: Option<Slots>,
    /// Use the build with debug messages.
    pub debug: bool,
}

impl Settings {
    /// Entries of the map of processes that are held back.
    fn held(&self) -> u32 {
        if self.config.lossless != 0 {
            self.pid_max
        } else {
            1
        }
    }

    /// Entries of the map of calls that are changed.
    fn injected(&self) -> u32 {
        if self.config.inject != 0 {
            self.pid_max
        } else {
            1
        }
    }

    /// Pieces of mapped buffers.
    fn chunks(&self) -> u32 {
        if self.config.transport == TRANSPORT_MAPPED {
            self.cpus * mapped::chunks(self.buffer_bytes)
        } else {
            1
        }
    }
}

/// Rounds of the interpreter for one record, operations and elements together: with `bpf_loop` and without it. What cannot be
/// reached is shown as cut. Without it the verifier puts off two branches for each round, of which it allows 8,192.
const ROUNDS: (u32, u32) = (512, 512);
/// The same where plans may copy very many elements: one for each that a record has room for.
const MANY_ROUNDS: (u32, u32) = (4096, 2048);
/// The same where the ways up from descriptors are walked: one for each name.
const DESCRIPTOR_ROUNDS: (u32, u32) = (8192, 512);
/// Rounds where each of them is walked by the verifier.
const FEW_ROUNDS: u32 = 16;

/// The rounds that these plans may need.
fn rounds(plans: &[CapturePlan], descriptors: u32) -> (u32, u32) {
    let is_many = |op: &Op| op.kind != KIND_POINTERS && op.max_elements > MAX_ELEMENTS;
    match descriptors {
        DESCRIPTORS_PLAIN if plans.iter().any(|plan| plan.ops.iter().any(is_many)) => MANY_ROUNDS,
        DESCRIPTORS_PLAIN => ROUNDS,
        _ => DESCRIPTOR_ROUNDS,
    }
}

/// Loaded and attached probes.
pub struct Probes {
    ebpf: Ebpf,
    tasks: Array<MapData, Task>,
    /// Who is stopped by the probes, and how often they did.
    brake: Option<(MapData, MapData)>,
    /// Who is traced, and what was done to calls.
    injection: Option<(MapData, MapData)>,
    counters: PerCpuArray<MapData, Counters>,
    summary: summary::Maps,
    /// Perf events and links, per program in the order in which they were attached.
    events: Events,
    stopped: Array<MapData, u32>,
    functions: Functions,
    quiet: bool,
    /// Returns that are missed are noticed by the books; what the kernel says of them comes on top.
    books_have_returns: bool,
    programs: Vec<Program>,
    attached: bool,
}

impl Probes {
    /// Loads everything; nothing is attached yet.
    pub fn load(settings: &Settings) -> Result<(Self, Outlets)> {
        let enter_bits = bits::with_enter_work(&settings.plans);
        let untold_bits = if settings.config.count.mode == COUNT_OFF {
            bits::untold(&settings.plans)
        } else {
            // They are counted.
            bits::Bits::default()
        };
        let from_file = object_override()?;
        let object = match &from_file {
            Some(bytes) => bytes.as_slice(),
            None if settings.debug => OBJECT_DEBUG,
            None if settings.config.transport == TRANSPORT_PERF => OBJECT_PERF,
            None => OBJECT,
        };
        let programs = settings.hook.programs(&settings.kernel);
        let (rounds, plain_rounds) = rounds(&settings.plans, settings.config.descriptors);
        let config = Config {
            ring_bytes: settings.buffer_bytes,
            rounds,
            ..settings.config
        };
        let plain_rounds = if settings.kernel.global_functions {
            plain_rounds
        } else {
            FEW_ROUNDS
        };
        let mut loader = types::loader();
        loader
            .override_global("CONFIG", &config, true)
            .override_global("ENTER_BITS", &enter_bits, true)
            .override_global("UNTOLD_BITS", &untold_bits, true)
            .override_global("PLAIN_ROUNDS", &plain_rounds, true)
            .map_max_entries("TASKS", settings.pid_max)
            .map_max_entries("SCRATCH", settings.cpus)
            .map_max_entries("RINGS", settings.cpus)
            .map_max_entries("CURSORS", settings.cpus)
            .map_max_entries("HELD", settings.held())
            .map_max_entries("INJECTED", settings.injected())
            .map_max_entries("CHUNKS", settings.chunks())
            .allow_unsupported_maps();
        if let Some(slots) = &settings.slots {
            loader.override_global("COUNT_SLOTS", slots.table.as_ref(), true);
        }
        summary::size(
            &mut loader,
            settings.slots.as_ref(),
            &settings.config,
            settings.cpus,
            settings.pid_max,
        );
        let mut ebpf = loader.load(object).context("opening the probes object")?;

        // While every map is still there.
        let functions = match &settings.places {
            Some(places) => {
                let on_functions = |program: &&Program| program.kind.on_functions();
                let mine: Vec<Program> = programs.iter().filter(on_functions).copied().collect();
                Functions::load(&Code::new(object, &ebpf)?, &mine, places)?
            }
            None => Functions::default(),
        };
        let (outlets, rings) = maps::outlets(&mut ebpf, settings)?;
        let plans = take_data(&mut ebpf, "PLANS")?;
        if settings.plans.len() != (ABIS * PLANS_PER_ABI) as usize {
            bail!("internal error: {} capture plans", settings.plans.len());
        }
        // SAFETY: the map's values are plans.
        unsafe { maps::fill(plans.fd().as_fd(), &settings.plans) }
            .context("filling the plan map")?;
        let cgroup_map = take_data(&mut ebpf, "CGROUP")?;
        if let Some(cgroup) = &settings.cgroup {
            map_set_fd(cgroup_map.fd().as_fd(), 0, cgroup.as_fd())
                .context("filling the cgroup map")?;
        }
        let brake = if settings.config.lossless != 0 {
            Some((
                take_data(&mut ebpf, "HELD")?,
                share_data(&mut ebpf, "CURSORS")?,
            ))
        } else {
            None
        };
        let injection = if settings.config.inject != 0 {
            Some((
                share_data(&mut ebpf, "TASKS")?,
                take_data(&mut ebpf, "INJECTED")?,
            ))
        } else {
            None
        };
        let mut probes = Self {
            injection,
            tasks: take(&mut ebpf, "TASKS")?,
            brake,
            counters: take(&mut ebpf, "COUNTERS")?,
            summary: summary::Maps::take(&mut ebpf)?,
            stopped: take(&mut ebpf, "STOPPED")?,
            ebpf,
            events: Events::default(),
            functions,
            quiet: settings.quiet,
            books_have_returns: settings.config.count_missed != 0,
            programs,
            attached: false,
        };
        probes.load_programs(&settings.trace_types)?;
        let rings = rings.map(|filling| {
            filling
                .join()
                .map_err(|_| anyhow!("filling the ring map failed"))?
        });
        // From here on the programs themselves keep these maps.
        drop((plans, cgroup_map, rings.transpose()?));
        Ok((probes, outlets))
    }

    /// Loads the programs, that for ends of calls beside the others: the verifier needs longest for it.
    fn load_programs(&mut self, types: &TraceTypes) -> Result<()> {
        let by_us = |program: &&Program| !program.kind.on_functions();
        let wanted: Vec<Program> = self.programs.iter().filter(by_us).copied().collect();
        let typed: Vec<&str> = wanted
            .iter()
            .filter(|program| program.kind == attach::Kind::Btf)
            .map(|program| program.target)
            .collect();
        let types = types::of_tracepoints(types, &typed)?;
        let (mut ends, mut others) = (Vec::new(), Vec::new());
        for (name, loaded) in self.ebpf.programs_mut() {
            if let Some(program) = wanted.iter().find(|program| program.name == name) {
                let list = if program.target == "sys_exit" {
                    &mut ends
                } else {
                    &mut others
                };
                list.push((*program, loaded));
            }
        }
        if let Some(missing) = wanted
            .len()
            .checked_sub(ends.len() + others.len())
            .filter(|n| *n > 0)
        {
            bail!("the probes object lacks {missing} programs");
        }
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| load_each(ends, &types));
            load_each(others, &types)?;
            beside
                .join()
                .map_err(|_| anyhow!("loading the programs failed"))?
        })
    }

    fn program<'a, P>(&'a mut self, name: &str) -> Result<&'a mut P>
    where
        &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
    {
        let program = self
            .ebpf
            .program_mut(name)
            .ok_or_else(|| anyhow!("the probes object has no program {name}"))?;
        program
            .try_into()
            .with_context(|| format!("program {name}"))
    }

    /// Attaches: the life of tasks first, then exits, then enters, so that no call is seen to
    /// begin whose end could be missed.
    pub fn attach(&mut self) -> Result<()> {
        for program in self.programs.clone() {
            let (name, target) = (program.name, program.target);
            let context = || format!("attaching to {target}");
            match program.kind {
                attach::Kind::Btf => {
                    self.program::<BtfTracePoint>(name)?
                        .attach()
                        .with_context(context)?;
                }
                attach::Kind::Raw => {
                    self.program::<RawTracePoint>(name)?
                        .attach(target)
                        .with_context(context)?;
                }
                attach::Kind::Classic => {
                    let fd = self.program::<TracePoint>(name)?.fd()?.as_fd().as_raw_fd();
                    // SAFETY: the program outlives this call.
                    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
                    let event = perf_event::attach_tracepoint(program.group(), target, fd)?;
                    self.events.push(vec![event]);
                }
                attach::Kind::Entry | attach::Kind::Return => {
                    let mut events = Vec::new();
                    let attached = self.functions.attach(&program, self.quiet, &mut events);
                    self.events.push(events);
                    attached?;
                }
            }
        }
        self.attached = true;
        Ok(())
    }

    /// Begins to detach what takes long, those of the calls first: the kernel waits for every CPU at each
    /// place, tenths of a second in all, or minutes for a thousand kprobes. Hooks on functions are told to
    /// be silent; of others events go on coming meanwhile: keep draining until the thread has ended.
    pub fn begin_detach(&mut self) -> Result<std::thread::JoinHandle<()>> {
        self.stopped.set(0, 1, 0).context("stopping the probes")?;
        if self.events.are_many() && !self.quiet {
            say::line(format_args!("detaching from every function: this is slow"));
        }
        let events = std::mem::take(&mut self.events);
        Ok(std::thread::spawn(move || drop(events)))
    }

    /// Detaches every program: no new events from here on, but for those in the making.
    pub fn detach(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.attached) {
            return Ok(());
        }
        drop(std::mem::take(&mut self.events));
        for (_, program) in self.ebpf.programs_mut() {
            match program {
                aya::programs::Program::BtfTracePoint(p) if p.fd().is_ok() => p.unload()?,
                aya::programs::Program::RawTracePoint(p) if p.fd().is_ok() => p.unload()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The maps of `--lossless`: who is held back, and the ends of the buffers, which count.
    #[must_use]
    pub fn brake(&self) -> Option<(&MapData, &MapData)> {
        self.brake.as_ref().map(|(held, cursors)| (held, cursors))
    }

    /// The maps of `inject=`: who is traced, and what was done to calls.
    #[must_use]
    pub fn injection(&self) -> Option<(BorrowedFd<'_>, BorrowedFd<'_>)> {
        let (tasks, injected) = self.injection.as_ref()?;
        Some((tasks.fd().as_fd(), injected.fd().as_fd()))
    }

    /// Sets the state of one thread.
    pub fn set_task(&mut self, tid: u32, state: u16) -> Result<()> {
        let task = Task {
            state,
            ..Task::default()
        };
        self.tasks
            .set(tid, task, 0)
            .with_context(|| format!("marking thread {tid}"))
    }

    /// The state of one thread.
    pub fn task(&self, tid: u32) -> Result<Task> {
        self.tasks
            .get(&tid, 0)
            .with_context(|| format!("reading the state of thread {tid}"))
    }

    /// The books: per stream, one entry per CPU.
    pub fn counters(&self) -> Result<Vec<Vec<Counters>>> {
        (0..STREAMS)
            .map(|stream| {
                let values = self
                    .counters
                    .get(&stream, 0)
                    .context("reading the counters")?;
                Ok(values.iter().copied().collect())
            })
            .collect()
    }

    /// Runs of the attached programs that the kernel skipped, each a missed event. Where the books count
    /// missed returns themselves, skipped runs at the return of a function are among those.
    #[must_use]
    pub fn skipped_runs(&self) -> u64 {
        let ours = self.programs.iter().filter_map(|program| {
            let fd = self.ebpf.program(program.name)?.fd().ok()?;
            recursion_misses(fd.as_fd())
        });
        let on_functions = self.functions.programs().filter_map(|(kind, fd)| {
            let counted = kind == attach::Kind::Return && self.books_have_returns;
            (!counted).then(|| recursion_misses(fd.as_fd()))?
        });
        ours.chain(on_functions).sum()
    }
}

fn object_override() -> Result<Option<Vec<u8>>> {
    let Some(path) = std::env::var_os(OBJECT_ENV).map(PathBuf::from) else {
        return Ok(None);
    };
    std::fs::read(&path)
        .map(Some)
        .with_context(|| format!("reading {} (from {OBJECT_ENV})", path.display()))
}

/// Names of the programs in the embedded object.
#[cfg(test)]
pub(crate) fn embedded_programs() -> Vec<String> {
    aya_obj::Object::parse(OBJECT)
        .map(|object| object.programs.into_keys().collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_as_many_as_the_plans_may_need() {
        let plan = |kind, max_elements| {
            let mut plan = CapturePlan::default();
            plan.ops[1] = Op {
                kind,
                max_elements,
                ..Op::default()
            };
            [CapturePlan::default(), plan]
        };
        use strace_ebpf_common::plan::KIND_STR;
        let plain = |plans: &[CapturePlan]| rounds(plans, DESCRIPTORS_PLAIN);
        assert_eq!(plain(&plan(KIND_STR, MAX_ELEMENTS)), ROUNDS);
        assert_eq!(plain(&plan(KIND_STR, MAX_ELEMENTS + 1)), MANY_ROUNDS);
        // Sixteen of these take one round.
        assert_eq!(plain(&plan(KIND_POINTERS, 512)), ROUNDS);
        let (with, without) = rounds(&plan(KIND_STR, 1), DESCRIPTORS_PLAIN + 1);
        assert!(with > ROUNDS.0 && without == ROUNDS.1);
    }

    /// No kernel before 5.10 was at hand to load it: this is what can be held without one.
    #[test]
    fn the_object_for_old_kernels_has_nothing_new() {
        use aya_obj::generated::bpf_map_type::{
            BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_CGROUP_ARRAY, BPF_MAP_TYPE_LRU_HASH,
            BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERF_EVENT_ARRAY,
        };
        let old = [
            BPF_MAP_TYPE_ARRAY,
            BPF_MAP_TYPE_CGROUP_ARRAY,
            BPF_MAP_TYPE_LRU_HASH,
            BPF_MAP_TYPE_PERCPU_ARRAY,
            BPF_MAP_TYPE_PERCPU_HASH,
            BPF_MAP_TYPE_PERF_EVENT_ARRAY,
        ];
        let object = aya_obj::Object::parse(OBJECT_PERF).expect("an object");
        // Linux 5.2 has the first of these flags, which make settings constants; 5.5 has BPF_F_MMAPABLE.
        const RDONLY_PROG: u32 = 1 << 7;
        for (name, map) in &object.maps {
            assert!(
                old.iter().any(|kind| *kind as u32 == map.map_type()),
                "{name}"
            );
            assert_eq!(map.map_flags() & !RDONLY_PROG, 0, "{name}");
        }
        // bpf_probe_read_user, _kernel, _user_str, _kernel_str: Linux 5.5.
        let new = 112..=115;
        const CALL: u8 = 0x85;
        let calls = |instruction: &&aya_obj::generated::bpf_insn| {
            instruction.code == CALL && instruction.src_reg() == 0 && new.contains(&instruction.imm)
        };
        for function in object.functions.values() {
            assert_eq!(
                function.instructions.iter().find(calls).map(|i| i.imm),
                None,
                "{}",
                function.name
            );
        }
    }
}
