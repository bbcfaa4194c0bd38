//! The kernel's monotonic times as wall-clock text.

use super::number;
use crate::sys;

/// Down to what a time is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Whole seconds.
    Seconds,
    /// Three digits behind the point.
    Millis,
    /// Six.
    Micros,
    /// Nine.
    #[default]
    Nanos,
}

impl Precision {
    fn digits(self) -> usize {
        match self {
            Self::Seconds => 0,
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }

    /// Seconds with as many digits as there are to be, the rest cut off.
    pub fn write(self, out: &mut Vec<u8>, ns: u64) {
        number::decimal(out, ns / NS);
        self.fraction(out, ns % NS);
    }

    fn fraction(self, out: &mut Vec<u8>, nanos: u64) {
        let digits = self.digits();
        if digits > 0 {
            out.push(b'.');
            number::padded(out, nanos / 10u64.pow(9 - digits as u32), digits);
        }
    }
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Time of day.
    Clock(Precision),
    /// UNIX seconds.
    Unix(Precision),
    /// Seconds since the line before.
    Relative(Precision),
}

impl Default for Style {
    fn default() -> Self {
        Self::Unix(Precision::Nanos)
    }
}

/// Converts times; keeps the distance between the two clocks fresh.
#[derive(Debug)]
pub struct Clock {
    style: Style,
    wall_minus_monotonic: i64,
    /// The last second written and its text: most lines share it.
    last_second: u64,
    last_text: Vec<u8>,
    last_start_ns: Option<u64>,
}

const NS: u64 = 1_000_000_000;

impl Clock {
    /// A clock in this style.
    #[must_use]
    pub fn new(style: Style) -> Self {
        let mut clock = Self {
            style,
            wall_minus_monotonic: 0,
            last_second: u64::MAX,
            last_text: Vec::new(),
            last_start_ns: None,
        };
        clock.refresh();
        clock
    }

    /// Another clock that goes like this one.
    #[must_use]
    pub fn other(&self) -> Self {
        Self::new(self.style)
    }

    /// Measures the distance between the clocks anew: it changes when the wall clock is set.
    pub fn refresh(&mut self) {
        let before = sys::clock_ns(libc::CLOCK_MONOTONIC);
        let wall = sys::clock_ns(libc::CLOCK_REALTIME);
        let after = sys::clock_ns(libc::CLOCK_MONOTONIC);
        let distance = wall as i64 - (before + (after - before) / 2) as i64;
        // Below a microsecond it is our own measurement that wavers, not the clock.
        if (distance - self.wall_minus_monotonic).abs() > 1000 {
            self.wall_minus_monotonic = distance;
        }
    }

    /// Writes the wall-clock time of a monotonic one.
    pub fn write(&mut self, out: &mut Vec<u8>, monotonic_ns: u64) {
        let precision = match self.style {
            Style::Relative(precision) => {
                let last = self
                    .last_start_ns
                    .replace(monotonic_ns)
                    .unwrap_or(monotonic_ns);
                precision.write(out, monotonic_ns.saturating_sub(last));
                return;
            }
            Style::Clock(precision) | Style::Unix(precision) => precision,
        };
        let wall = monotonic_ns.saturating_add_signed(self.wall_minus_monotonic);
        let (second, nanos) = (wall / NS, wall % NS);
        if second != self.last_second {
            self.last_second = second;
            self.last_text = match self.style {
                Style::Clock(_) => time_of_day(second),
                _ => second.to_string().into_bytes(),
            };
        }
        out.extend_from_slice(&self.last_text);
        precision.fraction(out, nanos);
    }
}

/// Is it in a year that a calendar has?
pub fn is_date(second: i64) -> bool {
    // As localtime(3): years of 32 bits.
    const MOST: i64 = 67_767_976_233_532_799;
    (-MOST..=MOST).contains(&second)
}

fn local(second: i64) -> libc::tm {
    // SAFETY: zero is a valid value of every field.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: two valid places.
    unsafe { libc::localtime_r(&second, &mut parts) };
    parts
}

/// `2026-11-22T15:01:00.000002+0100`: a date in the local time zone, with so many digits of a fraction unless it is 0.
pub fn date(out: &mut Vec<u8>, second: i64, fraction: u32, digits: u8) {
    let parts = local(second);
    let text = format!(
        "{}-{:02}-{:02}T{:02}:{:02}:{:02}",
        i64::from(parts.tm_year) + 1900,
        parts.tm_mon + 1,
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec
    );
    out.extend_from_slice(text.as_bytes());
    if fraction != 0 {
        out.push(b'.');
        number::padded(out, u64::from(fraction), usize::from(digits));
    }
    let minutes = parts.tm_gmtoff / 60;
    out.push(if minutes < 0 { b'-' } else { b'+' });
    number::padded(out, minutes.unsigned_abs() / 60, 2);
    number::padded(out, minutes.unsigned_abs() % 60, 2);
}

/// `HH:MM:SS` in the local time zone.
fn time_of_day(second: u64) -> Vec<u8> {
    let parts = local(second as i64);
    format!(
        "{:02}:{:02}:{:02}",
        parts.tm_hour, parts.tm_min, parts.tm_sec
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(style: Style) -> Clock {
        Clock {
            style,
            wall_minus_monotonic: 1_790_000_000 * NS as i64,
            last_second: u64::MAX,
            last_text: Vec::new(),
            last_start_ns: None,
        }
    }

    fn text(clock: &mut Clock, ns: u64) -> String {
        let mut out = Vec::new();
        clock.write(&mut out, ns);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn every_style() {
        assert_eq!(
            text(&mut clock(Style::Unix(Precision::Nanos)), 123_456_789),
            "1790000000.123456789"
        );
        assert_eq!(
            text(&mut clock(Style::Unix(Precision::Nanos)), NS + 5),
            "1790000001.000000005"
        );
        assert_eq!(
            text(&mut clock(Style::Unix(Precision::Micros)), 123_456_789),
            "1790000000.123456"
        );
        let mut relative = clock(Style::Relative(Precision::Micros));
        assert_eq!(text(&mut relative, 5 * NS), "0.000000");
        assert_eq!(text(&mut relative, 6 * NS + 1_500_000), "1.001500");
        assert_eq!(text(&mut relative, 6 * NS), "0.000000", "never negative");
        for (precision, expected) in [
            (Precision::Seconds, "1790000000"),
            (Precision::Millis, "1790000000.123"),
        ] {
            assert_eq!(
                text(&mut clock(Style::Unix(precision)), 123_956_789),
                expected
            );
        }
        assert_eq!(
            text(&mut clock(Style::Clock(Precision::Micros)), 123_456_789).len(),
            "00:00:00.123456".len()
        );
    }
}
