//! `config` of a request for a session (`api/backendai.md` §2).

use std::collections::BTreeMap;

use muster_contract::resource_slots::{CPU, MEMORY};
use muster_contract::{Amount, ResourceSlots};
use muster_platform::slot_amount;
use serde_json::{Map, Value};

use super::super::super::fields::{Fields, wrong};
use super::super::super::version::Version;
use super::limits::{CLUSTER_LIMIT, LIST_LIMIT, PORTS, SLOT_NAME_LIMIT};
use crate::frame::Failure;

/// Shared memory, among the further wishes.
pub(super) const SHMEM: &str = "shmem";

/// Where folders are mounted.
const HOME: &str = "/home/work/";

/// What `config` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SessionConfig {
    pub(super) mounts: Vec<String>,
    /// Where they are, below the home directory, if not under their names.
    pub(super) mount_paths: BTreeMap<String, String>,
    pub(super) environ: BTreeMap<String, String>,
    pub(super) cluster_size: Option<u32>,
    pub(super) scaling_group: Option<String>,
    /// Slots that are asked for; those of nothing are left out.
    pub(super) slots: ResourceSlots,
    pub(super) resource_options: BTreeMap<String, String>,
    /// Shared memory, if it is asked for.
    pub(super) shmem: Option<Amount>,
    pub(super) preopen_ports: Vec<u16>,
}

impl SessionConfig {
    pub(super) fn of(object: &Map<String, Value>, version: Version) -> Result<Self, Failure> {
        let fields = Fields::of(object);
        let resource_options = options(fields)?;
        let shmem = resource_options.get(SHMEM);
        let shmem = shmem.map(|text| slot_amount(SHMEM, text)).transpose();
        let mount_paths = mount_paths(fields)?;
        let mounts = fields.texts(&["mounts"])?;
        if mounts.len() > LIST_LIMIT || !mounts.iter().all(|name| is_file_name(name)) {
            let problem = format!("has to be at most {LIST_LIMIT} names of folders");
            return Err(wrong("mounts", &problem));
        }
        Ok(Self {
            mounts,
            mount_paths,
            environ: environ(fields)?,
            cluster_size: cluster_size(fields)?,
            scaling_group: fields
                .text(&["scalingGroup", "scaling_group"])?
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            slots: if version.has_instances() {
                instance_slots(fields)?
            } else {
                slots(fields)?
            },
            shmem: shmem.map_err(|error| wrong(SHMEM, &error.to_string()))?,
            resource_options,
            preopen_ports: ports(fields)?,
        })
    }
}

/// How many containers; it stands in `config` or, since version 6, beside it.
pub(super) fn cluster_size(fields: Fields<'_>) -> Result<Option<u32>, Failure> {
    let names = ["clusterSize", "cluster_size"];
    let Some(size) = fields.number(&names)? else {
        return Ok(None);
    };
    if !(1..=CLUSTER_LIMIT).contains(&size) {
        return Err(wrong(
            "clusterSize",
            &format!("has to be 1 to {CLUSTER_LIMIT}"),
        ));
    }
    Ok(u32::try_from(size).ok())
}

fn environ(fields: Fields<'_>) -> Result<BTreeMap<String, String>, Failure> {
    let Some(environ) = fields.object(&["environ"])? else {
        return Ok(BTreeMap::new());
    };
    environ
        .iter()
        .map(|(name, value)| {
            let value = value.as_str().map(str::to_owned);
            let is_good = !name.is_empty() && !name.contains('=');
            value.filter(|_| is_good).map(|value| (name.clone(), value))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| wrong("environ", "has to be texts by names without ="))
}

/// Amounts by name: texts, or numbers.
fn slots(fields: Fields<'_>) -> Result<ResourceSlots, Failure> {
    let Some(given) = fields.object(&["resources"])? else {
        return Ok(ResourceSlots::default());
    };
    let mut slots = ResourceSlots::default();
    for (slot, value) in given {
        let is_name = (1..=SLOT_NAME_LIMIT).contains(&slot.len())
            && slot
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !is_name {
            return Err(wrong("resources", "has a name that no slot can have"));
        }
        let amount = match value {
            Value::Null => continue,
            Value::String(text) => amount(slot, text)?,
            Value::Number(number) => amount(slot, &number.to_string())?,
            _ => return Err(wrong(slot, "has to be a text or a number")),
        };
        if !amount.is_zero() {
            slots.set(slot.clone(), amount);
        }
    }
    Ok(slots)
}

fn amount(slot: &str, text: &str) -> Result<Amount, Failure> {
    slot_amount(slot, text).map_err(|error| wrong(slot, &error.to_string()))
}

/// What versions before slots had: memory in GiB, and cores.
fn instance_slots(fields: Fields<'_>) -> Result<ResourceSlots, Failure> {
    for accelerator in ["instanceGPUs", "instanceTPUs"] {
        let is_asked_for = |value: &Value| value.as_f64().is_none_or(|amount| amount != 0.0);
        if fields.read(&[accelerator], "", |value| Some(is_asked_for(value)))? == Some(true) {
            return Err(wrong(accelerator, "needs a newer client"));
        }
    }
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let mut slots = ResourceSlots::default();
    for (name, slot, unit) in [("instanceMemory", MEMORY, "g"), ("instanceCores", CPU, "")] {
        let Some(text) = fields.read(&[name], "has to be a number", text)? else {
            continue;
        };
        let amount = amount(slot, &format!("{text}{unit}"))?;
        if !amount.is_zero() {
            slots.set(slot, amount);
        }
    }
    Ok(slots)
}

fn options(fields: Fields<'_>) -> Result<BTreeMap<String, String>, Failure> {
    let Some(given) = fields.object(&["resource_opts", "resourceOpts"])? else {
        return Ok(BTreeMap::new());
    };
    let mut options = BTreeMap::new();
    for (name, value) in given {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => return Err(wrong("resource_opts", "has to be texts by name")),
        };
        options.insert(name.clone(), text);
    }
    Ok(options)
}

/// Folders are mounted below the home directory alone.
fn mount_paths(fields: Fields<'_>) -> Result<BTreeMap<String, String>, Failure> {
    let Some(map) = fields.object(&["mount_map", "mountMap"])? else {
        return Ok(BTreeMap::new());
    };
    let mut paths = BTreeMap::new();
    for (name, path) in map {
        let below = match path {
            Value::Null => continue,
            Value::String(path) => path
                .strip_prefix(HOME)
                .map(|path| path.trim_end_matches('/')),
            _ => None,
        };
        let below = below.filter(|below| below.split('/').all(is_file_name));
        let below = below.ok_or_else(|| {
            wrong(
                "mount_map",
                &format!("has to be paths below {HOME} by name"),
            )
        })?;
        paths.insert(name.clone(), below.to_owned());
    }
    Ok(paths)
}

/// Whether something in a directory can be called so.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

fn ports(fields: Fields<'_>) -> Result<Vec<u16>, Failure> {
    let read = |value: &Value| {
        let ports = value.as_array()?.iter().map(|port| {
            let port = port.as_u64().filter(|port| PORTS.contains(port))?;
            u16::try_from(port).ok()
        });
        ports.collect::<Option<Vec<u16>>>()
    };
    let wanted = format!(
        "has to be at most {LIST_LIMIT} different ports from {} to {}",
        PORTS.start(),
        PORTS.end()
    );
    let names = ["preopen_ports", "preopenPorts"];
    let ports = fields.read(&names, &wanted, read)?.unwrap_or_default();
    let mut different = ports.clone();
    different.sort_unstable();
    different.dedup();
    if ports.len() > LIST_LIMIT || different.len() < ports.len() {
        return Err(wrong("preopen_ports", &wanted));
    }
    Ok(ports)
}
