//! Programs on the kernel's own functions: kprobes, kretprobes, fentry and fexit. Attaches them all, and
//! lets go of them again.

use std::{
    ffi::{CStr, CString},
    os::fd::{AsFd, OwnedFd},
};

use anyhow::{Context, Result, bail};

use super::{
    attach::{Kind, Program},
    load::{Code, Purpose},
    perf_event,
};
use crate::{kernel::hooks::Function, say, sys};

/// Where on the kernel's functions the programs hang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// The functions of the calls, all at once.
    Multi(Vec<Function>),
    /// The functions of the calls, one after the other, by perf events of this type.
    Single(u32, Vec<Function>),
    /// The functions that call those, likewise.
    Dispatchers(u32, Vec<CString>),
    /// Typed, with the functions' type ids.
    Typed(Vec<(CString, u32)>),
}

impl Places {
    /// The functions, where each serves a call of its own.
    #[must_use]
    pub fn functions_of_calls(&self) -> Option<&[Function]> {
        match self {
            Self::Multi(functions) | Self::Single(_, functions) => Some(functions),
            Self::Dispatchers(..) | Self::Typed(_) => None,
        }
    }

    /// The same places with other functions of calls.
    #[must_use]
    pub fn with(self, functions: Vec<Function>) -> Self {
        match self {
            Self::Multi(_) => Self::Multi(functions),
            Self::Single(kind, _) => Self::Single(kind, functions),
            other => other,
        }
    }
}

/// A name of each function.
fn first_names(functions: &[Function]) -> Vec<&CStr> {
    let names = functions.iter().filter_map(|names| names.first());
    names.map(CString::as_c_str).collect()
}

/// So many functions one by one are worth a word about how long it takes.
const MANY: usize = 32;

/// Loaded programs on functions.
#[derive(Debug, Default)]
pub struct Functions {
    places: Option<Places>,
    /// In the order in which to attach.
    programs: Vec<(Program, usize, OwnedFd)>,
}

impl Functions {
    /// Loads `programs` for the places: once, or, typed, once for each of them.
    pub fn load(code: &Code, programs: &[Program], places: &Places) -> Result<Self> {
        let mut loaded = Vec::new();
        for program in programs {
            let purposes: Vec<Purpose> = match places {
                Places::Multi(_) => vec![Purpose::Multi],
                Places::Single(..) | Places::Dispatchers(..) => vec![Purpose::Single],
                Places::Typed(functions) => functions
                    .iter()
                    .map(|(_, id)| match program.kind {
                        Kind::Return => Purpose::Return(*id),
                        _ => Purpose::Entry(*id),
                    })
                    .collect(),
            };
            for (place, purpose) in purposes.into_iter().enumerate() {
                loaded.push((*program, place, code.load(program, purpose)?));
            }
        }
        Ok(Self {
            places: Some(places.clone()),
            programs: loaded,
        })
    }

    /// Attaches one of the programs everywhere and adds to `events` what detaches it when it is closed.
    pub fn attach(&self, program: &Program, quiet: bool, events: &mut Vec<OwnedFd>) -> Result<()> {
        let mine = self
            .programs
            .iter()
            .filter(|(p, ..)| p.name == program.name);
        for (_, place, fd) in mine {
            let returns = program.kind == Kind::Return;
            match &self.places {
                Some(Places::Multi(functions)) => {
                    let names = first_names(functions);
                    let link = sys::attach_multi(fd.as_fd(), &names, returns)
                        .with_context(|| format!("attaching to {} functions", names.len()))?;
                    events.push(link);
                }
                Some(Places::Single(kind, functions)) => {
                    let names = first_names(functions);
                    one_by_one(*kind, &names, returns, fd, quiet, events)?;
                }
                Some(Places::Dispatchers(kind, names)) => {
                    let names: Vec<&CStr> = names.iter().map(CString::as_c_str).collect();
                    one_by_one(*kind, &names, returns, fd, quiet, events)?;
                }
                Some(Places::Typed(functions)) => {
                    let name = functions.get(*place).map(|f| f.0.to_string_lossy());
                    let link = sys::attach_typed(fd.as_fd())
                        .with_context(|| format!("attaching to {}", name.unwrap_or_default()))?;
                    events.push(link);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The programs' descriptors, with their ends.
    pub fn programs(&self) -> impl Iterator<Item = (Kind, &OwnedFd)> {
        self.programs
            .iter()
            .map(|(program, _, fd)| (program.kind, fd))
    }
}

/// A kprobe on each function. One that cannot be had is left out: the list told more than is true.
fn one_by_one(
    kind: u32,
    names: &[&CStr],
    returns: bool,
    program: &OwnedFd,
    quiet: bool,
    events: &mut Vec<OwnedFd>,
) -> Result<()> {
    let what = if returns { "returns" } else { "entries" };
    let total = names.len();
    let tell = total > MANY && !quiet;
    if tell {
        say::line(format_args!(
            "attaching to the {what} of {total} functions one by one, for want of kprobe.multi: this is slow, and so is detaching; -e trace= makes them fewer"
        ));
    }
    let before = events.len();
    let (mut refused, mut told) = (None, sys::clock_ns(libc::CLOCK_MONOTONIC));
    for (index, name) in names.iter().enumerate() {
        match perf_event::attach_kprobe(kind, name, returns, program.as_fd()) {
            Ok(event) => events.push(event),
            Err(error) => refused = Some((name, error)),
        }
        let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
        if tell && now - told > PROGRESS_NS {
            told = now;
            say::line(format_args!("attached to {} of {total}", index + 1));
        }
        if sys::is_signal_pending() {
            bail!("interrupted while attaching");
        }
    }
    match refused {
        Some((name, error)) if events.len() == before => {
            let name = name.to_string_lossy();
            Err(error).with_context(|| format!("attaching a kprobe to {name}"))
        }
        _ => Ok(()),
    }
}

/// Time between two words about progress.
const PROGRESS_NS: u64 = 5_000_000_000;

/// What detaches programs when it is closed: perf events and links, a list for each program. Dropping it
/// closes them, the last program's first.
#[derive(Debug, Default)]
pub struct Events(Vec<Vec<OwnedFd>>);

/// Threads that close many events: the kernel waits for every CPU three times at each, and some of that can be
/// shared. 974 kprobes took 110 s with one thread and 72 s with these (Linux 5.10, emulated).
const CLOSERS: usize = 16;

impl Events {
    /// Adds those of the next program.
    pub fn push(&mut self, events: Vec<OwnedFd>) {
        self.0.push(events);
    }

    /// Are there so many that closing them is slow?
    #[must_use]
    pub fn are_many(&self) -> bool {
        self.0.iter().any(|events| events.len() > MANY)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        while let Some(mut events) = self.0.pop() {
            if events.len() <= MANY {
                continue;
            }
            let share = events.len().div_ceil(CLOSERS);
            std::thread::scope(|scope| {
                while !events.is_empty() {
                    let part = events.split_off(events.len().saturating_sub(share));
                    scope.spawn(move || drop(part));
                }
            });
        }
    }
}
