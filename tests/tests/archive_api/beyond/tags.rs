//! Tags.

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use muster_tests::site;
use reqwest::Method;
use serde_json::{Value, json};

use super::{expect, refused};
use crate::house::{House, ask};

pub(super) fn tag(name: &str) -> Value {
    json!({ "type": "Debug", "name": name })
}

pub(super) fn names(job: &Value) -> Vec<&str> {
    let tags = job["tags"].as_array().into_iter().flatten();
    tags.filter_map(|tag| tag["name"].as_str()).collect()
}

pub(super) async fn tags(house: &House) -> Result<()> {
    let job = house.running(&json!({})).await?;
    let path = format!("/api/jobs/tag_job/{}", job.id);
    let both = json!([tag("one"), tag("two")]);
    let tagged = expect(&house.ask(Method::PATCH, &path, &both).await?, 200)?;
    ensure!(names(&tagged) == ["one", "two"], "{tagged}");
    ensure!(
        tagged["tags"][0]["scope"] == "global" && tagged["tags"][0]["id"].is_i64(),
        "{tagged}"
    );
    // One that it has already is no mistake, and of a list with a wrong one none is attached.
    let again = expect(
        &house.ask(Method::POST, &path, &json!([tag("two")])).await?,
        200,
    )?;
    ensure!(names(&again) == ["one", "two"], "{again}");
    let foreign = json!([tag("three"), { "type": "Debug", "name": "x", "scope": "bob" }]);
    refused(
        &house.ask(Method::POST, &path, &foreign).await?,
        403,
        "cannot write tag scope",
    )?;
    // One of administrators is written by a token, and seen by them alone.
    let hidden = json!([{ "type": "Debug", "name": "hidden", "scope": "admin" }]);
    let seen = expect(&house.ask(Method::POST, &path, &hidden).await?, 200)?;
    ensure!(names(&seen) == ["one", "two"], "{seen}");
    let support = house.system.client(site::SUPPORT)?;
    let shown = expect(
        &ask(
            &support,
            Method::GET,
            &format!("/api/jobs/{}", job.id),
            &Value::Null,
        )
        .await?,
        200,
    )?;
    ensure!(names(&shown["Meta"]) == ["one", "two", "hidden"], "{shown}");
    // A job of another tenant is not there.
    let stranger = house.stranger()?;
    refused(
        &ask(&stranger, Method::POST, &path, &both).await?,
        404,
        "finding job failed",
    )?;
    refused(
        &ask(&stranger, Method::DELETE, &path, &both).await?,
        404,
        "finding job failed",
    )?;
    let gone =
        json!([tag("one"), { "type": "Debug", "name": "hidden", "scope": "admin" }, tag("never")]);
    let left = expect(&house.ask(Method::DELETE, &path, &gone).await?, 200)?;
    ensure!(names(&left) == ["two"], "{left}");
    let shown = expect(
        &ask(
            &support,
            Method::GET,
            &format!("/api/jobs/{}", job.id),
            &Value::Null,
        )
        .await?,
        200,
    )?;
    ensure!(names(&shown["Meta"]) == ["two"], "{shown}");
    // One that has stopped is tagged as well.
    house.alpha.stop_job(&job.stop()).await?;
    let tagged = expect(
        &house
            .ask(Method::POST, &path, &json!([tag("late")]))
            .await?,
        200,
    )?;
    ensure!(names(&tagged) == ["two", "late"], "{tagged}");
    Ok(())
}

/// Many tag one job at the same moment: none of it is lost, and each is answered with its own.
pub(super) async fn tags_at_once(house: &House) -> Result<()> {
    let job = house.running(&json!({})).await?;
    let path = format!("/api/jobs/tag_job/{}", job.id);
    let requests = (0..16).map(|number| {
        let path = path.clone();
        async move {
            let own = format!("own {number}");
            let tagged = house
                .ask(Method::POST, &path, &json!([tag("same"), tag(&own)]))
                .await?;
            let tagged = expect(&tagged, 200)?;
            ensure!(
                names(&tagged).contains(&own.as_str()) && names(&tagged).contains(&"same"),
                "{tagged}"
            );
            Ok(())
        }
    });
    try_join_all(requests).await?;
    let all = expect(&house.ask(Method::POST, &path, &json!([])).await?, 200)?;
    ensure!(names(&all).len() == 17, "{all}");
    Ok(())
}

pub(super) async fn tags_of_all_jobs(house: &House) -> Result<()> {
    let wanted = json!([tag("doomed"), tag("kept")]);
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let job = house.running(&json!({ "tags": wanted })).await?;
        jobs.push(job.id);
    }
    let body = json!([tag("doomed"), { "type": "Debug", "name": "mine", "scope": "alpha-api" }]);
    let answer = house.ask(Method::DELETE, "/api/tags/", &body).await?;
    ensure!(
        answer.status == 200
            && answer.text() == "Deleted Tags from DB: 1 successfull of 2 requested\n",
        "{}",
        answer.text()
    );
    for id in jobs {
        let shown = expect(
            &house
                .ask(Method::GET, &format!("/api/jobs/{id}"), &Value::Null)
                .await?,
            200,
        )?;
        ensure!(names(&shown["Meta"]) == ["kept"], "{shown}");
    }
    Ok(())
}
