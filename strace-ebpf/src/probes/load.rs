//! Loads programs in ways that aya has no words for – for many functions at once, one program for several
//! functions – with the same maps as those that aya loaded.

use std::{
    collections::HashSet,
    ffi::CString,
    os::fd::{AsFd, AsRawFd, OwnedFd, RawFd},
};

use anyhow::{Context, Result, anyhow};
use aya::{Ebpf, maps::Map};

use super::{attach::Program, refusal::load_error_line};
use crate::sys;

/// `BPF_PROG_TYPE_KPROBE` and `BPF_PROG_TYPE_TRACING`.
const PROG_TYPE_KPROBE: u32 = 2;
const PROG_TYPE_TRACING: u32 = 26;
/// `BPF_TRACE_FENTRY` and `BPF_TRACE_FEXIT`.
const TRACE_FENTRY: u32 = 24;
const TRACE_FEXIT: u32 = 25;

/// What a program is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// One function, or its return, by a perf event.
    Single,
    /// Many at once.
    Multi,
    /// The entry of the function with this type id.
    Entry(u32),
    /// Its return.
    Return(u32),
}

impl Purpose {
    fn kind(self) -> (u32, u32, u32) {
        match self {
            Self::Single => (PROG_TYPE_KPROBE, 0, 0),
            Self::Multi => (PROG_TYPE_KPROBE, sys::BPF_TRACE_KPROBE_MULTI, 0),
            Self::Entry(id) => (PROG_TYPE_TRACING, TRACE_FENTRY, id),
            Self::Return(id) => (PROG_TYPE_TRACING, TRACE_FEXIT, id),
        }
    }
}

/// The object's code with the descriptors of its maps filled in.
pub struct Code {
    object: aya_obj::Object,
    /// The object's types, where the kernel takes them.
    types: Option<OwnedFd>,
}

impl Code {
    /// Takes `bytes`, the object from which `loaded` was made; its maps must all still be there.
    pub fn new(bytes: &[u8], loaded: &Ebpf) -> Result<Self> {
        let mut object = aya_obj::Object::parse(bytes).context("reading the probes object")?;
        let types = match aya::features().btf() {
            Some(features) => object
                .fixup_and_sanitize_btf(features)
                .context("reading the probes' types")?
                .and_then(|btf| sys::btf_load(&btf.to_bytes()).ok()),
            None => None,
        };
        let maps = object.maps.clone();
        let maps: Vec<(&str, RawFd, &aya_obj::Map)> = maps
            .iter()
            .map(|(name, map)| {
                let fd = loaded.map(name).and_then(fd);
                let fd =
                    fd.with_context(|| format!("map {name} is of a kind that we do not know"))?;
                Ok((name.as_str(), fd, map))
            })
            .collect::<Result<_>>()?;
        let sections: HashSet<usize> = object.functions.keys().map(|key| key.0).collect();
        object
            .relocate_maps(maps.into_iter(), &sections)
            .context("filling in the maps")?;
        object
            .relocate_calls(&sections)
            .context("filling in the calls")?;
        Ok(Self { object, types })
    }

    /// Loads a program.
    pub fn load(&self, wanted: &Program, purpose: Purpose) -> Result<OwnedFd> {
        let name = wanted.name;
        let program = self.object.programs.get(wanted.code);
        let function = program.and_then(|p| self.object.functions.get(&p.function_key()));
        let (Some(program), Some(function)) = (program, function) else {
            return Err(anyhow!("the probes object has no program {}", wanted.code));
        };
        // SAFETY: an instruction is eight bytes, whatever its fields are called.
        let code: Vec<u64> = function
            .instructions
            .iter()
            .map(|i| unsafe { std::mem::transmute_copy(i) })
            .collect();
        let license: &CString = &program.license;
        let functions = function.func_info.func_info_bytes();
        let types = self.types.as_ref().map(|btf| sys::Types {
            btf: btf.as_fd(),
            functions: &functions,
        });
        let (prog_type, expected_attach_type, attach_btf_id) = purpose.kind();
        let program = sys::ProgLoad {
            prog_type,
            expected_attach_type,
            attach_btf_id,
            flags: 0,
            code: &code,
            name,
            types,
            license,
        };
        sys::prog_load(&program)
            .map_err(|refusal| load_error_line(name, &refusal.error, &refusal.log))
    }
}

fn fd(map: &Map) -> Option<RawFd> {
    let data = match map {
        Map::Array(data)
        | Map::PerCpuArray(data)
        | Map::ArrayOfMaps(data)
        | Map::PerfEventArray(data)
        | Map::CgroupArray(data)
        | Map::RingBuf(data)
        | Map::HashMap(data)
        | Map::PerCpuHashMap(data)
        | Map::LruHashMap(data)
        | Map::Unsupported(data) => data,
        _ => return None,
    };
    Some(data.fd().as_fd().as_raw_fd())
}
