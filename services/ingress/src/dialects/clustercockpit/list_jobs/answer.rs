//! Writing a list. It may hold all jobs there are, so it is written in pieces as the client takes
//! them; a page of ordinary size is one piece.

use std::convert::Infallible;
use std::vec;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use futures_util::stream;
use muster_contract::job_archive::{Job, JobPage, ListJobs};

use super::super::job_object::JobObject;
use super::super::writing::append_json;
use super::parameters::ALL;

/// A piece is sent once it has this many bytes.
const PIECE: usize = 64 * 1024;

/// The pieces of the answer, in order.
pub(super) struct JobList {
    jobs: vec::IntoIter<Job>,
    items: i64,
    page: u64,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Begin,
    Middle,
    Done,
}

impl JobList {
    pub(super) fn new(page: JobPage, list: &ListJobs) -> Self {
        Self {
            jobs: page.jobs.into_iter(),
            items: list
                .page_size
                .map_or(ALL, |size| i64::try_from(size).unwrap_or(i64::MAX)),
            page: list.page,
            progress: Progress::Begin,
        }
    }

    pub(super) fn into_response(mut self) -> Response {
        let first = self.next().unwrap_or_default();
        let body = if self.progress == Progress::Done {
            Body::from(first)
        } else {
            let pieces = std::iter::once(first).chain(self);
            Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
        };
        let mut response = Response::new(body);
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl Iterator for JobList {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut piece = Vec::with_capacity(match self.progress {
            Progress::Done => return None,
            // An ordinary page; it grows if need be.
            Progress::Begin => PIECE / 4,
            Progress::Middle => PIECE + PIECE / 4,
        });
        if self.progress == Progress::Begin {
            piece.extend_from_slice(b"{\"jobs\":[");
        }
        while let Some(job) = self.jobs.next() {
            append_json(&mut piece, &JobObject::new(&job));
            if self.jobs.len() > 0 {
                piece.push(b',');
            }
            if piece.len() >= PIECE && self.jobs.len() > 0 {
                self.progress = Progress::Middle;
                return Some(piece.into());
            }
        }
        let end = format!("],\"items\":{},\"page\":{}}}\n", self.items, self.page);
        piece.extend_from_slice(end.as_bytes());
        self.progress = Progress::Done;
        Some(piece.into())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::HttpBody;
    use http_body_util::BodyExt;
    use serde_json::Value;

    use super::super::super::job_object::tests::smallest;
    use super::super::parameters::parse;
    use super::*;

    fn list(count: i64, query: &str) -> JobList {
        let jobs = (0..count).map(|id| Job { id, ..smallest() }).collect();
        JobList::new(JobPage { jobs }, &parse(query).unwrap())
    }

    async fn written(list: JobList) -> (bool, Value) {
        let body = list.into_response().into_body();
        let in_one_piece = body.size_hint().exact().is_some();
        let bytes = body.collect().await.unwrap().to_bytes();
        assert!(bytes.ends_with(b"}\n"));
        (in_one_piece, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn no_jobs_are_an_empty_list() {
        let (in_one_piece, value) = written(list(0, "")).await;
        assert!(in_one_piece);
        assert_eq!(
            value,
            serde_json::json!({"jobs": [], "items": 25, "page": 1})
        );
    }

    #[tokio::test]
    async fn items_is_what_was_asked_for() {
        let (_, value) = written(list(2, "items-per-page=-1&page=7")).await;
        assert_eq!((&value["items"], &value["page"]), (&(-1).into(), &7.into()));
    }

    #[tokio::test]
    async fn an_ordinary_page_is_one_piece_and_a_long_list_is_several() {
        for (count, one_piece) in [(1, true), (25, true), (10_000, false)] {
            let (in_one_piece, value) = written(list(count, "items-per-page=-1")).await;
            assert_eq!(in_one_piece, one_piece, "{count}");
            let ids: Vec<i64> = value["jobs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|job| job["id"].as_i64().unwrap())
                .collect();
            assert!(ids.into_iter().eq(0..count));
        }
    }

    #[test]
    fn a_piece_is_no_longer_than_its_limit_and_a_job() {
        let pieces: Vec<Bytes> = list(10_000, "").collect();
        assert!(pieces.len() > 10);
        let longest = pieces.iter().map(Bytes::len).max().unwrap();
        assert!((PIECE..PIECE + 1024).contains(&longest), "{longest}");
    }
}
