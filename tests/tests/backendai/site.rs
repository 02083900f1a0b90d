//! The site of these tests: who may call, and what can be run.

use std::fmt::Write as _;

use muster_tests::backendai::KeyPair;

/// Of a user of project alpha.
pub(crate) const ALICE: KeyPair = KeyPair {
    access_key: "AKIAALICEALICEALICE1",
    secret_key: "alice-secret-alice-secret-alice-secret-1",
};
/// Of another user of project alpha.
pub(crate) const CAROL: KeyPair = KeyPair {
    access_key: "AKIACAROLCAROLCAROL1",
    secret_key: "carol-secret-carol-secret-carol-secret-1",
};
/// Of a user of project beta.
pub(crate) const BOB: KeyPair = KeyPair {
    access_key: "AKIABOBBOBBOBBOBBOB1",
    secret_key: "bob-secret-bob-secret-bob-secret-bob-sec",
};
/// Of the one who administers everything.
pub(crate) const ROOT: KeyPair = KeyPair {
    access_key: "AKIAROOTROOTROOTROO1",
    secret_key: "root-secret-root-secret-root-secret-root",
};
/// Nobody's.
pub(crate) const NOBODY: KeyPair = KeyPair {
    access_key: "AKIANOBODYNOBODYNOB1",
    secret_key: "nobody-secret-nobody-secret-nobody-secre",
};

/// Serves files over HTTP and runs Python.
pub(crate) const PYTHON: &str = "python:3.11";
/// Does nothing, and runs lines of a shell.
pub(crate) const SHELL: &str = "shell:1";
/// Has a port at which nobody ever listens, since its program ends at once.
pub(crate) const BROKEN: &str = "broken:1";
/// Ends by itself after a moment, with code 3.
pub(crate) const BRIEF: &str = "brief:1";

/// The agents that any of these tests may start.
pub(crate) const AGENTS: [&str; 3] = ["a1", "a2", "a3"];

/// The end of the site file; `extra` follows.
pub(crate) fn text(extra: &str) -> String {
    let mut text = String::from(IMAGES);
    for agent in AGENTS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "[[agent]]\nname = {agent:?}");
    }
    for (name, project, role, key) in [
        ("compute-alice", "alpha", "user", ALICE),
        ("compute-carol", "alpha", "user", CAROL),
        ("compute-bob", "beta", "user", BOB),
        ("compute-root", "alpha", "superadmin", ROOT),
    ] {
        let KeyPair {
            access_key,
            secret_key,
        } = key;
        let _ = write!(
            text,
            "[[principal]]\nname = {name:?}\nproject = {project:?}\nroles = [{role:?}]\n\
             access_key = {access_key:?}\nsecret_key = {secret_key:?}\n"
        );
    }
    text + extra
}

const IMAGES: &str = r#"
[[image]]
name = "python:3.11"
aliases = ["python", "python:3.6-ubuntu18.04"]
command = ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "{port:http}"]
interpreter = ["python3", "{interpreter.py}"]
services = [{ name = "http", protocol = "http", port = 8000 }]
minimum = { cpu = "1", mem = "64m" }
maximum = { cpu = "64", mem = "64g" }

[[image]]
name = "shell:1"
command = ["sh", "-c", "echo up with $GREETING; exec sleep 100000"]
interpreter = ["sh", "-c", "{code}"]
environ = { GREETING = "nothing" }
minimum = { cpu = "1", mem = "64m" }

[[image]]
name = "broken:1"
command = ["sh", "-c", "echo it does not work; exit 7"]
services = [{ name = "http", protocol = "http", port = 8000 }]
minimum = { cpu = "1", mem = "64m" }

[[image]]
name = "brief:1"
command = ["sh", "-c", "echo that was all; sleep 1; exit 3"]
minimum = { cpu = "1", mem = "64m" }

"#;
