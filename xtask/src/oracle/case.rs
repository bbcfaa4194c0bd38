//! The list of cases, `tests/oracle/cases.txt`: blocks of `key = value` lines under a name in brackets.

use anyhow::{Context, Result, bail};

/// A command line with the options under which it is traced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) name: String,
    /// What `sh` does first, untraced, in the empty folder in which the command runs.
    pub(super) setup: String,
    /// One run for each: options besides `-f -o FILE`.
    pub(super) options: Vec<String>,
    /// The command; `@name` is a program of `tests/programs`.
    pub(super) run: String,
}

impl Case {
    /// Is the traced program one of ours?
    pub(super) fn is_own(&self) -> bool {
        self.run.starts_with("@") || self.setup.starts_with("@")
    }
}

/// Reads the list. `setup NAME = …` before the first case gives a name to a setup that several cases use.
pub(super) fn parse(text: &str) -> Result<Vec<Case>> {
    let mut cases: Vec<Case> = Vec::new();
    let mut setups: Vec<(&str, &str)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            cases.push(Case {
                name: name.to_owned(),
                setup: String::new(),
                options: Vec::new(),
                run: String::new(),
            });
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .with_context(|| format!("line {number}: no `=`"))?;
        let (key, value) = (key.trim(), value.trim());
        match (cases.last_mut(), key) {
            (None, key) => match key.strip_prefix("setup ") {
                Some(name) => setups.push((name, value)),
                None => bail!("line {number}: {key} before the first case"),
            },
            (Some(case), "setup") => {
                let named = setups.iter().find(|setup| setup.0 == value);
                case.setup = named.map_or(value, |setup| setup.1).to_owned();
            }
            (Some(case), "options") => case.options.push(value.to_owned()),
            (Some(case), "run") => case.run = value.to_owned(),
            (_, key) => bail!("line {number}: unknown key {key}"),
        }
    }
    for case in &mut cases {
        if case.run.is_empty() {
            bail!("case {} runs nothing", case.name);
        }
        if case.options.is_empty() {
            case.options.push(String::new());
        }
    }
    Ok(cases)
}

/// Splits a command line into words as a shell does: blanks, single quotes, double quotes without expansions.
pub(super) fn words(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        bail!("a quote is open at the end of: {line}");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_have_a_name_options_and_a_command() {
        let text = "# comment\nsetup files = touch a\n[one]\nrun = ls -l\n[two]\nsetup = files\noptions = -v\noptions =\nrun = @calls --n 1\n";
        let cases = parse(text).expect("a good list");
        assert_eq!((cases[0].name.as_str(), cases[0].is_own()), ("one", false));
        assert_eq!(cases[0].options, [""]);
        assert_eq!(
            (cases[1].setup.as_str(), cases[1].is_own()),
            ("touch a", true)
        );
        assert_eq!(cases[1].options, ["-v", ""]);
        for bad in [
            "run = x",
            "[a]\noptions = -v",
            "[a]\nrun x",
            "[a]\ncolor = red",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_are_those_of_a_shell() {
        let cases: &[(&str, &[&str])] = &[
            ("ls  -l", &["ls", "-l"]),
            ("sh -c 'a \"b\" c'", &["sh", "-c", "a \"b\" c"]),
            ("a\"b c\"'d' ''", &["ab cd", ""]),
        ];
        for (line, want) in cases {
            assert_eq!(words(line).expect("closed"), *want, "{line}");
        }
        assert!(words("a 'b").is_err());
    }
}
