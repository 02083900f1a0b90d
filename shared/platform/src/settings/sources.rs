//! Where settings are read from.

use std::ffi::OsString;
use std::path::PathBuf;

/// The file read when none is named and it is there, in the current directory.
pub const DEFAULT_FILE: &str = "muster.toml";

/// The environment variable that names the file. It is no setting itself.
pub const CONFIG_VARIABLE: &str = "MUSTER_CONFIG";

/// A value given by the caller, above all other layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Dotted key, such as `nats.url`.
    pub key: String,
    /// The value as text, as it would stand in an environment variable.
    pub value: String,
    /// What the operator typed, such as `--listen`: named in errors and explanations.
    pub label: String,
}

impl Override {
    /// The value of `key`, given by `label`.
    #[must_use]
    pub fn new(key: impl Into<String>, value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
            label: label.into(),
        }
    }
}

/// Where settings are read from. [`Sources::default`] reads nothing at all: built-in defaults only.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A file that has to be there.
    pub file: Option<PathBuf>,
    /// A file that is read if it is there and `file` is not given.
    pub optional_file: Option<PathBuf>,
    /// Environment variables; only those that begin with `MUSTER__` are looked at.
    pub environment: Vec<(OsString, OsString)>,
    /// Above all other layers; of two for one key the later one wins.
    pub overrides: Vec<Override>,
}

impl Sources {
    /// What a process reads: the file `config` (the `--config` flag), else the one named by
    /// `MUSTER_CONFIG`, else `muster.toml` in the current directory if there is one; the process'
    /// environment; and `overrides`.
    #[must_use]
    pub fn of_process(config: Option<PathBuf>, overrides: Vec<Override>) -> Self {
        let named = std::env::var_os(CONFIG_VARIABLE).filter(|path| !path.is_empty());
        Self {
            file: config.or_else(|| named.map(PathBuf::from)),
            optional_file: Some(DEFAULT_FILE.into()),
            environment: std::env::vars_os().collect(),
            overrides,
        }
    }
}
