//! The kernels of the matrix: Debian's cloud kernels, one per suite.

use anyhow::{Result, bail};

/// A kernel to run the tests on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    /// What `--kernel` calls it; also in the skip list.
    pub(crate) name: &'static str,
    /// The Debian suite that has it.
    pub(crate) suite: &'static str,
    /// Whether the suite moves: its version is never the same for long, and may be missing for a day.
    pub(crate) moving: bool,
}

/// Oldest first. The last is whatever sid has.
pub(crate) const GUESTS: [Guest; 4] = [
    guest("5.10", "bullseye"),
    guest("6.1", "bookworm"),
    guest("6.12", "trixie"),
    Guest {
        name: "sid",
        suite: "sid",
        moving: true,
    },
];

const fn guest(name: &'static str, suite: &'static str) -> Guest {
    Guest {
        name,
        suite,
        moving: false,
    }
}

/// The guests of a `--kernel` value: names separated by commas, or `all`. `7.2`, or whatever sid had when somebody
/// wrote that, is sid.
pub(crate) fn chosen(list: &str) -> Result<Vec<&'static Guest>> {
    let mut chosen = Vec::new();
    for word in list.split(',') {
        match GUESTS.iter().find(|guest| guest.name == word) {
            Some(guest) => chosen.push(guest),
            None if word == "all" => chosen.extend(&GUESTS),
            None if word.starts_with("7.") => chosen.extend(GUESTS.last()),
            None => bail!("no kernel {word}: 5.10, 6.1, 6.12, sid (7.x) or all"),
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_by_name() -> Result<()> {
        let names = |list| -> Result<Vec<_>> { Ok(chosen(list)?.iter().map(|g| g.name).collect()) };
        assert_eq!(names("6.1")?, ["6.1"]);
        assert_eq!(names("7.2,5.10")?, ["sid", "5.10"]);
        assert_eq!(names("all")?, ["5.10", "6.1", "6.12", "sid"]);
        assert!(names("4.19").is_err());
        Ok(())
    }
}
