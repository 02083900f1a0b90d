//! The keys that the parts, the agents and the producers sign in to NATS with: `<part>.nk`, `agent-<name>.nk` and
//! `producer-<name>.nk`, one nkey seed each, mode 600. The server's configuration holds the public halves.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use muster_contract::Part;
use nkeys::KeyPair;

/// Where the part's seed is.
pub(crate) fn path(directory: &Path, part: Part) -> PathBuf {
    directory.join(format!("{part}.nk"))
}

/// Where the agent's seed is. Agents have names of hosts, which are good for a file.
pub(crate) fn agents_path(directory: &Path, agent: &str) -> PathBuf {
    directory.join(format!("agent-{agent}.nk"))
}

/// Where the producer's seed is. Producers have names of hosts, too.
pub(crate) fn producers_path(directory: &Path, producer: &str) -> PathBuf {
    directory.join(format!("producer-{producer}.nk"))
}

/// The part's seed.
pub(crate) fn read(directory: &Path, part: Part) -> Result<String> {
    read_file(&path(directory, part))
}

/// The seed in a file.
pub(crate) fn read_file(path: &Path) -> Result<String> {
    let seed = fs::read_to_string(path)
        .with_context(|| format!("the NATS key {} cannot be read", path.display()))?;
    Ok(seed.trim().to_owned())
}

/// The part's public key; makes the key if there is none.
pub(crate) fn public_key(directory: &Path, part: Part) -> Result<String> {
    public_key_in(&path(directory, part))
}

/// The agent's public key; makes the key if there is none.
pub(crate) fn agents_public_key(directory: &Path, agent: &str) -> Result<String> {
    public_key_in(&agents_path(directory, agent))
}

/// The producer's public key; makes the key if there is none.
pub(crate) fn producers_public_key(directory: &Path, producer: &str) -> Result<String> {
    public_key_in(&producers_path(directory, producer))
}

fn public_key_in(path: &Path) -> Result<String> {
    if !path.exists() {
        let seed = KeyPair::new_user().seed()?;
        write_secret(path, &format!("{seed}\n"))?;
    }
    let pair = KeyPair::from_seed(&read_file(path)?)
        .with_context(|| format!("no nkey seed: {}", path.display()))?;
    Ok(pair.public_key())
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let temporary = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        // Left by a start that was cut short.
        let _ = fs::remove_file(&temporary);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let first = public_key(directory.path(), Part::Ingress).unwrap();
        let second = public_key(directory.path(), Part::Ingress).unwrap();
        assert_eq!(first, second);
        assert_ne!(
            first,
            public_key(directory.path(), Part::JobArchive).unwrap()
        );
        let agents = agents_public_key(directory.path(), "ingress").unwrap();
        assert_ne!(first, agents);
        let file = path(directory.path(), Part::Ingress);
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
