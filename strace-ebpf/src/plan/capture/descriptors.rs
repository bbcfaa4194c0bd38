//! What descriptors lead to: those among the arguments, in structures, in sets, and the one that is returned.
//!
//! Those that the call is given are followed when it begins: a `close` leaves nothing to be followed, and by the end of a
//! call another thread may have given the number to another file.

use strace_ebpf_common::{
    descriptor::ARG_DESCRIPTOR,
    limits::MAX_ELEMENTS,
    plan::{
        FROM_ARG, FROM_BLOCK32, FROM_BLOCK64, FROM_RESULT, KIND_DESCRIPTOR, Op, WHEN_ENTER,
        WHEN_SUCCESS, WHEN_UNSEEN,
    },
};

use super::{Builder, with_length};
use crate::tables::{self, Dir, Len, MemberTy, StructId};

/// Bytes of an `fd_set` that the probes look at at once.
const SET_WORD: u16 = 8;
/// Bytes of a descriptor in a control message.
const NUMBER: u16 = 4;

const DESCRIPTOR: Op = Op {
    kind: KIND_DESCRIPTOR,
    when: WHEN_ENTER,
    arg: ARG_DESCRIPTOR,
    max_elements: MAX_ELEMENTS,
    ..EMPTY
};

const EMPTY: Op = Op {
    kind: 0,
    when: 0,
    arg: 0,
    flags: 0,
    addr_from: 0,
    len_from: 0,
    block: 0,
    addr_off: 0,
    len_off: 0,
    scale: 0,
    stride: 0,
    limit: 0,
    max_elements: 0,
    shift: 0,
    cond_arg: 0,
    cond_bits: 0,
};

impl Builder<'_> {
    /// Argument `index` is one.
    pub(super) fn descriptor_argument(&mut self, index: u8) {
        self.add(Op {
            addr_from: FROM_ARG,
            addr_off: u16::from(index),
            when: WHEN_ENTER | WHEN_UNSEEN,
            max_elements: 1,
            ..DESCRIPTOR
        });
    }

    /// The result is one.
    pub(super) fn descriptor_result(&mut self) {
        self.condition = None;
        self.add(Op {
            when: WHEN_SUCCESS,
            addr_from: FROM_RESULT,
            max_elements: 1,
            ..DESCRIPTOR
        });
    }

    /// Those among the members of the structures that operation `block` copied, `stride` bytes apart.
    pub(super) fn descriptor_members(&mut self, dir: Dir, block: u8, id: StructId, stride: u16) {
        let Some(layout) = tables::layout(id, self.abi) else {
            return;
        };
        let when = self.followed(dir, block);
        for member in layout.members {
            if self.limits.descriptors && matches!(member.ty, MemberTy::Fd(4) | MemberTy::DirFd) {
                self.add(Op {
                    when,
                    addr_from: FROM_BLOCK32,
                    block,
                    addr_off: member.at,
                    stride,
                    ..DESCRIPTOR
                });
            }
        }
    }

    /// The bits of the `fd_set` that operation `block` copied.
    pub(super) fn descriptor_bits(&mut self, block: u8, count: Len) {
        if self.limits.descriptors {
            let op = Op {
                when: self.followed(Dir::InOut, block),
                addr_from: FROM_BLOCK64,
                block,
                stride: SET_WORD,
                scale: 1,
                ..DESCRIPTOR
            };
            self.add(with_length(self.args, op, count));
        }
    }

    /// Whatever may be one in the control messages that operation `block` copied: which words are, the decoder knows.
    pub(super) fn descriptor_words(&mut self, block: u8) {
        if self.limits.descriptors {
            self.add(Op {
                when: self.copied(block),
                addr_from: FROM_BLOCK32,
                block,
                stride: NUMBER,
                ..DESCRIPTOR
            });
        }
    }

    /// When those that operation `block` copied are followed: at the enter, if it is there by then.
    fn followed(&self, dir: Dir, block: u8) -> u8 {
        let copied = self.copied(block);
        if dir != Dir::Out && copied & WHEN_ENTER != 0 {
            WHEN_ENTER
        } else {
            copied
        }
    }

    fn copied(&self, block: u8) -> u8 {
        let op = self.plan.ops.get(usize::from(block));
        op.map_or(0, |op| op.when)
    }
}
