//! Who calls: principals of the site, their fixed tokens, and tokens signed elsewhere.

mod claims;
mod directory;
mod headers;
mod token_key;
mod verified;
mod verifier;

pub(crate) use headers::token_of;

pub use directory::{Directory, DirectoryError};
pub use token_key::{NewToken, TokenKey, TokenKeyError};
