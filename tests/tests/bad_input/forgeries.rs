//! Tokens that must let nobody in.

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use muster_tests::{jobs, site, token};
use ring::hmac;
use serde_json::{Value, json};

type Named = (&'static str, String);

/// Each with what is wrong with it.
pub(crate) fn refused() -> Vec<Named> {
    let claims = token::claims("carol", &["api"]);
    let mut tokens = strangers();
    tokens.extend(wrong_claims(&claims));
    tokens.extend(wrong_signatures(&claims));
    tokens.extend(wrong_algorithms(&claims));
    tokens
}

/// No signed tokens, and not quite the fixed one.
fn strangers() -> Vec<Named> {
    vec![
        ("garbage", "garbage".to_owned()),
        ("of dots", "..".to_owned()),
        ("part of a fixed one", site::ALPHA_API[..20].to_owned()),
        ("a fixed one and more", format!("{}x", site::ALPHA_API)),
        ("a fixed one in capitals", site::ALPHA_API.to_uppercase()),
        ("the digest of a fixed one", "0".repeat(64)),
    ]
}

/// Signed with the right key.
fn wrong_claims(claims: &Value) -> Vec<Named> {
    let with = |changes: Value| token::signed(&token::key(), &jobs::with(claims.clone(), &changes));
    vec![
        ("expired", with(json!({ "exp": token::now() - 60 }))),
        ("expired long ago", with(json!({ "exp": 0 }))),
        ("expired before time began", with(json!({ "exp": -1 }))),
        ("not yet valid", with(json!({ "nbf": token::now() + 600 }))),
        ("exp that is text", with(json!({ "exp": "9999999999" }))),
        ("nobody's", with(json!({ "sub": null }))),
        ("of an empty name", with(json!({ "sub": "" }))),
        ("of a number", with(json!({ "sub": 7 }))),
        (
            "with a NUL in its user",
            with(json!({ "sub": "carol\u{0}" })),
        ),
        ("whose claims are no object", signed_text("[]")),
        ("whose claims are no JSON", signed_text("{")),
        ("whose claims are empty", signed_text("")),
    ]
}

fn wrong_signatures(claims: &Value) -> Vec<Named> {
    let key = token::key();
    let good = token::signed(&key, claims);
    let (signed, signature) = good.rsplit_once('.').unwrap_or_default();
    let administrator = token::unsigned(
        &json!({ "alg": "EdDSA", "typ": "JWT" }),
        &token::claims("admin", &["api", "admin"]),
    );
    let moved = moved(&key.sign(signed.as_bytes()).to_bytes());
    vec![
        ("of another key", token::signed(&token::other_key(), claims)),
        ("with a key of its own", own_key(claims)),
        ("cut off", good[..good.len() - 4].to_owned()),
        ("without a signature", format!("{signed}.")),
        ("without its last part", signed.to_owned()),
        ("with a part too many", format!("{good}.{signature}")),
        ("tampered with", format!("{administrator}.{signature}")),
        (
            "with a signature of zeros",
            token::with_signature(signed, &[0; 64]),
        ),
        (
            "with a signature moved by the group's order",
            token::with_signature(signed, &moved),
        ),
    ]
}

/// What is signed with a secret everybody knows is signed by nobody.
fn wrong_algorithms(claims: &Value) -> Vec<Named> {
    let header = |algorithm: &Value| json!({ "alg": algorithm, "typ": "JWT" });
    let mac = |algorithm: hmac::Algorithm, name: &str, secret: &[u8]| {
        let text = token::unsigned(&header(&json!(name)), claims);
        let tag = hmac::sign(&hmac::Key::new(algorithm, secret), text.as_bytes());
        token::with_signature(&text, tag.as_ref())
    };
    let signed = |algorithm: Value| {
        let text = token::unsigned(&header(&algorithm), claims);
        let signature = token::key().sign(text.as_bytes()).to_bytes();
        token::with_signature(&text, &signature)
    };
    let unsecured = |name: &str| token::unsigned(&header(&json!(name)), claims);
    let public = token::key().verifying_key();
    let public_text = BASE64_STANDARD.encode(public.as_bytes());
    vec![
        ("alg none", format!("{}.", unsecured("none"))),
        ("alg none, two parts", unsecured("none")),
        ("alg None", format!("{}.", unsecured("None"))),
        ("alg none, signed", signed(json!("none"))),
        (
            "HS256 with an empty key",
            mac(hmac::HMAC_SHA256, "HS256", b""),
        ),
        (
            "HS384 with an empty key",
            mac(hmac::HMAC_SHA384, "HS384", b""),
        ),
        (
            "HS512 with an empty key",
            mac(hmac::HMAC_SHA512, "HS512", b""),
        ),
        (
            "HS256 with the public key's bytes",
            mac(hmac::HMAC_SHA256, "HS256", public.as_bytes()),
        ),
        (
            "HS256 with the public key's text",
            mac(hmac::HMAC_SHA256, "HS256", public_text.as_bytes()),
        ),
        (
            "EdDSA and yet a MAC with an empty key",
            mac(hmac::HMAC_SHA256, "EdDSA", b""),
        ),
        ("HS256, signed with the right key", signed(json!("HS256"))),
        ("RS256, signed with the right key", signed(json!("RS256"))),
        ("ES256, signed with the right key", signed(json!("ES256"))),
        ("alg null", signed(Value::Null)),
    ]
}

/// Brings its own key along in the header (`jwk`), as RFC 7515 §4.1.3 allows to those who trust it.
fn own_key(claims: &Value) -> String {
    let key = token::other_key();
    let x = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let header = json!({
        "alg": "EdDSA", "typ": "JWT", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x },
    });
    let text = token::unsigned(&header, claims);
    let signature = key.sign(text.as_bytes()).to_bytes();
    token::with_signature(&text, &signature)
}

/// A well signed token with this text in place of claims.
fn signed_text(claims: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT"}"#);
    let text = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
    let signature = token::key().sign(text.as_bytes()).to_bytes();
    token::with_signature(&text, &signature)
}

/// The signature with the order of the group added to its second half: the same modulo the order,
/// which a careless check takes for the same signature (RFC 8032 §5.1.7 forbids it).
fn moved(signature: &[u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut moved = *signature;
    let mut carry = 0;
    for (byte, addend) in moved.iter_mut().skip(32).zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(addend) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    moved
}
