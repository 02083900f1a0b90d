//! Why a request becomes no command.

/// Why a request becomes no command, in words for its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It cannot be read, or what it says cannot be.
    #[error("{0}")]
    Invalid(String),
    /// Its sender may not ask for that.
    #[error("{0}")]
    Forbidden(String),
}

impl RequestError {
    /// It cannot be read, or what it says cannot be.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}
