//! How much stack the committed programs need, added up as old kernels do: newer ones follow only the calls that are left when
//! the settings are known, so nothing here would show that a program is refused by Linux 5.10.

use std::collections::HashMap;

use object::{
    Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionIndex, SymbolIndex, SymbolKind,
};

/// `MAX_BPF_STACK`, `include/linux/filter.h`.
const LIMIT: u32 = 512;
/// What a function counts at least, and in multiples of what: `check_max_stack_depth` in `kernel/bpf/verifier.c`.
const UNIT: u32 = 32;
const INSN_BYTES: usize = 8;

/// From `include/uapi/linux/bpf_common.h` and `include/uapi/linux/bpf.h`.
const BPF_CALL: u8 = 0x85;
const BPF_PSEUDO_CALL: u8 = 1;
const BPF_LD_IMM64: u8 = 0x18;
const BPF_MOV64_REG: u8 = 0xbf;
const BPF_ADD64_IMM: u8 = 0x07;
const FRAME_POINTER: u8 = 10;

struct Function {
    name: String,
    /// Bytes below its frame pointer.
    own: u32,
    calls: Vec<SymbolIndex>,
}

/// One instruction, as far as it matters here.
struct Insn {
    code: u8,
    dst: u8,
    src: u8,
    off: i16,
    imm: i32,
}

impl Insn {
    fn decode(bytes: &[u8]) -> Self {
        Self {
            code: bytes[0],
            dst: bytes[1] & 0xf,
            src: bytes[1] >> 4,
            off: i16::from_le_bytes([bytes[2], bytes[3]]),
            imm: i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        }
    }

    /// The depth that it reaches, if it is one that addresses the stack. `copies` are the registers that hold the frame pointer.
    fn depth(&self, copies: &mut [bool; 11]) -> u32 {
        let place = match (self.code & 7, self.code) {
            // Loads name a source; stores and atomic operations a destination.
            (1, _) if copies[usize::from(self.src)] => i32::from(self.off),
            (2 | 3, _) if copies[usize::from(self.dst)] => i32::from(self.off),
            (_, BPF_ADD64_IMM) if copies[usize::from(self.dst)] => self.imm,
            _ => 0,
        };
        let is_load_or_alu = matches!(self.code & 7, 0 | 1 | 4 | 7);
        if is_load_or_alu && self.dst != FRAME_POINTER {
            copies[usize::from(self.dst)] = self.code == BPF_MOV64_REG && self.src == FRAME_POINTER;
        }
        place.min(0).unsigned_abs()
    }
}

/// All functions of an object, by symbol.
fn functions(file: &object::File) -> HashMap<SymbolIndex, Function> {
    let starts: HashMap<(SectionIndex, u64), SymbolIndex> = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text)
        .filter_map(|symbol| Some(((symbol.section_index()?, symbol.address()), symbol.index())))
        .collect();
    let mut found = HashMap::new();
    for (&(section, start), &symbol) in &starts {
        let section = file.section_by_index(section).expect("has a section");
        let named = file.symbol_by_index(symbol).expect("a symbol");
        let code = section
            .data_range(start, named.size())
            .expect("code")
            .expect("within its section");
        let targets: HashMap<u64, SymbolIndex> = section
            .relocations()
            .filter_map(|(at, relocation)| match relocation.target() {
                RelocationTarget::Symbol(symbol) => Some((at, symbol)),
                _ => None,
            })
            .collect();
        // A function is named by its symbol, or by its section's and a distance, or, from within its section, by the
        // distance from the instruction behind.
        let called = |at: usize, distance: i64| {
            let at = start + at as u64;
            let Some(symbol) = targets.get(&at) else {
                let address = at.wrapping_add_signed(distance);
                return starts.get(&(section.index(), address)).copied();
            };
            let target = file.symbol_by_index(*symbol).ok()?;
            if target.kind() == SymbolKind::Text {
                return Some(target.index());
            }
            let address = target.address().wrapping_add_signed(distance);
            starts.get(&(target.section_index()?, address)).copied()
        };
        let (mut own, mut calls) = (0, Vec::new());
        let mut copies = [false; 11];
        copies[usize::from(FRAME_POINTER)] = true;
        for (index, bytes) in code.chunks_exact(INSN_BYTES).enumerate() {
            let (insn, at) = (Insn::decode(bytes), index * INSN_BYTES);
            own = own.max(insn.depth(&mut copies));
            match insn.code {
                BPF_CALL if insn.src == BPF_PSEUDO_CALL => {
                    calls.extend(called(at, (i64::from(insn.imm) + 1) * 8));
                }
                // The address of a function, for `bpf_loop`.
                BPF_LD_IMM64 => calls.extend(called(at, i64::from(insn.imm))),
                _ => {}
            }
        }
        let name = named.name().expect("a name").to_owned();
        found.insert(symbol, Function { name, own, calls });
    }
    found
}

/// The deepest chain of calls that begins with a function: its stack, and the names.
fn deepest(all: &HashMap<SymbolIndex, Function>, symbol: SymbolIndex) -> (u32, Vec<&str>) {
    let function = &all[&symbol];
    let (below, mut names) = function
        .calls
        .iter()
        .map(|callee| deepest(all, *callee))
        .max()
        .unwrap_or_default();
    names.insert(0, &function.name);
    (below + function.own.max(1).next_multiple_of(UNIT), names)
}

#[test]
fn no_chain_of_calls_needs_more_stack_than_old_kernels_give() {
    let objects = [
        ("records", super::OBJECT),
        ("perf", super::OBJECT_PERF),
        ("debug", super::OBJECT_DEBUG),
    ];
    for (what, bytes) in objects {
        let file = object::File::parse(bytes).expect("an object");
        let all = functions(&file);
        let mut deep: Vec<_> = all.keys().map(|symbol| deepest(&all, *symbol)).collect();
        deep.sort_unstable();
        let (most, chain) = deep.pop().expect("functions");
        // Less than a buffer of ours would mean that nothing was looked at.
        assert!(most > 256 && chain.len() > 1, "{what}: {most} {chain:?}");
        assert!(most <= LIMIT, "{what}: {most} bytes: {chain:?}");
    }
}
