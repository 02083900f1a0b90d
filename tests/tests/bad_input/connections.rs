//! Requests that no HTTP library sends: too slow, too large a head, cut off, no HTTP at all.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use muster_testkit::DEADLINE;
use muster_tests::{Client, Engine, System, SystemOptions, jobs, site};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    NEW,
    case::{LIST, START},
};

/// Bytes of a body that nobody wants to read: more than the buffers of a connection hold.
const LARGE: usize = 8 * 1024 * 1024;

/// How long a request may take to arrive.
const TIME_LIMIT: &str = "1s";

#[tokio::test]
async fn broken_connections() -> Result<()> {
    let options =
        SystemOptions::new(Engine::Sqlite).with("MUSTER__INGRESS__REQUEST_TIMEOUT", TIME_LIMIT);
    let system = System::up(options).await?;
    let client = system.alpha()?;
    let before = system.tables().settled_dump().await?;

    slow_bodies(&client).await.context("slow bodies")?;
    slow_heads(&client).await.context("slow heads")?;
    answered(&client).await?;
    unread(&client).await.context("unread bodies")?;
    expected(&client).await.context("100-continue")?;
    closed(&client).await?;

    let changes = before.changes(&system.tables().dump().await?, false);
    ensure!(changes.is_empty(), "it changed {changes:#?}");
    let (status, answer) = client.start_job(&jobs::start(NEW)).await?;
    ensure!(status == 201, "afterwards: {status} {answer}");
    Ok(())
}

/// Head of a start with a body of this length.
fn head(length: usize) -> String {
    format!(
        "POST {START} HTTP/1.1\r\nHost: muster\r\nX-Auth-Token: {}\r\nContent-Length: {length}\r\n",
        site::ALPHA_API
    )
}

/// A body that does not come gets 408 in the dialect's form.
async fn slow_bodies(client: &Client) -> Result<()> {
    let body = jobs::start(NEW).to_string();
    let request = format!("{}\r\n{}", head(body.len()), &body[..body.len() / 2]);
    let answer = client.raw(request.as_bytes(), DEADLINE).await?;
    check(&answer, 408)?;
    ensure!(
        answer.contains("{\"status\":\"Request Timeout\",\"error\":"),
        "{answer}"
    );

    // One byte now and then is no better.
    let mut connection = client.connect().await?;
    connection
        .write_all(format!("{}\r\n", head(body.len())).as_bytes())
        .await?;
    let dripping = async {
        for byte in body.bytes() {
            if connection.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::select! {
                readable = connection.readable() => return readable.map_err(anyhow::Error::from),
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
        Ok(())
    };
    tokio::time::timeout(DEADLINE, dripping)
        .await
        .context("no answer to drops")??;
    let mut buffer = vec![0; 4096];
    let size = connection.read(&mut buffer).await?;
    check(&String::from_utf8_lossy(&buffer[..size]), 408)
}

/// A head that does not come has no dialect yet: the connection is closed, at most with a bare 408.
async fn slow_heads(client: &Client) -> Result<()> {
    for request in ["", "POST", &head(10)] {
        let answer = client.raw(request.as_bytes(), DEADLINE).await?;
        ensure!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{request:?}: {answer}"
        );
    }
    Ok(())
}

/// What is no request of HTTP/1.1 is answered by a bare 4xx, or the connection is closed.
async fn answered(client: &Client) -> Result<()> {
    let large = "x".repeat(80 * 1024);
    let requests = [
        (
            "a head too large",
            format!("{}X-Large: {large}\r\n\r\n", head(0)),
        ),
        (
            "a URI beyond the head's limit",
            format!("GET {LIST}?{large} HTTP/1.1\r\nHost: m\r\n\r\n"),
        ),
        (
            "too many headers",
            format!("{}{}\r\n", head(0), "X-Many: 1\r\n".repeat(2_000)),
        ),
        ("no HTTP", "hello\r\n\r\n".to_owned()),
        (
            "TLS",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n".to_owned(),
        ),
        (
            "a negative length",
            head(0).replace("Content-Length: 0", "Content-Length: -1") + "\r\n",
        ),
        (
            "a length that is no number",
            head(0).replace("Length: 0", "Length: ten") + "\r\n",
        ),
        (
            "two lengths",
            format!("{}Content-Length: 5\r\n\r\nhello", head(2)),
        ),
        (
            "a NUL in a header",
            format!("{}X-Nul: a\0b\r\n\r\n", head(0)),
        ),
        (
            "a space in a header's name",
            format!("{}X Space: a\r\n\r\n", head(0)),
        ),
        (
            "an unknown version",
            format!("GET {LIST} HTTP/3.7\r\nHost: m\r\n\r\n"),
        ),
        (
            "chunks that are none",
            format!(
                "{}Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                head(0).replace("Content-Length: 0\r\n", "")
            ),
        ),
        (
            "a chunk whose length overflows",
            format!(
                "{}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
                head(0).replace("Content-Length: 0\r\n", "")
            ),
        ),
        (
            "dots in the path",
            format!(
                "GET /api/jobs/../../etc/passwd HTTP/1.1\r\nHost: m\r\nX-Auth-Token: {}\r\nConnection: close\r\n\r\n",
                site::ALPHA_API
            ),
        ),
    ];
    for (name, request) in requests {
        let answer = client
            .raw(request.as_bytes(), DEADLINE)
            .await
            .unwrap_or_default();
        ensure!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{name}: {answer}"
        );
    }
    Ok(())
}

/// An answer given before the body was read says that the connection ends, and arrives although the
/// body is still being sent: a client that keeps connections would else lose its next request.
async fn unread(client: &Client) -> Result<()> {
    let stranger = head(LARGE).replace(site::ALPHA_API, "nobody");
    let nowhere = head(LARGE).replace(START, "/api/nowhere/");
    let too_large = head(LARGE);
    for (head, status) in [(stranger, 401), (nowhere, 404), (too_large, 413)] {
        let mut request = format!("{head}\r\n").into_bytes();
        request.resize(request.len() + LARGE, b' ');
        let answer = client.raw(&request, DEADLINE).await?;
        check(&answer, status)?;
        ensure!(
            answer.to_lowercase().contains("\r\nconnection: close\r\n"),
            "{answer}"
        );
        ensure!(answer.ends_with("}\n"), "{answer}");
    }
    Ok(())
}

/// A client that asks first, as curl does with a large body, is told at once when it will not be let in.
async fn expected(client: &Client) -> Result<()> {
    let head = format!("{}Expect: 100-continue\r\n\r\n", head(LARGE));
    let answer = client
        .raw(head.replace(site::ALPHA_API, "nobody").as_bytes(), DEADLINE)
        .await?;
    check(&answer, 401)?;
    let answer = client.raw(head.as_bytes(), DEADLINE).await?;
    check(&answer, 413)
}

/// Clients that go away in the middle leave nothing behind.
async fn closed(client: &Client) -> Result<()> {
    let body = jobs::start(NEW).to_string();
    let whole = format!("{}\r\n{body}", head(body.len()));
    for length in [0, 10, whole.len() - body.len(), whole.len() - 1] {
        let mut connection = client.connect().await?;
        connection.write_all(&whole.as_bytes()[..length]).await?;
        drop(connection);
    }
    // A body shorter than announced, with the sending half closed in order.
    let mut connection = client.connect().await?;
    connection
        .write_all(&whole.as_bytes()[..whole.len() - 1])
        .await?;
    connection.shutdown().await?;
    let mut answer = String::new();
    // Reset or answered: either way the client is not told of a success.
    let _ = connection.read_to_string(&mut answer).await;
    ensure!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    Ok(())
}

fn check(answer: &str, status: u16) -> Result<()> {
    ensure!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer:?}"
    );
    Ok(())
}
