//! `-e inject=` and `-e fault=`: which calls get a result that is not the kernel's, a signal or a delay, and when.
//!
//! Text in, rules out. Of several rules for a call the last one counts, as in strace.

use super::{PlanError, Targets, filter::Filter};
use crate::{
    cli::Attach,
    tables::{self, Abi},
};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is carried out.
    CarriedOut,
    /// It fails with this error.
    Error(u16),
    /// It returns this value.
    Value(i64),
}

/// Everything that is done to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// What becomes of it.
    pub answer: Answer,
    /// A signal that comes with it, or 0.
    pub signal: u16,
    /// How long it has to wait.
    pub delay_enter_ns: Option<u64>,
    /// How long its return has to.
    pub delay_exit_ns: Option<u64>,
    /// The first call of a thread that this is done to, from 1.
    pub first: u32,
    /// The last one that it may be done to.
    pub last: u32,
    /// From one such call to the next; 0: there is no next.
    pub step: u32,
}

impl Action {
    /// Is this done to the call that is a thread's `count`th of its kind?
    #[must_use]
    pub fn applies(&self, count: u32) -> bool {
        let Some(after) = count.checked_sub(self.first) else {
            return false;
        };
        count <= self.last && (after == 0 || self.step != 0 && after % self.step == 0)
    }
}

/// What was asked for with one option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    calls: Filter,
    action: Action,
}

/// What is done to which call, the last rule first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// Most calls that `when=` can count, as in strace.
const WHEN_MAX: u32 = 65535;
/// Errors that the kernel can return.
const ERRNO_MAX: u32 = 4095;

impl Rules {
    /// Nothing is done to any call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes another rule, what follows `inject=` or `fault=`.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), String> {
        let rule = Rule::parse(name, text)?;
        self.0.insert(0, rule);
        Ok(())
    }

    /// What is done to this call.
    #[must_use]
    pub fn of(&self, abi: Abi, nr: u32) -> Option<&Action> {
        let rule = self.0.iter().find(|rule| rule.calls.wants(abi, nr));
        rule.map(|rule| &rule.action)
    }

    /// Only calls that are traced are touched, as in strace.
    pub fn within(&mut self, traced: &Filter) {
        for rule in &mut self.0 {
            rule.calls = rule.calls.and(traced);
        }
    }

    /// What is odd about values that are injected, in strace's words.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut found = Vec::new();
        for rule in self.0.iter().rev() {
            let Answer::Value(value) = rule.action.answer else {
                continue;
            };
            let value = value as u64;
            if value as u32 as u64 != value && (value as i64) >= 0 {
                found.push(format!(
                    "Injected return value {value} will be clipped to {} in compat personality",
                    value as u32
                ));
            }
            let error = value.wrapping_neg();
            if (1..=u64::from(ERRNO_MAX)).contains(&error) {
                found.push(format!(
                    "Inadvertent injection of error {error} is possible for retval={value}"
                ));
            }
        }
        found
    }

    /// It takes a command of ours, whose calls the kernel asks about, and hooks that see a call which is not carried out.
    pub fn check(&self, targets: &Targets, attach: Attach, selects: bool) -> Result<(), PlanError> {
        if self.is_empty() {
            return Ok(());
        }
        let refuse = |why: &str| Err(PlanError::Invalid(format!("inject=, fault=: {why}")));
        if targets.all || targets.cgroup.is_some() || !targets.pids.is_empty() {
            return refuse(
                "calls are changed by a seccomp filter, which only a command started here can be given: not with -p, -a or --cgroup",
            );
        }
        if matches!(attach, Attach::Kretprobe | Attach::Fentry) {
            return refuse(
                "calls that are not carried out reach no function of the kernel: not with --attach kretprobe or fentry",
            );
        }
        if selects {
            return refuse(
                "what a call is given is not known when it is changed: not with -P or -e trace-fds",
            );
        }
        Ok(())
    }
}

impl Rule {
    fn parse(name: &str, text: &str) -> Result<Self, String> {
        let fault = name == "fault";
        let invalid = || format!("invalid {name} argument '{text}'");
        let mut parts = text.split(':');
        let calls = parts.next().unwrap_or("");
        let words = parts.clone().any(|part| !part.is_empty());
        // As strace: of calls alone, which ones those would be is asked before what is to be done to them.
        if !words && !matches!(calls, "all" | "none") {
            Filter::parse(calls)?;
        }
        let mut parsed = Parsed::default();
        for part in parts.filter(|part| !part.is_empty()) {
            let (word, value) = part.split_once('=').ok_or_else(invalid)?;
            if let Some(why) = lacking(word).filter(|_| !fault) {
                return Err(format!("{name}: {word}= {why}"));
            }
            if fault && !matches!(word, "error" | "when") {
                return Err(invalid());
            }
            parsed.take(word, value).ok_or_else(invalid)?;
        }
        if fault && parsed.answer.is_none() {
            parsed.answer = Some(Answer::Error(libc::ENOSYS as u16));
        }
        let action = parsed.action().ok_or_else(invalid)?;
        if action.delay_exit_ns.is_some() && action.answer == Answer::CarriedOut {
            return Err(format!(
                "{name}: delay_exit= without error= or retval= is not supported: \
                 without ptrace nothing can hold a call that has been carried out"
            ));
        }
        Ok(Self {
            calls: Filter::parse(calls)?,
            action,
        })
    }
}

/// Words of strace that are refused by name.
fn lacking(word: &str) -> Option<&'static str> {
    match word {
        "syscall" => Some("is known from strace but not supported: it needs ptrace"),
        "poke_enter" | "poke_exit" => {
            Some("is known from strace but not supported: nothing is written into what is traced")
        }
        _ => None,
    }
}

/// One rule's words as they come. Each but `when=` may stand there once.
#[derive(Default)]
struct Parsed {
    answer: Option<Answer>,
    signal: Option<u16>,
    delay_enter_ns: Option<u64>,
    delay_exit_ns: Option<u64>,
    when: Option<(u32, u32, u32)>,
}

impl Parsed {
    /// Takes one word; `None` if it makes no sense.
    fn take(&mut self, word: &str, value: &str) -> Option<()> {
        match word {
            "error" => once(&mut self.answer, Answer::Error(parse_errno(value)?)),
            "retval" => once(&mut self.answer, Answer::Value(parse_value(value)?)),
            "signal" => once(&mut self.signal, parse_signal(value)?),
            "delay_enter" => once(&mut self.delay_enter_ns, parse_delay(value)?),
            "delay_exit" => once(&mut self.delay_exit_ns, parse_delay(value)?),
            "when" => {
                self.when = Some(parse_when(value)?);
                Some(())
            }
            _ => None,
        }
    }

    /// `None` if there is nothing to be done.
    fn action(self) -> Option<Action> {
        let (first, last, step) = self.when.unwrap_or((1, u32::MAX, 1));
        let nothing = self.answer.is_none()
            && self.signal.is_none()
            && self.delay_enter_ns.is_none()
            && self.delay_exit_ns.is_none();
        (!nothing).then_some(Action {
            answer: self.answer.unwrap_or(Answer::CarriedOut),
            signal: self.signal.unwrap_or(0),
            delay_enter_ns: self.delay_enter_ns,
            delay_exit_ns: self.delay_exit_ns,
            first,
            last,
            step,
        })
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.is_none().then(|| *place = Some(value))
}

/// By name, in any case, or by number.
fn parse_errno(text: &str) -> Option<u16> {
    let number = match text.parse::<u32>() {
        Ok(number) => number,
        Err(_) => tables::errno_by_name(&text.to_ascii_uppercase())?,
    };
    (1..=ERRNO_MAX).contains(&number).then_some(number as u16)
}

/// As strtoull(3) takes it: decimal, octal, hexadecimal, a sign.
fn parse_value(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digits, radix) = if let Some(rest) = digits.strip_prefix("0x") {
        (rest, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (&digits[1..], 8)
    } else {
        (digits, 10)
    };
    if digits.starts_with('+') {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()? as i64;
    Some(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

fn parse_signal(text: &str) -> Option<u16> {
    let number = text
        .parse()
        .ok()
        .or_else(|| tables::signal_by_name(&text.to_ascii_uppercase()))?;
    (1..=64).contains(&number).then_some(number as u16)
}

/// A number, of microseconds unless a unit follows, as nanoseconds.
fn parse_delay(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 4] = [("us", 1e3), ("ms", 1e6), ("ns", 1.0), ("s", 1e9)];
    let unit = UNITS.iter().find(|(name, _)| text.ends_with(name));
    let (number, factor) = match unit {
        Some((name, factor)) => (&text[..text.len() - name.len()], *factor),
        None => (text, 1e3),
    };
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let ns = number.parse::<f64>().ok().filter(|_| plain)? * factor;
    // Some three hundred years.
    (ns < 9e18).then_some(ns as u64)
}

/// `FIRST[..LAST][+[STEP]]`: a `+` without a number is every one.
fn parse_when(text: &str) -> Option<(u32, u32, u32)> {
    let number = |text: &str| {
        let plain = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<u32>().ok().filter(|_| plain)?;
        (1..=WHEN_MAX).contains(&number).then_some(number)
    };
    let (range, step) = match text.split_once('+') {
        Some((range, "")) => (range, Some(1)),
        Some((range, step)) => (range, Some(number(step)?)),
        None => (text, None),
    };
    let (first, last) = match range.split_once("..") {
        Some((first, last)) => (number(first)?, Some(number(last)?)),
        None => (number(range)?, None),
    };
    if last.is_some_and(|last| last < first) {
        return None;
    }
    // With a last one and no step it is every one up to there.
    let step = step.unwrap_or(u32::from(last.is_some()));
    Some((first, last.unwrap_or(u32::MAX), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> Rules {
        let mut rules = Rules::default();
        for text in texts {
            rules.add("inject", text).expect(text);
        }
        rules
    }

    fn nr(name: &str) -> u32 {
        tables::by_name(Abi::X86_64, name).expect("there").0
    }

    fn calls(when: &str) -> Vec<u32> {
        let rules = rules(&[&format!("close:error=EIO:when={when}")]);
        let action = rules.of(Abi::X86_64, nr("close")).expect("there");
        (1..=9).filter(|count| action.applies(*count)).collect()
    }

    #[test]
    fn counts_as_strace_does() {
        assert_eq!(calls("3"), [3]);
        assert_eq!(calls("3+"), [3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(calls("1+3"), [1, 4, 7]);
        assert_eq!(calls("2..4"), [2, 3, 4]);
        assert_eq!(calls("2..7+2"), [2, 4, 6]);
        assert_eq!(calls("1..3+2"), [1, 3]);
        assert_eq!(calls("65535"), []);
    }

    #[test]
    fn the_last_rule_for_a_call_counts() {
        let rules = rules(&["close,read:error=EIO:when=1", "close:retval=5"]);
        let action = rules.of(Abi::X86_64, nr("close")).expect("there");
        assert_eq!(action.answer, Answer::Value(5));
        assert!(action.applies(1) && action.applies(1_000_000));
        let action = rules.of(Abi::I386, 3).expect("read of i386");
        assert_eq!(action.answer, Answer::Error(5));
        assert_eq!(rules.of(Abi::X86_64, nr("write")), None);
    }

    #[test]
    fn words() {
        for (text, expected) in [
            ("close:error=eio", Answer::Error(5)),
            ("close:error=4095", Answer::Error(4095)),
            ("close:error=ERESTARTSYS", Answer::Error(512)),
            ("close:retval=0x10:", Answer::Value(16)),
            ("close:retval=010", Answer::Value(8)),
            ("close:retval=-1", Answer::Value(-1)),
            ("close:retval=0xffffffffffffffff", Answer::Value(-1)),
            ("close::signal=int", Answer::CarriedOut),
            ("close:delay_enter=0", Answer::CarriedOut),
        ] {
            let rules = rules(&[text]);
            let action = rules.of(Abi::X86_64, nr("close")).expect(text);
            assert_eq!(action.answer, expected, "{text}");
        }
        for (text, ns) in [
            ("1", 1_000),
            ("1us", 1_000),
            ("1.5ms", 1_500_000),
            ("7ns", 7),
            ("2s", 2_000_000_000),
        ] {
            assert_eq!(parse_delay(text), Some(ns), "{text}");
        }
        for text in ["", "x", "-1", "1m", "s", "inf", "1e3", "99999999999999999s"] {
            assert_eq!(parse_delay(text), None, "{text}");
        }
    }

    #[test]
    fn refuses_what_strace_refuses() {
        for text in [
            "close",
            "close:",
            "close:error",
            "close:error=",
            "close:error=FOO",
            "close:error=4096",
            "close:error=0",
            "close:error=EWOULDBLOCK",
            "close:retval=x",
            "close:retval=99999999999999999999",
            "close:error=EIO:retval=1",
            "close:error=EIO:error=EPERM",
            "close:foo=1",
            "close:signal=65",
            "close:signal=0",
            "close:when=1",
            "close:error=EIO:when=0",
            "close:error=EIO:when=1..",
            "close:error=EIO:when=2..1",
            "close:error=EIO:when=1+0",
            "close:error=EIO:when=65536",
            "close:error=EIO:when=1..65536",
            "close:error=EIO:when=1+1..",
            "close:delay_enter=-1",
            "close:delay_enter=1:delay_enter=2",
        ] {
            let refused = Rules::default().add("inject", text);
            assert_eq!(refused, Err(format!("invalid inject argument '{text}'")));
        }
        let fault = |text: &str| Rules::default().add("fault", text);
        for text in ["close:retval=1", "close:signal=INT", "close:delay_enter=1"] {
            assert_eq!(fault(text), Err(format!("invalid fault argument '{text}'")));
        }
        assert!(fault("close").is_ok() && fault("close:when=3").is_ok());
        let named = |text: &str| Rules::default().add("inject", text).expect_err(text);
        assert!(named("close:syscall=getpid").contains("syscall="));
        assert!(named("close:poke_enter=@arg1=00").contains("poke_enter="));
        assert!(named("close:delay_exit=1").contains("delay_exit="));
        assert!(named("nosuch:error=EIO").contains("invalid system call 'nosuch'"));
    }

    #[test]
    fn odd_values_are_named() {
        let warnings = |text| rules(&[text]).warnings();
        assert!(warnings("close:retval=5").is_empty());
        assert!(
            warnings("close:retval=-5")[0]
                .contains("error 5 is possible for retval=18446744073709551611")
        );
        assert!(warnings("close:retval=4294967296")[0].contains("clipped to 0"));
    }
}
