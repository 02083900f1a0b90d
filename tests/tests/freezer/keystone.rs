//! Tokens of a real Keystone, which are checked there.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use muster_testkit::{
    ChildProcess, LastSignal, ReservedPort, TemporaryDirectory, eventually,
    programs::{self, PythonEnvironment},
    skip,
};
use muster_tests::{Answer, Engine, client::send};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    documents,
    house::{self, House},
    program::{Program, Tool},
};

/// Until Keystone serves: it imports for seconds.
const START_DEADLINE: Duration = Duration::from_mins(2);

/// The password of everybody in it.
const PASSWORD: &str = "s3cret of keystone";

/// A Keystone with SQLite.
struct Keystone {
    programs: PathBuf,
    directory: TemporaryDirectory,
    port: ReservedPort,
    process: Option<ChildProcess>,
    http: reqwest::Client,
}

impl Keystone {
    async fn start(programs: PathBuf) -> Result<Self> {
        let directory = TemporaryDirectory::new("keystone")?;
        let at = |name: &str| directory.join(name).display().to_string();
        let settings = format!(
            "[DEFAULT]\nlog_file = {}\n[database]\nconnection = sqlite:///{}\n[token]\nprovider = fernet\n\
             [fernet_tokens]\nkey_repository = {}\n[credential]\nkey_repository = {}\n",
            at("log"),
            at("database"),
            at("fernet"),
            at("credential"),
        );
        fs::write(directory.join("keystone.conf"), settings)?;
        let mut keystone = Self {
            programs,
            directory,
            port: ReservedPort::new()?,
            process: None,
            http: reqwest::Client::builder().no_proxy().build()?,
        };
        let url = keystone.url("");
        // Keys belong to whoever runs the tests.
        let user = rustix::process::getuid().as_raw().to_string();
        let group = rustix::process::getgid().as_raw().to_string();
        let owner = ["--keystone-user", &user, "--keystone-group", &group];
        let password = ["--bootstrap-password", PASSWORD];
        let address = ["--bootstrap-public-url", &url];
        for (command, arguments) in [
            ("db_sync", vec![]),
            ("fernet_setup", owner.to_vec()),
            ("credential_setup", owner.to_vec()),
            ("bootstrap", [password, address].concat()),
        ] {
            keystone.manage(command, &arguments).await?;
        }
        keystone.serve().await?;
        Ok(keystone)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/v3{path}", self.port.address())
    }

    fn settings(&self) -> PathBuf {
        self.directory.join("keystone.conf")
    }

    async fn manage(&self, command: &str, arguments: &[&str]) -> Result<()> {
        let output = Command::new(self.programs.join("keystone-manage"))
            .arg("--config-file")
            .arg(self.settings())
            .arg(command)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "keystone-manage {command}: {said}");
        Ok(())
    }

    async fn serve(&mut self) -> Result<()> {
        let output = File::create(self.directory.join("output"))?;
        let mut command = std::process::Command::new(self.programs.join("python"));
        command
            .arg(programs::repository().join("tests/keystone/serve.py"))
            .arg(self.port.number().to_string())
            .arg(self.settings())
            .stdout(output.try_clone()?)
            .stderr(output);
        self.process = Some(ChildProcess::spawn("keystone", command, LastSignal::Kill)?);
        let url = self.url("");
        let serves = eventually(START_DEADLINE, "Keystone to serve", async || {
            let answer = self.http.get(&url).send().await.ok()?;
            answer.status().is_success().then_some(())
        });
        let shown = |name| fs::read_to_string(self.directory.join(name)).unwrap_or_default();
        serves
            .await
            .with_context(|| shown("output") + &shown("log"))
    }

    fn kill(&mut self) -> Result<()> {
        let process = self.process.as_mut().context("it does not run")?;
        process.kill_hard().map(|_| ())
    }

    /// Signs somebody in to a project by its name.
    async fn sign_in(&self, user: &str, project: &str) -> Result<Answer> {
        let domain = json!({ "id": "default" });
        let user = json!({ "name": user, "domain": domain, "password": PASSWORD });
        let body = json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": user } },
            "scope": { "project": { "name": project, "domain": domain } },
        } });
        let answer = send(self.http.post(self.url("/auth/tokens")).json(&body)).await?;
        ensure!(answer.status == 201, "{}: {}", answer.status, answer.text());
        Ok(answer)
    }

    async fn token(&self, user: &str, project: &str) -> Result<String> {
        let answer = self.sign_in(user, project).await?;
        Ok(answer.header("x-subject-token").to_owned())
    }
}

/// An administrator of Keystone.
struct Administrator<'a> {
    keystone: &'a Keystone,
    token: String,
}

impl Administrator<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let keystone = self.keystone;
        let request = keystone.http.request(method, keystone.url(path));
        let request = request.header("X-Auth-Token", &self.token);
        let answer = match body {
            Some(body) => send(request.json(&body)).await?,
            None => send(request).await?,
        };
        ensure!(answer.status.is_success(), "{path}: {}", answer.text());
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Makes something, and gives its id.
    async fn make(&self, kind: &str, mut document: Value) -> Result<String> {
        document["domain_id"] = json!("default");
        if kind == "service" || kind == "endpoint" {
            document
                .as_object_mut()
                .context("no object")?
                .remove("domain_id");
        }
        let body = json!({ kind: document });
        let made = self
            .call(Method::POST, &format!("/{kind}s"), Some(body))
            .await?;
        let id = made[kind]["id"].as_str();
        Ok(id.with_context(|| format!("{made}"))?.to_owned())
    }

    /// Somebody with one role in a project.
    async fn user(&self, name: &str, project: &str, role: &str) -> Result<()> {
        let user = self
            .make("user", json!({ "name": name, "password": PASSWORD }))
            .await?;
        let found = self
            .call(Method::GET, &format!("/roles?name={role}"), None)
            .await?;
        let role = if let Some(role) = found["roles"][0]["id"].as_str() {
            role.to_owned()
        } else {
            let body = json!({ "role": { "name": role } });
            let made = self.call(Method::POST, "/roles", Some(body)).await?;
            made["role"]["id"].as_str().context("no role")?.to_owned()
        };
        let path = format!("/projects/{project}/users/{user}/roles/{role}");
        self.call(Method::PUT, &path, None).await.map(|_| ())
    }

    /// Where backups are, for clients that look it up.
    async fn catalog(&self, url: &str) -> Result<()> {
        let service = self
            .make("service", json!({ "type": "backup", "name": "muster" }))
            .await?;
        let endpoint = json!({ "service_id": service, "interface": "public", "url": url });
        self.make("endpoint", endpoint).await.map(|_| ())
    }
}

async fn tokens_of(keystone: &mut Keystone, house: &House, test: &str) -> Result<()> {
    let administrator = Administrator {
        token: keystone.token("admin", "admin").await?,
        keystone,
    };
    let project = administrator
        .make("project", json!({ "name": "plant" }))
        .await?;
    let other = administrator
        .make("project", json!({ "name": "other" }))
        .await?;
    for (name, project, role) in [
        ("member", &project, "member"),
        ("reader", &project, "reader"),
        ("stranger", &other, "member"),
        ("gardener", &project, "gardener"),
    ] {
        administrator.user(name, project, role).await?;
    }
    administrator.catalog(&house.client.url("")).await?;

    // Roles, as they are over HTTP.
    let prefix = format!("/v2/{project}");
    let api = |token: &str| house.api(&prefix, token);
    let member = api(&keystone.token("member", "plant").await?);
    let document = documents::session("nightly");
    let session = member.create("/sessions/", &document).await?;
    let shown = member.get(&format!("/sessions/{session}")).await?;
    ensure!(shown["project_id"] == *project, "{shown}");
    let reader = api(&keystone.token("reader", "plant").await?);
    ensure!(reader.list("/sessions/", None).await?.len() == 1);
    let write = reader.expect(Method::POST, "/sessions/", Some(&document), 403);
    ensure!(write.await?.json()?["title"].is_string());
    let gardener = api(&keystone.token("gardener", "plant").await?);
    gardener
        .expect(Method::GET, "/sessions/", None, 403)
        .await?;
    let stranger = api(&keystone.token("stranger", "other").await?);
    stranger
        .expect(Method::GET, "/sessions/", None, 403)
        .await?;
    let admin = api(&keystone.token("admin", "admin").await?);
    ensure!(
        admin.list("/sessions/", None).await?.len() == 1,
        "an admin sees all"
    );
    for forged in ["nothing", "gAAAAABrAt38vd3QNv9Ov8bt", "a b"] {
        let answer = api(forged)
            .expect(Method::GET, "/sessions/", None, 401)
            .await;
        answer.context(forged.to_owned())?;
    }

    // The real client signs in there and comes here.
    if let Some(program) = Program::find(Tool::FreezerV2, house, test)? {
        let program = program
            .with("OS_AUTH_URL", &keystone.url(""))
            .with("OS_USERNAME", "member")
            .with("OS_PASSWORD", PASSWORD)
            .with("OS_PROJECT_NAME", "plant")
            .with("OS_USER_DOMAIN_NAME", "Default")
            .with("OS_PROJECT_DOMAIN_NAME", "Default");
        let shown = program.show("session-show", &[&session]).await?;
        ensure!(shown["Project id"] == *project, "{shown}");
        let program = program.with("OS_USERNAME", "reader");
        let file = program.file(&document)?;
        program
            .bad("session-create", &["--file", &file], "403")
            .await?;
    }

    // While it is away, who was let in a moment ago still is; of others nobody knows.
    let unseen = keystone.token("member", "plant").await?;
    keystone.kill()?;
    ensure!(member.list("/sessions/", None).await?.len() == 1);
    let answer = api(&unseen)
        .expect(Method::GET, "/sessions/", None, 503)
        .await?;
    ensure!(!answer.header("retry-after").is_empty());
    ensure!(answer.text().contains("Keystone"), "{}", answer.text());
    // Who is known here needs no Keystone.
    ensure!(house.alpha().list("/sessions/", None).await?.is_empty());
    keystone.serve().await?;
    ensure!(api(&unseen).list("/sessions/", None).await?.len() == 1);
    Ok(())
}

/// Alone: Keystone makes its tables for half a minute of work.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_keystone_says_who_it_is_alone() -> Result<()> {
    let test = "a_real_keystone_says_who_it_is_alone";
    let programs = match PythonEnvironment::Keystone.directory() {
        Ok(programs) => programs,
        Err(reason) => {
            skip(test, &reason);
            return Ok(());
        }
    };
    let mut keystone = Keystone::start(programs).await?;
    let url = keystone.url("");
    let site = |mut options: muster_tests::SystemOptions| {
        let section = format!("[keystone]\nurl = {url:?}\n");
        options.site_extra.push_str(&section);
        options
    };
    house::run(Engine::Sqlite, test, site, async |house| {
        tokens_of(&mut keystone, house, test).await
    })
    .await
}
