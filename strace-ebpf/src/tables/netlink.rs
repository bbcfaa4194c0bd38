//! What netlink messages are made of: plain `'static` data, generated from xtask/data/netlink.txt.
use super::{
    MemberTy, SetId, StructId,
    generated::netlink::{NETLINK_ERROR_ATTRS, PROTOCOLS},
};

/// One protocol of netlink sockets.
#[derive(Debug)]
pub struct Protocol {
    /// `NETLINK_*`
    pub number: u8,
    /// Types of messages.
    pub types: SetId,
    /// Every message begins with the byte of an address family.
    pub family: bool,
    /// Every message asks for something.
    pub get: bool,
    /// Those whose contents are known.
    pub messages: &'static [Message],
}

/// One type of message.
#[derive(Debug)]
pub struct Message {
    /// Its number; 0: any.
    pub number: u16,
    /// Only of this address family.
    pub family: Option<u8>,
    /// Only those that ask, or those that answer.
    pub asks: Option<bool>,
    /// What it asks for: which flags it may have.
    pub verb: Verb,
    /// Its first bytes.
    pub header: Option<StructId>,
    /// What follows them.
    pub rest: Rest,
}

/// What follows the first bytes of a message.
#[derive(Debug)]
pub enum Rest {
    /// Bytes.
    Bytes,
    /// Nothing that is shown.
    Nothing,
    /// Attributes, by name if they are known.
    Attributes(Option<&'static Attributes>),
}

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// To make something.
    New,
    /// To remove something.
    Del,
    /// To tell something.
    Get,
    /// Anything else.
    Other,
}

/// Attributes by their numbers.
#[derive(Debug)]
pub struct Attributes {
    /// Their names.
    pub names: SetId,
    /// Number and type, by number; the others are bytes.
    pub rows: &'static [(u16, AttributeTy)],
}

impl Attributes {
    /// How an attribute is shown, if not as bytes.
    #[must_use]
    pub fn ty(&self, number: u16) -> Option<&'static AttributeTy> {
        let found = self.rows.binary_search_by_key(&number, |row| row.0).ok()?;
        self.rows.get(found).map(|row| &row.1)
    }
}

/// Attributes by the text of another attribute.
pub type Kinds = &'static [(&'static str, &'static Attributes)];

/// How an attribute is shown.
#[derive(Debug)]
pub enum AttributeTy {
    /// As a member of a struct would be.
    One {
        /// Which.
        ty: MemberTy,
        /// Bytes that there must be.
        least: u16,
        /// Bytes that there may be.
        most: u16,
    },
    /// Text up to a NUL.
    Text,
    /// The same, on which others depend.
    Kind,
    /// A hardware address.
    Mac,
    /// An address of the message's family.
    Address,
    /// An IPv6 address.
    Address6,
    /// An address that brings its family.
    Via,
    /// An integer of some bytes, so many decimal digits of which are fractions of a second.
    Fraction(u8),
    /// Attributes.
    Nest(&'static Attributes),
    /// Attributes below numbers.
    Numbered(&'static Attributes),
    /// Attributes by the text before them.
    OfKind(&'static Kinds),
    /// Next hops, each with attributes.
    Nexthops(&'static Attributes),
    /// Values of so many bytes in a row.
    Each(&'static MemberTy, u16),
    /// Numbers of so many bytes in a row, each by the name of its place.
    Places(SetId, u16),
}

/// What is known of a protocol.
#[must_use]
pub fn protocol(number: u8) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|protocol| protocol.number == number)
}

/// The attributes behind an error.
#[must_use]
pub fn errors() -> &'static Attributes {
    &NETLINK_ERROR_ATTRS
}

impl Protocol {
    /// What is known of a type of message, by its first byte and whether it asks.
    #[must_use]
    pub fn message(&self, number: u16, family: u8, asks: bool) -> Option<&'static Message> {
        let is_it = |message: &&Message| {
            (message.number == number || message.number == 0)
                && message.family.is_none_or(|own| own == family)
                && message.asks.is_none_or(|own| own == asks)
        };
        self.messages.iter().find(is_it)
    }
}
