//! Temporary directories, and copies of directories.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rustix::process::geteuid;
use tempfile::TempDir;

use crate::janitor;

/// Set to anything, temporary directories stay: for looking at a failed test's logs.
const KEEP_VARIABLE: &str = "MUSTER_TEST_KEEP";

/// A directory of its own, removed with all its content when dropped, and also when the test
/// process is killed.
#[derive(Debug)]
pub struct TemporaryDirectory {
    path: PathBuf,
    /// `None` when it is to be kept.
    _owned: Option<TempDir>,
}

impl TemporaryDirectory {
    /// Makes a directory whose name contains `purpose`. Its mode is 700.
    pub fn new(purpose: &str) -> Result<Self> {
        Self::new_in(&std::env::temp_dir(), purpose)
    }

    /// The same below `parent`.
    pub fn new_in(parent: &Path, purpose: &str) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("muster-{purpose}-"))
            .tempdir_in(parent)
            .with_context(|| format!("no temporary directory in {}", parent.display()))?;
        if std::env::var_os(KEEP_VARIABLE).is_some() {
            return Ok(Self {
                path: directory.keep(),
                _owned: None,
            });
        }
        janitor::remove_at_end(directory.path())?;
        Ok(Self {
            path: directory.path().to_owned(),
            _owned: Some(directory),
        })
    }

    /// Where it is, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path below it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

/// Copies the content of `from` with everything below into `to`, which is made if missing.
/// Links are copied as links; permissions are kept, owners are not.
pub fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    copy(from, to).with_context(|| format!("copying {} to {}", from.display(), to.display()))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
        }
        // Sockets and pipes belong to a running server, not to its data.
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

/// Gives `path` and everything below it to another user; only root can.
pub(crate) fn give_to(path: &Path, user: u32, group: u32) -> io::Result<()> {
    std::os::unix::fs::lchown(path, Some(user), Some(group))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give_to(&entry?.path(), user, group)?;
        }
    }
    Ok(())
}

/// Puts a directory in place under its final name in one step, so that nobody sees half of it:
/// `fill` writes into a neighbour of `target`, which is then renamed. When another process was
/// faster, its directory stays.
pub(crate) fn publish_directory(
    target: &Path,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let parent = target
        .parent()
        .with_context(|| format!("{} has no parent", target.display()))?;
    fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    let work = TemporaryDirectory::new_in(parent, "new")?;
    let content = work.join("content");
    fill(&content)?;
    match fs::rename(&content, target) {
        Ok(()) => Ok(()),
        Err(_) if target.is_dir() => Ok(()),
        Err(error) => Err(error).with_context(|| format!("creating {}", target.display())),
    }
}

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_goes_with_its_value() {
        let directory = TemporaryDirectory::new("gone").unwrap();
        let path = directory.path().to_owned();
        fs::write(directory.join("file"), "content").unwrap();
        assert!(path.is_dir());
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn a_copy_has_everything() {
        let directory = TemporaryDirectory::new("copy").unwrap();
        let (from, to) = (directory.join("from"), directory.join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/file"), "content").unwrap();
        std::os::unix::fs::symlink("a/b/file", from.join("link")).unwrap();
        copy_directory(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/b/file")).unwrap(), "content");
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("a/b/file")
        );
    }

    #[test]
    fn the_first_published_directory_stays() {
        let directory = TemporaryDirectory::new("publish").unwrap();
        let target = directory.join("cache/ready");
        for content in ["first", "second"] {
            publish_directory(&target, |work| {
                fs::create_dir(work)?;
                Ok(fs::write(work.join("file"), content)?)
            })
            .unwrap();
        }
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "first");
        assert_eq!(fs::read_dir(directory.join("cache")).unwrap().count(), 1);
    }
}
