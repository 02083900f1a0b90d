//! The other half of a token's public key: signing tokens, for operators who have no other issuer.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{KEYPAIR_LENGTH, SECRET_KEY_LENGTH, Signer, SigningKey, VerifyingKey};
use muster_platform::Timestamp;
use serde_json::{Value, json};

/// A private key that tokens in ClusterCockpit's form are signed with.
#[derive(Debug, Clone)]
pub struct TokenKey {
    key: SigningKey,
}

/// A text that is no private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no Ed25519 private key: standard base64 of the 32 bytes of the seed, or of the 64 bytes of seed and public key"
)]
pub struct TokenKeyError;

/// What a token is to say.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    /// Who (claim `sub`).
    pub subject: &'a str,
    /// What that user may do, by the names of [`muster_contract::Role`].
    pub roles: &'a [&'a str],
    /// When it is issued.
    pub issued_at: Timestamp,
    /// Until when it is valid; `None` = until the site no longer takes it.
    pub expires_at: Option<Timestamp>,
}

impl TokenKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; SECRET_KEY_LENGTH]) -> Self {
        Self {
            key: SigningKey::from_bytes(seed),
        }
    }

    /// From the form in which cc-backend keeps `JWT_PRIVATE_KEY`.
    ///
    /// # Errors
    /// The text is no such key.
    pub fn from_base64(text: &str) -> Result<Self, TokenKeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| TokenKeyError)?;
        if let Ok(seed) = <[u8; SECRET_KEY_LENGTH]>::try_from(bytes.as_slice()) {
            return Ok(Self::from_seed(&seed));
        }
        let pair = <[u8; KEYPAIR_LENGTH]>::try_from(bytes.as_slice()).map_err(|_| TokenKeyError)?;
        let key = SigningKey::from_keypair_bytes(&pair).map_err(|_| TokenKeyError)?;
        Ok(Self { key })
    }

    /// The other half.
    pub(super) fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// As cc-backend's `JWT_PRIVATE_KEY`: base64 of seed and public key.
    #[must_use]
    pub fn private_base64(&self) -> String {
        STANDARD.encode(self.key.to_keypair_bytes())
    }

    /// As the site's `jwt_public_key` and cc-backend's `JWT_PUBLIC_KEY`.
    #[must_use]
    pub fn public_base64(&self) -> String {
        STANDARD.encode(self.key.verifying_key().as_bytes())
    }

    /// The token: a JWT, `EdDSA`, with the claims `sub`, `roles`, `iat` and, if asked for, `exp`.
    #[must_use]
    pub fn sign(&self, token: &NewToken<'_>) -> String {
        let mut claims = json!({
            "sub": token.subject,
            "roles": token.roles,
            "iat": token.issued_at.as_seconds(),
        });
        if let (Some(expires_at), Some(claims)) = (token.expires_at, claims.as_object_mut()) {
            claims.insert("exp".to_owned(), expires_at.as_seconds().into());
        }
        self.sign_claims(&claims)
    }

    /// A JWT, `EdDSA`, with these claims.
    pub(super) fn sign_claims(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "typ": "JWT"});
        let mut signed = URL_SAFE_NO_PAD.encode(header.to_string());
        signed.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut signed);
        let signature = self.key.sign(signed.as_bytes());
        signed.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.to_bytes(), &mut signed);
        signed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_being_written() {
        let key = TokenKey::from_seed(&[7; 32]);
        let private = key.private_base64();
        assert_eq!(STANDARD.decode(&private).unwrap().len(), KEYPAIR_LENGTH);
        for text in [
            &private,
            &STANDARD.encode([7; 32]),
            &format!(" {private}\n"),
        ] {
            let read = TokenKey::from_base64(text).unwrap();
            assert_eq!(read.public_base64(), key.public_base64());
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let mut mismatched = [7; 64];
        mismatched[..32].fill(8);
        for text in ["", "AQID", "not base64!", &STANDARD.encode(mismatched)] {
            assert!(TokenKey::from_base64(text).is_err(), "{text}");
        }
    }
}
