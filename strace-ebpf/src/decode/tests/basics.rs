//! Widths, pointers, outcomes.

use super::*;

fn call<'a>(
    name: &str,
    args: [u64; 6],
    ret: i64,
    captures: &[(u8, i32, &'a [u8])],
) -> (Call<'a>, &'static Syscall) {
    let (nr, syscall) = tables::by_name(Abi::X86_64, name).expect(name);
    let record = CallRecord {
        nr,
        args,
        ret,
        ..CallRecord::default()
    };
    let captures = captures
        .iter()
        .map(|&(arg, errno, bytes)| Captured {
            header: Capture {
                arg,
                addr: args.get(usize::from(arg)).copied().unwrap_or(0),
                errno: errno as u16,
                len: bytes.len() as u32,
                ..Capture::default()
            },
            bytes,
        })
        .collect();
    (
        Call {
            record,
            captures,
            no_return: false,
        },
        syscall,
    )
}

fn decoded<'a>(call: &Call<'a>, syscall: &Syscall) -> Vec<Vec<Value<'a>>> {
    Args::of(|out| args(out, call, Some(syscall), &OPTIONS))
        .iter()
        .map(<[Value<'_>]>::to_vec)
        .collect()
}

#[test]
fn scalars_have_the_width_of_their_type() {
    let (call, syscall) = call(
        "openat",
        [0xffff_ff9c, 0x1000, 0x80040, 0o644, 0, 0],
        3,
        &[(1, 0, b"/x")],
    );
    assert_eq!(
        decoded(&call, syscall),
        [
            vec![Value::DirFd(-100)],
            vec![Value::Path(b"/x")],
            vec![Value::Set(tables::set(tables::SetId::OpenFlags), 0x80040)],
            vec![Value::Octal(0o644)]
        ]
    );
}

#[test]
fn what_could_not_be_read_is_a_pointer_and_never_empty() {
    let (failed, syscall) = call("openat", [3, 0x1000, 0, 0, 0, 0], -14, &[(1, 14, b"")]);
    assert_eq!(decoded(&failed, syscall)[1], [Value::Addr(0x1000)]);
    let (missing, syscall) = call("openat", [3, 0x1000, 0, 0, 0, 0], -14, &[]);
    assert_eq!(decoded(&missing, syscall)[1], [Value::Addr(0x1000)]);
    let (null, syscall) = call("openat", [3, 0, 0, 0, 0, 0], -14, &[]);
    assert_eq!(decoded(&null, syscall)[1], [Value::Addr(0)]);
}

#[test]
fn outputs_of_failed_calls_are_pointers() {
    let (good, syscall) = call("read", [0, 0x2000, 5, 0, 0, 0], 2, &[(1, 0, b"hi")]);
    assert_eq!(
        decoded(&good, syscall)[1],
        [Value::Bytes {
            bytes: b"hi",
            cut: false
        }]
    );
    let (bad, syscall) = call("read", [0, 0x2000, 5, 0, 0, 0], -9, &[]);
    assert_eq!(decoded(&bad, syscall)[1], [Value::Addr(0x2000)]);
}

#[test]
fn outcomes() {
    let of = |name, ret| {
        let (call, syscall) = call(name, [0; 6], ret, &[]);
        outcome(&call, Some(syscall), &OPTIONS)
    };
    assert_eq!(of("read", 5), Outcome::Value(Value::Int(5)));
    assert_eq!(of("read", -2), Outcome::Error(2));
    assert_eq!(of("read", -512), Outcome::Restart(512));
    assert_eq!(
        of("mmap", 0x7f00_0000_0000),
        Outcome::Value(Value::Hex(0x7f00_0000_0000))
    );
    assert_eq!(of("rt_sigreturn", -4), Outcome::Error(4));
    assert_eq!(of("mmap", -12), Outcome::Error(12));
}

#[test]
fn errors_that_were_cut_to_32_bits() {
    let outcome_of = |name, ret| {
        let (nr, syscall) = tables::by_name(Abi::X86_64, name).expect(name);
        let call = call_of(ABI_X86_64, nr, &[99, P, 16], ret, &[]);
        outcome(&call, Some(syscall), &OPTIONS)
    };
    let cut = 0xffff_ffda;
    assert_eq!(
        outcome_of("modify_ldt", cut),
        Outcome::Narrow(cut as u32, 38)
    );
    assert_eq!(outcome_of("modify_ldt", 16), Outcome::Value(Value::Int(16)));
    assert_eq!(outcome_of("lseek", cut), Outcome::Value(Value::Int(cut)));
    assert_eq!(outcome_of("modify_ldt", -14), Outcome::Error(14));
}

/// `-s 0`: one element is copied all the same, as there must be something to copy.
#[test]
fn no_elements() {
    let none = Options {
        elements: 0,
        string: 0,
        ..OPTIONS
    };
    let pipe = [(0, false, P, &ints(&[3, 4])[..])];
    assert_eq!(
        shown_with(&none, ABI_X86_64, "pipe2", &[P, 0], 0, &pipe),
        "[...], 0"
    );
}
