//! A request for a session, with every name that clients have for what they ask (`api/backendai.md` §2).

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use muster_contract::session::ComputeSessionType;
use muster_platform::Timestamp;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::super::super::fields::{Fields, wrong};
use super::super::super::request_date::moment;
use super::super::super::session_name;
use super::super::super::version::Version;
use super::config::{SessionConfig, cluster_size};
use super::limits::{BOOTSTRAP_LIMIT, LIST_LIMIT, TAG_LIMIT};
use crate::frame::Failure;

/// The request in the description. What is not named here is ignored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "a description; the body is read by hand")]
pub(crate) struct CreationBody {
    /// The session's name, also `clientSessionToken`: 4 to 64 letters, digits and `_`, with `.` and `-` in between. Unique among the
    /// owner's sessions that are not over. One is made if it is missing.
    #[schema(example = "mysession-01")]
    name: Option<String>,
    /// What runs in it, also `lang`: name or alias of an image of the site.
    #[schema(example = "python:3.11")]
    image: String,
    /// `interactive` or `batch`, also `sessionType`.
    r#type: Option<String>,
    /// The caller's own project, which `default` stands for too; also `groupName`.
    group: Option<String>,
    /// The caller's own domain; also `domainName`.
    domain: Option<String>,
    /// What containers may use and how they are set up.
    config: Option<Config>,
    /// Whatever the owner wants to write on it.
    tag: Option<String>,
    /// The answer does not wait until the session runs.
    enqueue_only: Option<bool>,
    /// Seconds to wait until the session runs; 0: as long as the site lets anybody wait.
    max_wait_seconds: Option<u64>,
    /// A session of that name and image is handed out again; else it is a failure.
    reuse_if_exists: Option<bool>,
    /// Of a batch session: what it runs.
    startup_command: Option<String>,
    /// Of a batch session: not before this time, or not before so long a time has passed.
    #[schema(rename = "starts_at")]
    starts_at: Option<String>,
    /// Run before anything else: a script of a shell, in Base64.
    #[schema(rename = "bootstrap_script")]
    bootstrap_script: Option<String>,
    /// For administrators: whose session it is to be.
    #[schema(rename = "owner_access_key")]
    owner_access_key: Option<String>,
    /// Sessions of the same owner, by id or name, that have to have succeeded first.
    dependencies: Option<Vec<String>>,
    /// As in `config`.
    cluster_size: Option<u32>,
    /// `single-node`: all containers on one agent. `multi-node`: anywhere.
    cluster_mode: Option<String>,
}

/// What containers may use and how they are set up.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the body is read by hand")]
pub(crate) struct Config {
    /// How many containers.
    #[schema(rename = "clusterSize")]
    cluster_size: Option<u32>,
    /// Amounts of slots by name: cores of `cpu`; bytes of `mem`, with binary units as in `1.5g`; others that agents have. Those that
    /// are missing or 0 are as the image needs at least.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    resources: Option<Map<String, Value>>,
    /// Further wishes: `shmem`.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    resource_opts: Option<Map<String, Value>>,
    /// Set for processes.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    environ: Option<Map<String, Value>>,
    /// Folders of the project, in the home directory of its containers; an agent that does not have one starts nothing.
    mounts: Option<Vec<String>>,
    /// Which agents.
    #[schema(rename = "scalingGroup")]
    scaling_group: Option<String>,
    /// Further ports to be reached, from 1024 on.
    preopen_ports: Option<Vec<u16>>,
}

/// A request for a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CreationRequest {
    /// `None` = one is to be made.
    pub(crate) name: Option<String>,
    pub(crate) image: String,
    pub(super) kind: ComputeSessionType,
    pub(super) group: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) config: SessionConfig,
    pub(super) tag: Option<String>,
    pub(crate) enqueue_only: bool,
    pub(crate) reuse: bool,
    /// `None` = as long as anybody may.
    pub(crate) wait: Option<Duration>,
    pub(super) startup_command: Option<String>,
    pub(super) starts_at: Option<Timestamp>,
    pub(super) bootstrap_script: Option<String>,
    pub(crate) owner_access_key: Option<String>,
    pub(super) dependencies: Vec<String>,
    pub(super) on_one_agent: bool,
}

impl CreationRequest {
    pub(crate) fn of(
        body: &Map<String, Value>,
        version: Version,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let fields = Fields::of(body);
        let text = |names: &[&'static str]| {
            let text = fields.text(names);
            text.map(|text| text.map(str::to_owned))
        };
        let name = fields.text(&["name", "clientSessionToken"])?;
        let mut config = match fields.object(&["config"])? {
            Some(config) => SessionConfig::of(config, version)?,
            None => SessionConfig::default(),
        };
        if let Some(size) = cluster_size(fields)? {
            // Newer clients say it in both places; what stands beside `config` counts.
            config.cluster_size = Some(size);
        }
        let image = fields.text(&["image", "lang"])?;
        let image = image.filter(|image| !image.is_empty());
        Ok(Self {
            name: name.map(session_name::checked).transpose()?,
            image: image
                .ok_or_else(|| wrong("image", "is missing"))?
                .to_owned(),
            kind: kind(fields)?,
            group: text(&["group", "groupName", "group_name"])?,
            domain: text(&["domain", "domainName", "domain_name"])?,
            config,
            tag: tag(fields)?,
            enqueue_only: fields.switch(&["enqueueOnly", "enqueue_only"], false)?,
            reuse: fields.switch(&["reuseIfExists", "reuse"], true)?,
            wait: match fields.number(&["maxWaitSeconds", "max_wait_seconds"])? {
                None | Some(0) => None,
                Some(seconds) => Some(Duration::from_secs(seconds)),
            },
            startup_command: text(&["startupCommand", "startup_command"])?
                .filter(|command| !command.is_empty()),
            starts_at: starts_at(fields, now)?,
            bootstrap_script: bootstrap_script(fields)?,
            owner_access_key: text(&["owner_access_key", "ownerAccessKey"])?
                .filter(|key| !key.is_empty()),
            dependencies: dependencies(fields)?,
            on_one_agent: on_one_agent(fields)?,
        })
    }
}

fn kind(fields: Fields<'_>) -> Result<ComputeSessionType, Failure> {
    let read = |value: &Value| ComputeSessionType::from_name(value.as_str()?);
    let given = fields.read(
        &["type", "sessionType"],
        "has to be interactive or batch",
        read,
    )?;
    Ok(given.unwrap_or(ComputeSessionType::Interactive))
}

fn tag(fields: Fields<'_>) -> Result<Option<String>, Failure> {
    let Some(tag) = fields.text(&["tag"])? else {
        return Ok(None);
    };
    if tag.chars().count() > TAG_LIMIT {
        return Err(wrong(
            "tag",
            &format!("has to be {TAG_LIMIT} characters at most"),
        ));
    }
    Ok(Some(tag.to_owned()))
}

/// A time, or how long to wait until then.
fn starts_at(fields: Fields<'_>, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let read = |value: &Value| {
        let text = value.as_str()?.trim();
        let after = || Some(now.plus(humantime::parse_duration(text).ok()?));
        moment(text).map(Timestamp::from).or_else(after)
    };
    let names = ["starts_at", "startsAt"];
    let is_empty = fields
        .text(&names)?
        .is_some_and(|text| text.trim().is_empty());
    if is_empty {
        return Ok(None);
    }
    fields.read(
        &names,
        "has to be a time such as 2026-01-31T12:00:00Z or a duration such as 30m",
        read,
    )
}

fn bootstrap_script(fields: Fields<'_>) -> Result<Option<String>, Failure> {
    let read = |value: &Value| {
        let script = BASE64_STANDARD.decode(value.as_str()?.trim()).ok()?;
        let script = String::from_utf8(script).ok()?;
        (script.len() <= BOOTSTRAP_LIMIT && !script.contains('\0')).then_some(script)
    };
    let wanted = format!("has to be Base64 of a text of at most {BOOTSTRAP_LIMIT} bytes");
    let script = fields.read(&["bootstrap_script", "bootstrapScript"], &wanted, read)?;
    Ok(script.filter(|script| !script.is_empty()))
}

fn dependencies(fields: Fields<'_>) -> Result<Vec<String>, Failure> {
    let dependencies = fields.texts(&["dependencies"])?;
    if dependencies.len() > LIST_LIMIT || dependencies.iter().any(String::is_empty) {
        return Err(wrong(
            "dependencies",
            &format!("has to be at most {LIST_LIMIT} names or ids of sessions"),
        ));
    }
    Ok(dependencies)
}

fn on_one_agent(fields: Fields<'_>) -> Result<bool, Failure> {
    let read = |value: &Value| match value.as_str()?.to_ascii_lowercase().as_str() {
        "single-node" | "single_node" => Some(true),
        "multi-node" | "multi_node" => Some(false),
        _ => None,
    };
    let names = ["clusterMode", "cluster_mode"];
    let given = fields.read(&names, "has to be single-node or multi-node", read)?;
    Ok(given.unwrap_or(false))
}
