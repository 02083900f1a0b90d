//! Where the programs are that tests start. `deploy/test` says so in the environment; without it,
//! the same places are searched, so that a plain `cargo nextest run` works too.

use std::{
    cmp::Reverse,
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, Result, bail};

/// The path of the nats-server to test with.
const NATS_SERVER_VARIABLE: &str = "MUSTER_TEST_NATS_SERVER";
/// The directory of `initdb`, `postgres` and `pg_ctl`.
const POSTGRES_VARIABLE: &str = "MUSTER_TEST_POSTGRES_BIN";
/// The `node_modules` directory that holds the AsyncAPI parser.
const ASYNCAPI_VARIABLE: &str = "MUSTER_TEST_ASYNCAPI_MODULES";
/// The directory of `prometheus` and `promtool`.
const PROMETHEUS_VARIABLE: &str = "MUSTER_TEST_PROMETHEUS";
/// The path of the `muster` binary, where it is not beside the tests.
const MUSTER_VARIABLE: &str = "MUSTER_TEST_BINARY";
/// Where the scripts keep what they fetched; `.cache` of the repository if unset.
const CACHE_VARIABLE: &str = "MUSTER_CACHE";

/// The oldest nats-server Muster runs with, as (major, minor).
const OLDEST_NATS_SERVER: (u32, u32) = (2, 11);

/// The repository's own directory.
#[must_use]
pub fn repository() -> PathBuf {
    // shared/testkit/../..
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .ancestors()
        .nth(2)
        .unwrap_or(manifest)
        .to_path_buf()
}

/// Where fetched programs, and what tests prepare once, are kept.
#[must_use]
pub fn cache_directory() -> PathBuf {
    match env::var_os(CACHE_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => repository().join(".cache"),
    }
}

/// A nats-server that is new enough: the one named by `MUSTER_TEST_NATS_SERVER`, else the one in
/// `PATH`, else the one `deploy/test` has fetched.
pub fn nats_server() -> Result<PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = FOUND.get() {
        return Ok(path.clone());
    }
    let found = match env::var_os(NATS_SERVER_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => in_path("nats-server")
            .into_iter()
            .chain(cached("nats-server-").map(|directory| directory.join("nats-server")))
            .find(|path| is_new_enough(path))
            .context("no nats-server: run deploy/test once, it fetches one")?,
    };
    if !is_new_enough(&found) {
        let (major, minor) = OLDEST_NATS_SERVER;
        bail!(
            "{} is not a nats-server {major}.{minor} or newer",
            found.display()
        );
    }
    Ok(FOUND.get_or_init(|| found).clone())
}

/// The directory of PostgreSQL's server programs: the one named by `MUSTER_TEST_POSTGRES_BIN`, else
/// that of the `postgres` in `PATH`, else the newest Debian package's. The error says in one line
/// why there is none.
pub fn postgres_directory() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os(POSTGRES_VARIABLE).map(PathBuf::from) {
        return if is_postgres_directory(&path) {
            Ok(path)
        } else {
            Err(format!(
                "{POSTGRES_VARIABLE} has no initdb, postgres, pg_ctl"
            ))
        };
    }
    let linked = in_path("postgres")
        .and_then(|path| path.canonicalize().ok())
        .and_then(|path| path.parent().map(Path::to_path_buf));
    let mut packaged: Vec<(u32, PathBuf)> = subdirectories(Path::new("/usr/lib/postgresql"))
        .filter_map(|path| Some((file_name(&path)?.parse().ok()?, path.join("bin"))))
        .collect();
    packaged.sort_by_key(|(version, _)| Reverse(*version));
    linked
        .into_iter()
        .chain(packaged.into_iter().map(|(_, path)| path))
        .find(|path| is_postgres_directory(path))
        .ok_or_else(|| "PostgreSQL's server programs are not installed".to_owned())
}

/// The `node_modules` directory with the AsyncAPI parser: the one named by
/// `MUSTER_TEST_ASYNCAPI_MODULES`, else what `deploy/test` has fetched. The error says in one line
/// why there is none.
pub fn asyncapi_modules() -> Result<PathBuf, String> {
    env::var_os(ASYNCAPI_VARIABLE)
        .map(PathBuf::from)
        .into_iter()
        .chain(cached("asyncapi-parser-").map(|directory| directory.join("node_modules")))
        .find(|modules| modules.join("@asyncapi/parser").is_dir())
        .ok_or_else(|| {
            "the AsyncAPI parser is not there: deploy/test fetches it where node and npm are"
                .to_owned()
        })
}

/// The directory of `prometheus` and `promtool`: the one named by `MUSTER_TEST_PROMETHEUS`, else what `deploy/test` has fetched. The
/// error says in one line why there is none.
pub fn prometheus_directory() -> Result<PathBuf, String> {
    env::var_os(PROMETHEUS_VARIABLE)
        .map(PathBuf::from)
        .into_iter()
        .chain([cache_directory().join("prometheus/usr/bin")])
        .find(|directory| {
            ["prometheus", "promtool"]
                .iter()
                .all(|program| directory.join(program).is_file())
        })
        .ok_or_else(|| "Prometheus is not there: deploy/test fetches it on Debian".to_owned())
}

/// A Python environment with real clients, or a real server, pinned by `deploy/lib/requirements-NAME.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonEnvironment {
    /// `cico` and `duffy`.
    Duffy,
    /// `freezer` 6.5, which speaks v2, and `openstack backup`.
    FreezerV2,
    /// `freezer` 6.3, the last that speaks v1.
    FreezerV1,
    /// `freezer-scheduler`.
    FreezerScheduler,
    /// `keystone-manage`, and a Keystone for any WSGI server.
    Keystone,
    /// `backend.ai` 20.3.10, the reference.
    BackendAi203,
    /// `backend.ai` 20.9.9.
    BackendAi209,
    /// `backend.ai`, the newest.
    BackendAiNewest,
    /// Python with `nats-py`, for an agent that is none of ours.
    Nats,
    /// `schemathesis`, which makes requests of an OpenAPI document.
    Schemathesis,
}

impl PythonEnvironment {
    /// As `deploy/lib/python-clients.sh` calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Duffy => "duffy",
            Self::FreezerV2 => "freezer-v2",
            Self::FreezerV1 => "freezer-v1",
            Self::FreezerScheduler => "freezer-scheduler",
            Self::Keystone => "keystone",
            Self::BackendAi203 => "backendai-20-3",
            Self::BackendAi209 => "backendai-20-9",
            Self::BackendAiNewest => "backendai-newest",
            Self::Nats => "nats",
            Self::Schemathesis => "schemathesis",
        }
    }

    /// What the tests start of it.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Duffy => &["cico", "duffy"],
            Self::FreezerV2 => &["freezer", "openstack"],
            Self::FreezerV1 => &["freezer"],
            Self::FreezerScheduler => &["freezer-scheduler"],
            Self::Keystone => &["keystone-manage", "python"],
            Self::BackendAi203 | Self::BackendAi209 | Self::BackendAiNewest => {
                &["backend.ai", "python"]
            }
            Self::Nats => &["python"],
            Self::Schemathesis => &["schemathesis", "python"],
        }
    }

    /// The directory of its programs: the one named by `MUSTER_TEST_PYTHON_NAME` (`MUSTER_TEST_PYTHON_FREEZER_V2`), else
    /// what `deploy/test` has fetched. The error says in one line why there is none.
    pub fn directory(self) -> Result<PathBuf, String> {
        let upper = self.name().to_uppercase().replace('-', "_");
        env::var_os(format!("MUSTER_TEST_PYTHON_{upper}"))
            .map(PathBuf::from)
            .into_iter()
            .chain(cached(&format!("python-{}-", self.name())).map(|home| home.join("bin")))
            .find(|directory| self.is_whole(directory))
            .ok_or_else(|| {
                let programs = self.programs().join(" and ");
                format!("{programs}: not there, deploy/test fetches them where Python 3.11 is")
            })
    }

    fn is_whole(self, directory: &Path) -> bool {
        let mut programs = self.programs().iter();
        programs.all(|program| directory.join(program).is_file())
    }
}

/// The built `muster` binary of the same profile as the running test: the one named by
/// `MUSTER_TEST_BINARY`, else the one in the directory of the test's executable or above it
/// (`target/debug/deps/test-…` and `target/debug/muster`).
pub fn muster() -> Result<PathBuf> {
    if let Some(path) = env::var_os(MUSTER_VARIABLE) {
        return Ok(PathBuf::from(path));
    }
    let executable = env::current_exe().context("where the test's executable is")?;
    executable
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("muster"))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "no muster binary beside {}: cargo build -p muster",
                executable.display()
            )
        })
}

/// The first executable of this name in `PATH`.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join(name))
        .find(|path| {
            path.metadata()
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
}

fn is_postgres_directory(directory: &Path) -> bool {
    ["initdb", "postgres", "pg_ctl"]
        .iter()
        .all(|name| directory.join(name).is_file())
}

/// Directories of the cache whose names begin with `prefix`.
fn cached(prefix: &str) -> impl Iterator<Item = PathBuf> {
    subdirectories(&cache_directory())
        .filter(move |path| file_name(path).is_some_and(|name| name.starts_with(prefix)))
}

fn subdirectories(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(OsStr::to_str)
}

fn is_new_enough(binary: &Path) -> bool {
    Command::new(binary)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| nats_server_version(&String::from_utf8_lossy(&output.stdout)))
        .is_some_and(|version| version >= OLDEST_NATS_SERVER)
}

/// Major and minor of "nats-server: v2.15.1".
fn nats_server_version(text: &str) -> Option<(u32, u32)> {
    let numbers = text.trim().strip_prefix("nats-server: v")?;
    let mut numbers = numbers.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(nats_server_version("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(
            nats_server_version("nats-server: v2.12.0-RC.1"),
            Some((2, 12))
        );
        assert_eq!(nats_server_version("something else"), None);
    }

    #[test]
    fn the_repository_is_found() {
        assert!(repository().join("Cargo.lock").is_file());
    }
}
