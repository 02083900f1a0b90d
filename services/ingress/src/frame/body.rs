//! Reading a request's body: no more bytes and no more time than it may take.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;

use super::{Failure, FailureKind, Ingress, RequestContext};

/// The whole body. As the last argument of a handler it is read after everything else has been
/// looked at, so that a caller who is not let in cannot make us read it.
#[derive(Debug)]
pub(crate) struct RequestBody(pub(crate) Bytes);

impl FromRequest<Ingress> for RequestBody {
    type Rejection = Failure;

    async fn from_request(request: Request, ingress: &Ingress) -> Result<Self, Failure> {
        let limits = ingress.limits;
        let announced = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limits.body) {
            return Err(too_large(limits.body));
        }
        let context = request.extensions().get::<Arc<RequestContext>>().cloned();
        let reading = read(request.into_body(), limits.body);
        match tokio::time::timeout(limits.reading, reading).await {
            Ok(body) => {
                let body = body?;
                if let Some(context) = context {
                    // Set once: there is one body.
                    let _ = context.body_read.set(());
                }
                Ok(Self(body))
            }
            Err(_) => Err(Failure::new(
                FailureKind::TooSlow,
                format!("the request was not received within {:?}", limits.reading),
            )),
        }
    }
}

async fn read(mut body: Body, limit: usize) -> Result<Bytes, Failure> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Failure::invalid("the request's body is cut off or not well formed")
                .because(error.to_string())
        })?;
        // Trailers say nothing to us.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let size = first.len().max(whole.len()).saturating_add(data.len());
        if size > limit {
            return Err(too_large(limit));
        }
        if first.is_empty() {
            // Most bodies come in one piece, which then is not copied.
            first = data;
            continue;
        }
        if whole.is_empty() {
            // What is announced is believed as far as the limit goes.
            whole.reserve_exact(announced.min(limit).max(size));
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.into()
    })
}

fn too_large(limit: usize) -> Failure {
    Failure::new(
        FailureKind::TooLarge,
        format!("the request's body is larger than {limit} bytes"),
    )
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn in_pieces(pieces: &[&'static [u8]]) -> Body {
        let pieces: Vec<Result<&'static [u8], std::io::Error>> =
            pieces.iter().map(|piece| Ok(*piece)).collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        for pieces in [&[b"12345678".as_slice()][..], &[b"123", b"", b"45678"]] {
            assert_eq!(read(in_pieces(pieces), 8).await.unwrap(), "12345678");
            let failure = read(in_pieces(pieces), 7).await.unwrap_err();
            assert_eq!(failure.kind(), FailureKind::TooLarge);
            assert_eq!(
                failure.message(),
                "the request's body is larger than 7 bytes"
            );
        }
        assert_eq!(read(Body::empty(), 8).await.unwrap(), "");
    }

    #[tokio::test]
    async fn an_endless_body_is_not_read_for_ever() {
        let piece = Bytes::from(vec![0; 1024 * 1024]);
        let endless = stream::repeat(piece).map(Ok::<_, std::io::Error>);
        let failure = read(Body::from_stream(endless), 8).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::TooLarge);
    }

    #[tokio::test]
    async fn a_body_cut_off_is_the_clients_mistake() {
        let cut: [Result<&[u8], _>; 2] = [Ok(b"123"), Err(std::io::Error::other("reset"))];
        let failure = read(Body::from_stream(stream::iter(cut)), 8)
            .await
            .unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Invalid);
    }

    use futures_util::StreamExt as _;
}
