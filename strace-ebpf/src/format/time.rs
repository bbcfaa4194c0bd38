//! The kernel's monotonic times as wall-clock text.

use super::number;
use crate::sys;

/// How the time column is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// UNIX seconds with nine decimals.
    #[default]
    UnixNanos,
    /// `-t`: time of day.
    Clock,
    /// `-tt`: time of day with microseconds.
    ClockMicros,
    /// `-ttt`: UNIX seconds with microseconds.
    UnixMicros,
    /// `-r`: seconds since the line before.
    Relative,
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
        if self.style == Style::Relative {
            let last = self
                .last_start_ns
                .replace(monotonic_ns)
                .unwrap_or(monotonic_ns);
            let since = monotonic_ns.saturating_sub(last);
            number::decimal(out, since / NS);
            out.push(b'.');
            number::padded(out, since % NS / 1000, 6);
            return;
        }
        let wall = monotonic_ns.saturating_add_signed(self.wall_minus_monotonic);
        let (second, nanos) = (wall / NS, wall % NS);
        if second != self.last_second {
            self.last_second = second;
            self.last_text = match self.style {
                Style::Clock | Style::ClockMicros => time_of_day(second),
                _ => second.to_string().into_bytes(),
            };
        }
        out.extend_from_slice(&self.last_text);
        match self.style {
            Style::UnixNanos => {
                out.push(b'.');
                number::padded(out, nanos, 9);
            }
            Style::UnixMicros | Style::ClockMicros => {
                out.push(b'.');
                number::padded(out, nanos / 1000, 6);
            }
            Style::Clock | Style::Relative => {}
        }
    }
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
            text(&mut clock(Style::UnixNanos), 123_456_789),
            "1790000000.123456789"
        );
        assert_eq!(
            text(&mut clock(Style::UnixNanos), NS + 5),
            "1790000001.000000005"
        );
        assert_eq!(
            text(&mut clock(Style::UnixMicros), 123_456_789),
            "1790000000.123456"
        );
        let mut relative = clock(Style::Relative);
        assert_eq!(text(&mut relative, 5 * NS), "0.000000");
        assert_eq!(text(&mut relative, 6 * NS + 1_500_000), "1.001500");
        assert_eq!(text(&mut relative, 6 * NS), "0.000000", "never negative");
        assert_eq!(
            text(&mut clock(Style::ClockMicros), 123_456_789).len(),
            "00:00:00.123456".len()
        );
    }
}
