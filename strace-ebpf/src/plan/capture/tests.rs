//! Rows of the table to operations.

use strace_ebpf_common::{
    limits::MAX_OPS,
    plan::{KIND_STR, OP_RESULT_IS_TOTAL},
};

use super::*;

const LIMITS: Limits = Limits {
    string: 32,
    verbose: false,
    no_return: true,
    report_enter: false,
};

fn plan(name: &str, abi: Abi) -> Plan {
    let (_, syscall) = tables::by_name(abi, name).expect(name);
    compile(syscall, abi, true, &LIMITS)
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
    assert_eq!(plan.flags, PLAN_WANTED);
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
        PLAN_WANTED | PLAN_NO_RETURN
    );
    let (_, execve) = tables::by_name(Abi::X86_64, "execve").expect("execve");
    assert_eq!(
        compile(execve, Abi::X86_64, false, &LIMITS).flags,
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
    let mut builder = Builder {
        plan: Plan::default(),
        abi: Abi::X86_64,
        limits: LIMITS,
        exec: false,
        args: &[],
    };
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
fn no_row_needs_more_operations_than_there_are() {
    for abi in Abi::ALL {
        for (_, syscall) in tables::all(abi) {
            let mut builder = Builder {
                plan: Plan::default(),
                abi,
                limits: Limits {
                    verbose: true,
                    ..LIMITS
                },
                exec: syscall.attrs.contains(Attrs::EXEC),
                args: syscall.args,
            };
            builder.arguments(syscall);
            assert!(
                usize::from(builder.plan.n_ops) < MAX_OPS,
                "{}",
                syscall.name
            );
        }
    }
}

#[test]
fn the_filter_decides_what_is_wanted() {
    let filter = Filter::parse("openat").expect("valid");
    let plans = compile_all(&filter, &LIMITS);
    assert_eq!(plans.len(), (ABIS * PLANS_PER_ABI) as usize);
    assert_eq!(plans[257].flags & PLAN_WANTED, PLAN_WANTED);
    assert_eq!(plans[0].flags & PLAN_WANTED, 0);
    assert_eq!(plans[PLANS_PER_ABI as usize - 1].flags, 0);
    let plans = compile_all(&Filter::all(), &LIMITS);
    assert_eq!(plans[PLANS_PER_ABI as usize - 1].flags, PLAN_WANTED);
}
