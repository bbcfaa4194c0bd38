//! `-t`, `-r`, `-T` and their long forms: checked, no I/O.

use super::PlanError;
use crate::{
    cli::Cli,
    format::time::{Precision, Style},
};

/// What times lines show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When it was.
    pub absolute: Option<Style>,
    /// How long after the line before.
    pub relative: Option<Style>,
    /// How long the call took.
    pub durations: Option<Precision>,
}

impl Times {
    /// Checks what was typed.
    pub fn new(cli: &Cli) -> Result<Self, PlanError> {
        let typed = &cli.times;
        let absolute_name = cli.spelled("--absolute-timestamps", &["--timestamps"]);
        let absolute = match (typed.time, typed.absolute_timestamps.as_deref()) {
            (0, None) => None,
            (0, Some(text)) => parse_absolute(text).ok_or_else(|| bad(absolute_name, text))?,
            (1, None) => Some(Style::Clock(Precision::Seconds)),
            (2, None) => Some(Style::Clock(Precision::Micros)),
            (_, None) => Some(Style::Unix(Precision::Micros)),
            (_, Some(_)) => {
                return Err(PlanError::Invalid(
                    "-t and --absolute-timestamps cannot be provided simultaneously".to_owned(),
                ));
            }
        };
        let precision = |letters: u8, text: Option<&str>, option: &str| match text {
            Some(text) => match parse_precision(text) {
                Some(precision) => Ok(Some(precision)),
                None => Err(bad(option, text)),
            },
            None => Ok((letters > 0).then_some(Precision::Micros)),
        };
        let relative = precision(
            typed.relative,
            typed.relative_timestamps.as_deref(),
            "--relative-timestamps",
        )?;
        Ok(Self {
            absolute,
            relative: relative.map(Style::Relative),
            durations: precision(
                typed.duration,
                typed.syscall_times.as_deref(),
                "--syscall-times",
            )?,
        })
    }

    /// For a form that has just one place for a time.
    pub fn single(&self) -> Result<Style, PlanError> {
        match (self.absolute, self.relative) {
            (Some(_), Some(_)) => Err(PlanError::Usage(
                "-t and -r: the TSV format has one column for times".to_owned(),
            )),
            (Some(style), None) | (None, Some(style)) => Ok(style),
            (None, None) => Ok(Style::default()),
        }
    }
}

fn bad(option: &str, text: &str) -> PlanError {
    PlanError::Usage(format!("invalid {option} argument: '{text}'"))
}

fn parse_precision(text: &str) -> Option<Precision> {
    match text {
        "s" => Some(Precision::Seconds),
        "ms" => Some(Precision::Millis),
        "us" => Some(Precision::Micros),
        "ns" => Some(Precision::Nanos),
        _ => None,
    }
}

/// `[[format:]FORMAT][,[precision:]PRECISION]` in any order; the outer `None` is a mistake.
fn parse_absolute(text: &str) -> Option<Option<Style>> {
    let (mut format, mut precision) = ("time", Precision::Seconds);
    for word in text.split(',').filter(|_| !text.is_empty()) {
        let named_format = word.strip_prefix("format:");
        let named_precision = word.strip_prefix("precision:");
        match named_format.unwrap_or(word) {
            known @ ("none" | "time" | "unix") if named_precision.is_none() => format = known,
            _ if named_format.is_some() => return None,
            _ => precision = parse_precision(named_precision.unwrap_or(word))?,
        }
    }
    Some(match format {
        "unix" => Some(Style::Unix(precision)),
        "time" => Some(Style::Clock(precision)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli;

    fn times(line: &str) -> Result<Times, PlanError> {
        let words = line.split(' ').map(OsString::from);
        Times::new(&cli::parse(words).expect(line))
    }

    #[test]
    fn absolute_times() {
        use Precision::{Micros, Millis, Nanos, Seconds};
        for (options, expected) in [
            ("-f", None),
            ("-t", Some(Style::Clock(Seconds))),
            ("-tt", Some(Style::Clock(Micros))),
            ("-t -tt", Some(Style::Unix(Micros))),
            ("-tttt", Some(Style::Unix(Micros))),
            ("--absolute-timestamps", Some(Style::Clock(Seconds))),
            ("--timestamps=", Some(Style::Clock(Seconds))),
            ("--timestamps=unix", Some(Style::Unix(Seconds))),
            ("--timestamps=ns", Some(Style::Clock(Nanos))),
            ("--timestamps=ns,unix", Some(Style::Unix(Nanos))),
            (
                "--timestamps=format:unix,precision:ms",
                Some(Style::Unix(Millis)),
            ),
            ("--timestamps=format:none,ns", None),
        ] {
            let times = times(&format!("strace {options} ls")).expect(options);
            assert_eq!(times.absolute, expected, "{options}");
        }
        for bad in [
            "--timestamps=foo",
            "--timestamps=format:us",
            "--timestamps=precision:unix",
            "-t --timestamps=ns",
        ] {
            assert!(times(&format!("strace {bad} ls")).is_err(), "{bad}");
        }
    }

    #[test]
    fn relative_times_and_durations() {
        let all = times("strace -r -T ls").expect("valid");
        assert_eq!(all.relative, Some(Style::Relative(Precision::Micros)));
        assert_eq!(all.durations, Some(Precision::Micros));
        let all = times("strace -r --relative-timestamps=ns --syscall-times=ms ls").expect("valid");
        assert_eq!(all.relative, Some(Style::Relative(Precision::Nanos)));
        assert_eq!(all.durations, Some(Precision::Millis));
        assert!(times("strace --syscall-times=x ls").is_err());
        assert!(times("strace -r -t ls").expect("valid").single().is_err());
        assert_eq!(
            times("strace ls").expect("valid").single(),
            Ok(Style::default())
        );
    }
}
