use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use muster_contract::Role;
use muster_platform::{Clock, ManualClock};
use serde_json::{Value, json};

use super::*;
use crate::auth::{NewToken, TokenKey};

const SEED: [u8; 32] = [7; 32];

struct Setting {
    directory: Directory,
    clock: ManualClock,
}

fn setting(clustercockpit: &str) -> Setting {
    let key = TokenKey::from_seed(&SEED).public_base64();
    let text = format!(
        r#"
            [[project]]
            name = "demo"
            [[project]]
            name = "other"
            domain = "elsewhere"
            [[principal]]
            name = "alice"
            project = "other"
            roles = ["user"]
            token = "fixed"
            duffy_key = "k-1"
            [clustercockpit]
            jwt_public_key = "{key}"
            {clustercockpit}
        "#
    );
    let site = Site::parse(&text, Path::new("site.toml")).unwrap();
    Setting {
        directory: Directory::of_site(&site).unwrap(),
        clock: ManualClock::default(),
    }
}

impl Setting {
    fn now(&self) -> i64 {
        self.clock.now().as_seconds()
    }

    fn principal(&self, token: &str) -> Result<Arc<Principal>, AuthenticationError> {
        let now = self.clock.now();
        let first = self.directory.principal_of_token(token.as_bytes(), now);
        // Remembered or not makes no difference.
        let again = self.directory.principal_of_token(token.as_bytes(), now);
        assert_eq!(first, again);
        first
    }

    fn refused(&self, token: &str) -> AuthenticationError {
        self.principal(token).unwrap_err()
    }
}

/// A token with these parts, signed with `seed`.
fn signed(header: &Value, claims: &Value, seed: &[u8; 32]) -> String {
    use ed25519_dalek::{Signer, SigningKey};
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = SigningKey::from_bytes(seed).sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn good(claims: &Value) -> String {
    signed(&json!({"alg": "EdDSA", "typ": "JWT"}), claims, &SEED)
}

/// The same with HMAC-SHA-256 and the given secret, as an attacker makes it.
fn with_hmac(claims: &Value, secret: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(&json!({"alg": "HS256"})), encode(claims));
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        for (block, secret) in block.iter_mut().zip(secret) {
            *block ^= secret;
        }
        block
    };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(&message)
        .finalize();
    let mac = Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))
}

#[test]
fn a_fixed_token_stands_for_its_principal() {
    let setting = setting("");
    let alice = setting.principal("fixed").unwrap();
    assert_eq!(
        (
            alice.name.as_str(),
            alice.project.as_str(),
            alice.domain.as_str()
        ),
        ("alice", "other", "elsewhere")
    );
    assert_eq!(alice.roles, [Role::User]);
    assert_eq!(setting.refused("fixee"), AuthenticationError::Malformed);
}

#[test]
fn a_signed_token_has_its_own_roles_and_the_principals_project() {
    let setting = setting("default_project = \"demo\"");
    let alice = setting
        .principal(&good(&json!({"sub": "alice", "roles": ["api", "wizard"]})))
        .unwrap();
    assert_eq!(
        (alice.project.as_str(), alice.domain.as_str()),
        ("other", "elsewhere")
    );
    assert_eq!(alice.roles, [Role::Api]);
    let stranger = setting
        .principal(&good(&json!({"sub": "zoe", "roles": ["api"]})))
        .unwrap();
    assert_eq!(
        (stranger.project.as_str(), stranger.domain.as_str()),
        ("demo", "default")
    );
}

#[test]
fn without_a_project_for_strangers_they_are_refused() {
    let setting = setting("");
    let token = good(&json!({"sub": "zoe", "roles": ["api"]}));
    assert_eq!(setting.refused(&token), AuthenticationError::UnknownUser);
}

#[test]
fn validated_users_have_the_roles_of_the_site() {
    let setting = setting("validate_user = true\ndefault_project = \"demo\"");
    let alice = setting
        .principal(&good(&json!({"sub": "alice", "roles": ["admin"]})))
        .unwrap();
    assert_eq!(alice.roles, [Role::User]);
    let token = good(&json!({"sub": "zoe", "roles": ["api"]}));
    assert_eq!(setting.refused(&token), AuthenticationError::UnknownUser);
}

#[test]
fn only_ed25519_is_taken_whatever_the_token_asks_for() {
    use AuthenticationError::{Malformed, WrongAlgorithm, WrongSignature};
    let setting = setting("");
    let claims = json!({"sub": "alice", "roles": ["admin"]});
    let public = STANDARD
        .decode(TokenKey::from_seed(&SEED).public_base64())
        .unwrap();
    let public_text = TokenKey::from_seed(&SEED).public_base64();
    let good = good(&claims);
    let none = signed(&json!({"alg": "none"}), &claims, &SEED);
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    for (what, token, error) in [
        ("none", none, Malformed),
        ("none, no signature", unsigned, Malformed),
        ("HMAC, empty key", with_hmac(&claims, b""), WrongAlgorithm),
        (
            "HMAC, public key",
            with_hmac(&claims, &public),
            WrongAlgorithm,
        ),
        (
            "HMAC, its text",
            with_hmac(&claims, public_text.as_bytes()),
            WrongAlgorithm,
        ),
        (
            "RS256",
            signed(&json!({"alg": "RS256"}), &claims, &SEED),
            WrongAlgorithm,
        ),
        (
            "no algorithm",
            signed(&json!({}), &claims, &SEED),
            Malformed,
        ),
        (
            "somebody else's key",
            signed(&json!({"alg": "EdDSA"}), &claims, &[8; 32]),
            WrongSignature,
        ),
        (
            "its own key",
            signed(
                &json!({"alg": "EdDSA", "jwk": {"kty": "OKP"}}),
                &claims,
                &[8; 32],
            ),
            WrongSignature,
        ),
        (
            "crit",
            signed(&json!({"alg": "EdDSA", "crit": ["x"]}), &claims, &SEED),
            Malformed,
        ),
        ("cut off", good[..good.len() - 2].to_owned(), Malformed),
        (
            "empty signature",
            format!("{}.", good.rsplit_once('.').unwrap().0),
            Malformed,
        ),
        ("four parts", format!("{good}.x"), Malformed),
        (
            "two parts",
            good.rsplit_once('.').unwrap().0.to_owned(),
            Malformed,
        ),
        ("nothing", String::new(), Malformed),
        ("dots", "..".to_owned(), Malformed),
    ] {
        assert_eq!(setting.refused(&token), error, "{what}");
    }
    let (_, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let forged = URL_SAFE_NO_PAD.encode(json!({"sub": "root"}).to_string());
    let (header, _) = good.split_once('.').unwrap();
    assert_eq!(
        setting.refused(&format!("{header}.{forged}.{signature}")),
        WrongSignature
    );
}

#[test]
fn what_a_token_says_of_time_is_held_against_the_clock_given() {
    use AuthenticationError::{Expired, NotYetValid};
    let setting = setting("");
    let now = setting.now();
    let with = |name: &str, seconds: i64| good(&json!({"sub": "alice", name: seconds}));
    assert!(setting.principal(&with("exp", now - 4)).is_ok());
    assert_eq!(setting.refused(&with("exp", now - 5)), Expired);
    assert!(setting.principal(&with("nbf", now + 5)).is_ok());
    assert_eq!(setting.refused(&with("nbf", now + 6)), NotYetValid);
    assert!(setting.principal(&with("iat", 0)).is_ok());

    // Remembered as it is, it still expires.
    let token = with("exp", now + 60);
    assert!(setting.principal(&token).is_ok());
    setting.clock.advance(Duration::from_secs(65));
    assert_eq!(setting.refused(&token), Expired);
}

#[test]
fn a_token_may_be_as_old_as_the_site_allows() {
    let setting = setting("jwt_max_age = \"1h\"");
    let now = setting.now();
    let issued = |at: i64| good(&json!({"sub": "alice", "iat": at}));
    assert!(setting.principal(&issued(now - 3604)).is_ok());
    assert_eq!(
        setting.refused(&issued(now - 3605)),
        AuthenticationError::TooOld
    );
    assert_eq!(
        setting.refused(&good(&json!({"sub": "alice"}))),
        AuthenticationError::TooOld
    );
}

#[test]
fn a_token_says_who_in_the_right_way() {
    let setting = setting("default_project = \"demo\"");
    let longest = "x".repeat(NAME_LIMIT);
    assert!(setting.principal(&good(&json!({"sub": longest}))).is_ok());
    for claims in [
        json!({}),
        json!({"sub": ""}),
        json!({"sub": "a\u{0}"}),
        json!({"sub": "a\nb"}),
        json!({"sub": format!("{longest}x")}),
    ] {
        assert_eq!(
            setting.refused(&good(&claims)),
            AuthenticationError::NoSubject,
            "{claims}"
        );
    }
    for claims in [
        json!({"sub": 7}),
        json!({"sub": null}),
        json!({"sub": "a", "exp": "1"}),
        json!([]),
    ] {
        assert_eq!(
            setting.refused(&good(&claims)),
            AuthenticationError::Malformed,
            "{claims}"
        );
    }
}

#[test]
fn a_key_that_anybody_can_sign_for_is_refused() {
    let mut site = Site::default();
    // The neutral element of the curve.
    let mut weak = [0; 32];
    weak[0] = 1;
    site.clustercockpit.jwt_public_key = Some(weak);
    assert!(Directory::of_site(&site).is_err());
}

#[test]
fn tokens_made_here_are_taken_here() {
    let setting = setting("");
    let now = setting.clock.now();
    let token = TokenKey::from_seed(&SEED).sign(&NewToken {
        subject: "alice",
        roles: &["api", "user"],
        issued_at: now,
        expires_at: Some(now.plus(Duration::from_mins(1))),
    });
    assert_eq!(
        setting.principal(&token).unwrap().roles,
        [Role::User, Role::Api]
    );
}

#[test]
fn a_key_of_duffys_clients_is_no_token_and_the_other_way_round() {
    let setting = setting("");
    let name = |key: &[u8]| {
        let known = setting.directory.principal_of_duffy_key(key);
        known.map(|principal| principal.name.clone())
    };
    assert_eq!(name(b"k-1").as_deref(), Some("alice"));
    for key in [
        b"fixed".as_slice(),
        b"",
        b"k-",
        b"k-12",
        b"K-1",
        b"\0",
        b"\xff",
    ] {
        assert_eq!(name(key), None);
    }
    assert_eq!(setting.refused("k-1"), AuthenticationError::Malformed);
}

#[test]
fn tenants_are_the_projects_of_the_site() {
    let setting = setting("");
    let names: Vec<&str> = setting
        .directory
        .tenants()
        .iter()
        .map(|tenant| tenant.name.as_str())
        .collect();
    assert_eq!(names, ["demo", "other"]);
    let of = |project| setting.directory.principals_of(project).count();
    assert_eq!((of("demo"), of("other")), (0, 1));
}

#[test]
fn says_how_long_agents_may_take() {
    let text = r#"
        [[agent]]
        name = "network"
        [[project]]
        name = "wired"
        session_hooks = { agent = "network", set_up = "2m" }
        [[project]]
        name = "plain"
        [[pool]]
        name = "metal"
        version = "7"
        arch = "x86_64"
        hooks = { agent = "network", contextualize = "30s", attempts = 3 }
        [[pool]]
        name = "cloud"
        version = "8"
        arch = "x86_64"
        hooks = { agent = "network", deprovision = "1h" }
    "#;
    let site = Site::parse(text, Path::new("site.toml")).unwrap();
    let directory = Directory::of_site(&site).unwrap();
    let set_up = |project| directory.session_set_up(project);
    assert_eq!(set_up("wired"), Some(Duration::from_mins(2)));
    assert_eq!((set_up("plain"), set_up("unknown")), (None, None));
    assert_eq!(directory.node_preparation(), Some(Duration::from_secs(90)));
    assert_eq!(setting("").directory.node_preparation(), None);
}
