//! What can be wrong with settings, said so that the operator knows where to look.

use std::fmt;
use std::path::PathBuf;

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is not there or cannot be read.
    #[error("cannot read settings file {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        reason: std::io::Error,
    },
    /// The file is no TOML.
    #[error("settings file {} is not valid TOML: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        reason: String,
    },
    /// Keys that are not known, values that cannot be used: all of them.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A key nobody reads.
    UnknownKey {
        /// The key as given.
        key: String,
        /// Where it was given.
        source: String,
        /// The known key most like it.
        nearest: Option<String>,
    },
    /// A value that cannot be used for its key.
    BadValue {
        /// The key.
        key: String,
        /// The value as given, secrets masked.
        value: String,
        /// Where it was given.
        source: String,
        /// What is wrong with it or what is expected instead.
        expected: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey {
                key,
                source,
                nearest,
            } => {
                write!(formatter, "unknown setting {key} (from {source})")?;
                match nearest {
                    Some(nearest) => write!(formatter, ": did you mean {nearest}?"),
                    None => Ok(()),
                }
            }
            Self::BadValue {
                key,
                value,
                source,
                expected,
            } => write!(
                formatter,
                "setting {key} cannot be {value:?} (from {source}): {expected}"
            ),
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(Problem::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
