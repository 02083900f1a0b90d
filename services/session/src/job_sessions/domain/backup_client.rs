//! Who runs jobs.

use muster_contract::session::limits::CLIENT_ID_LIMIT;
use serde_json::{Map, Value};

use super::fields::{self, Wrong, is_client_id};

/// What a client can do: the key under which it says so, what the real server knows, and the key of an action that asks for it.
const CAPABILITIES: [(&str, &[&str], &str); 4] = [
    (
        "supported_actions",
        &["backup", "restore", "info", "admin", "exec"],
        "action",
    ),
    (
        "supported_modes",
        &[
            "fs",
            "mongo",
            "mysql",
            "sqlserver",
            "cinder",
            "glance",
            "cindernative",
            "nova",
        ],
        "mode",
    ),
    (
        "supported_storages",
        &["local", "swift", "ssh", "s3", "ftp", "ftps"],
        "storage",
    ),
    (
        "supported_engines",
        &["tar", "rsync", "rsyncv2", "nova", "osbrick", "glance"],
        "engine",
    ),
];

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupClient {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
    /// Who registered it.
    pub(crate) user: String,
    /// Whether all tenants see it.
    pub(crate) is_central: bool,
    /// `uuid`, `hostname`, `description` and what it supports.
    pub(crate) document: Map<String, Value>,
}

impl BackupClient {
    /// The client that registers itself; `uuid` is for one that brings none.
    pub(crate) fn registering(
        tenant: &str,
        user: &str,
        described: &Map<String, Value>,
        uuid: impl FnOnce() -> String,
    ) -> Result<Self, Wrong> {
        let client_id = fields::text(described, "client_id")?.unwrap_or_default();
        if !is_client_id(client_id) {
            return Err(format!(
                "client_id must be the name of a host, maybe after a project and _, of at most {CLIENT_ID_LIMIT} characters"
            ));
        }
        let hostname = fields::text(described, "hostname")?;
        if hostname.is_some_and(|name| !is_client_id(name) || name.contains('_')) {
            return Err("hostname must be the name of a host".to_owned());
        }
        let is_central = match described.get("is_central") {
            None => false,
            Some(Value::Bool(is_central)) => *is_central,
            Some(_) => return Err("is_central must be true or false".to_owned()),
        };
        let uuid = match fields::text(described, "uuid")? {
            Some(uuid) => {
                fields::check_id("uuid", uuid)?;
                uuid.to_owned()
            }
            None => uuid(),
        };
        let mut document = Map::new();
        document.insert("uuid".to_owned(), uuid.into());
        document.insert("hostname".to_owned(), hostname.into());
        document.insert("client_id".to_owned(), client_id.into());
        document.insert("is_central".to_owned(), is_central.into());
        let description = fields::description(described)?;
        document.insert("description".to_owned(), description.into());
        for (key, known, _) in CAPABILITIES {
            document.insert(key.to_owned(), capabilities(described, key, known)?);
        }
        fields::check_size("a client", &document)?;
        Ok(Self {
            tenant: tenant.to_owned(),
            client_id: client_id.to_owned(),
            user: user.to_owned(),
            is_central,
            document,
        })
    }

    /// Takes over what the client says that registers itself again: who and where it is does not change.
    pub(crate) fn register_again(&mut self, mut again: Self) {
        for key in ["uuid", "hostname", "client_id", "is_central"] {
            again.document.remove(key);
        }
        self.document.extend(again.document);
    }

    /// Refuses what it cannot do.
    pub(crate) fn check(&self, freezer_action: &Map<String, Value>) -> Result<(), Wrong> {
        for (key, _, asked) in CAPABILITIES {
            let option = match freezer_action.get(asked) {
                None | Some(Value::Null | Value::Bool(false)) => continue,
                Some(Value::String(option)) if option.is_empty() => continue,
                Some(option) => option,
            };
            let supported = self.document.get(key).and_then(Value::as_array);
            if !supported.is_some_and(|supported| supported.contains(option)) {
                let id = &self.client_id;
                return Err(format!("client {id} does not support {asked} {option}"));
            }
        }
        Ok(())
    }
}

fn capabilities(described: &Map<String, Value>, key: &str, known: &[&str]) -> Result<Value, Wrong> {
    let wrong = || format!("{key} must be a list of some of {known:?}");
    match described.get(key) {
        None => Ok(known.into()),
        Some(Value::Array(given)) if given.len() <= known.len() => {
            let is_known = |value: &Value| value.as_str().is_some_and(|text| known.contains(&text));
            if given.iter().all(is_known) {
                Ok(given.clone().into())
            } else {
                Err(wrong())
            }
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn client(described: &Value) -> Result<BackupClient, Wrong> {
        let described = described.as_object().unwrap();
        BackupClient::registering("demo", "alice", described, || "new".to_owned())
    }

    #[test]
    fn one_that_says_nothing_can_do_everything() {
        let client = client(&json!({"client_id": "node", "hostname": "node.org"})).unwrap();
        assert_eq!(client.document["uuid"], json!("new"));
        assert_eq!(client.document["hostname"], json!("node.org"));
        for action in [
            json!({}),
            json!({"action": "backup", "mode": "nova", "storage": "s3", "engine": "rsync"}),
            json!({"action": "exec", "mode": null, "storage": ""}),
        ] {
            assert_eq!(
                client.check(action.as_object().unwrap()),
                Ok(()),
                "{action}"
            );
        }
        let odd = json!({"mode": "tape"});
        assert!(client.check(odd.as_object().unwrap()).is_err());
    }

    #[test]
    fn it_does_only_what_it_supports() {
        let client = client(
            &json!({"client_id": "node", "supported_modes": ["fs"], "supported_engines": []}),
        )
        .unwrap();
        let check = |action: &Value| client.check(action.as_object().unwrap());
        assert_eq!(check(&json!({"mode": "fs"})), Ok(()));
        let refused = check(&json!({"mode": "nova"})).unwrap_err();
        assert_eq!(refused, "client node does not support mode \"nova\"");
        assert!(check(&json!({"engine": "tar"})).is_err());
    }

    #[test]
    fn again_it_changes_what_it_says_of_itself_only() {
        let mut kept =
            client(&json!({"client_id": "node", "hostname": "a", "uuid": "u", "description": "x"}))
                .unwrap();
        let again = client(&json!({"client_id": "node", "hostname": "b", "supported_modes": ["fs"], "is_central": true})).unwrap();
        kept.register_again(again);
        assert_eq!(
            (&kept.document["hostname"], kept.is_central),
            (&json!("a"), false)
        );
        assert_eq!(kept.document["uuid"], json!("u"));
        assert_eq!(kept.document["is_central"], json!(false));
        assert_eq!(kept.document["description"], json!(null));
        assert_eq!(kept.document["supported_modes"], json!(["fs"]));
    }

    #[test]
    fn what_is_no_client_is_refused() {
        for bad in [
            json!({}),
            json!({"client_id": 1}),
            json!({"client_id": "no de"}),
            json!({"client_id": "node", "hostname": "a b"}),
            json!({"client_id": "node", "is_central": "yes"}),
            json!({"client_id": "node", "uuid": ""}),
            json!({"client_id": "node", "description": "a\0b"}),
            json!({"client_id": "node", "supported_modes": ["tape"]}),
            json!({"client_id": "node", "supported_modes": "fs"}),
            json!({"client_id": "node", "supported_modes": vec!["fs"; 9]}),
        ] {
            assert!(client(&bad).is_err(), "{bad}");
        }
    }
}
