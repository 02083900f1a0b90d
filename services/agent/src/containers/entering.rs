//! How a program comes to be in a container: in its control groups, and where names of its session have addresses.

use std::{
    ffi::OsStr,
    fs, io,
    net::{IpAddr, ToSocketAddrs as _},
    path::Path,
    process,
};

use muster_contract::agent::ClusterPlace;
use tokio::process::Command;

use super::main_process::WRAPPER_NAME;

/// The control groups of a container, one a line.
const GROUPS_FILE: &str = "groups";

/// What is `/etc/hosts` in a container whose session has several.
const HOSTS_FILE: &str = "hosts";

/// Makes a mount namespace of its own for a program, which nobody else sees (`unshare(1)`).
const OWN_MOUNTS: [&str; 3] = ["--mount", "--propagation", "private"];

/// Goes into the container, whose directory is `$1`.
macro_rules! enter {
    () => {
        include_str!("enter.sh")
    };
}
pub(super) use enter;

/// Goes into the container and becomes the program.
const ENTER: &str = concat!(enter!(), "shift\nexec \"$@\"\n");

/// Whether programs can have a mount namespace of their own: as a rule, for root.
pub(super) fn has_namespaces() -> bool {
    let tried = process::Command::new("unshare")
        .args(OWN_MOUNTS)
        .args(["sh", "-c", "mount --bind /etc/hosts /etc/hosts"])
        .stdin(process::Stdio::null())
        .stdout(process::Stdio::null())
        .stderr(process::Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// Has programs of the container be in these groups.
pub(super) fn note_groups(directory: &Path, groups: &[impl AsRef<Path>]) -> io::Result<()> {
    let lines = groups
        .iter()
        .map(|group| format!("{}\n", group.as_ref().display()));
    fs::write(directory.join(GROUPS_FILE), lines.collect::<String>())
}

/// Has the names of the session be known in the container.
pub(super) fn note_hosts(directory: &Path, place: &ClusterPlace) -> io::Result<()> {
    let known = fs::read_to_string("/etc/hosts").unwrap_or_default();
    fs::write(directory.join(HOSTS_FILE), hosts(&known, place))
}

/// The lines of the machine, and one for each container whose agent's address is known: containers share the network of the machine
/// that they are on.
fn hosts(known: &str, place: &ClusterPlace) -> String {
    let mut text = known.trim_end().to_owned();
    for (hostname, address) in place.hostnames.iter().zip(&place.addresses) {
        let resolved = address.parse::<IpAddr>().ok().or_else(|| {
            let mut found = (address.as_str(), 0).to_socket_addrs().ok()?;
            Some(found.next()?.ip())
        });
        if let Some(address) = resolved {
            text.extend(["\n", &address.to_string(), " ", hostname]);
        }
    }
    text.push('\n');
    text
}

/// A shell that runs `script` with the container's directory as its `$1`, in the container if that script goes there.
pub(super) fn shell(directory: &Path, script: &str) -> Command {
    let mut command = if directory.join(HOSTS_FILE).exists() {
        let mut command = Command::new("unshare");
        command.args(OWN_MOUNTS).arg("sh");
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", script, WRAPPER_NAME]).arg(directory);
    command
}

/// A program in the container.
pub(super) fn program(
    directory: &Path,
    mut words: impl Iterator<Item = impl AsRef<OsStr>>,
) -> Command {
    let files = [GROUPS_FILE, HOSTS_FILE];
    if files.iter().any(|file| directory.join(file).exists()) {
        let mut command = shell(directory, ENTER);
        command.args(words);
        return command;
    }
    let mut command = match words.next() {
        Some(word) => Command::new(word),
        None => Command::new(""),
    };
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_addresses_of_their_agents() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let place = ClusterPlace {
            index: 0,
            hostname: "main1".to_owned(),
            hostnames: words(&["main1", "sub1", "sub2", "sub3"]),
            agents: words(&["a1", "a2", "a3", "a4"]),
            addresses: words(&["10.0.0.1", "localhost", "no such host", "fd00::1"]),
        };
        let text = hosts("127.0.0.1 localhost\n", &place);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["127.0.0.1 localhost", "10.0.0.1 main1"]);
        assert!(
            lines[2].ends_with(" sub1") && lines[3] == "fd00::1 sub3",
            "{text}"
        );
    }
}
