//! Every way that the real clients sign in (`api/freezer.md` §2), and what is said to those who may not.

use anyhow::{Context as _, Result, ensure};
use muster_tests::{Answer, client::send, site};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    documents,
    house::{self, ADMIN, House, PASSWORD, STRANGER, USER},
    program::{Program, Tool},
};

#[tokio::test(flavor = "multi_thread")]
async fn freezer_signs_in_each_way() -> Result<()> {
    let test = "freezer_signs_in_each_way";
    house::on_sqlite(test, async |house| {
        let find = || Program::find(Tool::FreezerV2, house, test);
        let Some(by_password) = find()? else {
            return Ok(());
        };
        let id = house
            .alpha()
            .create("/sessions/", &documents::session("nightly"))
            .await?;
        let sees = async |program: &Program| {
            let rows = program.rows("session-list", &[]).await?;
            ensure!(rows.len() == 1 && rows[0]["Session ID"] == id, "{rows:?}");
            anyhow::Ok(())
        };
        sees(&by_password).await?;
        for path in ["", "/v2/alpha"] {
            let url = house.client.url(path);
            let program = find()?.context("gone")?.with("OS_BACKUP_URL", &url);
            sees(&program).await.context(url)?;
        }
        let program = find()?.context("gone")?;
        let program = program.without("OS_USERNAME").without("OS_PASSWORD");
        sees(&program.with("OS_TOKEN", site::ALPHA_API)).await?;

        // Whoever is somebody else sees something else.
        let program = find()?.context("gone")?.signed_in(house, STRANGER, "beta");
        ensure!(program.rows("session-list", &[]).await?.is_empty());
        program
            .bad("session-show", &[&id], "Session not found")
            .await?;
        let program = find()?.context("gone")?.with("OS_PASSWORD", "wrong");
        program.bad("session-list", &[], "401").await?;
        let program = find()?.context("gone")?.with("OS_PROJECT_NAME", "beta");
        program.bad("session-list", &[], "401").await?;
        let url = house.client.url("/v2/beta");
        let program = find()?.context("gone")?.with("OS_BACKUP_URL", &url);
        program.bad("session-list", &[], "403").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn openstack_signs_in_by_password() -> Result<()> {
    let test = "openstack_signs_in_by_password";
    house::on_sqlite(test, async |house| {
        let Some(program) = Program::find(Tool::OpenStack, house, test)? else {
            return Ok(());
        };
        let program = ["OS_AUTH_TYPE", "OS_ENDPOINT", "OS_TOKEN"]
            .into_iter()
            .fold(program, Program::without)
            .signed_in(house, USER, "alpha");
        let document = documents::session("nightly");
        program
            .create("session-create", &[], &document, "Session ID")
            .await?;
        ensure!(program.rows("session-list", &[]).await?.len() == 1);
        let all = program.with("OS_USERNAME", ADMIN);
        ensure!(all.rows("job-list", &["--all-projects"]).await?.is_empty());
        Ok(())
    })
    .await
}

/// Starts and ends a session by the library, as the scheduler does.
#[tokio::test(flavor = "multi_thread")]
async fn the_library_starts_and_ends() -> Result<()> {
    let test = "the_library_starts_and_ends";
    house::on_sqlite(test, async |house| {
        let Some(program) = Program::find(Tool::FreezerV2, house, test)? else {
            return Ok(());
        };
        let api = house.alpha();
        api.register("node1").await?;
        let session = api.session(60).await?;
        let jobs = api.jobs("node1", 1).await?;
        api.add(&session, &jobs[0]).await?;
        let script = format!(
            "from freezerclient.v2 import client\n\
             client = client.Client(username={USER:?}, password={PASSWORD:?}, auth_url={:?},\n\
             \x20   project_name='alpha', user_domain_name='default', project_domain_name='default')\n\
             of = ({session:?}, {:?})\n\
             for tag in (0, 1): print(client.sessions.start_session(*of, tag))\n\
             for tag in (0, 1): print(client.sessions.end_session(*of, tag, 'success'))\n\
             print(client.sessions.get({session:?})['status'])\n",
            house.client.url("/v3"),
            jobs[0],
        );
        let printed = program.python(&script).await?;
        ensure!(printed.well(), "{printed:?}");
        let lines: Vec<&str> = printed.output.lines().collect();
        ensure!(lines.len() == 5, "{printed:?}");
        for (line, result) in [(0, "success"), (1, "hold-off"), (2, "out-of-sync"), (3, "success")] {
            let said = format!("'result': '{result}'");
            ensure!(lines[line].contains(&said), "{said}: {lines:?}");
            ensure!(lines[line].contains("'session_tag': 1"), "{lines:?}");
        }
        ensure!(lines[4] == "completed", "{lines:?}");
        Ok(())
    })
    .await
}

async fn sign_in(house: &House, body: &Value) -> Result<Answer> {
    let request = house.client.anonymous(Method::POST, "/v3/auth/tokens");
    send(request.json(body)).await
}

fn by_password(user: &str, password: &str) -> Value {
    let user = json!({ "name": user, "domain": { "name": "default" }, "password": password });
    json!({ "auth": {
        "identity": { "methods": ["password"], "password": { "user": user } },
        "scope": { "project": { "name": "alpha", "domain": { "name": "default" } } },
    } })
}

fn by_token(token: &str) -> Value {
    json!({ "auth": { "identity": { "methods": ["token"], "token": { "id": token } } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_what_keystones_is() -> Result<()> {
    house::on_sqlite("a_token_is_what_keystones_is", async |house| {
        let answer = sign_in(house, &by_password(USER, PASSWORD)).await?;
        ensure!(answer.status == 201, "{} {}", answer.status, answer.text());
        let token = answer.header("x-subject-token").to_owned();
        ensure!(!token.is_empty());
        let body = answer.json()?;
        let said = &body["token"];
        ensure!(said["project"]["id"] == "alpha", "{body}");
        ensure!(said["user"]["name"] == USER, "{body}");
        ensure!(said["expires_at"].is_string(), "{body}");
        let services = said["catalog"].as_array().context("no catalog")?;
        let backup = services.iter().find(|service| service["type"] == "backup");
        let url = &backup.context("no backup")?["endpoints"][0]["url"];
        ensure!(*url == house.client.url(""), "{url}");

        // It opens what it should, and makes another of itself.
        house.api("/v2/alpha", &token).get("/sessions/").await?;
        house.api("/v1", &token).get("/sessions").await?;
        let again = sign_in(house, &by_token(&token)).await?;
        ensure!(again.status == 201, "{} {}", again.status, again.text());
        let again = again.header("x-subject-token").to_owned();
        house.api("/v2/alpha", &again).get("/sessions").await?;
        let strange = house.api("/v2/beta", &token);
        strange.expect(Method::GET, "/sessions", None, 403).await?;

        // A token that was changed anywhere is none.
        for place in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged)?;
            let api = house.api("/v2/alpha", &forged);
            let answer = api.call(Method::GET, "/sessions", None).await?;
            // The last character of base64 may carry bits that say nothing.
            let says_nothing = place + 1 == token.len() && answer.status == 200;
            ensure!(answer.status == 401 || says_nothing, "{place}: {forged}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_wrong_is_told_as_keystone_does() -> Result<()> {
    house::on_sqlite("who_is_wrong_is_told_as_keystone_does", async |house| {
        for body in [
            by_password(USER, "wrong"),
            by_password(USER, ""),
            by_password(USER, &"x".repeat(5_000)),
            by_password("nobody", PASSWORD),
            by_password("alpha-api", PASSWORD),
            by_password("ALPHA", "\0"),
            by_token("nothing"),
            by_token(""),
        ] {
            let answer = sign_in(house, &body).await?;
            ensure!(answer.status == 401, "{body}: {}", answer.status);
            let said = answer.json()?;
            ensure!(
                said["error"]["code"] == 401 && said["error"]["title"] == "Unauthorized",
                "{said}"
            );
            ensure!(answer.header("x-subject-token").is_empty());
        }
        for body in [
            json!({}),
            json!([]),
            json!({ "auth": {} }),
            json!({ "auth": { "identity": { "methods": [] } } }),
            json!({ "auth": { "identity": { "methods": ["password"] } } }),
            json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": 7 } } } }),
        ] {
            let answer = sign_in(house, &body).await?;
            ensure!(
                answer.status == 400 || answer.status == 401,
                "{body}: {}",
                answer.status
            );
            ensure!(answer.json()?["error"]["message"].is_string(), "{body}");
        }
        let discovery = send(house.client.anonymous(Method::GET, "/v3")).await?.json()?;
        ensure!(discovery["version"]["id"].is_string(), "{discovery}");
        for path in ["/v2/alpha/sessions", "/v1/sessions", "/v2/alpha/jobs/"] {
            let answer = send(house.client.anonymous(Method::GET, path)).await?;
            ensure!(answer.status == 401, "{path}: {}", answer.status);
        }
        Ok(())
    })
    .await
}
