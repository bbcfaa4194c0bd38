//! How one call is shown: its options, and what must be looked up for it.

use smallvec::SmallVec;
use strace_ebpf_common::record::Header;

use crate::{
    decode::{
        self, Outcome,
        value::{Args, Value},
    },
    resolve::{
        interfaces,
        names::{Comm, Names},
    },
    session::Call,
    stack::Frames,
    tables::Syscall,
};

/// Of one call.
#[derive(Clone, Copy, Debug)]
pub struct Showing<'n> {
    /// In what detail.
    pub options: decode::Options,
    /// Names of processes, if they are shown.
    pub names: Option<&'n Names>,
    /// Number of the job that finds its callers, if they are shown.
    pub job: Option<u64>,
}

impl Showing<'_> {
    /// Writes the arguments.
    pub fn args<'a>(&self, args: &mut Args<'a>, call: &Call<'a>, syscall: Option<&Syscall>) {
        decode::args(args, call, syscall, &self.options);
        args.name_interfaces(interfaces::name_of);
        self.name_pids(args, call);
    }

    /// The same; those of restart_syscall(2) are what it `goes_on` with.
    pub fn args_of_restarted<'a>(
        &self,
        args: &mut Args<'a>,
        call: &Call<'a>,
        syscall: Option<&Syscall>,
        goes_on: Option<&'static str>,
    ) {
        decode::args_of_restarted(args, call, syscall, &self.options, goes_on);
        args.name_interfaces(interfaces::name_of);
        self.name_pids(args, call);
    }

    fn name_pids(&self, args: &mut Args<'_>, call: &Call<'_>) {
        if let Some(names) = self.names {
            let teller = call.record.header.tgid;
            decode::name_pids(
                args,
                |pid| names.of(pid, teller),
                |pid| names.ours(pid, teller),
            );
        }
    }

    /// The thread's name, if it is shown.
    pub fn comm(&self, header: &Header) -> Option<Comm> {
        let names = self.names?;
        names.shows_comms().then_some(header.comm)
    }

    /// What is needed to find the callers, and the number to write in their place.
    pub fn frames(&self, call: &Call<'_>) -> Option<(Frames, u64)> {
        let job = self.job?;
        Some((Frames::of(call)?, job))
    }

    /// What stands behind the result: what a descriptor leads to, the name of a process and its
    /// number here.
    pub fn behind<'a>(&self, call: &Call<'a>, outcome: &Outcome) -> SmallVec<[Value<'a>; 2]> {
        if let (Outcome::Value(Value::Pid(pid)), Some(names)) = (outcome, self.names) {
            let teller = call.record.header.tgid;
            let comm = names.of(*pid, teller).map(Value::Comm);
            let ours = names.ours(*pid, teller).map(Value::OurPid);
            return comm.into_iter().chain(ours).collect();
        }
        decode::descriptor::returned(call, outcome, self.options.descriptors)
            .map(Value::Opened)
            .into_iter()
            .collect()
    }
}
