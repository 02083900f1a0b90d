//! The real `backend.ai` clients, unchanged: 20.3.10 (the reference), 20.9.9 and the newest.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{TemporaryDirectory, programs::PythonEnvironment, skip};
use muster_tests::backendai::KeyPair;
use tokio::process::Command;

use crate::{
    house::{House, Rules, on_both, on_sqlite},
    site::{ALICE, NOBODY, PYTHON, SHELL},
};

/// A client with its settings. What it keeps at home goes with it.
struct Program {
    directory: PathBuf,
    endpoint: String,
    key: KeyPair,
    home: TemporaryDirectory,
}

/// What a program has printed.
#[derive(Debug)]
struct Printed {
    well: bool,
    output: String,
    errors: String,
}

impl Printed {
    fn all(&self) -> String {
        format!("{}{}", self.output, self.errors)
    }
}

impl Program {
    /// A client; says that `test` is skipped if it is not there.
    fn find(environment: PythonEnvironment, house: &House, test: &str) -> Result<Option<Self>> {
        match environment.directory() {
            Ok(directory) => Ok(Some(Self {
                directory,
                endpoint: house.client.url(""),
                key: ALICE,
                home: TemporaryDirectory::new("client")?,
            })),
            Err(reason) => {
                skip(&format!("{test} with {}", environment.name()), &reason);
                Ok(None)
            }
        }
    }

    async fn start(&self, program: &str, words: &[&str]) -> Result<Printed> {
        let output = Command::new(self.directory.join(program))
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("LANG", "C.UTF-8")
            .env("COLUMNS", "400")
            .env("PYTHONWARNINGS", "ignore")
            .env("BACKEND_ENDPOINT", &self.endpoint)
            .env("BACKEND_ENDPOINT_TYPE", "api")
            .env("BACKEND_ACCESS_KEY", self.key.access_key)
            .env("BACKEND_SECRET_KEY", self.key.secret_key)
            .env("BACKEND_DOMAIN", "default")
            .env("BACKEND_GROUP", "default")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("running {program}"))?;
        Ok(Printed {
            well: output.status.success(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// A command that has to end well and say all of this.
    async fn good(&self, words: &[&str], said: &[&str]) -> Result<String> {
        let printed = self.start("backend.ai", words).await?;
        ensure!(printed.well, "{words:?}: {}", printed.all());
        let all = printed.all();
        for said in said {
            ensure!(all.contains(said), "{words:?} without {said:?}: {all}");
        }
        Ok(all)
    }

    /// A command that has to fail and say all of this.
    async fn bad(&self, words: &[&str], said: &[&str]) -> Result<()> {
        let printed = self.start("backend.ai", words).await?;
        ensure!(!printed.well, "{words:?}: {}", printed.all());
        let all = printed.all();
        for said in said {
            ensure!(all.contains(said), "{words:?} without {said:?}: {all}");
        }
        Ok(())
    }

    /// A script with the client's library, which has to end well.
    async fn python(&self, script: &str) -> Result<String> {
        let printed = self.start("python", &["-c", script]).await?;
        ensure!(printed.well, "{script}\n{}", printed.all());
        Ok(printed.output)
    }
}

on_both!(the_reference_works_unchanged);

async fn the_reference_works_unchanged(house: &mut House) -> Result<()> {
    legacy_commands(PythonEnvironment::BackendAi203, house).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_release_works_unchanged() -> Result<()> {
    on_sqlite("backend.ai 20.9", Rules::USUAL, async |house| {
        legacy_commands(PythonEnvironment::BackendAi209, house).await
    })
    .await
}

/// The commands of the releases 20.3 and 20.9.
async fn legacy_commands(environment: PythonEnvironment, house: &House) -> Result<()> {
    let Some(client) = Program::find(environment, house, "backend.ai")? else {
        return Ok(());
    };
    let start = ["start", "-t", "mysess-01", "-e", "GREETING=hello", SHELL];
    client.good(&start, &["created and ready"]).await?;
    client.good(&start, &["already running"]).await?;
    client
        .bad(
            &["start", "-t", "mysess-01", "--no-reuse", SHELL],
            &["already"],
        )
        .await?;
    client
        .bad(&["start", "-t", "mysess-02", "nothing:9"], &[])
        .await?;

    let session = house.find(&house.alice(), "mysess-01").await?;
    let id = session.id.to_string();
    client
        .good(&["ps"], &["mysess-01", "RUNNING", SHELL])
        .await?;
    client
        .good(&["ps", "--detail"], &["mysess-01", "RUNNING"])
        .await?;
    client.good(&["ps", "--name-only"], &["mysess-01"]).await?;
    client
        .good(&["admin", "session", &id], &["mysess-01", "RUNNING"])
        .await?;
    client
        .good(&["logs", "mysess-01"], &["up with hello"])
        .await?;
    client.good(&["restart", "mysess-01"], &["Done"]).await?;
    client
        .good(
            &["terminate", "--stats", "mysess-01"],
            &["Done", "cpu_used", "mem_max_bytes"],
        )
        .await?;
    client.bad(&["terminate", "mysess-01"], &["404"]).await?;
    let gone = client.good(&["ps"], &[]).await?;
    ensure!(!gone.contains("mysess-01"), "{gone}");
    client
        .good(&["ps", "--dead"], &["mysess-01", "TERMINATED"])
        .await?;
    client
        .good(&["ps", "--detail", "--dead"], &["mysess-01", "TERMINATED"])
        .await?;
    client
        .good(&["admin", "session", &id], &["mysess-01", "TERMINATED"])
        .await?;
    client.python(PAGES).await?;

    let code = "print('it is', 6 * 7)";
    let run = ["run", "-t", "code-01", "-c", code, PYTHON];
    client.good(&run, &["it is 42"]).await?;
    let run = ["run", "--rm", "-t", "code-01", "-c", "1 / 0", PYTHON];
    let failed = client.start("backend.ai", &run).await?;
    ensure!(failed.all().contains("ZeroDivisionError"), "{failed:?}");
    let run = [
        "run",
        "--rm",
        "-t",
        "shell-01",
        "-c",
        "echo $((40 + 2))",
        SHELL,
    ];
    client.good(&run, &["42"]).await?;
    client.good(&["announcement", "get"], &[]).await?;
    let stranger = Program {
        key: NOBODY,
        ..client
    };
    stranger
        .bad(&["start", "-t", "mysess-03", SHELL], &[])
        .await
}

on_both!(the_library_works_unchanged);

/// Synchronous and asynchronous.
async fn the_library_works_unchanged(house: &mut House) -> Result<()> {
    let environment = PythonEnvironment::BackendAi203;
    let Some(client) = Program::find(environment, house, "the library")? else {
        return Ok(());
    };
    client.python(SYNCHRONOUS).await?;
    client.python(ASYNCHRONOUS).await?;
    house.all_is_free(&[]).await
}

const SYNCHRONOUS: &str = r#"
from ai.backend.client.exceptions import BackendAPIError
from ai.backend.client.session import Session

with Session() as session:
    made = session.ComputeSession.get_or_create("python:3.11", name="sdk-sync", resources={"cpu": 1, "mem": "256m"}, tag="sdk")
    assert made.created and made.status == "RUNNING", (made.created, made.status)
    assert made.service_ports[0]["name"] == "http", made.service_ports
    again = session.ComputeSession.get_or_create("python:3.11", name="sdk-sync")
    assert not again.created and again.id == made.id
    told = made.execute("r1", "print(40 + 2)")
    while told["status"] == "continued":
        more = made.execute("r1", "", mode="continue")
        more["console"] = told["console"] + more["console"]
        told = more
    assert told["status"] == "finished" and "42" in str(told["console"]), told
    made.restart()
    assert "logs" in made.get_logs()["result"]
    seen = made.get_info()
    assert seen["status"] == "RUNNING" and seen["tag"] == "sdk", seen
    listed = [one["name"] for one in session.ComputeSession.paginated_list(status="RUNNING", fields=["name"])]
    assert listed == ["sdk-sync"], listed
    told = made.destroy()
    assert told["stats"]["status"] == "terminated", told
    try:
        made.destroy()
    except BackendAPIError as error:
        assert error.status == 404 and error.data["type"].endswith("/session-not-found"), error
    else:
        assert False, "it was destroyed twice"
"#;

/// Page after page, as the library reads lists.
const PAGES: &str = r#"
from ai.backend.client.exceptions import NoItems
from ai.backend.client.session import Session

with Session() as session:
    kind = session.ComputeSession
    listed = list(kind.paginated_list(status="TERMINATED", fields=["name", "status", "result"], page_size=1))
    assert [one["name"] for one in listed] == ["mysess-01"], listed
    try:
        list(kind.paginated_list(status="PENDING,RUNNING", fields=["name"], page_size=1))
    except NoItems:
        pass
    else:
        assert False, "nothing runs"
"#;

const ASYNCHRONOUS: &str = r#"
import asyncio, json
from ai.backend.client.session import AsyncSession


async def main():
    async with AsyncSession() as session:
        names = [f"sdk-async-{number}" for number in range(3)]
        made = await asyncio.gather(*(session.ComputeSession.get_or_create("shell:1", name=name) for name in names))
        assert all(one.created and one.status == "RUNNING" for one in made)
        stats = await asyncio.gather(*(one.destroy() for one in made))
        assert all(one["stats"]["status"] == "terminated" for one in stats), stats


asyncio.run(main())
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_release_works_unchanged() -> Result<()> {
    on_sqlite("the newest backend.ai", Rules::USUAL, async |house| {
        newest_commands(house).await
    })
    .await
}

async fn newest_commands(house: &House) -> Result<()> {
    let environment = PythonEnvironment::BackendAiNewest;
    let Some(client) = Program::find(environment, house, "backend.ai")? else {
        return Ok(());
    };
    let create = [
        "session",
        "create",
        "-t",
        "newest-01",
        "-r",
        "cpu=1",
        "-r",
        "mem=256m",
        SHELL,
    ];
    client.good(&create, &["ready"]).await?;
    client.good(&create, &["already running"]).await?;
    client
        .good(&["session", "list"], &["newest-01", "RUNNING"])
        .await?;
    let session = house.find(&house.alice(), "newest-01").await?;
    client
        .good(
            &["session", "info", &session.id.to_string()],
            &["newest-01", "RUNNING"],
        )
        .await?;
    client.python(NEWEST_PAGES).await?;
    client
        .good(&["session", "logs", "newest-01"], &["up with"])
        .await?;
    client
        .good(&["session", "restart", "newest-01"], &[])
        .await?;
    let destroy = ["session", "destroy", "--stats", "newest-01"];
    client.good(&destroy, &["Done", "cpu_used"]).await?;
    client
        .bad(&["session", "destroy", "newest-01"], &["404"])
        .await?;
    let run = [
        "run",
        "--rm",
        "-t",
        "newest-02",
        "-c",
        "print(6 * 7)",
        PYTHON,
    ];
    client.good(&run, &["42"]).await.map(|_| ())
}

/// What the library asks for by itself, and all that it knows.
const NEWEST_PAGES: &str = r#"
from ai.backend.client.session import Session
from ai.backend.client.output.fields import container_fields, session_fields

with Session() as session:
    kind = session.ComputeSession
    page = kind.paginated_list(status="RUNNING")
    assert page.total_count == 1 and page.items[0]["status"] == "RUNNING", page
    fields = [session_fields[name] for name in session_fields if name != "containers"]
    page = kind.paginated_list(status="RUNNING,SCHEDULED", fields=fields)
    assert page.items[0]["name"] == "newest-01", page
    # To a server of this version it sends these by this way alone.
    listing = "query($filter: String, $order: String) { compute_session_list(limit: 9, offset: 0, filter: $filter, order: $order) { total_count } }"
    for filter, count in [('name like "newest%" & status == "running"', 1), ('name == "other"', 0)]:
        told = session.Admin.query(listing, {"filter": filter, "order": "-created_at,+name"})
        assert told["compute_session_list"]["total_count"] == count, told
    names = " ".join(field.field_ref for field in container_fields.values())
    query = "query($id: UUID!) { compute_session(id: $id) { containers { %s } } }" % names
    told = session.Admin.query(query, {"id": page.items[0]["id"]})
    assert told["compute_session"]["containers"][0]["cluster_role"] == "main", told
"#;
