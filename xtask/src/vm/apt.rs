//! Packages of other Debian suites than the machine's own, without touching the machine: a private apt configuration
//! made from the machine's own sources, with another suite in them. Packages are unpacked, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{self, say};

/// A place that packages come from: where it is, whose signature it has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    uri: String,
    keyring: Option<String>,
    /// Security updates, whose suites have a suffix.
    security: bool,
}

/// A suite, ready to be asked.
pub(super) struct Suite {
    folder: PathBuf,
}

impl Suite {
    /// Fetches the package lists of a suite into a folder of its own.
    pub(super) fn update(suite: &str, folder: PathBuf) -> Result<Self> {
        for program in ["apt-get", "apt-cache", "dpkg"] {
            if !tools::in_path(program) {
                bail!(
                    "{program} is not in PATH: Debian's kernels need Debian or a system made from it"
                );
            }
        }
        let sources = machine_sources()?;
        for part in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(folder.join(part))
                .with_context(|| format!("creating {}", folder.join(part).display()))?;
        }
        fs::write(folder.join("status"), "")?;
        fs::write(folder.join("apt.conf"), configuration(&folder))?;
        let this = Self { folder };
        // An old suite moves to an archive when its time is over, its security updates at another time: what is still
        // there is enough.
        let (main, security): (Vec<_>, Vec<_>) = sources.into_iter().partition(|s| !s.security);
        let both = [&main[..], &security[..]].concat();
        for choice in [&both, &security, &main] {
            let mut list = String::new();
            // An unstable suite has no security updates.
            for source in choice.iter().filter(|s| !(s.security && suite == "sid")) {
                list.push_str(&source.line(suite));
            }
            fs::write(this.folder.join("sources.list"), &list)?;
            let updated = tools::run(
                this.apt("apt-get")
                    .args(["update", "-qq", "--error-on=any"]),
            );
            match updated {
                Ok(()) if !list.is_empty() => return Ok(this),
                Ok(()) => {}
                Err(error) => say!("{suite}: {error:#}"),
            }
        }
        bail!("the package lists of Debian {suite} cannot be had")
    }

    /// A field of a package's newest version; `None` when there is no such package.
    pub(super) fn field(&self, package: &str, name: &str) -> Result<Option<String>> {
        let output = self
            .apt("apt-cache")
            .args(["show", "--no-all-versions", package])
            .output()
            .context("starting apt-cache")?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(str::to_owned))
    }

    /// Downloads a package and unpacks it into a folder.
    pub(super) fn unpack(&self, package: &str, into: &Path) -> Result<()> {
        let downloads = into.join("downloads");
        fs::create_dir_all(&downloads)
            .with_context(|| format!("creating {}", downloads.display()))?;
        tools::run(
            self.apt("apt-get")
                .current_dir(&downloads)
                .args(["download", "-qq"])
                .arg(package),
        )?;
        for entry in fs::read_dir(&downloads)? {
            tools::run(Command::new("dpkg").arg("-x").arg(entry?.path()).arg(into))?;
        }
        fs::remove_dir_all(&downloads).with_context(|| format!("removing {}", downloads.display()))
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.folder.join("apt.conf"));
        command
    }
}

impl Source {
    /// One line of sources.list(5).
    fn line(&self, suite: &str) -> String {
        let suffix = if self.security { "-security" } else { "" };
        let keyring = self.keyring.as_ref();
        let keyring = keyring.map_or(String::new(), |file| format!(" signed-by={file}"));
        format!(
            "deb [arch=amd64{keyring}] {} {suite}{suffix} main\n",
            self.uri
        )
    }
}

/// apt.conf(5): everything that apt reads or writes is in the folder; the machine's proxy settings stay.
fn configuration(folder: &Path) -> String {
    let dir = folder.display();
    format!(
        "Dir::Etc::sourcelist \"{dir}/sources.list\";\n\
         Dir::Etc::sourceparts \"/dev/null\";\n\
         Dir::Etc::preferences \"/dev/null\";\n\
         Dir::Etc::preferencesparts \"/dev/null\";\n\
         Dir::State::lists \"{dir}/lists\";\n\
         Dir::State::status \"{dir}/status\";\n\
         Dir::Cache::archives \"{dir}/archives\";\n\
         Dir::Cache::pkgcache \"\";\n\
         Dir::Cache::srcpkgcache \"\";\n\
         APT::Sandbox::User \"root\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
         Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled \"false\";\n\
         Acquire::Retries \"3\";\n"
    )
}

/// The sources of this machine's own Debian release.
fn machine_sources() -> Result<Vec<Source>> {
    let release = fs::read_to_string("/etc/os-release").context("reading /etc/os-release")?;
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"').to_owned());
    let names: Vec<String> = codename
        .into_iter()
        .chain([
            "stable".into(),
            "testing".into(),
            "sid".into(),
            "unstable".into(),
        ])
        .collect();
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    let mut sources = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let found = match file.extension().and_then(|e| e.to_str()) {
            Some("sources") => deb822(&text, &names),
            Some("list") => one_line(&text, &names),
            _ => Vec::new(),
        };
        for source in found {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    if sources.iter().all(|source| source.security) {
        bail!("apt has no source of Debian's own packages on this machine");
    }
    Ok(sources)
}

/// Whether these are the suite and the component of a Debian archive; `Some(true)` for security updates.
fn archive(suites: &[&str], components: &[&str], names: &[String]) -> Option<bool> {
    if !components.contains(&"main") {
        return None;
    }
    let is = |suffix: &str| {
        let wanted = |suite: &&str| {
            suite
                .strip_suffix(suffix)
                .is_some_and(|s| names.iter().any(|n| n == s))
        };
        suites.iter().any(wanted)
    };
    match (is(""), is("-security")) {
        (true, _) => Some(false),
        (false, true) => Some(true),
        _ => None,
    }
}

/// Sources in the format of stanzas.
fn deb822(text: &str, names: &[String]) -> Vec<Source> {
    text.split("\n\n")
        .filter_map(|stanza| {
            let field = |name: &str| {
                stanza.lines().find_map(|line| {
                    let (key, value) = line.split_once(':')?;
                    key.eq_ignore_ascii_case(name).then(|| value.trim())
                })
            };
            let words = |name| {
                field(name)
                    .unwrap_or("")
                    .split_whitespace()
                    .collect::<Vec<_>>()
            };
            if !words("Types").contains(&"deb") || field("Enabled") == Some("no") {
                return None;
            }
            Some(Source {
                uri: words("URIs").first()?.to_string(),
                // A key may also stand here itself; apt's trusted ones must do then.
                keyring: field("Signed-By")
                    .filter(|file| file.starts_with('/'))
                    .map(str::to_owned),
                security: archive(&words("Suites"), &words("Components"), names)?,
            })
        })
        .collect()
}

/// Sources in the format of one line each.
fn one_line(text: &str, names: &[String]) -> Vec<Source> {
    text.lines()
        .filter_map(|line| {
            let rest = line.trim().strip_prefix("deb ")?.trim();
            let (options, rest) = match rest.strip_prefix('[') {
                Some(rest) => rest.split_once(']')?,
                None => ("", rest),
            };
            let words: Vec<&str> = rest.split_whitespace().collect();
            let [uri, suite, components @ ..] = &words[..] else {
                return None;
            };
            let keyring = options
                .split_whitespace()
                .find_map(|option| option.strip_prefix("signed-by="));
            Some(Source {
                uri: (*uri).to_owned(),
                keyring: keyring.map(str::to_owned),
                security: archive(&[suite], components, names)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_both_formats_are_found() {
        let names = ["bookworm".to_owned(), "stable".to_owned()];
        let stanzas = "Types: deb\n# a comment: here\nURIs: http://x/debian\nSuites: bookworm bookworm-updates\n\
            Components: main\nSigned-By: /k.gpg\n\nTypes: deb\nURIs: http://x/sec\nSuites: bookworm-security\n\
            Components: main\n\nTypes: deb\nURIs: http://other\nSuites: nodistro\nComponents: main\n\n\
            Types: deb-src\nURIs: http://x/debian\nSuites: bookworm\nComponents: main\n";
        let lines = "deb [arch=amd64 signed-by=/k.gpg] http://x/debian bookworm main contrib\n\
            deb http://x/sec stable-security main\n# deb http://no bookworm main\ndeb http://other cloud main\n";
        let want = [
            ("http://x/debian", Some("/k.gpg"), false),
            ("http://x/sec", None, true),
        ];
        let want = want.map(|(uri, keyring, security)| Source {
            uri: uri.into(),
            keyring: keyring.map(Into::into),
            security,
        });
        assert_eq!(deb822(stanzas, &names), want);
        assert_eq!(one_line(lines, &names), want);
        assert_eq!(
            want[0].line("sid"),
            "deb [arch=amd64 signed-by=/k.gpg] http://x/debian sid main\n"
        );
        assert_eq!(
            want[1].line("trixie"),
            "deb [arch=amd64] http://x/sec trixie-security main\n"
        );
    }
}
