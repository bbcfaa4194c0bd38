//! docs/coverage.md: of each system call how its arguments are shown, which test program makes it, and what its lines are
//! compared with. Made of the data and of the tests' sources, so that it cannot say more than there is.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::data::{Arg, Signature, Tables, Value};
use super::emit::camel_case;
use super::variants;

/// Where the page is, from the workspace's root.
const PAGE: &str = "docs/coverage.md";

const HEAD: &str = "\
# Coverage

Written by `cargo xtask coverage` (and by `cargo xtask codegen`) from `xtask/data` and the sources of the tests; CI fails when it is not
up to date.

* **arguments**: how each argument is shown: *name* (a constant, flags, a signal, a mode), *fd* (a descriptor), *text*, *data* (bytes, vectors of
  buffers), *struct* (members), *list* (elements), *number*, *hex*, *address* (not followed).
* **forms**: argument lists of their own, by the value of another argument (commands, requests, options).
* **program**: the families of `tests/programs/families` that make the call with good and bad arguments and state the lines, or other programs of
  `tests/programs`.
* **compared**: `strace` where `cargo xtask oracle` runs the family against strace, else `own` for the lines that the program states.

";

/// Writes the page, or with `check` fails when it is not what it would be.
pub fn run(root: &Path, tables: &Tables, check: bool) -> Result<()> {
    let path = root.join(PAGE);
    let text = page(root, tables)?;
    if check {
        return super::same_as_committed(&path, &text);
    }
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

fn page(root: &Path, tables: &Tables) -> Result<String> {
    let known = Known {
        structs: shown_structs(root, tables)?,
        programs: programs(root)?,
        oracle: std::fs::read_to_string(root.join("tests/oracle/cases.txt"))
            .context("reading tests/oracle/cases.txt")?,
    };
    let mut figures = Figures::default();
    let mut rows = String::new();
    let native = tables.abis.first().context("no ABI")?;
    for call in &native.calls {
        let signature = tables.signatures.iter().find(|s| s.name == call.signature);
        let signature = signature.with_context(|| format!("no signature `{}`", call.signature))?;
        rows.push_str(&known.row(&call.name, signature, tables, &mut figures)?);
    }
    let mut out = HEAD.to_owned();
    let _ = writeln!(
        out,
        "{} system calls of x86_64 with {} arguments, of which {} are shown as what they mean and {} as a bare address or word; \
         {} forms by other arguments' values; {} calls are made by a test program.\n",
        figures.calls,
        figures.arguments,
        figures.arguments - figures.bare,
        figures.bare,
        figures.forms,
        figures.tested
    );
    out.push_str("| call | arguments | forms | program | compared |\n|---|---|---|---|---|\n");
    out.push_str(&rows);
    Ok(out)
}

#[derive(Default)]
struct Figures {
    calls: usize,
    arguments: usize,
    bare: usize,
    forms: usize,
    tested: usize,
}

/// What other files say.
struct Known {
    /// Structs that are decoded.
    structs: BTreeSet<String>,
    /// Programs by the call that they make.
    programs: BTreeMap<String, BTreeSet<String>>,
    oracle: String,
}

impl Known {
    fn row(
        &self,
        name: &str,
        signature: &Signature,
        tables: &Tables,
        figures: &mut Figures,
    ) -> Result<String> {
        let forms = variants::of(tables, signature)?.len();
        let kinds: Vec<&str> = signature
            .args
            .iter()
            .filter(|arg| !["unused", "frame"].contains(&arg.ty.0))
            .map(|arg| self.kind(arg))
            .collect();
        // What forms decide about is shown by them.
        let bare = kinds
            .iter()
            .filter(|kind| ["address", "hex"].contains(*kind));
        let none = BTreeSet::new();
        let programs = self.programs.get(name).unwrap_or(&none);
        let compared = |program: &&String| self.oracle.contains(&format!("[families-{program}]"));
        figures.calls += 1;
        figures.arguments += kinds.len();
        figures.bare += if forms > 0 { 0 } else { bare.count() };
        figures.forms += forms;
        figures.tested += usize::from(!programs.is_empty());
        let compared = match programs.iter().any(|program| compared(&program)) {
            true => "strace",
            false if programs.is_empty() => "",
            false => "own",
        };
        let forms = if forms == 0 {
            String::new()
        } else {
            forms.to_string()
        };
        let list: Vec<&str> = programs.iter().map(String::as_str).collect();
        Ok(format!(
            "| {name} | {} | {forms} | {} | {compared} |\n",
            kinds.join(", "),
            list.join(", ")
        ))
    }

    fn kind(&self, arg: &Arg) -> &'static str {
        let decoded = arg.params.iter().all(|param| match param {
            Value::Struct(_, name) => self.structs.contains(name),
            _ => true,
        });
        match arg.ty.0 {
            "flags" | "enum" | "flags64" | "signal" | "sigmask" | "mode" | "octal" | "wakeop"
            | "ioprio" => "name",
            "fd" | "dirfd" | "markfd" | "ringfd" => "fd",
            "path" | "str" | "pathbuf" | "strvec" | "envvec" => "text",
            "buf" | "binary" | "optval" | "intopt" | "nodename" | "iovec" | "msghdr"
            | "mmsghdr" | "msgbuf" => "data",
            "struct" | "remain" if decoded => "struct",
            "array" if decoded => "list",
            "bits" => "list",
            "struct" | "remain" | "array" | "addr" => "address",
            "hex" => "hex",
            _ => "number",
        }
    }
}

/// Structs with a layout, and those that the decoder has a function for.
fn shown_structs(root: &Path, tables: &Tables) -> Result<BTreeSet<String>> {
    let path = root.join("strace-ebpf/src/decode/structs.rs");
    let source =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let has_function = |name: &str| source.contains(&format!("(StructId::{}, ", camel_case(name)));
    let has_layout = |name: &str| tables.layouts.iter().any(|layout| layout.name == name);
    let names = tables.structs.iter().map(|row| row.name.clone());
    Ok(names
        .filter(|name| has_layout(name) || has_function(name))
        .collect())
}

/// Which programs make which call, by the name of its number.
fn programs(root: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut made: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for dir in ["tests/programs/families", "tests/programs"] {
        for entry in std::fs::read_dir(root.join(dir)).with_context(|| format!("listing {dir}"))? {
            let path = entry?.path();
            let stem = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned());
            let stem = stem.filter(|stem| !["main", "lines"].contains(&stem.as_str()));
            let (Some(stem), true) = (stem, path.extension().is_some_and(|ext| ext == "rs")) else {
                continue;
            };
            let source = std::fs::read_to_string(&path)?;
            for (at, _) in source.match_indices("SYS_") {
                let rest = &source[at + "SYS_".len()..];
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let name = &rest[..end.unwrap_or(rest.len())];
                made.entry(name.into()).or_default().insert(stem.clone());
            }
        }
    }
    Ok(made)
}
