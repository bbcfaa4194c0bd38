//! Where the kernel's fields are, found out by programs where its types cannot be read.

use anyhow::{Context, Result, anyhow};
use aya::{
    maps::{Array, MapData},
    programs::RawTracePoint,
};
use strace_ebpf_common::{config::Offsets, limits::SURVEY_BYTES};

use super::{OBJECT, OBJECT_PERF, maps::take, refusal::load_error, types};
use crate::kernel::{Version, since, survey};

/// Field offsets without BTF: loads the survey's two programs for as long as it takes.
pub fn survey(version: Version) -> Result<Offsets> {
    let mut ebpf = types::loader()
        .allow_unsupported_maps()
        .load(if version < since::RINGBUF {
            OBJECT_PERF
        } else {
            OBJECT
        })
        .context("opening the probes object")?;
    let copies: Array<MapData, SurveyCopy> = take(&mut ebpf, "SURVEY")?;
    for (name, target) in [
        ("survey_own", "sys_enter"),
        ("survey_gone", "sched_process_exit"),
    ] {
        let program = ebpf
            .program_mut(name)
            .ok_or_else(|| anyhow!("no program {name}"))?;
        let program: &mut RawTracePoint = program.try_into()?;
        program.load().map_err(|error| load_error(name, error))?;
        program
            .attach(target)
            .with_context(|| format!("attaching to {target}"))?;
    }
    survey::offsets(&SurveyCamera(copies), version).context("looking for the kernel's fields")
}

/// The survey map's value.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct SurveyCopy([u8; SURVEY_BYTES]);

// SAFETY: plain bytes.
unsafe impl aya::Pod for SurveyCopy {}

struct SurveyCamera(Array<MapData, SurveyCopy>);

impl survey::Camera for SurveyCamera {
    fn copy(&self) -> Result<survey::Copy> {
        Ok(Box::new(
            self.0.get(&0, 0).context("reading the survey map")?.0,
        ))
    }
}
