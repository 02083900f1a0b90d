//! For every row of the table a request that has to be answered with its status.

use anyhow::{Result, bail};
use muster_tests::{jobs, site};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{
    house::{BROKEN, House, Started},
    swagger::Row,
};

/// A request.
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// No body where it is `null`.
    pub(crate) body: Value,
    /// Whose token; `None` = nobody's.
    pub(crate) token: Option<&'static str>,
    pub(crate) idempotency_key: Option<String>,
}

impl Ask {
    fn new(row: &Row, path: impl Into<String>, body: Value) -> Self {
        Self {
            method: row.method.clone(),
            path: format!("/api{}", path.into()),
            body,
            token: Some(site::ALPHA_API),
            idempotency_key: None,
        }
    }

    /// As it is sent.
    pub(crate) fn request(&self, house: &House) -> Result<RequestBuilder> {
        let mut request = match self.token {
            Some(token) => house
                .system
                .client(token)?
                .request(self.method.clone(), &self.path),
            None => house.alpha.anonymous(self.method.clone(), &self.path),
        };
        if let Some(key) = &self.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        Ok(if self.body.is_null() {
            request
        } else {
            request.body(self.body.to_string())
        })
    }
}

/// The request of a row. What it needs is there when this returns.
pub(crate) async fn case(house: &House, row: &Row) -> Result<Ask> {
    let (path, status) = (row.path.as_str(), row.status.as_u16());
    Ok(match (path, status) {
        // Who calls is looked at before anything else.
        (_, 401) => Ask {
            token: None,
            ..good(house, row, &json!({})).await?
        },
        (_, 403) => Ask {
            token: Some(site::PLAIN_USER),
            ..good(house, row, &json!({})).await?
        },
        ("/jobs/tag_job/{id}", 404) => Ask::new(row, "/jobs/tag_job/999999999", tags()),
        // cc-backend lists it and says 422 of a job that is not there; so it is the path that leads nowhere.
        (_, 404) => {
            let good = good(house, row, &json!({})).await?;
            Ask {
                path: format!("{}/nothing/there", good.path.trim_end_matches('/')),
                ..good
            }
        }
        (_, 200 | 201) => good(house, row, &json!({})).await?,
        (_, 500) => broken(house, row).await?,
        ("/jobs/", 400) => Ask::new(row, "/jobs/?state=finished", Value::Null),
        ("/jobs/start_job/", 400) => {
            let start = jobs::with(house.new_start(), &json!({ "cluster": "nowhere" }));
            Ask::new(row, "/jobs/start_job/", start)
        }
        ("/jobs/stop_job/", 400) => Ask::new(row, "/jobs/stop_job/", json!({ "stopTime": 1 })),
        ("/jobs/stop_job/{id}", 400) => {
            let job = house.running(&json!({})).await?;
            let stop = json!({ "stopTime": job.start_time - 1, "jobState": "failed" });
            Ask::new(row, format!("/jobs/stop_job/{}", job.id), stop)
        }
        ("/jobs/tag_job/{id}", 400) => {
            let job = house.running(&json!({})).await?;
            let body =
                json!([{ "type": "Debug", "name": "Testjob" }, { "type": "Debug", "colour": 1 }]);
            Ask::new(row, format!("/jobs/tag_job/{}", job.id), body)
        }
        ("/jobs/delete_job/", 400) => Ask::new(
            row,
            "/jobs/delete_job/",
            json!({ "cluster": site::TEST_CLUSTER }),
        ),
        ("/jobs/delete_job/{id}", 400) => Ask::new(row, "/jobs/delete_job/one", Value::Null),
        ("/jobs/delete_job_before/{ts}", 400) => {
            Ask::new(row, "/jobs/delete_job_before/1.5", Value::Null)
        }
        ("/jobs/start_job/", 422) => {
            let start = house.new_start();
            house.alpha.start_job(&start).await?;
            Ask::new(row, "/jobs/start_job/", start)
        }
        ("/jobs/stop_job/", 422) => Ask::new(row, "/jobs/stop_job/", jobs::stop(999_999_999)),
        ("/jobs/stop_job/{id}", 422) => {
            let job = house.running(&json!({})).await?;
            house.alpha.stop_job(&job.stop()).await?;
            Ask::new(row, format!("/jobs/stop_job/{}", job.id), job.stop())
        }
        ("/jobs/delete_job/", 422) => {
            Ask::new(row, "/jobs/delete_job/", json!({ "jobId": 999_999_999 }))
        }
        // A job that is not there is as good as deleted; a key that was used for another request is not taken.
        ("/jobs/delete_job/{id}", 422) => {
            used_key(
                house,
                row,
                "/jobs/delete_job/999999998",
                "/jobs/delete_job/999999999",
            )
            .await?
        }
        ("/jobs/delete_job_before/{ts}", 422) => {
            used_key(
                house,
                row,
                "/jobs/delete_job_before/1",
                "/jobs/delete_job_before/2",
            )
            .await?
        }
        _ => bail!("{row} has no case"),
    })
}

fn tags() -> Value {
    json!([{ "type": "Debug", "name": "Testjob" }])
}

/// What is carried out; its job has these members in place of its own.
async fn good(house: &House, row: &Row, changes: &Value) -> Result<Ask> {
    let job = if row.path == "/jobs/delete_job_before/{ts}" {
        // Long before all others, which are not to go with it; those of trouble not before the others.
        let start_time = if changes["user"] == BROKEN {
            3_000
        } else {
            500
        };
        let early = jobs::with(changes.clone(), &json!({ "startTime": start_time }));
        house.running(&early).await?
    } else {
        house.running(changes).await?
    };
    let Started {
        id,
        job_id,
        start_time,
    } = job;
    Ok(match row.path.as_str() {
        "/jobs/" => Ask::new(
            row,
            format!("/jobs/?start-time={start_time}-{start_time}"),
            Value::Null,
        ),
        "/jobs/start_job/" => Ask::new(row, "/jobs/start_job/", house.new_start()),
        "/jobs/stop_job/" => Ask::new(row, "/jobs/stop_job/", job.stop()),
        "/jobs/stop_job/{id}" => {
            let stop = json!({ "stopTime": start_time + 60, "jobState": "timeout" });
            Ask::new(row, format!("/jobs/stop_job/{id}"), stop)
        }
        "/jobs/tag_job/{id}" => Ask::new(row, format!("/jobs/tag_job/{id}"), tags()),
        "/jobs/delete_job/" => {
            let body =
                json!({ "jobId": job_id, "cluster": site::TEST_CLUSTER, "startTime": start_time });
            Ask::new(row, "/jobs/delete_job/", body)
        }
        "/jobs/delete_job/{id}" => Ask::new(row, format!("/jobs/delete_job/{id}"), Value::Null),
        "/jobs/delete_job_before/{ts}" => Ask::new(
            row,
            format!("/jobs/delete_job_before/{}", start_time + 1),
            Value::Null,
        ),
        other => bail!("{} {other} has no case", row.method),
    })
}

/// What a database in trouble keeps from being carried out.
async fn broken(house: &House, row: &Row) -> Result<Ask> {
    match row.path.as_str() {
        "/jobs/" => {
            // Long before all others, so that it is in no other list.
            let unreadable = json!({ "user": "unreadable", "startTime": 1_000 });
            house.running(&unreadable).await?;
            house
                .run("UPDATE job SET details = '{' WHERE user_name = 'unreadable'")
                .await?;
            Ok(Ask::new(row, "/jobs/?start-time=1000-1000", Value::Null))
        }
        "/jobs/start_job/" => {
            let start = jobs::with(house.new_start(), &json!({ "user": BROKEN, "smt": 7 }));
            Ok(Ask::new(row, "/jobs/start_job/", start))
        }
        _ => good(house, row, &json!({ "user": BROKEN })).await,
    }
}

/// A request under a key under which another one was sent.
async fn used_key(house: &House, row: &Row, first: &str, second: &str) -> Result<Ask> {
    let key = Some(format!("the-key-of-{first}"));
    let first = Ask {
        idempotency_key: key.clone(),
        ..Ask::new(row, first, Value::Null)
    };
    muster_tests::client::send(first.request(house)?).await?;
    Ok(Ask {
        idempotency_key: key,
        ..Ask::new(row, second, Value::Null)
    })
}
