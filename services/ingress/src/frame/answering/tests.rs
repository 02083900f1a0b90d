use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use muster_platform::SequentialIds;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::super::request_context::{COMMAND_ID, REQUEST_ID};
use super::super::router::framed;
use super::*;

fn answering() -> Answering {
    Answering {
        ids: Arc::new(SequentialIds::new()),
        metrics: Metrics::new("test", "one").unwrap(),
    }
}

fn failing(kind: FailureKind) -> impl Fn() -> std::future::Ready<Failure> + Clone {
    move || std::future::ready(Failure::new(kind, "on purpose").because("a secret"))
}

fn endpoints() -> Router {
    Router::new()
        .route("/api/good/{id}", post(|| async { StatusCode::NO_CONTENT }))
        .route("/api/away", get(failing(FailureKind::Unavailable)))
        .route("/api/stranger", get(failing(FailureKind::Unauthenticated)))
        .route("/api/large", get(failing(FailureKind::TooLarge)))
        .route(
            "/api/read",
            post(|request: Request| async move {
                let context = request.extensions().get::<Arc<RequestContext>>().unwrap();
                context.body_read.set(()).unwrap();
                StatusCode::NO_CONTENT
            }),
        )
        .route(
            "/api/panic",
            get(|| async { "row 7".parse::<u8>().unwrap().to_string() }),
        )
        .route(
            "/api/command",
            get(|request: Request| async move {
                let context = request.extensions().get::<Arc<RequestContext>>().unwrap();
                context.command_id.set(SequentialIds::nth(99)).unwrap();
                Failure::new(FailureKind::NotYet, "not yet")
            }),
        )
        .route("/api/never", get(std::future::pending::<()>))
}

async fn send(method: Method, path: &str) -> Response {
    send_with(method, path, Body::empty()).await
}

async fn send_with(method: Method, path: &str, body: Body) -> Response {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(body).unwrap();
    let answer = framed(endpoints(), answering()).oneshot(request).await;
    answer.unwrap()
}

async fn body(response: Response) -> Value {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn header(response: &Response, name: impl axum::http::header::AsHeaderName) -> &str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn what_does_not_fail_is_left_as_it_is() {
    let response = send(Method::POST, "/api/good/1").await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        header(&response, REQUEST_ID),
        SequentialIds::nth(1).to_string()
    );
    assert_eq!(header(&response, COMMAND_ID), "");
}

#[tokio::test]
async fn a_failure_has_the_form_of_the_dialect_that_owns_the_path() {
    let response = send(Method::GET, "/api/nowhere").await;
    assert_eq!(response.status(), 404);
    let message = "there is nothing at this path";
    assert_eq!(
        body(response).await,
        json!({"status": "Not Found", "error": message})
    );
    let response = send(Method::GET, "/nowhere").await;
    assert_eq!(header(&response, CONTENT_TYPE), "application/problem+json");
    let problem = body(response).await;
    assert_eq!(problem["detail"], message);
    assert_eq!(problem["instance"], "/nowhere");
    assert_eq!(problem["request_id"], SequentialIds::nth(1).to_string());
}

#[tokio::test]
async fn a_dialect_may_call_a_request_by_another_header_too() {
    let name = "x-openstack-request-id";
    let id = SequentialIds::nth(1);
    let response = send(Method::GET, "/v2/demo/nowhere").await;
    assert_eq!(header(&response, REQUEST_ID), id.to_string());
    assert_eq!(header(&response, name), format!("req-{id}"));
    let response = send(Method::GET, "/api/nowhere").await;
    assert_eq!(header(&response, name), "");
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let response = send(Method::DELETE, "/api/good/1").await;
    assert_eq!(response.status(), 405);
    assert_eq!(header(&response, ALLOW), "POST");
    assert_eq!(body(response).await["status"], "Method Not Allowed");
}

#[tokio::test]
async fn failures_bring_the_headers_of_their_kind() {
    for (path, status, name, value) in [
        ("/api/away", 503, RETRY_AFTER, "1"),
        (
            "/api/stranger",
            401,
            WWW_AUTHENTICATE,
            "Bearer realm=\"muster\"",
        ),
        ("/api/large", 413, CONNECTION, ""),
    ] {
        let response = send(Method::GET, path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(header(&response, name), value, "{path}");
        assert_eq!(
            body(response).await["error"],
            "on purpose",
            "what is for the log is not for the client"
        );
    }
}

#[tokio::test]
async fn a_connection_with_an_unread_body_ends_with_the_answer() {
    for (method, path, close) in [
        (Method::POST, "/api/read", ""),
        (Method::POST, "/api/good/1", "close"),
        (Method::GET, "/api/large", "close"),
        (Method::GET, "/api/stranger", "close"),
        (Method::POST, "/api/nowhere", "close"),
        (Method::POST, "/api/away", "close"),
    ] {
        let response = send_with(method, path, Body::from("a body")).await;
        assert_eq!(header(&response, CONNECTION), close, "{path}");
    }
}

#[tokio::test]
async fn a_panic_is_an_answer() {
    let response = send(Method::GET, "/api/panic").await;
    assert_eq!(response.status(), 500);
    assert_eq!(
        body(response).await,
        json!({"status": "Internal Server Error", "error": "internal error"})
    );
}

#[tokio::test]
async fn the_command_is_named_also_when_it_failed() {
    let response = send(Method::GET, "/api/command").await;
    assert_eq!(response.status(), 504);
    assert_eq!(
        header(&response, COMMAND_ID),
        SequentialIds::nth(99).to_string()
    );
}

#[tokio::test]
async fn path_and_query_may_be_as_long_as_the_limit() {
    let path = "/api/good/1?";
    let longest = format!("{path}{}", "x".repeat(URI_LIMIT - path.len()));
    let response = send(Method::POST, &longest).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let response = send(Method::POST, &format!("{longest}x")).await;
    assert_eq!(response.status(), 414);
    assert_eq!(
        body(response).await["error"],
        "path and query have more than 8192 bytes"
    );
}

#[tokio::test]
async fn every_request_is_counted_by_route_also_one_whose_client_goes_away() {
    let answering = answering();
    let router = framed(endpoints(), answering.clone());
    let send = |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        router.clone().oneshot(request)
    };
    send("/api/away").await.unwrap();
    send("/api/nowhere").await.unwrap();
    tokio::time::timeout(Duration::from_millis(1), send("/api/never"))
        .await
        .unwrap_err();
    let text = answering.metrics.text().unwrap();
    for (route, status) in [("/api/away", 503), ("", 404), ("/api/never", 499)] {
        let labels = [
            format!("http_route=\"{route}\""),
            format!("http_response_status_code=\"{status}\""),
            "muster_dialect=\"clustercockpit\"".to_owned(),
        ];
        assert!(
            text.lines()
                .filter(|line| line.starts_with("http_server_request_duration_seconds_count"))
                .any(|line| labels.iter().all(|label| line.contains(label))
                    && line.ends_with(" 1")),
            "{labels:?} is not in\n{text}"
        );
    }
}
