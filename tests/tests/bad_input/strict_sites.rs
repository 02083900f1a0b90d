//! Sites that let in fewer: tokens must be young, their users known, and what users may do is the site's
//! to say.

use anyhow::{Result, ensure};
use muster_tests::{Engine, System, SystemOptions, jobs, token};
use serde_json::{Value, json};

#[tokio::test]
async fn tokens_may_have_to_be_young() -> Result<()> {
    let system = site_with("jwt_max_age = \"1h\"\n").await?;
    let now = token::now();
    for (iat, status) in [
        (json!(now - 60), 200),
        (json!(now - 3_540), 200),
        (json!(now - 3_700), 401),
        (json!(0), 401),
        (json!(-1), 401),
        (Value::Null, 401),
    ] {
        let claims = jobs::with(token::claims("carol", &["api"]), &json!({ "iat": iat }));
        check(&system, &claims, status).await?;
    }
    Ok(())
}

#[tokio::test]
async fn users_may_have_to_be_known() -> Result<()> {
    let system = site_with("validate_user = true\n").await?;
    check(&system, &token::claims("carol", &["api"]), 401).await?;
    check(&system, &token::claims("alpha-api", &[]), 200).await?;
    // The roles are the site's, whatever the token says.
    check(
        &system,
        &token::claims("plain-user", &["api", "admin"]),
        403,
    )
    .await?;
    let forged = token::signed(&token::key(), &token::claims("beta-api", &["admin", "api"]));
    let beta = system.client(&forged)?;
    let (status, answer) = system.alpha()?.start_job(&jobs::start(1)).await?;
    ensure!(status == 201, "{answer}");
    ensure!(
        beta.jobs("").await?.is_empty(),
        "an administrator of its own making"
    );
    Ok(())
}

async fn site_with(extra: &str) -> Result<System> {
    let mut options = SystemOptions::new(Engine::Sqlite);
    extra.clone_into(&mut options.site_extra);
    System::up(options).await
}

async fn check(system: &System, claims: &Value, wanted: u16) -> Result<()> {
    let client = system.client(&token::signed(&token::key(), claims))?;
    let (status, answer) = client.list("").await?;
    ensure!(status == wanted, "{claims}: {status} {answer}");
    Ok(())
}
