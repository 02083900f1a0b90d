//! The site of these tests: three nodes, an agent, and programs that say what they do.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::{Context as _, Result};

/// The agent that runs all hooks.
pub(crate) const AGENT: &str = "provisioner";

/// Key of a principal of the project `ci`.
pub(crate) const KEY: &str = "a1b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11";

/// The nodes, by their names.
pub(crate) const NODES: [&str; 3] = ["n1.dusty", "n2.dusty", "n3.dusty"];

/// A pool whose nodes go through all hooks.
pub(crate) const ALL_HOOKS: &str = r#"hooks = { agent = "provisioner", provision = "1m", contextualize = "1m", deprovision = "1m", attempts = 2 }"#;

/// Programs of hooks, by their file names.
const PROGRAMS: [&str; 5] = [
    "provision",
    "contextualize",
    "deprovision",
    "session-set-up",
    "session-tear-down",
];

/// What each program does: it writes to `log` when it begins and when it is done, for `HOOK NODE`, or `HOOK` of a session. It
/// goes on once there is no file `hold-HOOK`, and fails where there is a file `fail-HOOK` or `fail-HOOK-NODE`.
const PROGRAM: &str = r#"#!/bin/sh
what="$MUSTER_HOOK${MUSTER_NODE:+ $MUSTER_NODE}"
echo "$what" >> log
while [ -e "hold-$MUSTER_HOOK" ]; do sleep 0.02; done
if [ -e "fail-$MUSTER_HOOK" ] || [ -e "fail-$MUSTER_HOOK-$MUSTER_NODE" ]; then
  echo "no power, says $MUSTER_HOOK"
  exit 1
fi
echo "$what done" >> log
"#;

/// The end of the site file: a pool with `pool` in its entry, a project with `project` in its.
pub(crate) fn text(pool: &str, project: &str) -> String {
    format!(
        r#"
[[agent]]
name = {AGENT:?}

[[project]]
name = "ci"
{project}

[[principal]]
name = "duffy-ci"
project = "ci"
duffy_key = {KEY:?}

[[pool]]
name = "metal-7-x86_64"
version = "7"
arch = "x86_64"
{pool}

[[node]]
hostname = "n[1-3].dusty"
pool = "metal-7-x86_64"

[duffy]
rate_limit = 0
"#
    )
}

/// Writes the programs.
pub(crate) fn write_programs(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    for program in PROGRAMS {
        let path = directory.join(program);
        fs::write(&path, PROGRAM).with_context(|| format!("writing {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
