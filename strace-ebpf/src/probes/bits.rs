//! What the probes must know of a call before they look for its plan: a bit for each number, as wide as the probes' words.

use strace_ebpf_common::{
    limits::PLANS_PER_ABI,
    plan::{
        PLAN_EMIT_ENTER, PLAN_ENTER, PLAN_EXEC, PLAN_NO_RETURN, PLAN_WANTED, Plan as CapturePlan,
    },
};

/// A bit for each number below 1024.
pub(super) type Bits = [u64; 16];

/// Calls whose plan has something to do at their beginning, whatever the ABI.
pub(super) fn with_enter_work(plans: &[CapturePlan]) -> Bits {
    of_numbers(|nr| {
        known(nr)
            && of_all_abis(plans, nr).any(|plan| {
                plan.flags & (PLAN_ENTER | PLAN_NO_RETURN | PLAN_EMIT_ENTER | PLAN_EXEC) != 0
            })
    })
}

/// Calls of which nothing is told, whatever the ABI. Of an execve the probes must always know.
pub(super) fn untold(plans: &[CapturePlan]) -> Bits {
    of_numbers(|nr| of_all_abis(plans, nr).all(|plan| plan.flags & (PLAN_WANTED | PLAN_EXEC) == 0))
}

fn of_numbers(has: impl Fn(u32) -> bool) -> Bits {
    let mut bits = [0; 16];
    for nr in (0..1024).filter(|nr| has(*nr)) {
        bits[(nr >> 6) as usize] |= 1 << (nr & 63);
    }
    bits
}

fn known(nr: u32) -> bool {
    nr < PLANS_PER_ABI
}

/// Numbers that no table knows share the last plan of their ABI.
fn of_all_abis(plans: &[CapturePlan], nr: u32) -> impl Iterator<Item = &CapturePlan> {
    let at = nr.min(PLANS_PER_ABI - 1) as usize;
    plans.iter().skip(at).step_by(PLANS_PER_ABI as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strace_ebpf_common::limits::ABIS;

    fn is_set(bits: &Bits, nr: u32) -> bool {
        bits[(nr >> 6) as usize] >> (nr & 63) & 1 == 1
    }

    /// Plans of nothing but those of `(abi, nr)`.
    fn plans(of: &[(u32, u32, u16)]) -> Vec<CapturePlan> {
        let mut plans = vec![CapturePlan::default(); (PLANS_PER_ABI * ABIS) as usize];
        for (abi, nr, flags) in of {
            plans[(abi * PLANS_PER_ABI + nr) as usize].flags = *flags;
        }
        plans
    }

    #[test]
    fn a_call_of_any_abi_has_enter_work() {
        let bits = with_enter_work(&plans(&[
            (0, 3, PLAN_ENTER),
            (2, 70, PLAN_EXEC),
            (1, 9, PLAN_WANTED),
        ]));
        let set: Vec<_> = (0..1024).filter(|nr| is_set(&bits, *nr)).collect();
        assert_eq!(set, [3, 70]);
    }

    #[test]
    fn what_no_abi_wants_is_untold_but_for_execve() {
        let last = PLANS_PER_ABI - 1;
        let unknown_wanted = plans(&[
            (0, 3, PLAN_ENTER),
            (0, 4, PLAN_WANTED),
            (1, 5, PLAN_WANTED),
            (0, 59, PLAN_EXEC),
            (2, last, PLAN_WANTED),
        ]);
        let bits = untold(&unknown_wanted);
        for (nr, want) in [
            (0, true),
            (3, true),
            (4, false),
            (5, false),
            (59, false),
            (last - 1, true),
            (last, false),
            (1023, false),
        ] {
            assert_eq!(is_set(&bits, nr), want, "{nr}");
        }
        assert!(is_set(&untold(&plans(&[])), 1023));
    }
}
