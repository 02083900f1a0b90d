//! What signing in gives, and whom it does not help: the parts of Keystone that no client shows.

use anyhow::{Context as _, Result, ensure};
use muster_tests::{Answer, client::send, site};
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{ADMIN, House, PASSWORD, STRANGER, USER, on_sqlite};

/// As in the ingress.
const WRONG_PASSWORDS: usize = 10;

fn request(identity: &Value, scope: Option<&Value>) -> Value {
    let mut auth = json!({ "identity": identity });
    if let Some(scope) = scope {
        auth["scope"] = scope.clone();
    }
    json!({ "auth": auth })
}

fn with_password(user: &str, password: &str) -> Value {
    let user = json!({ "id": user, "password": password });
    json!({ "methods": ["password"], "password": { "user": user } })
}

async fn sign_in(house: &House, body: &Value) -> Result<Answer> {
    let call = house.client.anonymous(Method::POST, "/v3/auth/tokens/");
    send(call.json(body)).await
}

async fn token_of(house: &House, user: &str, scope: Option<&Value>) -> Result<String> {
    let answer = sign_in(house, &request(&with_password(user, PASSWORD), scope)).await?;
    ensure!(answer.status == 201, "{} {}", answer.status, answer.text());
    Ok(answer.header("x-subject-token").to_owned())
}

async fn show(house: &House, token: &str, subject: &str) -> Result<Answer> {
    let call = house.client.with_token(token);
    let call = call.request(Method::GET, "/v3/auth/tokens?nocatalog");
    send(call.header("X-Subject-Token", subject)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_one_project() -> Result<()> {
    on_sqlite("a_token_is_for_one_project", async |house| {
        let beta = json!({ "project": { "id": "beta", "domain": { "name": "DEFAULT" } } });
        let answer = sign_in(house, &request(&with_password(USER, PASSWORD), Some(&beta))).await?;
        ensure!(answer.status == 401, "{}", answer.text());
        // An administrator has any, but none that is not there, and none of another domain.
        let token = token_of(house, ADMIN, Some(&beta)).await?;
        let api = house.api("/v1", &token);
        let client = json!({ "client_id": "node1", "hostname": "node1" });
        api.create("/clients", &client).await?;
        let theirs = house.beta().list("/clients", None).await?;
        ensure!(
            theirs.len() == 1 && theirs[0]["user_id"] == ADMIN,
            "{theirs:?}"
        );
        for scope in [
            json!({ "project": { "name": "gamma" } }),
            json!({ "project": { "name": "beta", "domain": { "id": "elsewhere" } } }),
            json!({ "domain": { "id": "default" } }),
        ] {
            let answer = sign_in(
                house,
                &request(&with_password(ADMIN, PASSWORD), Some(&scope)),
            )
            .await?;
            ensure!(answer.status == 401, "{scope}: {}", answer.status);
        }
        // A principal of another domain than it says.
        let user = json!({ "name": USER, "domain": { "name": "elsewhere" }, "password": PASSWORD });
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        let answer = sign_in(house, &request(&identity, None)).await?;
        ensure!(answer.status == 401, "{}", answer.status);
        // Two ways at once have to be of the same principal.
        let other = token_of(house, STRANGER, None).await?;
        for (token, status) in [(&other, 401), (&token_of(house, USER, None).await?, 201)] {
            let mut identity = with_password(USER, PASSWORD);
            identity["methods"] = json!(["password", "token", "token"]);
            identity["token"] = json!({ "id": token });
            let answer = sign_in(house, &request(&identity, None)).await?;
            ensure!(answer.status == status, "{}", answer.text());
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_to_its_owner() -> Result<()> {
    on_sqlite("a_token_is_shown_to_its_owner", async |house| {
        let token = token_of(house, USER, None).await?;
        let answer = show(house, &token, &token).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        ensure!(answer.header("x-subject-token") == token);
        let said = answer.json()?;
        ensure!(said["token"]["user"]["name"] == USER, "{said}");
        ensure!(said["token"].get("catalog").is_none(), "{said}");
        let stranger = token_of(house, STRANGER, None).await?;
        ensure!(show(house, &stranger, &token).await?.status == 403);
        ensure!(show(house, site::ADMIN, &token).await?.status == 200);
        ensure!(show(house, &token, "nothing").await?.status == 404);
        ensure!(show(house, &token, "").await?.status == 400);
        ensure!(show(house, "nothing", &token).await?.status == 401);
        // A fixed token has no end; clients are told one all the same.
        let fixed = show(house, site::ALPHA_API, site::ALPHA_API)
            .await?
            .json()?;
        ensure!(fixed["token"]["expires_at"].is_string(), "{fixed}");
        // Tokens of other dialects are none here.
        let forged = house.api("/v1", "Bearer nothing");
        let answer = forged.call(Method::GET, "/jobs", None).await?;
        ensure!(answer.status == 401);
        ensure!(answer.header("www-authenticate").starts_with("Keystone"));
        let id = answer.header("x-openstack-request-id");
        ensure!(id.starts_with("req-"), "{id}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_not_guessed_for_long() -> Result<()> {
    on_sqlite("passwords_are_not_guessed_for_long", async |house| {
        for _ in 0..WRONG_PASSWORDS {
            let answer = sign_in(house, &request(&with_password(USER, "guess"), None)).await?;
            ensure!(answer.status == 401, "{}", answer.status);
        }
        let answer = sign_in(house, &request(&with_password(USER, PASSWORD), None)).await?;
        ensure!(answer.status == 429, "{} {}", answer.status, answer.text());
        let wait: u64 = answer.header("retry-after").parse().context("how long?")?;
        ensure!((1..=60).contains(&wait), "{wait}");
        ensure!(answer.json()?["error"]["code"] == 429);
        // Of nobody else, and of nothing else.
        token_of(house, STRANGER, None).await?;
        house.alpha().list("/jobs", None).await?;
        Ok(())
    })
    .await
}
