//! Checking a token's signature. `EdDSA` with Ed25519 and nothing else: the algorithm is chosen here
//! and not by the token, so that neither `none` nor a key used for another algorithm gets anybody in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, decode_header};
use serde::de::DeserializeOwned;

use super::TokenKey;
use super::directory::AuthenticationError;

/// Checks signatures with one public key.
#[derive(Debug, Clone)]
pub(super) struct Verifier {
    key: VerifyingKey,
}

impl Verifier {
    /// `None` when the bytes are no key, or one of the few that accept signatures nobody made.
    pub(super) fn new(public_key: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(public_key).ok()?;
        (!key.is_weak()).then_some(Self { key })
    }

    /// Of what is signed here.
    pub(super) fn of_key(key: &TokenKey) -> Self {
        Self {
            key: key.verifying_key(),
        }
    }

    /// What the token says, if the holder of the private key said it. Whether it is still valid is
    /// not looked at.
    pub(super) fn claims<C: DeserializeOwned>(
        &self,
        token: &[u8],
    ) -> Result<C, AuthenticationError> {
        use AuthenticationError::{Malformed, WrongAlgorithm, WrongSignature};

        let header = decode_header(token).map_err(|_| Malformed)?;
        if header.alg != Algorithm::EdDSA {
            return Err(WrongAlgorithm);
        }
        // An extension that must be understood is not (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(Malformed);
        }
        let dot = token
            .iter()
            .rposition(|byte| *byte == b'.')
            .ok_or(Malformed)?;
        let (signed, rest) = token.split_at_checked(dot).ok_or(Malformed)?;
        let signature = rest
            .get(1..)
            .and_then(|signature| URL_SAFE_NO_PAD.decode(signature).ok())
            .and_then(|signature| Signature::from_slice(&signature).ok())
            .ok_or(Malformed)?;
        self.key
            .verify_strict(signed, &signature)
            .map_err(|_| WrongSignature)?;
        // "Insecure" no more: the signature over them has just been checked.
        insecure_decode_claims(token).map_err(|_| Malformed)
    }
}
