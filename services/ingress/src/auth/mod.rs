//! Who calls: principals of the site, their fixed tokens and passwords, and tokens signed elsewhere.

mod claims;
mod compute;
mod directory;
mod headers;
mod keystone;
mod password_checks;
mod sign_in;
mod token_key;
mod verified;
mod verifier;
mod wrong_passwords;

pub(crate) use compute::KeyPair;
pub(crate) use directory::AuthenticationError;
pub(crate) use headers::{X_AUTH_TOKEN, token_of};
pub(crate) use keystone::KeystoneError;
pub(crate) use sign_in::{NewSignIn, SignIn, SignInError, SignedIn, for_project};

pub use directory::{Directory, DirectoryError};
pub use token_key::{NewToken, TokenKey, TokenKeyError};
