//! Users, and who may do what.

use anyhow::{Result, ensure};
use muster_tests::{Client, client::send, site, token};
use reqwest::Method;
use serde_json::{Value, json};

use super::{expect, refused};
use crate::house::{House, ask};

pub(super) async fn users(house: &House) -> Result<()> {
    refused(
        &house.ask(Method::GET, "/api/users/", &Value::Null).await?,
        403,
        "only admins",
    )?;
    refused(
        &house
            .ask(
                Method::POST,
                "/api/user/plain-user",
                &json!({ "add-role": "api" }),
            )
            .await?,
        403,
        "only admins",
    )?;
    let admin = house.system.client(site::ADMIN)?;
    let all = expect(
        &ask(&admin, Method::GET, "/api/users/", &Value::Null).await?,
        200,
    )?;
    let user = |users: &Value| {
        users
            .as_array()
            .into_iter()
            .flatten()
            .any(|user| user["username"] == "plain-user")
    };
    ensure!(user(&all) && !all.to_string().contains("token"), "{all}");
    let some = expect(
        &ask(
            &admin,
            Method::GET,
            "/api/users/?not-just-user=true",
            &Value::Null,
        )
        .await?,
        200,
    )?;
    ensure!(
        !user(&some) && some.as_array().is_some_and(|some| some.len() > 1),
        "{some}"
    );
    let change = json!({ "add-role": "api" });
    refused(
        &ask(&admin, Method::POST, "/api/user/plain-user", &change).await?,
        422,
        "site file",
    )?;
    refused(
        &ask(&admin, Method::DELETE, "/api/users/", &Value::Null).await?,
        422,
        "site file",
    )
}

/// Below `/userapi` a user sees what is its own, and nobody writes.
pub(super) async fn users_own(house: &House) -> Result<()> {
    let own = house.running(&json!({ "user": "carol" })).await?;
    let others = house.running(&json!({ "user": "dave" })).await?;
    let listed = |answer: &Value| -> Vec<i64> {
        let jobs = answer["jobs"].as_array().into_iter().flatten();
        jobs.filter_map(|job| job["id"].as_i64()).collect()
    };
    for roles in [&["user"][..], &["user", "api"]] {
        let carol: Client = house.system.client(&token::good("carol", roles))?;
        let jobs = expect(
            &ask(&carol, Method::GET, "/userapi/jobs/", &Value::Null).await?,
            200,
        )?;
        ensure!(listed(&jobs) == [own.id], "{roles:?}: {jobs}");
        expect(
            &ask(
                &carol,
                Method::GET,
                &format!("/userapi/jobs/{}", own.id),
                &Value::Null,
            )
            .await?,
            200,
        )?;
        expect(
            &ask(
                &carol,
                Method::GET,
                &format!("/userapi/jobs/metrics/{}", own.id),
                &Value::Null,
            )
            .await?,
            200,
        )?;
        let path = format!("/userapi/jobs/{}", others.id);
        refused(
            &ask(&carol, Method::GET, &path, &Value::Null).await?,
            422,
            "finding job with db id",
        )?;
        refused(
            &ask(
                &carol,
                Method::POST,
                "/userapi/jobs/start_job/",
                &house.new_start(),
            )
            .await?,
            404,
            "nothing at this path",
        )?;
    }
    let carol = house.system.client(&token::good("carol", &["user"]))?;
    refused(
        &ask(&carol, Method::GET, "/api/jobs/", &Value::Null).await?,
        403,
        "missing role: api",
    )?;
    let nobody = send(house.alpha.anonymous(Method::GET, "/userapi/jobs/")).await?;
    refused(&nobody, 401, "no token")
}
