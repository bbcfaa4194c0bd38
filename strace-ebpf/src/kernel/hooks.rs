//! What this kernel's kprobes and trampolines can do, found by trying: asked only where they are
//! wanted, because each question attaches something for a moment.

use std::{
    collections::{HashMap, HashSet},
    ffi::{CStr, CString},
    fs, io,
    os::fd::AsFd,
};

use super::{Trivial, btf, load_trivial};
use crate::sys;

/// `BPF_PROG_TYPE_KPROBE` and `BPF_PROG_TYPE_TRACING`.
const PROG_TYPE_KPROBE: u32 = 2;
const PROG_TYPE_TRACING: u32 = 26;
/// `BPF_TRACE_FENTRY`
const TRACE_FENTRY: u32 = 24;

/// Functions through which the kernel calls every system call of an ABI, with the user's registers
/// and the number: Linux 6.9, and older ones with the fixes for branch history injection.
const DISPATCHERS: [&CStr; 3] = [c"x64_sys_call", c"ia32_sys_call", c"x32_sys_call"];
/// Beginnings of the names of the functions of the calls themselves, and the ABI's system calls.
const PREFIXES: [&str; 4] = [
    "__x64_sys_",
    "__ia32_sys_",
    "__ia32_compat_sys_",
    "__x64_compat_sys_",
];

/// The answers.
#[derive(Clone, Debug)]
pub struct Hooks {
    /// Type of perf event that makes a kprobe; or why there is none.
    pub kprobes: Result<u32, String>,
    /// One program on many functions at once; or why not.
    pub multi: Result<(), String>,
    /// The functions of the system calls that can be probed.
    pub functions: Vec<Function>,
    /// Those of `DISPATCHERS` that can be probed.
    pub dispatchers: Vec<CString>,
    /// fentry on the dispatchers: their names and type ids; or why not.
    pub fentry: Result<Vec<(CString, u32)>, String>,
    /// Whether the kernel may be preempted while it runs a program.
    pub preemption: Preemption,
}

/// A function by all its names: those of one address serve several calls.
pub type Function = Vec<CString>;

/// Whether the kernel may be preempted at any place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preemption {
    /// Only where it says so itself.
    No,
    /// Yes: `preempt=full`, `preempt=lazy`, or built so.
    Yes,
    /// It cannot be told.
    Unknown,
}

/// Which questions to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// About kprobes.
    Kprobes,
    /// About fentry.
    Fentry,
    /// About both.
    Both,
}

impl Hooks {
    /// Asks the kernel.
    #[must_use]
    pub fn gather(ask: Ask) -> Self {
        let mut hooks = Self::unknown("not asked");
        if ask != Ask::Kprobes {
            hooks.fentry = try_fentry();
            hooks.preemption = preemption();
        }
        if ask != Ask::Fentry {
            hooks.ask_about_kprobes();
        }
        hooks
    }

    /// No answers, for this reason.
    #[must_use]
    pub fn unknown(why: &str) -> Self {
        Self {
            kprobes: Err(why.to_owned()),
            multi: Err(why.to_owned()),
            functions: Vec::new(),
            dispatchers: Vec::new(),
            fentry: Err(why.to_owned()),
            preemption: Preemption::Unknown,
        }
    }

    fn ask_about_kprobes(&mut self) {
        self.kprobes = kprobe_type();
        if let Err(why) = &self.kprobes {
            self.multi = Err(why.clone());
            return;
        }
        (self.functions, self.dispatchers) = traceable().unwrap_or_default();
        self.multi = match self.functions.first() {
            None => Err("no function of a system call can be probed".to_owned()),
            Some(function) => try_multi(function).map_err(|e| e.to_string()),
        };
    }
}

fn kprobe_type() -> Result<u32, String> {
    fs::read_to_string("/sys/bus/event_source/devices/kprobe/type")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| "this kernel has no kprobes (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)".into())
}

/// Functions of calls, and dispatchers, that can be probed: those at an address that ftrace knows, or, on a
/// kernel without ftrace, all there are.
fn traceable() -> io::Result<(Vec<Function>, Vec<CString>)> {
    let symbols = fs::read_to_string("/proc/kallsyms")?;
    let list = sys::read_tracefs(c"available_filter_functions").unwrap_or_default();
    Ok(sort_out(&symbols, &list))
}

/// `kallsyms` has lines such as `ffffffff81000000 T name`, `list` a name per line, perhaps with a module's behind.
///
/// A function may have several names, of which ftrace lists one: calls without arguments are there under that
/// of their body, `__do_sys_getpid`. So addresses are compared, or names where addresses are hidden from us.
fn sort_out(kallsyms: &str, list: &str) -> (Vec<Function>, Vec<CString>) {
    let listed: HashSet<&str> = list.lines().map(first_word).collect();
    let symbols = || kallsyms.lines().filter_map(symbol);
    let known: HashSet<u64> = symbols()
        .filter(|(address, name)| *address != 0 && listed.contains(name))
        .map(|(address, _)| address)
        .collect();
    let mut places: HashMap<u64, usize> = HashMap::new();
    let (mut functions, mut dispatchers) = (Vec::new(), Vec::new());
    for (address, name) in symbols() {
        let traceable =
            listed.is_empty() || known.contains(&address) || address == 0 && listed.contains(name);
        let Some(text) = CString::new(name).ok().filter(|_| traceable) else {
            continue;
        };
        if DISPATCHERS.contains(&text.as_c_str()) {
            dispatchers.push(text);
        } else if PREFIXES.iter().any(|p| name.starts_with(p)) && !name.contains('.') {
            let next = functions.len();
            let at = if address == 0 {
                next
            } else {
                *places.entry(address).or_insert(next)
            };
            if at == next {
                functions.push(Vec::new());
            }
            functions[at].push(text);
        }
    }
    (functions, dispatchers)
}

fn first_word(line: &str) -> &str {
    line.split([' ', '\t']).next().unwrap_or_default()
}

/// Address and name of a function of the kernel itself.
fn symbol(line: &str) -> Option<(u64, &str)> {
    let mut words = line.split(' ');
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let kind = words.next()?;
    let name = words.next()?;
    (matches!(kind, "t" | "T" | "w" | "W") && !name.contains('\t')).then_some((address, name))
}

/// A stem that a call and its functions share: the tables of the kernel call `newstat`, `stat64`,
/// `nanosleep_time32` or `setuid16` what users call `stat`, `nanosleep`, `setuid`. Calls that differ
/// only in this have one stem.
#[must_use]
pub fn stem(name: &str) -> &str {
    let name = PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let mut stem = name.trim_start_matches('_');
    for prefix in ["ia32_", "x32_", "old_", "new", "old", "old"] {
        stem = stem.strip_prefix(prefix).unwrap_or(stem);
    }
    for suffix in ["_pgoff", "_time32", "_time64", "32", "64", "16", "2"] {
        match stem.strip_suffix(suffix) {
            Some(rest) if !rest.is_empty() => stem = rest,
            _ => {}
        }
    }
    stem
}

fn try_multi(function: &Function) -> io::Result<()> {
    let program = load_trivial(&Trivial {
        attach_type: sys::BPF_TRACE_KPROBE_MULTI,
        ..Trivial::of(PROG_TYPE_KPROBE)
    })?;
    let one = function.get(..1).unwrap_or_default();
    sys::attach_multi(program.as_fd(), one, false).map(drop)
}

fn try_fentry() -> Result<Vec<(CString, u32)>, String> {
    let bytes =
        fs::read("/sys/kernel/btf/vmlinux").map_err(|e| format!("/sys/kernel/btf/vmlinux: {e}"))?;
    let btf = btf::Btf::parse(&bytes).ok_or("/sys/kernel/btf/vmlinux: not BTF")?;
    let mut usable = Vec::new();
    // That of x32 gets the number without the bit that marks it.
    for name in DISPATCHERS.into_iter().take(2) {
        let Some(id) = btf.function(&name.to_string_lossy()) else {
            continue;
        };
        let attached = load_trivial(&Trivial {
            attach_type: TRACE_FENTRY,
            btf_id: id,
            ..Trivial::of(PROG_TYPE_TRACING)
        })
        .and_then(|program| sys::attach_typed(program.as_fd()));
        match attached {
            Ok(_) => usable.push((name.to_owned(), id)),
            Err(error) => {
                return Err(format!(
                    "{} cannot be traced: {error}",
                    name.to_string_lossy()
                ));
            }
        }
    }
    if usable
        .first()
        .is_none_or(|(name, _)| name.as_c_str() != DISPATCHERS[0])
    {
        return Err(format!(
            "this kernel has no function {}",
            DISPATCHERS[0].to_string_lossy()
        ));
    }
    Ok(usable)
}

/// The kernel's own word for it is in debugfs; else what it was started or built with.
fn preemption() -> Preemption {
    if let Ok(modes) = sys::read_debugfs(c"sched/preempt") {
        let chosen = modes.split_whitespace().find(|word| word.starts_with('('));
        if let Some(mode) = chosen {
            return by_mode(mode.trim_matches(['(', ')']));
        }
    }
    let cmdline = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let asked = cmdline
        .split_whitespace()
        .rev()
        .find_map(|w| w.strip_prefix("preempt="));
    let build = fs::read_to_string("/proc/sys/kernel/version").unwrap_or_default();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let config = fs::read_to_string(format!("/boot/config-{}", release.trim())).ok();
    judge(&build, asked, config.as_deref())
}

fn by_mode(mode: &str) -> Preemption {
    match mode {
        "none" | "voluntary" => Preemption::No,
        "full" | "lazy" => Preemption::Yes,
        _ => Preemption::Unknown,
    }
}

/// `build` is `uname -v`: it names `PREEMPT`, `PREEMPT_RT`, `PREEMPT_LAZY` or `PREEMPT_DYNAMIC`, or none.
fn judge(build: &str, asked: Option<&str>, config: Option<&str>) -> Preemption {
    let words: Vec<&str> = build.split([' ', ',']).collect();
    if !words.iter().any(|word| word.starts_with("PREEMPT")) {
        return Preemption::No;
    }
    // The PREEMPT_RT of a kernel with both names comes first.
    if !words.contains(&"PREEMPT_DYNAMIC") || words.contains(&"PREEMPT_RT") {
        return Preemption::Yes;
    }
    if let Some(mode) = asked {
        return by_mode(mode);
    }
    let built = |option: &str| config.is_some_and(|c| c.lines().any(|line| line == option));
    if built("CONFIG_PREEMPT_NONE=y") || built("CONFIG_PREEMPT_VOLUNTARY=y") {
        Preemption::No
    } else if built("CONFIG_PREEMPT=y") || built("CONFIG_PREEMPT_LAZY=y") {
        Preemption::Yes
    } else {
        Preemption::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted_out_by_address_or_by_name() {
        let kallsyms = "10 T __x64_sys_read\n20 t __do_sys_getpid\n20 T __x64_sys_getpid\n\
                        20 T __ia32_sys_getpid\n30 T __x64_sys_hidden\n40 t x64_sys_call\n50 t nfs_fn\t[nfs]\n\
                        60 T __x64_sys_read.cold\n70 D __x64_sys_data\nbroken\n";
        let list =
            "__x64_sys_read\n__do_sys_getpid\nx64_sys_call\nnfs_fn [nfs]\n__x64_sys_read.cold\n";
        let (functions, dispatchers) = sort_out(kallsyms, list);
        let names = |function: &Function| -> Vec<String> {
            let names = function.iter().map(|name| name.to_string_lossy());
            names.map(Into::into).collect()
        };
        let functions: Vec<Vec<String>> = functions.iter().map(names).collect();
        assert_eq!(
            functions,
            [
                vec!["__x64_sys_read"],
                vec!["__x64_sys_getpid", "__ia32_sys_getpid"]
            ]
        );
        assert_eq!(dispatchers, [c"x64_sys_call".to_owned()]);
        let hidden = "0 T __x64_sys_read\n0 T __x64_sys_getpid\n";
        assert_eq!(sort_out(hidden, list).0, [[c"__x64_sys_read".to_owned()]]);
        let all = sort_out(kallsyms, "").0;
        assert!(
            all.contains(&vec![c"__x64_sys_hidden".to_owned()]),
            "without ftrace"
        );
    }

    #[test]
    fn a_call_and_its_functions_have_one_stem() {
        for (call, function) in [
            ("stat", "__x64_sys_newstat"),
            ("stat64", "__ia32_compat_sys_ia32_stat64"),
            ("nanosleep", "__ia32_sys_nanosleep_time32"),
            ("clock_gettime64", "__x64_sys_clock_gettime"),
            ("setuid", "__ia32_sys_setuid16"),
            ("_llseek", "__ia32_sys_llseek"),
            ("umount2", "__x64_sys_umount"),
            ("select", "__ia32_compat_sys_old_select"),
            ("_newselect", "__ia32_compat_sys_select"),
            ("sendfile", "__x64_sys_sendfile64"),
        ] {
            assert_eq!(stem(call), stem(function), "{call} {function}");
        }
        assert_ne!(stem("__x64_sys_read"), stem("__x64_sys_readv"));
        assert_eq!(stem("__x64_sys_64"), "64");
    }

    #[test]
    fn preemption_is_judged_by_what_is_known() {
        let debian = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.107-1";
        let voluntary = Some("# comment\nCONFIG_PREEMPT_VOLUNTARY=y\n");
        for (build, asked, config, expected) in [
            ("#1 SMP Debian", None, None, Preemption::No),
            ("#1 SMP PREEMPT Debian", None, None, Preemption::Yes),
            ("#1 SMP PREEMPT_RT Debian", None, None, Preemption::Yes),
            (debian, None, voluntary, Preemption::No),
            (debian, Some("full"), voluntary, Preemption::Yes),
            (debian, Some("none"), None, Preemption::No),
            (debian, Some("lazy"), None, Preemption::Yes),
            (debian, None, Some("CONFIG_PREEMPT=y"), Preemption::Yes),
            (debian, None, None, Preemption::Unknown),
            (
                "#1 SMP PREEMPT_{RT,DYNAMIC}",
                Some("none"),
                None,
                Preemption::Yes,
            ),
        ] {
            assert_eq!(judge(build, asked, config), expected, "{build} {asked:?}");
        }
    }
}
