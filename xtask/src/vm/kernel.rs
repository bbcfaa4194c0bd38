//! A guest's kernel: looked up in its suite, fetched once, kept in the cache folder.
//!
//! Which version a suite has is asked at most once a day; a version that is in the cache is not fetched again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::apt::Suite;
use super::guests::Guest;
use crate::tools::say;

/// Always the newest cloud kernel of a suite.
const META_PACKAGE: &str = "linux-image-cloud-amd64";
const ASK_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// A kernel that can be booted.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    /// Its version and Debian's, such as `6.12.118-1`.
    pub(crate) version: String,
    pub(crate) image: PathBuf,
}

/// The kernel of a guest.
pub(crate) fn get(guest: &Guest, cache: &Path) -> Result<Kernel> {
    let folder = cache.join("kernels").join(guest.name);
    let latest = folder.join("latest");
    if is_younger(&latest, ASK_AGAIN)
        && let Some(kernel) = cached(&folder, &latest)
    {
        return Ok(kernel);
    }
    match fetch(guest, &folder) {
        Ok(kernel) => {
            fs::write(&latest, &kernel.version)?;
            Ok(kernel)
        }
        Err(error) => match cached(&folder, &latest) {
            Some(kernel) => {
                say!(
                    "{}: {error:#}; {} of an earlier run is used",
                    guest.name,
                    kernel.version
                );
                Ok(kernel)
            }
            None => Err(error),
        },
    }
}

fn is_younger(file: &Path, age: Duration) -> bool {
    let modified = fs::metadata(file).and_then(|found| found.modified());
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|elapsed| elapsed < age))
}

fn cached(folder: &Path, latest: &Path) -> Option<Kernel> {
    let version = fs::read_to_string(latest).ok()?.trim().to_owned();
    let image = image_path(folder, &version);
    image.is_file().then_some(Kernel { version, image })
}

fn image_path(folder: &Path, version: &str) -> PathBuf {
    folder.join(format!("vmlinuz-{version}"))
}

fn fetch(guest: &Guest, folder: &Path) -> Result<Kernel> {
    say!(
        "{}: asking Debian {} for its kernel",
        guest.name,
        guest.suite
    );
    let suite = Suite::update(guest.suite, folder.join("apt"))?;
    let missing = || format!("Debian {} has no package {META_PACKAGE}", guest.suite);
    let version = suite
        .field(META_PACKAGE, "Version")?
        .with_context(missing)?;
    let depends = suite
        .field(META_PACKAGE, "Depends")?
        .with_context(missing)?;
    let image = image_path(folder, &version);
    if !image.is_file() {
        let package = image_package(&depends)
            .with_context(|| format!("{META_PACKAGE} depends on no image: {depends}"))?;
        let partial = folder.join("partial");
        let _ = fs::remove_dir_all(&partial);
        // Since Linux 7 the image package only depends on the one that has the image.
        let binary = package.replacen("linux-image-", "linux-binary-", 1);
        let packages = [binary, package];
        let found = packages.iter().find_map(|package| {
            suite.field(package, "Version").ok().flatten()?;
            say!("{}: fetching {package} {version}", guest.name);
            let unpacked = suite.unpack(package, &partial);
            match unpacked.and_then(|()| find_image(&partial)) {
                Ok(image) => Some(image),
                Err(error) => {
                    say!("{}: {error:#}", guest.name);
                    None
                }
            }
        });
        let Some(found) = found else {
            bail!("no kernel image in {}", packages.join(" nor "));
        };
        fs::rename(&found, &image).with_context(|| format!("creating {}", image.display()))?;
        fs::remove_dir_all(&partial)?;
    }
    Ok(Kernel { version, image })
}

/// The package of one version, in the text of a `Depends` field.
fn image_package(depends: &str) -> Option<String> {
    let mut names = depends
        .split(',')
        .filter_map(|d| d.split_whitespace().next());
    names
        .find(|name| {
            let version = name.strip_prefix("linux-image-").unwrap_or("");
            version.starts_with(|c: char| c.is_ascii_digit())
        })
        .map(str::to_owned)
}

/// `boot/vmlinuz-VERSION` or `usr/lib/modules/VERSION/vmlinuz`.
fn find_image(folder: &Path) -> Result<PathBuf> {
    let mut places = vec![folder.join("boot")];
    for modules in ["usr/lib/modules", "lib/modules"] {
        let entries = fs::read_dir(folder.join(modules)).into_iter().flatten();
        places.extend(entries.flatten().map(|entry| entry.path()));
    }
    for place in places {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("vmlinuz") {
                return Ok(entry.path());
            }
        }
    }
    bail!("the package holds no vmlinuz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_package_is_the_one_with_a_version() {
        for (depends, want) in [
            (
                "linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)",
                Some("linux-image-6.1.0-56-cloud-amd64"),
            ),
            (
                "linux-base-cloud-amd64 (= 7.2.13-1), linux-image-7.2.13+deb14-cloud-amd64 (= 7.2.13-1)",
                Some("linux-image-7.2.13+deb14-cloud-amd64"),
            ),
            ("linux-image-cloud-amd64, linux-base", None),
        ] {
            assert_eq!(image_package(depends).as_deref(), want);
        }
    }
}
