//! The key that signs the tokens of those who sign in with a password: a file that its owner alone may read.

use std::{fs, io::ErrorKind, io::Write as _, os::unix::fs::OpenOptionsExt, path::Path, process};

use anyhow::{Context as _, Result};
use muster_ingress::TokenKey;
use muster_platform::Settings;

use crate::first_start::new_token_key;

/// The key; made if there is none, unless the settings name a file of their own for it.
pub(crate) fn token_key(settings: &Settings) -> Result<TokenKey> {
    let path = settings.token_key_file();
    if settings.ingress.token_key_file.is_none() && !path.exists() {
        make(&path).with_context(|| format!("the token key {} cannot be made", path.display()))?;
    }
    let text = fs::read_to_string(&path)
        .with_context(|| format!("the token key {} cannot be read", path.display()))?;
    TokenKey::from_base64(&text).with_context(|| format!("the token key {}", path.display()))
}

/// Whoever is first makes it: ingresses of one data directory may start at once.
fn make(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let temporary = path.with_extension(format!("new.{}", process::id()));
    // Left by a start that was cut short.
    let _ = fs::remove_file(&temporary);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    writeln!(file, "{}", new_token_key().private_base64())?;
    file.sync_all()?;
    let linked = match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    };
    fs::remove_file(&temporary)?;
    linked
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_directory: directory.path().to_owned(),
            ..Settings::default()
        };
        let first = token_key(&settings).unwrap().public_base64();
        assert_eq!(token_key(&settings).unwrap().public_base64(), first);
        let path = settings.token_key_file();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Somebody else was faster.
        make(&path).unwrap();
        assert_eq!(token_key(&settings).unwrap().public_base64(), first);
        let files = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1);
    }

    #[test]
    fn a_key_that_an_operator_names_is_never_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("elsewhere.key");
        let mut settings = Settings {
            data_directory: directory.path().to_owned(),
            ..Settings::default()
        };
        settings.ingress.token_key_file = Some(path.clone());
        assert!(token_key(&settings).is_err());
        fs::write(&path, "no key").unwrap();
        assert!(token_key(&settings).is_err());
        let key = new_token_key();
        fs::write(&path, format!("{}\n", key.private_base64())).unwrap();
        let read = token_key(&settings).unwrap();
        assert_eq!(read.public_base64(), key.public_base64());
    }
}
