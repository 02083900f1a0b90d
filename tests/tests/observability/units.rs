//! The units of systemd, as systemd itself reads them.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{TemporaryDirectory, programs, skip};

/// What `systemd-analyze verify` says of the units in a directory: nothing of good ones.
fn complaints(directory: &Path) -> Result<String> {
    let units = fs::read_dir(directory)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect::<Vec<_>>();
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .args(units)
        .output()
        .context("running systemd-analyze")?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn systemd_accepts_the_units() -> Result<()> {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        skip("the units of systemd", "systemd-analyze is not installed");
        return Ok(());
    }
    let binary = programs::muster()?;
    let directory = TemporaryDirectory::new("units")?;
    let mut count = 0;
    for entry in fs::read_dir(programs::repository().join("deploy/systemd"))? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "service")
        {
            continue;
        }
        let unit = fs::read_to_string(&path)?;
        let is_agents = unit.contains("muster agent ");
        // Containers go on when an agent stops; hardened are all.
        ensure!(!is_agents || unit.contains("KillMode=process") && unit.contains("Delegate=yes"));
        ensure!(unit.contains("NoNewPrivileges=yes"), "{}", path.display());
        let name = path.file_name().context("no name")?;
        let here = unit.replace("/usr/bin/muster", &binary.to_string_lossy());
        fs::write(directory.path().join(name), here)?;
        count += 1;
    }
    ensure!(count == 6, "{count} units");
    let said = complaints(directory.path())?;
    ensure!(said.trim().is_empty(), "{said}");

    // And it would have said something of a bad one.
    let bad = TemporaryDirectory::new("bad-unit")?;
    fs::write(
        bad.path().join("bad.service"),
        "[Service]\nExecStart=/no/such/program\nProtectSistem=strict\n",
    )?;
    let said = complaints(bad.path())?;
    ensure!(
        said.contains("ProtectSistem") && said.contains("/no/such/program"),
        "{said}"
    );
    Ok(())
}
