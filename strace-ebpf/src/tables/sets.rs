//! Taking a number apart into symbolic constants, as strace prints it.
//!
//! In: a [`Set`] and a value. Out: [`Part`]s in the order of printing, to be joined by `|`. Nothing is formatted and
//! nothing allocated here. The sets themselves are generated from xtask/data/sets/.
use smallvec::SmallVec;

use super::{SetId, set, signal_name};

/// Symbolic constants that belong together. Both kinds are taken apart by [`Set::split`].
#[derive(Debug, PartialEq, Eq)]
pub struct Set {
    /// The name in xtask/data/sets.
    pub name: &'static str,
    /// Bits to be combined, or one value of many.
    pub kind: SetKind,
    /// How a value without a name is printed.
    pub unknown: Unknown,
    /// How many low bits count: the width that the kernel takes the argument or member in.
    pub bits: u8,
    /// As numbers (`-X raw`) the fields and the flags between them stand apart.
    pub apart: bool,
    /// Flags without a name have their comment behind fields too.
    pub remarked: bool,
    /// Printed before the names.
    pub before: &'static [Field],
    /// Value and name: for flags in the order of matching and printing, for an enum by value and each value once.
    pub values: &'static [(u64, &'static str)],
    /// Printed after the names.
    pub after: &'static [Field],
}

/// What the values of a [`Set`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// Bits, perhaps with [`Field`]s between them.
    Flags,
    /// One value.
    Enum,
}

/// How a value without a name is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Hexadecimal with a comment: `0x80 /* O_??? */`.
    Comment(&'static str),
    /// Hexadecimal.
    Hex,
    /// Signed decimal.
    Decimal,
    /// The same with a comment.
    Numbered(&'static str),
}

/// Bits among flags that are one value, such as the access mode of `open(2)` flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it is. The values of its set are not shifted.
    pub mask: u64,
    /// What it holds.
    pub kind: FieldKind,
}

impl Field {
    /// Does a field of this value have no name of its own, so that its bits are shown with the flags?
    fn joins(&self, value: u64) -> bool {
        let unnamed = |id| set(id).name_of(value & self.mask).is_none();
        matches!(self.kind, FieldKind::Joins(id) if value & self.mask != 0 && unnamed(id))
    }
}

/// What a [`Field`] holds. Of those but [`FieldKind::Decimal`] and [`FieldKind::Octal`], a zero without a name is not printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// One value of an enum.
    Set(SetId),
    /// The same; a value without a name counts as flags.
    Joins(SetId),
    /// A signal number.
    Signal,
    /// A number, printed when anything else is.
    Decimal,
    /// Permission bits, always printed.
    Octal,
    /// A number that strace prints shifted: `21<<MAP_HUGE_SHIFT`.
    Shift(&'static str),
    /// One value of an enum that is printed shifted: `B9600<<IBSHIFT`.
    Moved(SetId, &'static str),
}

/// One thing between `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A symbolic constant.
    Name(&'static str),
    /// Bits or a value without a name, hexadecimal (0 being `0`), and what to put in the comment after it, if any.
    Unknown(u64, Option<&'static str>),
    /// A plain number; a 0 alone where nothing is set and nothing is named so.
    Decimal(i64),
    /// Permission bits, with a leading 0 and three digits or more.
    Octal(u64),
    /// A number and the name of what it is shifted by.
    Shifted(u64, &'static str),
    /// A symbolic constant and the name of what it is shifted by.
    NameShifted(&'static str, &'static str),
    /// A number without a name, and what to put in the comment after it.
    Numbered(i64, &'static str),
}

/// What is one number under `-X raw`; see [`Set::groups`].
#[derive(Clone, Debug)]
pub enum Group {
    /// A field of a value, the value's bits in it, and what they are.
    Field(&'static Field, u64, Part),
    /// All of a value, or its flags.
    Whole(&'static Set, u64, Split),
}

impl Set {
    /// One value of it is a whole.
    pub fn is_flags(&self) -> bool {
        self.kind == SetKind::Flags
    }

    /// Its values are signed decimal numbers.
    pub fn is_decimal(&self) -> bool {
        matches!(self.unknown, Unknown::Decimal | Unknown::Numbered(_))
    }

    /// Its values are octal numbers: permission bits.
    pub fn is_octal(&self) -> bool {
        !self.apart
            && self
                .after
                .iter()
                .any(|field| field.kind == FieldKind::Octal)
    }

    /// What is said of a value without a name.
    pub fn comment(&self) -> Option<&'static str> {
        match self.unknown {
            Unknown::Comment(comment) | Unknown::Numbered(comment) => Some(comment),
            _ => None,
        }
    }

    /// The bits of a value that count.
    pub fn cut(&self, value: u64) -> u64 {
        value & self.mask()
    }

    /// A value without a name, comment included.
    const fn unknown(&self, value: u64) -> Part {
        match self.unknown {
            Unknown::Comment(comment) => Part::Unknown(value, Some(comment)),
            Unknown::Hex => Part::Unknown(value, None),
            Unknown::Decimal => Part::Decimal(self.signed(value)),
            Unknown::Numbered(comment) => Part::Numbered(self.signed(value), comment),
        }
    }

    const fn signed(&self, value: u64) -> i64 {
        match self.bits {
            32 => value as i32 as i64,
            _ => value as i64,
        }
    }

    const fn mask(&self) -> u64 {
        match self.bits {
            bits @ 1..64 => (1 << bits) - 1,
            _ => u64::MAX,
        }
    }

    /// The constant of exactly that value; bits above [`Set::bits`] do not matter.
    pub fn name_of(&self, value: u64) -> Option<&'static str> {
        let value = value & self.mask();
        let row = match self.kind {
            SetKind::Enum => {
                let i = self.values.binary_search_by_key(&value, |row| row.0).ok()?;
                self.values.get(i)
            }
            SetKind::Flags => self.values.iter().find(|row| row.0 == value),
        };
        row.map(|row| row.1)
    }

    /// The name of a value, or what stands in a comment for those without one.
    pub fn named_or_comment(&self, value: u64) -> &'static str {
        let comment = match self.unknown {
            Unknown::Comment(comment) | Unknown::Numbered(comment) => comment,
            Unknown::Hex | Unknown::Decimal => "???",
        };
        self.name_of(value).unwrap_or(comment)
    }

    /// The value of a constant; those of a [`Field`] are in its own set.
    pub fn value_of(&self, name: &str) -> Option<u64> {
        let row = self.values.iter().find(|row| row.1 == name);
        row.map(|row| row.0)
    }

    /// Takes a value apart, without what is above [`Set::bits`]. At least one part comes out.
    pub fn split(&'static self, value: u64) -> Split {
        self.split_wide(value & self.mask())
    }

    /// The bits of all fields within.
    pub fn field_mask(&self) -> u64 {
        let fields = self.before.iter().chain(self.after);
        fields.fold(0, |all, field| all | field.mask)
    }

    /// Takes a value apart whose every bit counts: a wide struct member with the flags of a narrow argument, such as
    /// `open_how.flags`.
    pub fn split_wide(&'static self, value: u64) -> Split {
        let joined = self.before.iter().filter(|field| field.joins(value));
        let joined = joined.fold(0, |all, field| all | value & field.mask);
        Split {
            set: self,
            value,
            rest: value & !self.field_mask() | joined,
            stage: Stage::Before(0),
            fields: true,
            empty: true,
            named: false,
        }
    }

    /// Takes a value apart into what is one number each. At least one group comes out.
    pub fn groups(&'static self, value: u64) -> SmallVec<[Group; 2]> {
        let whole = self.split_wide(value);
        let mut groups = SmallVec::new();
        if self.apart {
            let of_field = |field: &'static Field| {
                let part = whole.field(field)?;
                Some(Group::Field(field, value & field.mask, part))
            };
            groups.extend(self.before.iter().filter_map(of_field));
            if whole.rest != 0 {
                let flags = Split {
                    stage: Stage::Names(0),
                    fields: false,
                    ..whole.clone()
                };
                groups.push(Group::Whole(self, whole.rest, flags));
            }
            groups.extend(self.after.iter().filter_map(of_field));
        }
        if groups.is_empty() {
            groups.push(Group::Whole(self, value, whole));
        }
        groups
    }
}

/// The parts of a value; see [`Set::split`].
#[derive(Clone, Debug)]
pub struct Split {
    set: &'static Set,
    value: u64,
    /// Bits that no name was found for yet, those of fields not among them.
    rest: u64,
    stage: Stage,
    /// The fields are among the parts.
    fields: bool,
    /// Nothing came out yet.
    empty: bool,
    /// The name of a flag came out.
    named: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Fields from this one on, then names.
    Before(usize),
    /// Names from this one on, then the rest.
    Names(usize),
    /// Fields from this one on, then the end.
    After(usize),
    End,
}

impl Iterator for Split {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let part = match self.set.kind {
            SetKind::Enum => self.only_value(),
            SetKind::Flags => self.next_flag(),
        };
        self.empty = false;
        part
    }
}

impl Split {
    fn only_value(&mut self) -> Option<Part> {
        if !self.empty {
            return None;
        }
        let set = self.set;
        // `value` may be wider than the set only when the caller said that all of it counts.
        let named = set.values.binary_search_by_key(&self.value, |row| row.0);
        let name = named.ok().and_then(|i| set.values.get(i));
        Some(match name {
            Some((_, name)) => Part::Name(name),
            None => set.unknown(self.value),
        })
    }

    fn next_flag(&mut self) -> Option<Part> {
        loop {
            let (part, next) = match self.stage {
                Stage::Before(i) => match self.set.before.get(i) {
                    Some(field) => (self.field(field), Stage::Before(i + 1)),
                    None => (None, Stage::Names(0)),
                },
                Stage::Names(i) => match self.next_name(i) {
                    Some((i, name)) => (Some(Part::Name(name)), Stage::Names(i + 1)),
                    None => (self.unknown_rest(), Stage::After(0)),
                },
                Stage::After(_) if !self.fields => (None, Stage::End),
                Stage::After(i) => match self.set.after.get(i) {
                    Some(field) => (self.field(field), Stage::After(i + 1)),
                    None => (self.nothing(), Stage::End),
                },
                Stage::End => return None,
            };
            self.stage = next;
            if part.is_some() {
                return part;
            }
        }
    }

    fn field(&self, field: &Field) -> Option<Part> {
        let value = self.value & field.mask;
        let number = value >> field.mask.trailing_zeros();
        if let FieldKind::Set(id) | FieldKind::Joins(id) = field.kind {
            let set = set(id);
            return match set.name_of(value) {
                Some(name) => Some(Part::Name(name)),
                None if field.joins(value) => None,
                None => (value != 0).then(|| set.unknown(value)),
            };
        }
        match field.kind {
            FieldKind::Signal => (number != 0).then(|| signal(number)),
            FieldKind::Octal => Some(Part::Octal(value)),
            FieldKind::Shift(by) => (number != 0).then_some(Part::Shifted(number, by)),
            FieldKind::Moved(id, by) => (number != 0).then(|| match set(id).name_of(number) {
                Some(name) => Part::NameShifted(name, by),
                None => Part::Shifted(number, by),
            }),
            FieldKind::Decimal | FieldKind::Set(_) | FieldKind::Joins(_) => {
                // Fields are narrower than 64 bits.
                (self.value != 0).then_some(Part::Decimal(number as i64))
            }
        }
    }

    /// The first name from row `from` on whose bits are all still there.
    fn next_name(&mut self, from: usize) -> Option<(usize, &'static str)> {
        if self.rest == 0 {
            return None;
        }
        let rows = self.set.values.iter().enumerate().skip(from);
        for (i, (bits, name)) in rows {
            if *bits != 0 && self.rest & bits == *bits {
                self.rest &= !bits;
                self.named = true;
                return Some((i, name));
            }
        }
        None
    }

    /// The comment stands only where no name tells what the number is about.
    fn unknown_rest(&self) -> Option<Part> {
        let is_one = |field: &Field| matches!(field.kind, FieldKind::Joins(_));
        let own = self.set.remarked || self.set.before.iter().any(is_one);
        let alone = !self.named && own;
        (self.rest != 0).then(|| match self.empty || alone {
            true => self.set.unknown(self.rest),
            false => Part::Unknown(self.rest, None),
        })
    }

    fn nothing(&self) -> Option<Part> {
        if !self.empty {
            return None;
        }
        let named = self.set.values.iter().find(|row| row.0 == 0);
        Some(named.map_or(Part::Decimal(0), |row| Part::Name(row.1)))
    }
}

fn signal(number: u64) -> Part {
    let name = u32::try_from(number).ok().and_then(signal_name);
    // A field is narrower than 64 bits.
    name.map_or(Part::Decimal(number as i64), Part::Name)
}
