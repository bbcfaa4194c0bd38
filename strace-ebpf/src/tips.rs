//! `--tips`: something that is good to know, shown when the trace is over.

/// Which tip, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tips {
    /// Number of the tip, counted round; any if there is none.
    id: Option<u32>,
    /// What the tip stands in.
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Nothing,
    Compact,
    Full,
}

/// Each is short enough to be read at once.
const TIPS: &[&str] = &[
    "Nothing stops a program that is traced here: it may be the one that serves your customers. -p PID attaches to it, Ctrl-C lets go.",
    "-c counts calls within the kernel, errors and times included, and sends nothing until the end: fit for hours.",
    "Rows are made for awk. Slowest calls first: strace-ebpf -p PID | sort -t$'\\t' -k8 -rn | head",
    "-a traces the whole system, --cgroup PATH one service or container with all that it will ever start.",
    "-y tells which file, pipe or socket a descriptor led to when the call was made, even if it was closed an instant later.",
    "-P PATH keeps only the calls about one file, whether they name it or are given a descriptor that is open on it.",
    "-Z shows failed calls only. Of a program that does not start it is often the last open that matters.",
    "-e trace=%file, %net, %process and the like name whole families of calls; a ! before them means all others.",
    "--lossless holds the traced processes back for a moment rather than lose a line; --strict makes loss an exit status.",
    "-k shows the functions through which the program came to each call.",
    "-s 200 shows more of each string; paths are never cut.",
    "-Y puts names behind process numbers: kill(1234<nginx>, SIGHUP).",
    "--by pid, comm, cgroup or errno splits the table of -c.",
    "--check says of every feature whether this kernel and this user have it, and what to do if not.",
    "Called strace, by a link, this program takes strace's command line and prints strace's lines.",
    "-f follows children, -ff -o FILE gives each a file of its own, FILE.PID.",
];

/// Our own drawing: what hums in the kernel.
const BEE: &str = r"
            \     \
             \   __\_
              .'/  \ \
           __/_/___/_/_
       ---(__|||_|||__o>
             ^   ^  ^
";

/// Characters of a line in the box.
const WIDTH: usize = 60;

impl Tips {
    /// `[[id:]ID][,[format:]FORMAT]`; `None` if it is not that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut tips = Self {
            id: None,
            format: Format::Compact,
        };
        for word in text.split(',').filter(|word| !word.is_empty()) {
            let (id, format) = (word.strip_prefix("id:"), word.strip_prefix("format:"));
            match (format.unwrap_or(word), id.unwrap_or(word)) {
                ("none", _) if id.is_none() => tips.format = Format::Nothing,
                ("compact", _) if id.is_none() => tips.format = Format::Compact,
                ("full", _) if id.is_none() => tips.format = Format::Full,
                (_, "random") if format.is_none() => tips.id = None,
                (_, number) if format.is_none() => tips.id = Some(number.parse().ok()?),
                _ => return None,
            }
        }
        Some(tips)
    }

    /// What is to be printed; `seed` chooses where no number does.
    #[must_use]
    pub fn text(self, seed: u32) -> String {
        let at = self.id.unwrap_or(seed) as usize % TIPS.len();
        let tip = TIPS.get(at).copied().unwrap_or_default();
        match self.format {
            Format::Nothing => String::new(),
            Format::Compact => boxed(tip),
            Format::Full => boxed(tip) + BEE,
        }
    }
}

fn boxed(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        if let Some(line) = lines.last_mut()
            && (line.is_empty() || line.len() + 1 + word.len() <= WIDTH)
        {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    let edge = "-".repeat(WIDTH + 2);
    let body: String = lines
        .iter()
        .map(|line| format!(" | {line:WIDTH$} |\n"))
        .collect();
    format!("  {edge}\n{body}  {edge}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_and_how() {
        let (compact, full) = (Format::Compact, Format::Full);
        let cases = [
            ("", Some((None, compact))),
            ("7", Some((Some(7), compact))),
            ("id:7,format:full", Some((Some(7), full))),
            ("full,random", Some((None, full))),
            ("none", Some((None, Format::Nothing))),
            ("foo", None),
            ("-1", None),
            ("format:7", None),
            ("id:full", None),
        ];
        for (text, want) in cases {
            let got = Tips::parse(text).map(|tips| (tips.id, tips.format));
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn each_fits_in_its_box() {
        for id in 0..=TIPS.len() as u32 {
            let tips = Tips {
                id: Some(id),
                format: Format::Compact,
            };
            let text = tips.text(0);
            assert!(text.lines().count() >= 3 && text.is_ascii(), "{text}");
            let widths: Vec<usize> = text.lines().skip(1).map(str::len).collect();
            assert!(widths.iter().all(|width| *width <= WIDTH + 5), "{text}");
        }
        let full = Tips {
            id: None,
            format: Format::Full,
        };
        assert!(full.text(3).len() > full.text(3).find("\n").unwrap_or(0));
        assert_eq!(
            Tips {
                id: None,
                format: Format::Nothing
            }
            .text(1),
            ""
        );
    }
}
