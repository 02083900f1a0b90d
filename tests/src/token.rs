//! ClusterCockpit's tokens (JWT), put together by hand so that forged ones can be made too.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use muster_platform::{Clock as _, SystemClock};
use serde_json::{Value, json};

/// The key whose public half the test site has.
#[must_use]
pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// A key the site does not know.
#[must_use]
pub fn other_key() -> SigningKey {
    SigningKey::from_bytes(&[8; 32])
}

/// Now: seconds since 1970 UTC.
#[must_use]
pub fn now() -> i64 {
    SystemClock.now().as_seconds()
}

/// The claims of an ordinary token of this user.
#[must_use]
pub fn claims(user: &str, roles: &[&str]) -> Value {
    json!({ "sub": user, "roles": roles, "iat": now(), "exp": now() + 3600 })
}

/// A good token.
#[must_use]
pub fn good(user: &str, roles: &[&str]) -> String {
    signed(&key(), &claims(user, roles))
}

/// A token with these claims, signed with this key.
#[must_use]
pub fn signed(key: &SigningKey, claims: &Value) -> String {
    let text = unsigned(&json!({ "alg": "EdDSA", "typ": "JWT" }), claims);
    let signature = key.sign(text.as_bytes()).to_bytes();
    with_signature(&text, &signature)
}

/// Header and claims, encoded, without the signature and the dot before it.
#[must_use]
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// A whole token from what [`unsigned`] made.
#[must_use]
pub fn with_signature(unsigned: &str, signature: &[u8]) -> String {
    format!("{unsigned}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
