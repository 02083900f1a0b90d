//! A running Muster with principals that sign in, and callers of the dialect freezer.

use anyhow::{Context as _, Result, ensure};
use muster_tests::{Answer, Client, Engine, System, SystemOptions, client::send, site};
use reqwest::Method;
use serde_json::{Value, json};

/// The password of every principal here.
pub(crate) const PASSWORD: &str = "s3cret of the tests";

/// A member of project alpha.
pub(crate) const USER: &str = "freezer-alpha";
/// A member of project beta.
pub(crate) const STRANGER: &str = "freezer-beta";
/// An administrator, of project alpha.
pub(crate) const ADMIN: &str = "freezer-admin";

const SITE: &str = r#"
[[principal]]
name = "freezer-alpha"
project = "alpha"
roles = ["user"]
password = "s3cret of the tests"
[[principal]]
name = "freezer-beta"
project = "beta"
roles = ["user"]
password = "s3cret of the tests"
[[principal]]
name = "freezer-admin"
project = "alpha"
roles = ["admin"]
password = "s3cret of the tests"
"#;

/// A running Muster.
pub(crate) struct House {
    pub(crate) system: System,
    pub(crate) client: Client,
}

/// Makes a test of an `async fn(&mut House) -> Result<()>` on each database, with `muster up`.
macro_rules! on_both {
    ($name:ident) => {
        mod $name {
            use muster_tests::Engine;

            async fn on(engine: Engine) -> anyhow::Result<()> {
                let run = async |house: &mut $crate::house::House| super::$name(house).await;
                $crate::house::run(engine, stringify!($name), |options| options, run).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() -> anyhow::Result<()> {
                on(Engine::Sqlite).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgresql() -> anyhow::Result<()> {
                on(Engine::Postgres).await
            }
        }
    };
}
pub(crate) use on_both;

/// Runs `body` on a house of its own, on SQLite.
pub(crate) async fn on_sqlite(
    test: &str,
    body: impl AsyncFnOnce(&mut House) -> Result<()>,
) -> Result<()> {
    run(Engine::Sqlite, test, |options| options, body).await
}

/// Runs `body` on a house of its own, in one process, with the site and the settings that `options` changes.
pub(crate) async fn run(
    engine: Engine,
    test: &str,
    options: impl FnOnce(SystemOptions) -> SystemOptions,
    body: impl AsyncFnOnce(&mut House) -> Result<()>,
) -> Result<()> {
    if !engine.is_available(test) {
        return Ok(());
    }
    let mut own = SystemOptions::new(engine);
    SITE.clone_into(&mut own.site_extra);
    let system = System::up(options(own)).await?;
    let client = system.client("")?;
    let mut house = House { system, client };
    let result = body(&mut house).await;
    result.with_context(|| house.system.output())
}

impl House {
    /// Calls of v2 in project alpha.
    pub(crate) fn alpha(&self) -> Api {
        self.api("/v2/alpha", site::ALPHA_API)
    }

    /// Calls of v2 in project beta.
    pub(crate) fn beta(&self) -> Api {
        self.api("/v2/beta", site::BETA_API)
    }

    /// Calls under this prefix with this token.
    pub(crate) fn api(&self, prefix: &str, token: &str) -> Api {
        Api {
            client: self.client.with_token(token),
            prefix: prefix.to_owned(),
        }
    }
}

/// Calls with one token.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    prefix: String,
}

impl Api {
    /// Any call.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let request = self
            .client
            .request(method, &format!("{}{path}", self.prefix))
            .header("Content-Type", "application/json")
            .header("Accept", "application/json");
        send(match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        })
        .await
    }

    /// A call that has to be answered with this status.
    pub(crate) async fn expect(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> Result<Answer> {
        let answer = self.call(method.clone(), path, body).await?;
        ensure!(
            answer.status == status,
            "{method} {path} {body:?}: {} {}",
            answer.status,
            answer.text()
        );
        Ok(answer)
    }

    /// A GET that has to be answered with JSON.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.expect(Method::GET, path, None, 200).await?.json()
    }

    /// The things of a list, such as `/jobs/?limit=100`, with a filter if there is one.
    pub(crate) async fn list(&self, path: &str, filter: Option<&Value>) -> Result<Vec<Value>> {
        let answer = self.expect(Method::GET, path, filter, 200).await?.json()?;
        let things = answer.as_object().and_then(|object| object.values().next());
        let things = things.and_then(Value::as_array);
        Ok(things
            .with_context(|| format!("no list: {answer}"))?
            .clone())
    }

    /// Makes something, and gives its id.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> Result<String> {
        let answer = self.expect(Method::POST, path, Some(body), 201).await?;
        let answer = answer.json()?;
        let id = answer.as_object().and_then(|object| object.values().next());
        let id = id.and_then(Value::as_str);
        Ok(id.with_context(|| format!("no id: {answer}"))?.to_owned())
    }

    /// A client that takes any job.
    pub(crate) async fn register(&self, client: &str) -> Result<()> {
        let body = json!({ "client_id": client, "hostname": client });
        self.create("/clients/", &body).await.map(|_| ())
    }

    /// A session with that window.
    pub(crate) async fn session(&self, hold_off: i64) -> Result<String> {
        let body = json!({ "hold_off": hold_off, "schedule": {} });
        self.create("/sessions/", &body).await
    }

    /// So many jobs of that client, which are in no session.
    pub(crate) async fn jobs(&self, client: &str, count: usize) -> Result<Vec<String>> {
        let mut jobs = Vec::new();
        for number in 0..count {
            let job = crate::documents::job(client, &format!("job {number}"));
            jobs.push(self.create("/jobs/", &job).await?);
        }
        Ok(jobs)
    }

    /// Adds a job to a session.
    pub(crate) async fn add(&self, session: &str, job: &str) -> Result<()> {
        let path = format!("/sessions/{session}/jobs/{job}");
        self.expect(Method::PUT, &path, None, 204).await.map(|_| ())
    }

    /// A start, and what is said to it.
    pub(crate) async fn start(&self, session: &str, job: &str, tag: i64) -> Result<Value> {
        let body = json!({ "start": { "job_id": job, "current_tag": tag } });
        self.act(session, &body).await
    }

    /// An end, and what is said to it.
    pub(crate) async fn end(
        &self,
        session: &str,
        job: &str,
        tag: i64,
        result: &str,
    ) -> Result<Value> {
        let body = json!({ "end": { "job_id": job, "current_tag": tag, "result": result } });
        self.act(session, &body).await
    }

    async fn act(&self, session: &str, body: &Value) -> Result<Value> {
        let path = format!("/sessions/{session}/action");
        self.expect(Method::POST, &path, Some(body), 202)
            .await?
            .json()
    }

    /// The runs of a session, the newest first.
    pub(crate) async fn runs(&self, session: &str) -> Result<Vec<Value>> {
        self.list(&format!("/sessions/{session}/runs?limit=100"), None)
            .await
    }
}
