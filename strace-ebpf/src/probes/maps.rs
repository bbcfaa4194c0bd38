//! The object's maps: takes them out of it, and fills those that are to be full before the programs run.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    thread::JoinHandle,
};

use anyhow::{Context, Result, anyhow, bail};
use aya::{
    Ebpf,
    maps::{Map, MapData, RingBuf},
};
use strace_ebpf_common::config::{TRANSPORT_MAPPED, TRANSPORT_PERF};

use super::Settings;
use crate::sys;

/// Size of the ring buffers for what may come from interrupts: signals that are thrown away or kill.
pub const IRQ_RING_BYTES: u32 = 64 << 10;

/// `bpf(2)` command `BPF_MAP_UPDATE_ELEM`.
const BPF_MAP_UPDATE_ELEM: u32 = 2;
/// `bpf(2)` command `BPF_MAP_LOOKUP_ELEM`.
const BPF_MAP_LOOKUP_ELEM: u32 = 1;
/// `bpf(2)` command `BPF_MAP_UPDATE_BATCH`, Linux 5.6.
const BPF_MAP_UPDATE_BATCH: u32 = 26;

/// Where events come out of the kernel.
pub enum Outlets {
    /// A ring buffer per CPU.
    Rings(Vec<RingBuf<MapData>>),
    /// Mapped buffers, and a small ring buffer per CPU for what may come from interrupts.
    Mapped {
        /// Both ends of each buffer.
        cursors: MapData,
        /// The memory.
        chunks: MapData,
        /// The ring buffers.
        irq: Vec<RingBuf<MapData>>,
    },
    /// The map whose slots take perf event descriptors, one per CPU.
    Perf(MapData),
}

/// Takes a map out of the object.
pub(super) fn take<M>(ebpf: &mut Ebpf, name: &str) -> Result<M>
where
    M: TryFrom<Map, Error = aya::maps::MapError>,
{
    let map = ebpf
        .take_map(name)
        .ok_or_else(|| anyhow!("the probes object has no map {name}"))?;
    M::try_from(map).with_context(|| format!("map {name}"))
}

/// The same for a map that aya has no type for, or whose type is not needed.
pub(super) fn take_data(ebpf: &mut Ebpf, name: &str) -> Result<MapData> {
    let map = ebpf
        .take_map(name)
        .ok_or_else(|| anyhow!("the probes object has no map {name}"))?;
    match map {
        Map::Array(data)
        | Map::PerfEventArray(data)
        | Map::Unsupported(data)
        | Map::ArrayOfMaps(data)
        | Map::CgroupArray(data) => Ok(data),
        _ => bail!("map {name} has an unexpected type"),
    }
}

/// A map that is needed more than once, by a descriptor of its own.
pub(super) fn share_data(ebpf: &mut Ebpf, name: &str) -> Result<MapData> {
    let map = ebpf
        .map(name)
        .ok_or_else(|| anyhow!("the probes object has no map {name}"))?;
    let Map::Array(data) = map else {
        bail!("map {name} has an unexpected type");
    };
    let fd = data.fd().as_fd().try_clone_to_owned()?;
    MapData::from_fd(fd).with_context(|| format!("map {name}"))
}

/// A map that is being filled. It is to live until the programs hold it.
pub(super) type Filling = JoinHandle<Result<MapData>>;

/// The buffers, and the map of the ring buffers being filled.
pub(super) fn outlets(ebpf: &mut Ebpf, settings: &Settings) -> Result<(Outlets, Option<Filling>)> {
    if settings.config.transport == TRANSPORT_PERF {
        return Ok((Outlets::Perf(take_data(ebpf, "EVENTS")?), None));
    }
    let mapped = settings.config.transport == TRANSPORT_MAPPED;
    let bytes = if mapped {
        IRQ_RING_BYTES
    } else {
        settings.buffer_bytes
    };
    let rings = (0..settings.cpus)
        .map(|cpu| ring(cpu, bytes))
        .collect::<Result<Vec<_>>>()?;
    let filling = fill_rings(take_data(ebpf, "RINGS")?, &rings)?;
    let outlets = if mapped {
        Outlets::Mapped {
            cursors: share_data(ebpf, "CURSORS")?,
            chunks: take_data(ebpf, "CHUNKS")?,
            irq: rings,
        }
    } else {
        Outlets::Rings(rings)
    };
    Ok((outlets, Some(filling)))
}

fn ring(cpu: u32, bytes: u32) -> Result<RingBuf<MapData>> {
    let definition = aya_obj::Map::new_from_params(
        aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32,
        0,
        0,
        bytes,
        0,
    );
    let data = MapData::create(definition, "RING", None).with_context(|| {
        format!(
            "making a ring buffer of {bytes} bytes for CPU {cpu} (--buffer-size makes it smaller)"
        )
    })?;
    Ok(RingBuf::try_from(Map::RingBuf(data))?)
}

/// Puts the rings into their map, beside whatever else there is to be done: at each change of such a map the kernel waits
/// until no program can see the old one, some ten milliseconds.
fn fill_rings(outer: MapData, rings: &[RingBuf<MapData>]) -> Result<Filling> {
    let rings = rings
        .iter()
        .map(|ring| ring.as_fd().try_clone_to_owned())
        .collect::<io::Result<Vec<OwnedFd>>>()?;
    Ok(std::thread::spawn(move || {
        let fds: Vec<RawFd> = rings.iter().map(AsRawFd::as_raw_fd).collect();
        // SAFETY: the values of a map of maps are descriptors.
        unsafe { fill(outer.fd().as_fd(), &fds) }.context("filling the ring map")?;
        Ok(outer)
    }))
}

/// Fills an array map: at once where the kernel can, there may be 1,700 elements.
///
/// # Safety
/// The map's values have the size of `T`.
pub(super) unsafe fn fill<T>(map: BorrowedFd<'_>, values: &[T]) -> io::Result<()> {
    // SAFETY: by contract.
    unsafe {
        if update_all(map, values).is_ok() {
            return Ok(());
        }
        (0u32..)
            .zip(values)
            .try_for_each(|(key, value)| update(map, key, value))
    }
}

/// Puts a file descriptor into slot `key` of an array map.
pub fn map_set_fd(map: BorrowedFd<'_>, key: u32, value: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the values of maps that take descriptors are such numbers.
    unsafe { update(map, key, &value.as_raw_fd()) }
}

/// Sets element `key` of an array map.
///
/// # Safety
/// The map's values have the size of `T`.
pub unsafe fn update<T>(map: BorrowedFd<'_>, key: u32, value: &T) -> io::Result<()> {
    let mut attr = element(map, &key, std::ptr::from_ref(value));
    // SAFETY: key and value are live, and of the sizes of the map's by contract.
    unsafe { sys::bpf(BPF_MAP_UPDATE_ELEM, &mut attr) }.map(drop)
}

/// Reads element `key` of an array map.
///
/// # Safety
/// The map's values have the size of `T`, and are valid for it.
pub unsafe fn lookup<T>(map: BorrowedFd<'_>, key: u32, value: &mut T) -> io::Result<()> {
    let mut attr = element(map, &key, std::ptr::from_mut(value));
    // SAFETY: as above.
    unsafe { sys::bpf(BPF_MAP_LOOKUP_ELEM, &mut attr) }.map(drop)
}

/// struct { u32 map_fd; u64 key, value, flags; }
fn element<T>(map: BorrowedFd<'_>, key: &u32, value: *const T) -> [u8; 32] {
    let mut attr = [0u8; 32];
    attr[0..4].copy_from_slice(&(map.as_raw_fd() as u32).to_ne_bytes());
    attr[8..16].copy_from_slice(&(std::ptr::from_ref(key) as u64).to_ne_bytes());
    attr[16..24].copy_from_slice(&(value as u64).to_ne_bytes());
    attr
}

/// Sets the first elements of an array map in one call.
///
/// # Safety
/// The map's values have the size of `T`.
unsafe fn update_all<T>(map: BorrowedFd<'_>, values: &[T]) -> io::Result<()> {
    let keys: Vec<u32> = (0..values.len() as u32).collect();
    // struct { u64 in_batch, out_batch, keys, values; u32 count, map_fd; u64 elem_flags, flags; }
    let mut attr = [0u8; 56];
    attr[16..24].copy_from_slice(&(keys.as_ptr() as u64).to_ne_bytes());
    attr[24..32].copy_from_slice(&(values.as_ptr() as u64).to_ne_bytes());
    attr[32..36].copy_from_slice(&(keys.len() as u32).to_ne_bytes());
    attr[36..40].copy_from_slice(&(map.as_raw_fd() as u32).to_ne_bytes());
    // SAFETY: as many live keys and values as the count says, of the map's sizes by contract.
    unsafe { sys::bpf(BPF_MAP_UPDATE_BATCH, &mut attr) }.map(drop)
}
