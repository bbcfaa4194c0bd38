//! What programs tell the kernel about keys, mounts, events and each other; results that no test program can count on.

use super::*;

#[test]
fn attributes_are_shown_as_the_kernel_wrote_them() {
    let ids = words(&[108, 100]);
    let size = ints(&[40]);
    let needed = ints(&[32]);
    let mut context = words(&[101, 0, 35, 3]);
    context.extend_from_slice(b"abc");
    let args = words(&[P + 64, 64]);
    let next = ints(&[1, 7]);
    let cases: &[Case<'_>] = &[
        (
            "lsm_list_modules",
            &[P, P + 32, 0],
            2,
            &[
                (0, false, P, &ids),
                (1, true, P + 32, &size),
                (1, false, P + 32, &needed),
            ],
            "[LSM_ID_LOCKDOWN, LSM_ID_CAPABILITY], [40 => 32], 0",
        ),
        (
            "lsm_get_self_attr",
            &[100, P, P + 64, 0],
            1,
            &[
                (1, false, P, &context),
                (2, true, P + 64, &size),
                (2, false, P + 64, &size),
            ],
            "LSM_ATTR_CURRENT, [{id=LSM_ID_SELINUX, flags=0, len=35, ctx_len=3, ctx=\"\\x61\\x62\\x63\"}], [40], 0",
        ),
        (
            "getxattrat",
            &[u64::MAX - 99, 0, 0, 0, P, 16],
            5,
            &[(4, false, P, &args), (4, false, P + 64, b"hello")],
            "AT_FDCWD, NULL, 0, NULL, {value=\"hello\", size=64, flags=0}, 16",
        ),
        (
            "bpf",
            &[11, P, 8],
            0,
            &[(1, true, P, &ints(&[1, 0])), (1, false, P, &next)],
            "BPF_PROG_GET_NEXT_ID, {start_id=1, next_id=7}, 8",
        ),
        (
            "keyctl",
            &[6, 5, P, 40],
            7,
            &[(2, false, P, b"user;0\0")],
            "KEYCTL_DESCRIBE, 5, \"user;0\", 40",
        ),
        (
            "ptrace",
            &[0x420e, 9, 88, P],
            33,
            &[(
                3,
                false,
                P,
                &words(&[0xc000_003e_0000_0002, 1, 2, u64::MAX - 1, 1])[..33],
            )],
            "PTRACE_GET_SYSCALL_INFO, 9, 88, {op=PTRACE_SYSCALL_INFO_EXIT, arch=AUDIT_ARCH_X86_64, \
             instruction_pointer=0x1, stack_pointer=0x2, exit={rval=-ENOENT, is_error=1}}",
        ),
        (
            "move_pages",
            &[0, 2, 0, 0, P, 0],
            0,
            &[(4, false, P, &ints(&[0, -14i32 as u32]))],
            "0, 2, NULL, NULL, [0, -EFAULT], 0",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
    }
}

#[test]
fn mounts_say_what_they_were_asked_for() {
    let mut told = vec![0; 522];
    told[0] = 10;
    told[1] = 2;
    told[8] = 0x30;
    told[36] = 5;
    told[512..].copy_from_slice(b"/mnt\0ext4\0");
    let asked = words(&[24, 0x1b, 0x30]);
    let text = shown(
        "statmount",
        &[P, P + 64, 600, 0],
        0,
        &[(0, false, P, &asked), (1, false, P + 64, &told)],
    );
    assert_eq!(
        text,
        "{size=24, mnt_ns_fd=0, mnt_id=0x1b, param=STATMOUNT_MNT_POINT|STATMOUNT_FS_TYPE}, \
         {size=522, mask=STATMOUNT_MNT_POINT|STATMOUNT_FS_TYPE, fs_type=\"ext4\", mnt_point=\"/mnt\"}, 600, 0"
    );
}

#[test]
fn an_event_attribute_has_as_many_members_as_it_says() {
    let mut attr = words(&[
        64 << 32 | 5,
        0,
        7,
        0,
        0,
        1 << 14 | 3 << 15,
        3 << 32 | 9,
        0x1000,
    ]);
    let show = |attr: &[u8]| {
        let pieces = [(0, false, P, attr)];
        shown_with(
            &VERBOSE,
            ABI_X86_64,
            "perf_event_open",
            &[P, 0, u64::MAX, 3, 0],
            3,
            &pieces,
        )
    };
    let text = show(&attr);
    assert!(
        text.starts_with(
            "{type=PERF_TYPE_BREAKPOINT, size=PERF_ATTR_SIZE_VER0, config=0, sample_period=7"
        ),
        "{text}"
    );
    assert!(
        text.ends_with(
            "wakeup_watermark=9, bp_type=HW_BREAKPOINT_R|HW_BREAKPOINT_W, bp_addr=0x1000, bp_len=0}, 0, -1, 3, 0"
        ),
        "{text}"
    );
    attr.truncate(60);
    assert_eq!(show(&attr), "0x100000, 0, -1, 3, 0");
}
