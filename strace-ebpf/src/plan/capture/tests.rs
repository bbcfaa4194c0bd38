//! Rows of the table to operations.

use strace_ebpf_common::{
    limits::{MAX_OPS, RECORD_MAX},
    plan::{
        KIND_DESCRIPTOR, KIND_ENTRIES, KIND_STR, OP_FIRST_WORD, OP_IF_ELEMENT, OP_RESULT_IS_TOTAL,
        WHEN_UNSEEN,
    },
};

use super::*;
use crate::{plan::qualify::Qualifiers, tables::StructId};

const LIMITS: Limits = Limits {
    string: 32,
    no_return: true,
    report_enter: false,
    descriptors: false,
};

const SHOWN: Shown<'static> = Shown {
    detail: Detail::NORMAL,
    dump: None,
    inner: &|_| Detail::NORMAL,
};

fn plan(name: &str, abi: Abi) -> Plan {
    let (_, syscall) = tables::by_name(abi, name).expect(name);
    compile(syscall, abi, true, &LIMITS, SHOWN)
}

fn builder(call: &'static Syscall, abi: Abi, descriptors: bool) -> Builder<'static> {
    Builder {
        plan: Plan::default(),
        abi,
        limits: Limits {
            descriptors,
            ..LIMITS
        },
        shown: SHOWN,
        condition: None,
        data: None,
        whole: false,
        exec: false,
        messages: false,
        args: call.args,
        places: &[],
        sizes: sizes(call),
    }
}

#[test]
fn paths_are_read_whole_at_exit() {
    let plan = plan("openat", Abi::X86_64);
    assert_eq!(plan.n_ops, 1);
    let op = plan.ops[0];
    assert_eq!(
        (op.kind, op.when, op.arg, op.limit),
        (KIND_STR, WHEN_EXIT, 1, 4095)
    );
    assert_eq!(plan.flags, PLAN_WANTED | PLAN_SIMPLE);
}

#[test]
fn output_buffers_follow_the_result_and_inputs_the_argument() {
    let read = plan("read", Abi::X86_64).ops[0];
    assert_eq!(
        (read.when, read.len_from, read.limit),
        (WHEN_SUCCESS, FROM_RESULT, 32)
    );
    let write = plan("write", Abi::X86_64).ops[0];
    assert_eq!(
        (write.when, write.len_from, write.len_off),
        (WHEN_EXIT, FROM_ARG, 2)
    );
}

#[test]
fn execve_is_read_at_enter_and_again_after_a_failure() {
    let plan = plan("execve", Abi::X86_64);
    assert_eq!(plan.flags, PLAN_WANTED | PLAN_EXEC | PLAN_ENTER);
    let kinds: Vec<(u8, u8, u8)> = plan.ops[..usize::from(plan.n_ops)]
        .iter()
        .map(|op| (op.kind, op.when, op.arg))
        .collect();
    let both = WHEN_ENTER | WHEN_FAILURE;
    assert_eq!(
        kinds,
        [
            (KIND_STR, both, 0),
            (KIND_POINTERS, both, 1),
            (KIND_STR, both, 1),
            (KIND_BYTES, WHEN_SUCCESS, 1),
            (KIND_POINTERS, both, 2)
        ]
    );
    assert_eq!(plan.ops[2].block, 1);
}

#[test]
fn exits_do_not_return_and_unwanted_calls_keep_what_must_be_known() {
    assert_eq!(
        plan("exit_group", Abi::X86_64).flags,
        PLAN_WANTED | PLAN_NO_RETURN | PLAN_SIMPLE
    );
    let (_, execve) = tables::by_name(Abi::X86_64, "execve").expect("execve");
    assert_eq!(
        compile(execve, Abi::X86_64, false, &LIMITS, SHOWN).flags,
        PLAN_EXEC
    );
}

#[test]
fn vectors_are_walked_in_the_width_of_the_abi() {
    let wide = plan("writev", Abi::X86_64);
    assert_eq!(
        (wide.ops[0].scale, wide.ops[1].stride, wide.ops[1].len_off),
        (16, 16, 8)
    );
    let narrow = plan("writev", Abi::I386);
    assert_eq!(
        (
            narrow.ops[0].scale,
            narrow.ops[1].stride,
            narrow.ops[1].len_off
        ),
        (8, 8, 4)
    );
    assert_eq!(narrow.ops[1].addr_from, FROM_BLOCK32);
    assert_eq!(plan("readv", Abi::X86_64).ops[1].flags, OP_RESULT_IS_TOTAL);
}

#[test]
fn messages_are_chains_of_operations() {
    let (_, call) = tables::by_name(Abi::X86_64, "recvmmsg").expect("a call");
    let mut builder = builder(call, Abi::X86_64, false);
    builder.argument(
        1,
        Ty::Mmsghdr {
            dir: Dir::Out,
            count: Len::Ret,
        },
        false,
        true,
    );
    let plan = builder.finish();
    let chain: Vec<(u8, u8, u16, u16)> = plan.ops[..usize::from(plan.n_ops)]
        .iter()
        .map(|op| (op.addr_from, op.block, op.addr_off, op.stride))
        .collect();
    assert_eq!(
        chain,
        [
            (FROM_ARG, 0, 1, 0),
            (FROM_BLOCK64, 0, 0, 64),
            (FROM_BLOCK64, 0, 16, 64),
            (FROM_BLOCK64, 2, 0, 16),
            (FROM_BLOCK64, 0, 32, 64)
        ]
    );
}

#[test]
fn variants_share_their_copies_small_and_large_apart() {
    let plan = plan("fcntl", Abi::X86_64);
    let ops = &plan.ops[..usize::from(plan.n_ops)];
    let sizes: Vec<(u8, u16, u32)> = ops
        .iter()
        .map(|op| (op.arg, op.len_off, op.limit))
        .collect();
    assert_eq!(sizes, [(2, 32, 32), (2, 8, 8)]);
    assert!(
        ops.iter().all(|op| op.when == WHEN_EXIT),
        "no record for the enter"
    );
}

#[test]
fn pointers_in_structures_are_followed() {
    let clone3 = plan("clone3", Abi::X86_64);
    let chain: Vec<(u8, u8, u16)> = clone3.ops[..usize::from(clone3.n_ops)]
        .iter()
        .map(|op| (op.addr_from, op.when, op.addr_off))
        .collect();
    let both = WHEN_ENTER | WHEN_SUCCESS | WHEN_RETRY;
    let after = WHEN_SUCCESS;
    assert_eq!(
        chain,
        [
            (FROM_ARG, both, 0),
            (FROM_BLOCK64, after, 8),
            (FROM_BLOCK64, after, 24)
        ]
    );
}

#[test]
fn descriptors_are_followed_when_asked_for() {
    let asked = Limits {
        descriptors: true,
        ..LIMITS
    };
    let of = |name: &str| {
        let (_, syscall) = tables::by_name(Abi::X86_64, name).expect(name);
        let plan = compile(syscall, Abi::X86_64, true, &asked, SHOWN);
        let ops = plan.ops[..usize::from(plan.n_ops)].iter();
        let own = ops.filter(|op| op.kind == KIND_DESCRIPTOR);
        own.map(|op| (op.addr_from, op.addr_off, op.when))
            .collect::<Vec<_>>()
    };
    let given = WHEN_ENTER | WHEN_UNSEEN;
    assert_eq!(
        of("openat"),
        [(FROM_ARG, 0, given), (FROM_RESULT, 0, WHEN_SUCCESS)]
    );
    assert_eq!(
        of("dup2"),
        [
            (FROM_ARG, 0, given),
            (FROM_ARG, 1, given),
            (FROM_RESULT, 0, WHEN_SUCCESS)
        ]
    );
    assert_eq!(of("pipe2"), [(FROM_BLOCK32, 0, WHEN_SUCCESS)]);
    assert_eq!(of("pselect6"), [(FROM_BLOCK64, 0, WHEN_ENTER); 3]);
    assert!(
        plan("read", Abi::X86_64)
            .ops
            .iter()
            .all(|op| op.kind != KIND_DESCRIPTOR)
    );
}

#[test]
fn no_row_needs_more_operations_than_there_are() {
    for abi in Abi::ALL {
        // Of calls that are several in one see `what_inner_calls_lack_is_known`.
        let single = |(_, call): &(u32, &Syscall)| !call.attrs.contains(Attrs::INNER);
        for (_, syscall) in tables::all(abi).filter(single) {
            let mut builder = Builder {
                shown: Shown {
                    detail: Detail {
                        verbose: true,
                        ..Detail::NORMAL
                    },
                    dump: syscall.attrs.contains(Attrs::DATA).then_some(0),
                    inner: &|_| Detail::NORMAL,
                },
                exec: syscall.attrs.contains(Attrs::EXEC),
                ..builder(syscall, abi, true)
            };
            builder.arguments(syscall);
            let data = usize::from(builder.data.is_some());
            assert!(
                usize::from(builder.plan.n_ops) + data < MAX_OPS,
                "{}",
                syscall.name
            );
        }
    }
}

#[test]
fn the_filter_decides_what_is_wanted() {
    let filter = Filter::parse("openat").expect("valid");
    let plans = compile_all(&filter, &LIMITS, &details("true"));
    assert_eq!(plans.len(), (ABIS * PLANS_PER_ABI) as usize);
    assert_eq!(plans[257].flags & PLAN_WANTED, PLAN_WANTED);
    assert_eq!(plans[0].flags & PLAN_WANTED, 0);
    assert_eq!(plans[PLANS_PER_ABI as usize - 1].flags, 0);
    let plans = compile_all(&Filter::all(), &LIMITS, &details("true"));
    assert_eq!(plans[PLANS_PER_ABI as usize - 1].flags, PLAN_WANTED);
}

fn details(line: &str) -> Details {
    let words = std::iter::once("strace-ebpf").chain(line.split(' '));
    let cli = crate::cli::parse(words.map(Into::into)).expect("parses");
    Details::new(&Qualifiers::parse(&cli).expect("valid"))
}

fn plan_with(line: &str, name: &str) -> Plan {
    let (nr, _) = tables::by_name(Abi::X86_64, name).expect(name);
    compile_all(&Filter::all(), &LIMITS, &details(line))[nr as usize]
}

#[test]
fn what_is_not_shown_is_not_copied() {
    for (line, name, n_ops) in [
        ("-e raw=all true", "openat", 0),
        ("-e verbose=none true", "stat", 1),
        ("-e verbose=none true", "sendmsg", 0),
        ("-e verbose=!sendmsg true", "stat", 2),
        ("-e abbrev=none true", "execve", 6),
        ("true", "execve", 5),
    ] {
        assert_eq!(plan_with(line, name).n_ops, n_ops, "{line}: {name}");
    }
}

#[test]
fn data_that_is_dumped_is_copied_whole_of_some_descriptors() {
    let read = plan_with("-e read=3,70 true", "read");
    let last = read.ops[1];
    assert_eq!(
        (read.n_ops, read.ops[0].limit, last.limit),
        (2, 32, RECORD_MAX)
    );
    assert_eq!((last.cond_arg, last.cond_bits), (0, 1 << 3 | 1 << 6));
    assert_eq!(plan_with("-e read=3 true", "write").n_ops, 1);
    let all = plan_with("-e write=!1 true", "sendmsg");
    let last = all.ops[usize::from(all.n_ops) - 1];
    assert_eq!(
        (last.addr_from, last.limit, last.cond_bits),
        (FROM_BLOCK64, RECORD_MAX, 0)
    );
}

#[test]
fn copies_for_other_commands_are_kept_away() {
    let fcntl = plan("fcntl", Abi::X86_64);
    for op in &fcntl.ops[..usize::from(fcntl.n_ops)] {
        // F_SETFD, F_SETFL and F_DUPFD take numbers, F_GETLK and F_OFD_SETLK structures.
        let is_kept_away = |cmd: u64| op.cond_bits >> (cmd & 63) & 1 == 0;
        assert_eq!(op.cond_arg, 1);
        assert!(is_kept_away(2) && is_kept_away(4) && is_kept_away(0));
    }
    assert!(fcntl.ops[0].cond_bits >> 5 & 1 == 1 && fcntl.ops[0].cond_bits >> 37 & 1 == 1);
}

#[test]
fn entries_are_counted_unless_they_are_shown() {
    let plain = plan("getdents64", Abi::X86_64).ops[0];
    assert_eq!((plain.kind, plain.stride), (KIND_ENTRIES, 16));
    assert_eq!(plan("getdents", Abi::I386).ops[0].stride, 8);
    let whole = plan_with("-v true", "getdents64").ops[0];
    assert_eq!((whole.kind, whole.len_from), (KIND_BYTES, FROM_RESULT));
}

#[test]
fn bits_and_pages_are_counted_in_bytes() {
    let set = plan("select", Abi::X86_64).ops[0];
    assert_eq!((set.len_from, set.shift, set.scale), (FROM_ARG32, 6, 8));
    let pages = plan("mincore", Abi::X86_64);
    assert_eq!((pages.ops[0].shift, pages.ops[0].limit), (12, 32));
    assert_eq!(pages.flags & PLAN_SIMPLE, 0, "in place there is no shift");
}

#[test]
fn requests_are_followed_by_their_opcodes() {
    let plan = plan("io_submit", Abi::X86_64);
    let conditions: Vec<(u8, u64)> = plan.ops[..usize::from(plan.n_ops)]
        .iter()
        .filter(|op| op.flags & OP_IF_ELEMENT != 0)
        .map(|op| (op.cond_arg, op.cond_bits))
        .collect();
    assert_eq!(conditions, [(16, 1 << 1), (16, 1 << 7 | 1 << 8)]);
}

/// What may be a netlink message is flagged, with room for its header at least.
#[test]
fn messages_are_known_by_their_calls() {
    for (name, expected) in [
        ("sendto", true),
        ("recvfrom", true),
        ("sendmsg", true),
        ("recvmmsg", true),
        ("write", false),
        ("readv", false),
    ] {
        let (nr, _) = tables::by_name(Abi::X86_64, name).expect(name);
        let plans = compile_all(
            &Filter::all(),
            &Limits {
                string: 4,
                ..LIMITS
            },
            &details("true"),
        );
        let ops = plans[nr as usize].ops;
        let found: Vec<&Op> = ops.iter().filter(|op| op.flags & OP_NETLINK != 0).collect();
        assert_eq!(!found.is_empty(), expected, "{name}");
        assert!(found.iter().all(|op| op.limit == 16), "{name}");
    }
}

#[test]
fn arguments_of_an_inner_call_are_where_the_table_says() {
    let sockets = plan("socketcall", Abi::I386);
    let array = sockets.ops[0];
    assert_eq!((array.addr_off, array.len_off), (1, 24));
    assert_eq!(array.when, WHEN_ENTER | WHEN_EXIT);
    // bind and connect: the second word is the address, the third the length.
    let name = sockets.ops[..usize::from(sockets.n_ops)]
        .iter()
        .find(|op| op.cond_bits >> 2 & 1 == 1 && op.kind == KIND_BYTES)
        .expect("an address of bind");
    assert_eq!(
        (name.addr_from, name.block, name.addr_off),
        (FROM_BLOCK32, 0, 4)
    );
    assert_eq!((name.len_from, name.len_off), (FROM_BLOCK32, 8));
    assert_eq!((name.arg, name.cond_arg), (1, 0));
    assert_eq!(name.cond_bits & (1 << 3 | 1 << 4), 1 << 3);
    // semop: the operations are behind the fifth register, their number in the third.
    let ipc = plan("ipc", Abi::I386);
    let semop = ipc.ops[0];
    assert_eq!(
        (semop.addr_from, semop.addr_off, semop.len_off),
        (FROM_ARG, 4, 2)
    );
    assert_eq!((semop.arg, semop.cond_bits >> 1 & 1), (1, 1));
}

/// The byte that is looked at before the sense data is copied differs with the width of pointers.
#[test]
fn commands_of_scsi_have_their_sense_data_on_every_abi() {
    const DIRECTION_OR_LENGTH: [u8; 6] = [0xff, 0xfe, 0xfd, 0xfc, 6, 32];
    for abi in Abi::ALL {
        let word = abi.word_bytes() as u16;
        let layout = tables::layout(StructId::SgIoV3, abi).expect("a layout");
        let at = |name: &str| layout.members.iter().find(|m| m.name == name).map(|m| m.at);
        let plan = plan("ioctl", abi);
        let ops = &plan.ops[..usize::from(plan.n_ops)];
        let is_command = |op: &&Op| {
            op.addr_off == 16 + word && op.flags == OP_ELEMENTS | OP_IF_ELEMENT && op.len_off == 252
        };
        let command = ops.iter().find(is_command).expect("a command");
        assert_eq!(at("cmdp"), Some(command.addr_off), "{abi:?}");
        assert_eq!(at("sbp"), Some(command.addr_off + command.stride));
        let shown = DIRECTION_OR_LENGTH.map(|byte| command.cond_bits >> (byte & 63) & 1 == 1);
        let is_short = word == 4;
        assert_eq!(
            shown,
            [is_short, is_short, is_short, is_short, !is_short, !is_short]
        );
        assert_eq!(command.cond_bits >> (b'Q' & 63) & 1, 0);
        // A list of as many places as are shown.
        let data = ops
            .iter()
            .find(|op| (op.addr_off, op.len_off, op.scale) == (16, 12, 4));
        assert_eq!(data.map(|op| op.limit), Some(u32::from(2 * word) * 32));
    }
}

#[test]
fn the_set_of_an_inner_select_counts_as_far_as_it_is_copied() {
    let asked = Limits {
        descriptors: true,
        ..LIMITS
    };
    let (_, select) = tables::by_name(Abi::I386, "select").expect("a call");
    let plan = compile(select, Abi::I386, true, &asked, SHOWN);
    let ops = plan.ops[..usize::from(plan.n_ops)].iter();
    let sets = ops.filter(|op| op.kind == KIND_DESCRIPTOR);
    let lengths: Vec<_> = sets
        .map(|op| (op.block != 0, op.len_from, op.len_off))
        .collect();
    assert_eq!(lengths, [(true, FROM_CONST, u16::MAX); 3]);
}

#[test]
fn nothing_hangs_on_a_copy_that_is_not_made() {
    let (_, call) = tables::by_name(Abi::X86_64, "writev").expect("a call");
    let mut builder = builder(call, Abi::X86_64, false);
    builder.plan.n_ops = MAX_OPS as u8;
    builder.every_argument();
    assert_eq!(builder.plan.ops, Plan::default().ops);
    let more = Op {
        kind: KIND_STR,
        ..Op::default()
    };
    assert_eq!(builder.add(more), None);
}

/// Copies that a call has and not as one of several, as its name and the argument: where an operation cannot say where
/// they are, and where the plan is full.
fn left_out(outer: &str, descriptors: bool) -> Vec<String> {
    let (_, outer) = tables::by_name(Abi::I386, outer).expect("a call");
    let mut all = builder(outer, Abi::I386, descriptors);
    all.arguments(outer);
    let all = all.plan;
    let mut missing = Vec::new();
    for (_, inner) in tables::inner_of(outer) {
        let mut own = builder(inner.call, Abi::I386, descriptors);
        own.every_argument();
        own.places = inner.places;
        let bit = inner.value.map_or(u64::MAX, |value| 1 << (value & 63));
        for op in &own.plan.ops[..usize::from(own.plan.n_ops)] {
            let place = |op: &Op| (op.kind, op.arg, op.addr_from, op.addr_off);
            let is_made = own.placed(*op).is_some_and(|op| {
                let mut those = all.ops.iter().filter(|made| place(made) == place(&op));
                those.any(|made| made.cond_bits == 0 || made.cond_bits & bit != 0)
            });
            let name = format!("{} {}", inner.call.name, op.arg);
            if !is_made && missing.last() != Some(&name) {
                missing.push(name);
            }
        }
    }
    missing
}

#[test]
fn what_inner_calls_lack_is_known() {
    // Lengths behind pointers in the array, but for the last two.
    const SOCKETS: [&str; 8] = [
        "accept 1",
        "getsockname 1",
        "getpeername 1",
        "accept4 1",
        "getsockopt 3",
        "recvfrom 4",
        "sendmmsg 1",
        "recvmmsg 1",
    ];
    let expected: [(&str, bool, &[&str]); 6] = [
        ("select", false, &[]),
        ("select", true, &[]),
        ("socketcall", false, &SOCKETS),
        ("socketcall", true, &SOCKETS),
        ("ipc", false, &[]),
        ("ipc", true, &[]),
    ];
    let found = expected.map(|(outer, descriptors, _)| left_out(outer, descriptors));
    assert_eq!(found, expected.map(|(_, _, names)| names.to_vec()));
}

#[test]
fn all_elements_are_copied_where_all_are_shown() {
    let of = |name: &str, string: u32, verbose: bool| {
        let (_, syscall) = tables::by_name(Abi::X86_64, name).expect(name);
        let limits = Limits { string, ..LIMITS };
        let detail = Detail {
            verbose,
            ..Detail::NORMAL
        };
        let shown = Shown { detail, ..SHOWN };
        let plan = compile(syscall, Abi::X86_64, true, &limits, shown);
        let most = plan.ops.iter().filter(|op| op.kind != KIND_POINTERS);
        most.map(|op| op.max_elements).max()
    };
    for name in ["writev", "execve", "sendmmsg"] {
        assert!(of(name, 32, false) <= Some(MAX_ELEMENTS), "{name}");
        assert_eq!(of(name, 32, true), Some(MANY_ELEMENTS), "{name}");
        assert!(of(name, 200, false) >= Some(200), "{name}");
    }
}

#[test]
fn a_message_of_x32_has_a_long_of_64_bits() {
    for (abi, long) in [(Abi::X86_64, 8), (Abi::X32, 8), (Abi::I386, 4)] {
        let (_, syscall) = tables::by_name(Abi::X86_64, "msgsnd").expect("a call");
        let plan = compile(syscall, abi, true, &LIMITS, SHOWN);
        assert_eq!(plan.ops[0].limit, LIMITS.string + long, "{abi:?}");
    }
}

#[test]
fn calls_that_are_meant_have_their_own_detail() {
    let (_, socketcall) = tables::by_name(Abi::I386, "socketcall").expect("a call");
    let of =
        |name: &'static str| tables::inner_of(socketcall).find(move |(_, i)| i.call.name == name);
    let (send, row) = of("send").expect("send");
    let value = row.value.expect("a value");
    let plan = |inner: &dyn Fn(u16) -> Detail| {
        compile(
            socketcall,
            Abi::I386,
            true,
            &LIMITS,
            Shown { inner, ..SHOWN },
        )
    };
    let data = |plan: &Plan| {
        let mut ops = plan.ops.iter().filter(|op| op.flags & OP_NETLINK != 0);
        ops.find(|op| op.cond_bits >> value & 1 != 0).copied()
    };
    let normal = data(&plan(&|_| Detail::NORMAL)).expect("a copy");
    // It is bind's address, too.
    assert!(normal.limit < 1000);
    // The descriptor is in the array.
    assert_ne!(normal.flags & OP_FIRST_WORD, 0);
    let dumped = plan(&|number| Detail {
        data: (number == send).then_some(Dir::In),
        ..Detail::NORMAL
    });
    assert_eq!(data(&dumped).expect("a copy").limit, RECORD_MAX);
    let raw = plan(&|_| Detail {
        raw: true,
        ..Detail::NORMAL
    });
    assert_eq!((data(&raw), raw.n_ops), (None, 1));
}
