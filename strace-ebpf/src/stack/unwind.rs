//! From registers and stack to the addresses of callers, by the unwind tables of the mapped files; where there are none, by
//! frame pointers.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use framehop::{
    ExplicitModuleSectionInfo, Module, Unwinder as _,
    x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64},
};

use super::{Job, mmaps::Mapped, object::Binary, space::Space};

/// Unwinders that are kept, one for each snapshot of mappings.
const UNWINDERS: usize = 64;
/// Files that are kept.
const FILES: usize = 1024;

/// Files and what was made of them.
#[derive(Default)]
pub struct Unwinders {
    files: HashMap<(PathBuf, u64), Option<Arc<Binary>>>,
    by_space: HashMap<u64, UnwinderX86_64<Arc<[u8]>>>,
    cache: CacheX86_64,
}

impl Unwinders {
    /// The file behind a mapping.
    pub fn binary(&mut self, mapped: &Mapped, tgid: u32) -> Option<Arc<Binary>> {
        let key = (mapped.path.clone(), mapped.inode);
        if self.files.len() >= FILES && !self.files.contains_key(&key) {
            self.files.clear();
        }
        let file = self
            .files
            .entry(key)
            .or_insert_with(|| Binary::open(mapped, tgid).map(Arc::new));
        file.clone()
    }

    /// Where the call was made, and where its callers go on: at most `limit`, and whether there are more.
    pub fn frames(&mut self, job: &Job, limit: usize) -> (Vec<u64>, bool) {
        let [ip, sp, bp] = job.registers;
        if job.narrow {
            return (vec![ip], false);
        }
        if !self.by_space.contains_key(&job.space.number) {
            let unwinder = self.unwinder(&job.space, job.tgid);
            if self.by_space.len() >= UNWINDERS {
                self.by_space.clear();
            }
            self.by_space.insert(job.space.number, unwinder);
        }
        let Some(unwinder) = self.by_space.get(&job.space.number) else {
            return (vec![ip], false);
        };
        let mut beyond = false;
        let mut read = |address: u64| {
            let at = address.wrapping_sub(sp) as usize;
            let word = at.checked_add(8).and_then(|end| job.stack.get(at..end));
            let word = word.and_then(|word| word.try_into().ok().map(u64::from_ne_bytes));
            beyond |= word.is_none();
            word.ok_or(())
        };
        let registers = UnwindRegsX86_64::new(ip, sp, bp);
        let mut walk = unwinder.iter_frames(ip, registers, &mut self.cache, &mut read);
        let mut all = Vec::new();
        while let Ok(Some(frame)) = walk.next() {
            if all.len() == limit {
                return (all, true);
            }
            // What is nowhere is no caller; but the program may be anywhere.
            if !all.is_empty() && job.space.at(frame.address_for_lookup()).is_none() {
                return (all, false);
            }
            all.push(frame.address());
        }
        // The stack goes on behind what was copied.
        (all, beyond && job.stack.len() >= super::WHOLE_STACK)
    }

    fn unwinder(&mut self, space: &Space, tgid: u32) -> UnwinderX86_64<Arc<[u8]>> {
        let mut unwinder = UnwinderX86_64::new();
        for mapped in &space.mapped {
            if let Some(binary) = self.binary(mapped, tgid)
                && let Some(address) = binary.address_of(mapped.offset)
            {
                let base = mapped.start.wrapping_sub(address);
                let name = mapped.path.to_string_lossy().into_owned();
                unwinder.add_module(Module::new(
                    name,
                    mapped.start..mapped.end,
                    base,
                    sections(&binary),
                ));
            }
        }
        unwinder
    }
}

fn sections(binary: &Binary) -> ExplicitModuleSectionInfo<Arc<[u8]>> {
    let range =
        |section: &Option<super::object::Section>| section.as_ref().map(|s| s.range.clone());
    let bytes =
        |section: &Option<super::object::Section>| section.as_ref().map(|s| Arc::clone(&s.bytes));
    ExplicitModuleSectionInfo {
        text_svma: binary.text.clone(),
        got_svma: binary.got.clone(),
        eh_frame_svma: range(&binary.eh_frame),
        eh_frame: bytes(&binary.eh_frame),
        eh_frame_hdr_svma: range(&binary.eh_frame_hdr),
        eh_frame_hdr: bytes(&binary.eh_frame_hdr),
        debug_frame: bytes(&binary.debug_frame),
        ..Default::default()
    }
}
