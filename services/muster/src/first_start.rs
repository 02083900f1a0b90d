//! The first start without a site file: a small usable site, so that a newcomer can try everything at once.
//!
//! In the data directory: `site.toml` (hashes, where the secret itself is not needed), `clusters/demo.json`, and `credentials.toml` with the secrets themselves,
//! mode 600. The secrets are printed once.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use muster_ingress::TokenKey;
use muster_platform::{Settings, site::Password};
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{access_keys, nats_keys::write_secret, running_agent::LOCAL_AGENT};

/// The site that is made.
const SITE_FILE: &str = "site.toml";

/// Its secrets.
pub(crate) const CREDENTIALS_FILE: &str = "credentials.toml";

/// Its one cluster.
const CLUSTER_FILE: &str = "clusters/demo.json";

/// Bytes of a token: 256 bits, beyond guessing.
const TOKEN_BYTES: usize = 32;

/// The secrets of the site that a first start made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// Fixed token of the principal `admin`, for the header `X-Auth-Token`.
    pub(crate) admin_token: String,
    /// Signs tokens for ClusterCockpit's clients: base64 of the 64 bytes that ClusterCockpit calls `JWT_PRIVATE_KEY`.
    pub(crate) jwt_private_key: String,
    /// Key of the principal `admin` for Duffy's clients.
    pub(crate) duffy_key: String,
    /// Password of the principal `admin`, for Freezer's clients; a site that was made before there were any has none.
    #[serde(default)]
    pub(crate) password: String,
    /// Access key of the principal `admin`, for Backend.AI's clients; a site that was made before there were any has none.
    #[serde(default)]
    pub(crate) access_key: String,
    /// Its secret.
    #[serde(default)]
    pub(crate) secret_key: String,
}

/// What a first start made.
pub(crate) struct FirstStart {
    credentials: Credentials,
    directory: String,
}

/// The site file that an earlier first start made in this data directory.
pub(crate) fn site_made_earlier(data_directory: &Path) -> Option<PathBuf> {
    Some(data_directory.join(SITE_FILE)).filter(|file| file.exists())
}

/// Points `settings.site` at the site of the data directory, which is made if there is none; says what was made.
pub(crate) fn prepare(settings: &mut Settings) -> Result<Option<FirstStart>> {
    if settings.site.is_some() {
        return Ok(None);
    }
    let directory = settings.data_directory.clone();
    let site = directory.join(SITE_FILE);
    settings.site = Some(site.clone());
    if site.exists() {
        return Ok(None);
    }
    let credentials = Credentials::new();
    write_text(&directory.join(CLUSTER_FILE), &demo_cluster())?;
    write_secret(
        &directory.join(CREDENTIALS_FILE),
        &format!(
            "# Secrets of the site that the first start made.\n{}",
            toml::to_string(&credentials)?
        ),
    )?;
    // Last: where it is, the rest is too.
    write_secret(&site, &site_text(&credentials)?)?;
    Ok(Some(FirstStart {
        credentials,
        directory: directory.display().to_string(),
    }))
}

impl FirstStart {
    /// What a newcomer can try.
    pub(crate) fn greeting(&self, address: SocketAddr) -> String {
        let token = &self.credentials.admin_token;
        let key = &self.credentials.duffy_key;
        let password = &self.credentials.password;
        let (access_key, secret_key) = (&self.credentials.access_key, &self.credentials.secret_key);
        format!(
            r#"This is the first start: a small site was made in {directory}.
Its secrets are in {CREDENTIALS_FILE} there and are not shown again. To try it:

  export TOKEN={token}
  curl -s http://{address}/api/jobs/start_job/ -H "X-Auth-Token: $TOKEN" -d '{{"jobId": 1, "user": "alice", "project": "physics",
    "cluster": "demo", "startTime": 1700000000, "numNodes": 1, "resources": [{{"hostname": "demo01"}}]}}'
  curl -s http://{address}/api/jobs/ -H "X-Auth-Token: $TOKEN"

  export CICO_API_KEY={key}
  curl -s "http://{address}/Node/get?key=$CICO_API_KEY&count=2"
  curl -s "http://{address}/Inventory?key=$CICO_API_KEY"

  export OS_AUTH_URL=http://{address}/v3 OS_USERNAME=admin OS_PASSWORD={password} OS_PROJECT_NAME=demo
  export OS_USER_DOMAIN_NAME=default OS_PROJECT_DOMAIN_NAME=default
  freezer session-list

  export BACKEND_ENDPOINT=http://{address} BACKEND_ENDPOINT_TYPE=api
  export BACKEND_ACCESS_KEY={access_key} BACKEND_SECRET_KEY={secret_key}
  backend.ai start -t first python
  backend.ai ps

"#,
            directory = self.directory,
        )
    }
}

impl Credentials {
    fn new() -> Self {
        let random = || {
            let mut secret = [0; TOKEN_BYTES];
            rand::rng().fill_bytes(&mut secret);
            BASE64_URL_SAFE_NO_PAD.encode(secret)
        };
        let key = new_token_key();
        let pair = access_keys::new();
        Self {
            admin_token: random(),
            jwt_private_key: key.private_base64(),
            duffy_key: uuid::Builder::from_random_bytes(rand::random())
                .into_uuid()
                .to_string(),
            password: random(),
            access_key: pair.access_key,
            secret_key: pair.secret_key.expose().to_owned(),
        }
    }

    /// Reads those of a data directory.
    pub(crate) fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(CREDENTIALS_FILE);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }
}

/// A new key to sign tokens with.
pub(crate) fn new_token_key() -> TokenKey {
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    TokenKey::from_seed(&seed)
}

fn site_text(credentials: &Credentials) -> Result<String> {
    let token_hash = hexadecimal(&Sha256::digest(&credentials.admin_token));
    let key_hash = hexadecimal(&Sha256::digest(&credentials.duffy_key));
    let password = Password::hash(&credentials.password)
        .map_err(|error| anyhow::anyhow!("the password cannot be hashed: {error}"))?;
    let Credentials {
        access_key,
        secret_key,
        ..
    } = credentials;
    let public_key = TokenKey::from_base64(&credentials.jwt_private_key)?.public_base64();
    Ok(format!(
        r#"# The site that the first start made. Change it as you like: it is read at every start.

[[project]]
name = "demo"

[[principal]]
name = "admin"
project = "demo"
roles = ["admin", "api"]
token_sha256 = "{token_hash}"
duffy_key_sha256 = "{key_hash}"
password = "{password}"
access_key = "{access_key}"
secret_key = "{secret_key}"

# Who runs the containers of compute sessions: `muster up` itself.
[[agent]]
name = "{LOCAL_AGENT}"

# What they run: programs of this machine, or with Docker what it calls so.
[[image]]
name = "python:3"
aliases = ["python"]
command = ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "{{port:http}}"]
docker = {{ image = "python:3-slim", command = ["python3", "-u", "-m", "http.server", "8000"] }}
interpreter = ["python3", "{{interpreter.py}}"]
services = [{{ name = "http", protocol = "http", port = 8000 }}]
minimum = {{ cpu = "1", mem = "128m" }}

[[image]]
name = "shell:1"
aliases = ["shell"]
command = ["sleep", "infinity"]
docker = {{ image = "busybox:stable", command = ["sleep", "infinity"] }}
interpreter = ["sh", "-c", "{{code}}"]
minimum = {{ cpu = "1", mem = "64m" }}

# Nodes that sessions may have: this machine under four names.
[[pool]]
name = "metal-7-x86_64"
version = "7"
arch = "x86_64"
fill_level = 4
lifetime = "6h"

[[node]]
hostname = "n[1-4].demo"
pool = "metal-7-x86_64"
ip = "127.0.0.1"
chassis = "demo"

[[cluster]]
file = "{CLUSTER_FILE}"

[clustercockpit]
jwt_public_key = "{public_key}"
default_project = "demo"
"#,
    ))
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn demo_cluster() -> String {
    let description = serde_json::json!({
        "name": "demo",
        "metricConfig": [],
        "subClusters": [{ "name": "main", "nodes": "demo[01-16]" }],
    });
    format!("{description:#}\n")
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use muster_platform::site::{Site, TokenDigest};

    use super::*;
    use crate::running_agent::own_of;

    fn settings(directory: &Path) -> Settings {
        Settings {
            data_directory: directory.to_owned(),
            ..Settings::default()
        }
    }

    #[test]
    fn the_site_is_made_once_and_is_a_good_one() {
        let directory = tempfile::tempdir().unwrap();
        let mut first = settings(directory.path());
        assert!(prepare(&mut first).unwrap().is_some());
        let site = Site::load(first.site.as_deref().unwrap()).unwrap();
        assert_eq!(site.principals.len(), 1);
        assert_eq!(site.pools.len(), 1);
        let nodes: Vec<&str> = site
            .nodes
            .iter()
            .map(|node| node.hostname.as_str())
            .collect();
        assert_eq!(nodes, ["n1.demo", "n2.demo", "n3.demo", "n4.demo"]);
        assert!(site.clustercockpit.jwt_public_key.is_some());
        let before = Credentials::read(directory.path()).unwrap();
        let mut second = settings(directory.path());
        assert!(prepare(&mut second).unwrap().is_none());
        assert_eq!(second.site, first.site);
        let after = Credentials::read(directory.path()).unwrap();
        assert_eq!(before.admin_token, after.admin_token);
        let key = TokenDigest::of(before.duffy_key.as_bytes());
        assert_eq!(site.principals[0].duffy_key, Some(key));
        let password = site.principals[0].password.as_ref().unwrap();
        assert!(password.is_slow() && password.is(&before.password));
        let pair = site.principals[0].key_pair.as_ref().unwrap();
        assert_eq!(pair.access_key, before.access_key);
        assert_eq!(pair.secret_key.expose(), before.secret_key);
        assert_eq!(own_of(&first, &site).as_deref(), Some(LOCAL_AGENT));
        for name in ["python", "shell"] {
            assert!(site.images.iter().any(|image| image.is_called(name)));
        }
    }

    #[test]
    fn secrets_are_their_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        prepare(&mut settings(directory.path())).unwrap();
        for name in [SITE_FILE, CREDENTIALS_FILE] {
            let file = fs::metadata(directory.path().join(name)).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_named_site_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut named = settings(directory.path());
        named.site = Some("elsewhere.toml".into());
        assert!(prepare(&mut named).unwrap().is_none());
        assert!(!directory.path().join(SITE_FILE).exists());
    }
}
