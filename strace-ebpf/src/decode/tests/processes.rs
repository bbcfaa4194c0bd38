//! Processes and signals.

use super::*;

#[test]
fn signals() {
    let action = words(&[0x1234, 0x1400_0004, 0x5678, 2]);
    let plain = words(&[1, 0, 0, 0]);
    let narrow = ints(&[0, 0x1000_0000, 0, 2, 0]);
    let mask = words(&[1 << 1 | 1 << 16]);
    let mut child = [0; 128];
    child[0] = 17;
    child[8] = 1;
    child[16] = 99;
    child[24] = 3;
    let cases: &[Case<'_>] = &[
        (
            "rt_sigaction",
            &[10, P, P + 32, 8],
            0,
            &[(1, true, P, &action), (2, false, P + 32, &plain)],
            "SIGUSR1, {sa_handler=0x1234, sa_mask=[INT], sa_flags=SA_RESTORER|SA_RESTART|SA_SIGINFO, \
             sa_restorer=0x5678}, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, 8",
        ),
        (
            "rt_sigprocmask",
            &[0, P, 0, 8],
            0,
            &[(1, true, P, &mask)],
            "SIG_BLOCK, [INT CHLD], NULL, 8",
        ),
        (
            "rt_sigprocmask",
            &[0, P, 0, 4],
            -22,
            &[(1, true, P, &mask[..4])],
            "SIG_BLOCK, 0x100000, NULL, 4",
        ),
        (
            "waitid",
            &[1, 99, P, 4, 0],
            0,
            &[(2, false, P, &child)],
            "P_PID, 99, {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=99, si_uid=0, si_status=3, \
             si_utime=0, si_stime=0}, WEXITED, NULL",
        ),
        (
            "waitid",
            &[1, 99, P, 4, 0],
            0,
            &[(2, false, P, &[0; 128])],
            "P_PID, 99, {}, WEXITED, NULL",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
    }
    assert_eq!(
        shown_with(
            &OPTIONS,
            ABI_I386,
            "rt_sigaction",
            &[10, P, 0, 8],
            0,
            &[(1, true, P, &narrow)]
        ),
        "SIGUSR1, {sa_handler=SIG_DFL, sa_mask=[INT], sa_flags=SA_RESTART}, NULL, 8"
    );
}

#[test]
fn processes() {
    let clone = words(&[0x10_1000, P + 8, 0, P + 16, 17, 0, 0, 0]);
    let version = ints(&[0x2008_0522, 0]);
    let sets = ints(&[1, 2, 0, 1 << 8, 0, 0]);
    let cases: &[Case<'_>] = &[
        (
            "clone",
            &[0x120_0011, 0, 0, 0x7000_0000, 0],
            9,
            &[],
            "child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x70000000",
        ),
        (
            "clone3",
            &[P, 64],
            9,
            &[
                (0, true, P, &clone),
                (0, false, P, &clone),
                (0, false, P + 8, &[5, 0, 0, 0]),
                (0, false, P + 16, &[9, 0, 0, 0]),
            ],
            "{flags=CLONE_PIDFD|CLONE_PARENT_SETTID, pidfd=0x100008, parent_tid=0x100010, exit_signal=SIGCHLD, \
             stack=NULL, stack_size=0} => {pidfd=[5], parent_tid=[9]}, 64",
        ),
        (
            "capget",
            &[P, P + 8],
            0,
            &[(0, true, P, &version), (1, false, P + 8, &sets)],
            "{version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_CHOWN|1<<CAP_CHECKPOINT_RESTORE, \
             permitted=1<<CAP_DAC_OVERRIDE, inheritable=0}",
        ),
        (
            "sched_getaffinity",
            &[0, 128, P],
            8,
            &[(2, false, P, &words(&[5]))],
            "0, 128, [0 2]",
        ),
        (
            "futex",
            &[P, 128, 0, 0, 1, 2],
            0,
            &[],
            "0x100000, FUTEX_WAIT_PRIVATE, 0, NULL",
        ),
        (
            "futex",
            &[P, 1, 1, 9, 9, 9],
            0,
            &[],
            "0x100000, FUTEX_WAKE, 1",
        ),
        (
            "prctl",
            &[15, P],
            0,
            &[(1, false, P, b"name\0rest of it")],
            "PR_SET_NAME, \"name\"",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
    }
}
