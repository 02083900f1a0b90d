//! The site the suites run on: two tenants, one principal per kind of caller, and clusters.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::{real_data, token};

/// The tenant of most tests.
pub const ALPHA: &str = "alpha";
/// The other tenant, which must see nothing of alpha's.
pub const BETA: &str = "beta";

/// Fixed token of `alpha-api`: role api in alpha.
pub const ALPHA_API: &str = "alpha-api-token-0123456789abcdefghijkl";
/// Fixed token of `beta-api`: role api in beta.
pub const BETA_API: &str = "beta-api-token-0123456789abcdefghijklm";
/// Fixed token of `admin`: roles admin and api in alpha.
pub const ADMIN: &str = "admin-token-0123456789abcdefghijklmnop";
/// Fixed token of `support`: roles support and api in alpha.
pub const SUPPORT: &str = "support-token-0123456789abcdefghijklmn";
/// Fixed token of `manager`: roles manager and api in alpha.
pub const MANAGER: &str = "manager-token-0123456789abcdefghijklmn";
/// Fixed token of `plain-user`: role user alone, in alpha.
pub const PLAIN_USER: &str = "user-token-0123456789abcdefghijklmnopq";

/// The cluster that is there without `../shared/data`.
pub const TEST_CLUSTER: &str = "test";
/// Its one sub cluster, of the nodes `t001` to `t100`.
pub const TEST_SUB_CLUSTER: &str = "main";

const PRINCIPALS: [(&str, &str, &[&str], &str); 6] = [
    ("alpha-api", ALPHA, &["api"], ALPHA_API),
    ("beta-api", BETA, &["api"], BETA_API),
    ("admin", ALPHA, &["admin", "api"], ADMIN),
    ("support", ALPHA, &["support", "api"], SUPPORT),
    ("manager", ALPHA, &["manager", "api"], MANAGER),
    ("plain-user", ALPHA, &["user"], PLAIN_USER),
];

/// Writes `site.toml` and the test cluster into `directory`. Tokens signed with [`token::key`] are
/// taken, for tenant alpha where their user is no principal; `extra` follows, as TOML.
pub fn write(directory: &Path, extra: &str) -> Result<()> {
    let cluster = json!({
        "name": TEST_CLUSTER,
        "metricConfig": [],
        "subClusters": [{ "name": TEST_SUB_CLUSTER, "nodes": "t[001-100]" }],
    });
    let write = |name: &str, text: &str| {
        fs::write(directory.join(name), text).with_context(|| format!("writing {name}"))
    };
    write("test.cluster.json", &cluster.to_string())?;
    let mut site = String::new();
    for project in [ALPHA, BETA] {
        writeln!(site, "[[project]]\nname = {project:?}\n")?;
    }
    for (name, project, roles, token) in PRINCIPALS {
        writeln!(
            site,
            "[[principal]]\nname = {name:?}\nproject = {project:?}\nroles = {roles:?}\ntoken = {token:?}\n"
        )?;
    }
    let real = real_data::cluster_files()?;
    let clusters = real.iter().map(|path| path.to_string_lossy().into_owned());
    for file in clusters.chain(["test.cluster.json".to_owned()]) {
        writeln!(site, "[[cluster]]\nfile = {file:?}\n")?;
    }
    let public_key = BASE64_STANDARD.encode(token::key().verifying_key().as_bytes());
    writeln!(
        site,
        "[clustercockpit]\njwt_public_key = {public_key:?}\ndefault_project = {ALPHA:?}\n{extra}"
    )?;
    write("site.toml", &site)
}
