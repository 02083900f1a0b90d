//! What can be wrong with a site file, said so that the operator knows where to look.

use std::fmt;
use std::path::PathBuf;

/// A site file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// It is not there or cannot be read.
    #[error("cannot read site file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        reason: std::io::Error,
    },
    /// What it says cannot be: all that was found.
    #[error("{}", lines(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Each thing that is wrong.
        problems: Vec<SiteProblem>,
    },
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteProblem {
    /// Where, counted from 1; `None` when it is about the file as a whole.
    pub line: Option<usize>,
    /// What.
    pub message: String,
}

impl SiteProblem {
    /// Something wrong at byte `offset` of `text`.
    pub(super) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        Self {
            line: Some(before.matches('\n').count() + 1),
            message: message.into(),
        }
    }

    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        match error.span() {
            Some(span) => Self::at(text, span.start, error.message()),
            None => Self {
                line: None,
                message: error.message().to_owned(),
            },
        }
    }
}

impl fmt::Display for SiteProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "line {line}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

fn lines(path: &std::path::Path, problems: &[SiteProblem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{}: {problem}", path.display()))
        .collect::<Vec<_>>()
        .join("\n")
}
