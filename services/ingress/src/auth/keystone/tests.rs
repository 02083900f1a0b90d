use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

/// What the tokens of these tests are valid until.
const END: i64 = 1_800_000_000;

fn roles(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| json!({"id": "r", "name": name}))
        .collect()
}

fn answer(roles: &Value) -> Value {
    json!({"token": {
        "methods": ["password"],
        "user": {"id": "u-1", "name": "alice", "domain": {"id": "default", "name": "Default"}},
        "project": {"id": "p-1", "name": "demo", "domain": {"id": "default", "name": "Default"}},
        "roles": roles,
        "expires_at": Timestamp::from_seconds(END).to_rfc3339(),
        "issued_at": "2026-01-01T00:00:00.000000Z",
    }})
}

/// A Keystone that knows some tokens, and how often it was asked.
async fn keystone(asked: Arc<AtomicUsize>) -> String {
    async fn tokens(State(asked): State<Arc<AtomicUsize>>, headers: HeaderMap) -> Response {
        asked.fetch_add(1, Ordering::SeqCst);
        let token = |name| headers[name].to_str().unwrap().to_owned();
        assert_eq!(token("x-auth-token"), token("x-subject-token"));
        match token("x-auth-token").as_str() {
            "member" => axum::Json(answer(&roles(&["reader", "Member"]))).into_response(),
            "admin" => axum::Json(answer(&roles(&["admin", "member"]))).into_response(),
            "reader" => axum::Json(answer(&roles(&["reader"]))).into_response(),
            "stranger" => axum::Json(answer(&roles(&["heat_stack_user"]))).into_response(),
            "unscoped" => {
                let mut answer = answer(&roles(&[]));
                answer["token"].as_object_mut().unwrap().remove("project");
                axum::Json(answer).into_response()
            }
            "strange-name" => {
                let mut answer = answer(&roles(&["member"]));
                answer["token"]["user"]["id"] = json!("a\nb");
                axum::Json(answer).into_response()
            }
            "nonsense" => "{}".into_response(),
            "broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            "forgotten" => StatusCode::NOT_FOUND.into_response(),
            "endless" => vec![b' '; ANSWER_LIMIT + 1].into_response(),
            _ => StatusCode::UNAUTHORIZED.into_response(),
        }
    }
    let router = Router::new()
        .route("/identity/v3/auth/tokens", get(tokens))
        .with_state(asked);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/identity/v3")
}

fn client(url: String) -> Keystone {
    Keystone::new(&site::Keystone { url }).unwrap()
}

#[tokio::test]
async fn keystone_says_who_it_is_and_what_may_be_done() {
    let keystone = client(keystone(Arc::default()).await);
    let now = Timestamp::from_seconds(END - 600);
    let of = async |token: &str| keystone.principal_of(token.as_bytes(), now).await;
    for (token, roles) in [
        ("member", vec![Role::User]),
        ("admin", vec![Role::Admin]),
        ("reader", vec![]),
    ] {
        let principal = of(token).await.unwrap();
        assert_eq!(
            (
                principal.name.as_str(),
                principal.project.as_str(),
                principal.domain.as_str()
            ),
            ("u-1", "p-1", "Default")
        );
        assert_eq!(principal.roles, roles, "{token}");
    }
    for token in ["stranger", "unscoped", "strange-name"] {
        let error = of(token).await.unwrap_err();
        assert!(
            matches!(error, KeystoneError::Forbidden(_)),
            "{token}: {error}"
        );
    }
    let too_long = "x".repeat(TOKEN_LIMIT + 1);
    for token in ["unknown", "forgotten", "new\nline", too_long.as_str()] {
        assert_eq!(
            of(token).await.unwrap_err(),
            KeystoneError::Unknown,
            "{token}"
        );
    }
    for token in ["broken", "nonsense", "endless"] {
        let error = of(token).await.unwrap_err();
        assert!(matches!(error, KeystoneError::Away(_)), "{token}: {error}");
    }
}

#[tokio::test]
async fn what_keystone_said_is_believed_for_a_while_and_never_past_the_tokens_end() {
    let asked = Arc::new(AtomicUsize::new(0));
    let keystone = client(keystone(Arc::clone(&asked)).await);
    let of = async |token: &str, now| {
        let found = keystone.principal_of(token.as_bytes(), now).await;
        (found.is_ok(), asked.load(Ordering::SeqCst))
    };
    let now = Timestamp::from_seconds(END - 90);
    assert_eq!(of("member", now).await, (true, 1));
    assert_eq!(of("member", now.plus(BELIEVED / 2)).await, (true, 1));
    assert_eq!(of("admin", now).await, (true, 2));
    assert_eq!(of("member", now.plus(BELIEVED)).await, (true, 3));
    assert_eq!(
        of("member", Timestamp::from_seconds(END - 1)).await,
        (true, 3)
    );
    assert!(!of("member", Timestamp::from_seconds(END)).await.0);
    // What it does not know may become known.
    assert!(!of("unknown", now).await.0);
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(of("unknown", now).await, (false, before + 1));
}

#[tokio::test]
async fn a_keystone_that_is_away_is_told_from_a_token_that_is_wrong() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let keystone = client(format!("http://{address}/v3"));
    let error = keystone
        .principal_of(b"member", Timestamp::from_seconds(1))
        .await
        .unwrap_err();
    assert!(matches!(error, KeystoneError::Away(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_keystone_that_does_not_answer_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let keystone = client(format!("http://{address}/v3"));
    let error = keystone
        .principal_of(b"member", Timestamp::from_seconds(1))
        .await
        .unwrap_err();
    assert_eq!(error, KeystoneError::Away("no answer in 5s".to_owned()));
}
