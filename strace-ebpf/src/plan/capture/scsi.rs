//! What SG_IO's two structures lead to, by the letter that they begin with: `struct sg_io_hdr` of scsi/sg.h and
//! `struct sg_io_v4` of include/uapi/linux/bsg.h. The latter's pointers have 64 bits on every ABI. Its data is left out
//! where what descriptors lead to is wanted: with that the plan of ioctl(2) is full.

use strace_ebpf_common::plan::{
    FROM_BLOCK32, FROM_BLOCK64, FROM_CONST, KIND_BYTES, OP_ELEMENTS, OP_IF_ELEMENT, Op, WHEN_ENTER,
    WHEN_EXIT,
};

use super::{Builder, shown_elements};
use crate::tables::StructId;

/// Bits for `S` and `Q` as the first byte, modulo 64.
const THIRD: u64 = 1 << (b'S' & 63);
const FOURTH: u64 = 1 << (b'Q' & 63);

/// Lengths of commands, six bytes and more, but for the one that is as `Q`. The byte that is the length where the second
/// pointer is looked for is the subprotocol in the newer structure.
const LENGTHS: u64 = 0x1_ffff_ffc0 & !FOURTH;
/// Where pointers have 32 bits that byte is the low one of the direction: -1 to -4.
const DIRECTIONS: u64 = 0b1111 << 60;
/// The subprotocols of include/uapi/linux/bsg.h.
const SUBPROTOCOLS: u64 = 0b111;

/// Where the data is in several places their number says little about how long the list of them is: so many times the
/// data's bytes are as good as anything, as what is not there is not copied.
const ROOM: u16 = 4;

impl Builder<'_> {
    pub(super) fn commands(&mut self, arg: u8, block: u8) {
        let word = self.word();
        let (third, fourth) = (StructId::SgIoV3, StructId::SgIoV4);
        let behind = if word == 4 { DIRECTIONS } else { LENGTHS };
        // It may be a list of places, of which as many are shown.
        let list = 2 * u32::from(word) * u32::from(shown_elements(&self.limits));
        let op = Op {
            kind: KIND_BYTES,
            when: WHEN_ENTER | WHEN_EXIT,
            arg,
            flags: OP_ELEMENTS,
            block,
            scale: 1,
            limit: self.limits.string,
            max_elements: 1,
            ..Op::default()
        };
        // The data of the older one, and the command of the newer one: in the same place.
        self.add(Op {
            addr_from: self.block_word(),
            addr_off: self.place(third, "dxferp"),
            len_from: FROM_BLOCK32,
            len_off: self.place(third, "dxfer_len"),
            scale: ROOM,
            limit: self.limits.string.max(list),
            ..op
        });
        // The older one's command, and the sense data behind it.
        let both = Op {
            flags: OP_ELEMENTS | OP_IF_ELEMENT,
            stride: word,
            max_elements: 2,
            cond_arg: 0,
            ..op
        };
        self.add(Op {
            addr_from: self.block_word(),
            addr_off: self.place(third, "cmdp"),
            len_from: FROM_CONST,
            len_off: 252,
            limit: self.limits.string.min(252),
            cond_bits: THIRD | behind,
            ..both
        });
        if self.limits.descriptors {
            return;
        }
        // The newer one's data out and in.
        self.add(Op {
            addr_from: FROM_BLOCK64,
            addr_off: self.place(fourth, "dout_xferp"),
            len_from: FROM_BLOCK32,
            len_off: self.place(fourth, "dout_xfer_len"),
            scale: ROOM,
            limit: self.limits.string.max(list),
            stride: 8,
            cond_bits: FOURTH | SUBPROTOCOLS,
            ..both
        });
        // Its response.
        self.add(Op {
            when: WHEN_EXIT,
            addr_from: FROM_BLOCK64,
            addr_off: self.place(fourth, "response"),
            len_from: FROM_BLOCK32,
            len_off: self.place(fourth, "response_len"),
            flags: OP_ELEMENTS | OP_IF_ELEMENT,
            stride: 0,
            cond_bits: FOURTH,
            ..op
        });
    }
}
