//! One client of the legacy API, who looks at the inventory after each answer.

use std::{
    collections::{BTreeMap, HashMap},
    ops::AddAssign,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use muster_tests::{Answer, client::send};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::site::{PROJECTS, Project};

/// Pause after an answer that was none, and after a refusal.
const REPEAT_PAUSE: Duration = Duration::from_millis(100);

/// How long a client goes on asking what became of its last request after the end of the load.
const END_DEADLINE: Duration = Duration::from_mins(1);

/// Sessions that nobody ever gives back, of all clients together: each takes nodes from the others for the rest of the run.
const LEFT_BEHIND: usize = 5;

/// What was done how often.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    got: usize,
    grown: usize,
    shrunk: usize,
    kept: usize,
    given_back: usize,
    refused: usize,
    refused_for_quota: usize,
    not_answered: usize,
    inventories: usize,
}

impl Tally {
    /// What has to have been done for the test to say something.
    pub(crate) fn done(&self) -> [(&'static str, usize); 6] {
        [
            ("get", self.got),
            ("grow", self.grown),
            ("shrink", self.shrunk),
            ("done", self.given_back),
            ("refused", self.refused),
            ("refused for the quota", self.refused_for_quota),
        ]
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.got += other.got;
        self.grown += other.grown;
        self.shrunk += other.shrunk;
        self.kept += other.kept;
        self.given_back += other.given_back;
        self.refused += other.refused;
        self.refused_for_quota += other.refused_for_quota;
        self.not_answered += other.not_answered;
        self.inventories += other.inventories;
    }
}

/// What all clients were told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Which session has which node.
    holders: Mutex<HashMap<String, String>>,
    left_behind: Mutex<usize>,
}

impl Told {
    /// Nodes of a session that has just been answered for.
    fn take(&self, session: &str, hosts: &[String]) -> Result<()> {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        for host in hosts {
            if let Some(other) = holders.insert(host.clone(), session.to_owned()) {
                ensure!(other == session, "{host} is in {session} and in {other}");
            }
        }
        Ok(())
    }

    /// A node that is about to be given back.
    fn give_back(&self, hosts: &[String]) {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        for host in hosts {
            holders.remove(host);
        }
    }

    /// Whether one more session may be left behind.
    fn may_leave_one(&self) -> bool {
        let mut left = self
            .left_behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *left += 1;
        *left <= LEFT_BEHIND
    }
}

/// A session as its client knows it.
struct Session {
    id: String,
    hosts: Vec<String>,
}

#[derive(Deserialize)]
struct Lent {
    hosts: Vec<String>,
    ssid: String,
}

/// A client.
pub(crate) struct Client {
    http: muster_tests::Client,
    project: &'static Project,
    number: usize,
    random: StdRng,
    told: Arc<Told>,
    end: Instant,
    requests: usize,
    tally: Tally,
}

impl Client {
    pub(crate) fn new(
        http: muster_tests::Client,
        number: usize,
        seed: u64,
        told: Arc<Told>,
        end: Instant,
    ) -> Self {
        Self {
            http,
            project: &PROJECTS[number % PROJECTS.len()],
            number,
            random: StdRng::seed_from_u64(seed.wrapping_add(1 + number as u64)),
            told,
            end,
            requests: 0,
            tally: Tally::default(),
        }
    }

    /// Session after session until the end.
    pub(crate) async fn run(mut self) -> Result<Tally> {
        while Instant::now() < self.end {
            let Some(mut session) = self.get(None, 1..4).await? else {
                sleep(REPEAT_PAUSE).await;
                continue;
            };
            self.tally.got += 1;
            while self.random.random_bool(0.5) {
                if let Some(more) = self.get(Some(&session.id), 1..3).await? {
                    self.tally.grown += 1;
                    session.hosts.extend(more.hosts);
                }
            }
            if self.random.random_bool(0.5) {
                self.shrink(&mut session).await?;
            }
            if self.random.random_bool(0.1) {
                self.fail(&session).await?;
            }
            if self.random.random_bool(0.02) && self.told.may_leave_one() {
                continue;
            }
            self.done(&session).await?;
        }
        Ok(self.tally)
    }

    /// Nodes for a session; for a new one without a name.
    async fn get(
        &mut self,
        session: Option<&str>,
        count: std::ops::Range<usize>,
    ) -> Result<Option<Session>> {
        let mut query = format!("count={}", self.random.random_range(count));
        if self.random.random_bool(0.3) {
            query.push_str("&min=1");
        }
        if self.random.random_bool(0.2) {
            query.push_str("&wait=1");
        }
        if let Some(session) = session {
            query = format!("{query}&ssid={session}");
        }
        let Some(answer) = self.ask("Node/get", &query).await? else {
            return Ok(None);
        };
        let Ok(lent) = serde_json::from_slice::<Lent>(&answer.body) else {
            let text = answer.text();
            let for_quota = text.starts_with("\"Failed to allocate nodes: Quota exceeded");
            ensure!(
                for_quota || text.starts_with("Insufficient Nodes"),
                "{query}: {} {text}",
                answer.status
            );
            self.tally.refused += 1;
            self.tally.refused_for_quota += usize::from(for_quota);
            return Ok(None);
        };
        self.told.take(&lent.ssid, &lent.hosts)?;
        self.shows(&lent.ssid, &lent.hosts, Some("Deployed"))
            .await?;
        Ok(Some(Session {
            id: lent.ssid,
            hosts: lent.hosts,
        }))
    }

    /// Gives one node back.
    async fn shrink(&mut self, session: &mut Session) -> Result<()> {
        let Some(host) = session.hosts.pop() else {
            return Ok(());
        };
        let host = std::slice::from_ref(&host);
        self.told.give_back(host);
        let query = format!("ssid={}&node={}", session.id, host[0]);
        if self.acknowledged("Node/done", &query).await? {
            self.tally.shrunk += 1;
            self.shows(&session.id, host, None).await?;
        }
        Ok(())
    }

    /// Keeps the nodes for a look, if the project does not keep too many.
    async fn fail(&mut self, session: &Session) -> Result<()> {
        let query = format!("ssid={}", session.id);
        if self.acknowledged("Node/fail", &query).await? {
            self.tally.kept += 1;
            self.shows(&session.id, &session.hosts, Some("Fail"))
                .await?;
        }
        Ok(())
    }

    /// Gives all nodes back.
    async fn done(&mut self, session: &Session) -> Result<()> {
        self.told.give_back(&session.hosts);
        let query = format!("ssid={}", session.id);
        if self.acknowledged("Node/done", &query).await? {
            self.tally.given_back += 1;
            self.shows(&session.id, &session.hosts, None).await?;
        }
        Ok(())
    }

    /// Whether a call is answered with `"Done"`; too many kept nodes are no fault.
    async fn acknowledged(&mut self, call: &str, query: &str) -> Result<bool> {
        let Some(answer) = self.ask(call, query).await? else {
            return Ok(false);
        };
        let text = answer.text();
        let done = answer.status == StatusCode::OK && text.trim() == "\"Done\"";
        let too_many = answer.status == StatusCode::FORBIDDEN && text.contains("Exceeded maximum");
        ensure!(done || too_many, "{call} {query}: {} {text}", answer.status);
        Ok(done)
    }

    /// Asks until there is an answer, every time under the same key, so that it is one request; `None` if there is none
    /// long after the end.
    async fn ask(&mut self, call: &str, query: &str) -> Result<Option<Answer>> {
        self.requests += 1;
        let path = format!(
            "/{call}?key={}&{query}&req=c{}r{}",
            self.project.key, self.number, self.requests
        );
        while Instant::now() < self.end + END_DEADLINE {
            if let Some(answer) = self.try_once(&path).await? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// An answer that says what became of the request.
    async fn try_once(&mut self, path: &str) -> Result<Option<Answer>> {
        match send(self.http.anonymous(Method::GET, path)).await {
            Ok(answer) if !answer.status.is_server_error() => return Ok(Some(answer)),
            Ok(answer)
                if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT]
                    .contains(&answer.status) => {}
            Ok(answer) => bail!("{path}: {} {}", answer.status, answer.text()),
            // The connection broke, or there was none.
            Err(_) => {}
        }
        self.tally.not_answered += 1;
        sleep(REPEAT_PAUSE).await;
        Ok(None)
    }

    /// Both inventories show the hosts in that state in the session; without a state, they show none of them in it.
    async fn shows(&mut self, session: &str, hosts: &[String], state: Option<&str>) -> Result<()> {
        while Instant::now() < self.end + END_DEADLINE {
            let by_key = format!("/Inventory?key={}", self.project.key);
            let (Some(own), Some(all)) = (
                self.try_once(&by_key).await?,
                self.try_once("/Inventory").await?,
            ) else {
                continue;
            };
            self.tally.inventories += 2;
            let own: Vec<(String, String)> = serde_json::from_slice(&own.body)?;
            if let Some(quota) = self.project.quota {
                ensure!(own.len() <= quota, "{quota} allowed: {own:?}");
            }
            let own: BTreeMap<String, String> = own.into_iter().collect();
            let all: Vec<Vec<Value>> = serde_json::from_slice(&all.body)?;
            for host in hosts {
                let holder = own.get(host);
                let row = all.iter().find(|row| row[1] == **host);
                let Some(row) = row else {
                    bail!("{host} is not in the inventory");
                };
                let is_held = holder.is_some_and(|holder| holder == session);
                let has_row = row[6] == session && state.is_none_or(|state| row[5] == state);
                ensure!(
                    is_held == state.is_some() && has_row == state.is_some(),
                    "{host} of {session} should be {state:?}: {row:?}, {holder:?}"
                );
            }
            return Ok(());
        }
        Ok(())
    }
}
