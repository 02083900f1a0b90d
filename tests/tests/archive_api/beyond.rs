//! What clients use beyond the Swagger text of 2023, and who may do what.

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use muster_tests::{Answer, Client, client::send, site, token};
use reqwest::Method;
use serde_json::{Value, json};

use super::house::{House, ask};

#[tokio::test]
async fn what_todays_clients_use_besides() -> Result<()> {
    let house = House::open().await?;
    let mut failed = Vec::new();
    for (what, result) in [
        ("tags", tags(&house).await),
        ("tags at once", tags_at_once(&house).await),
        ("tags of all jobs", tags_of_all_jobs(&house).await),
        ("deleting", deleting(&house).await),
        ("one job", one_job(&house).await),
        ("meta data", meta_data(&house).await),
        ("clusters", clusters(&house).await),
        ("nodes", nodes(&house).await),
        ("machines", machines(&house).await),
        ("users", users(&house).await),
        ("users' own", users_own(&house).await),
    ] {
        if let Err(error) = result {
            failed.push(format!("{what}: {error:#}"));
        }
    }
    ensure!(failed.is_empty(), "{failed:#?}");
    Ok(())
}

fn expect(answer: &Answer, status: u16) -> Result<Value> {
    ensure!(
        answer.status == status,
        "{} instead of {status}: {}",
        answer.status,
        answer.text()
    );
    answer.json()
}

/// Answered with this status and error.
fn refused(answer: &Answer, status: u16, error: &str) -> Result<()> {
    let body = expect(answer, status)?;
    ensure!(
        body["error"]
            .as_str()
            .is_some_and(|text| text.contains(error)),
        "{body}"
    );
    Ok(())
}

fn tag(name: &str) -> Value {
    json!({ "type": "Debug", "name": name })
}

fn names(job: &Value) -> Vec<&str> {
    let tags = job["tags"].as_array().into_iter().flatten();
    tags.filter_map(|tag| tag["name"].as_str()).collect()
}

async fn tags(house: &House) -> Result<()> {
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
async fn tags_at_once(house: &House) -> Result<()> {
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

async fn tags_of_all_jobs(house: &House) -> Result<()> {
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

async fn deleting(house: &House) -> Result<()> {
    let stranger = house.stranger()?;
    let job = house.running(&json!({})).await?;
    let path = format!("/api/jobs/delete_job/{}", job.id);
    let body = json!({ "jobId": job.job_id });
    // What is another tenant's stays, and that it is there is not told.
    let message = format!("Successfully deleted job {}", job.id);
    let answer = expect(
        &ask(&stranger, Method::DELETE, &path, &Value::Null).await?,
        200,
    )?;
    ensure!(answer["msg"] == message, "{answer}");
    refused(
        &ask(&stranger, Method::DELETE, "/api/jobs/delete_job/", &body).await?,
        422,
        "no rows",
    )?;
    let before = format!("/api/jobs/delete_job_before/{}", job.start_time + 1);
    let answer = expect(
        &ask(&stranger, Method::DELETE, &before, &Value::Null).await?,
        200,
    )?;
    ensure!(answer["msg"] == "Successfully deleted 0 jobs", "{answer}");
    // A start time that it does not have is another job.
    let other = json!({ "jobId": job.job_id, "startTime": job.start_time + 1 });
    refused(
        &house
            .ask(Method::DELETE, "/api/jobs/delete_job/", &other)
            .await?,
        422,
        "no rows",
    )?;
    let answer = expect(
        &house
            .ask(Method::DELETE, "/api/jobs/delete_job/", &body)
            .await?,
        200,
    )?;
    ensure!(answer["msg"] == message, "{answer}");
    refused(
        &house
            .ask(Method::DELETE, "/api/jobs/delete_job/", &body)
            .await?,
        422,
        "no rows",
    )?;
    let again = expect(&house.ask(Method::DELETE, &path, &Value::Null).await?, 200)?;
    ensure!(again["msg"] == message, "{again}");
    refused(
        &house
            .ask(
                Method::POST,
                &format!("/api/jobs/stop_job/{}", job.id),
                &job.stop(),
            )
            .await?,
        422,
        "no rows",
    )?;

    // Three that are older than all others, one of them tagged.
    for (start_time, tags) in [
        (100, json!([])),
        (200, json!([tag("keep")])),
        (300, json!([])),
    ] {
        house
            .running(&json!({ "startTime": start_time, "tags": tags }))
            .await?;
    }
    for (query, deleted) in [
        ("300?omit-tagged=all", 1),
        ("300", 1),
        ("301", 1),
        ("301", 0),
    ] {
        let path = format!("/api/jobs/delete_job_before/{query}");
        let answer = expect(&house.ask(Method::DELETE, &path, &Value::Null).await?, 200)?;
        ensure!(
            answer["msg"] == format!("Successfully deleted {deleted} jobs"),
            "{query}: {answer}"
        );
    }
    refused(
        &house
            .ask(
                Method::DELETE,
                "/api/jobs/delete_job_before/1?omit-tagged=some",
                &Value::Null,
            )
            .await?,
        400,
        "omit-tagged must be one of",
    )
}

async fn one_job(house: &House) -> Result<()> {
    let job = house
        .running(&json!({ "metaData": { "jobName": "x" } }))
        .await?;
    let path = format!("/api/jobs/{}", job.id);
    let shown = expect(&house.ask(Method::GET, &path, &Value::Null).await?, 200)?;
    ensure!(
        shown["Meta"]["metaData"]["jobName"] == "x" && shown["Data"].is_null(),
        "{shown}"
    );
    ensure!(
        shown["Meta"]["duration"]
            .as_i64()
            .is_some_and(|duration| duration > 0),
        "{shown}"
    );
    let shown = expect(
        &house
            .ask(
                Method::GET,
                &format!("{path}?all-metrics=true"),
                &Value::Null,
            )
            .await?,
        200,
    )?;
    ensure!(shown["Data"].is_object(), "{shown}");
    let shown = expect(
        &house
            .ask(Method::POST, &path, &json!(["flops_any"]))
            .await?,
        200,
    )?;
    ensure!(
        shown["Meta"]["id"] == job.id && shown["Data"].is_array(),
        "{shown}"
    );
    refused(
        &house.ask(Method::POST, &path, &json!({})).await?,
        400,
        "decoding request failed",
    )?;
    let metrics = format!("/api/jobs/metrics/{}", job.id);
    let shown = expect(
        &house
            .ask(
                Method::GET,
                &format!("{metrics}?metric=a&scope=node"),
                &Value::Null,
            )
            .await?,
        200,
    )?;
    ensure!(
        shown["data"]["jobMetrics"].is_array() && shown["error"].is_null(),
        "{shown}"
    );
    refused(
        &house
            .ask(Method::GET, &format!("{metrics}?scope=rack"), &Value::Null)
            .await?,
        400,
        "unmarshaling scope failed",
    )?;
    let shown = expect(
        &house
            .ask(Method::GET, "/api/jobs/metrics/999999999", &Value::Null)
            .await?,
        200,
    )?;
    ensure!(
        shown["data"].is_null() && shown["error"]["message"].is_string(),
        "{shown}"
    );
    let stranger = house.stranger()?;
    for method in [Method::GET, Method::POST] {
        refused(
            &ask(&stranger, method.clone(), &path, &json!([])).await?,
            422,
            "finding job with db id",
        )?;
        refused(
            &house.ask(method, "/api/jobs/one", &json!([])).await?,
            400,
            "integer expected in path for id",
        )?;
    }
    Ok(())
}

async fn meta_data(house: &House) -> Result<()> {
    let job = house
        .running(&json!({ "metaData": { "jobName": "x" } }))
        .await?;
    let path = format!("/api/jobs/edit_meta/{}", job.id);
    let entry = json!({ "key": "message", "value": "<hello>" });
    let edited = expect(&house.ask(Method::PATCH, &path, &entry).await?, 200)?;
    ensure!(
        edited["metaData"] == json!({ "jobName": "x", "message": "<hello>" }),
        "{edited}"
    );
    let request = json!({
        "jobId": job.job_id, "cluster": site::TEST_CLUSTER, "startTime": job.start_time,
        "payload": { "key": "jobName", "value": "y" },
    });
    let edited = expect(
        &house
            .ask(Method::PATCH, "/api/jobs/edit_meta/", &request)
            .await?,
        200,
    )?;
    ensure!(
        edited["metaData"] == json!({ "jobName": "y", "message": "<hello>" }),
        "{edited}"
    );
    let stranger = house.stranger()?;
    refused(
        &ask(&stranger, Method::PATCH, &path, &entry).await?,
        404,
        "finding job failed",
    )?;
    refused(
        &ask(&stranger, Method::PATCH, "/api/jobs/edit_meta/", &request).await?,
        422,
        "finding job failed",
    )?;
    refused(
        &house
            .ask(Method::PATCH, &path, &json!({ "value": "x" }))
            .await?,
        400,
        "'key' is required",
    )?;
    refused(
        &house
            .ask(Method::PATCH, "/api/jobs/edit_meta/", &entry)
            .await?,
        400,
        "unknown field",
    )?;
    refused(
        &house
            .ask(Method::PATCH, "/api/jobs/edit_meta/one", &entry)
            .await?,
        400,
        "integer expected",
    )
}

async fn clusters(house: &House) -> Result<()> {
    let all = expect(
        &house
            .ask(Method::GET, "/api/clusters/", &Value::Null)
            .await?,
        200,
    )?;
    let shown = all["clusters"].as_array().context("no clusters")?;
    ensure!(
        shown
            .iter()
            .any(|cluster| cluster["name"] == site::TEST_CLUSTER),
        "{all}"
    );
    let path = format!("/api/clusters/?cluster={}", site::TEST_CLUSTER);
    let one = expect(&house.ask(Method::GET, &path, &Value::Null).await?, 200)?;
    ensure!(
        one["clusters"][0]["subClusters"][0]["nodes"] == "t[001-100]",
        "{one}"
    );
    refused(
        &house
            .ask(Method::GET, "/api/clusters/?cluster=nowhere", &Value::Null)
            .await?,
        400,
        "unknown cluster: nowhere",
    )?;
    // How cc-docker finds out whether the server is there.
    let head = house
        .ask(Method::HEAD, "/api/clusters/", &Value::Null)
        .await?;
    ensure!(
        head.status == 200 && head.body.is_empty(),
        "{}",
        head.status
    );
    Ok(())
}

async fn nodes(house: &House) -> Result<()> {
    let job = house
        .running(&json!({ "resources": [{ "hostname": "t077" }] }))
        .await?;
    let used = |before: i64| format!("/api/jobs/used_nodes?ts={before}");
    let nodes = expect(
        &house
            .ask(Method::GET, &used(job.start_time + 1), &Value::Null)
            .await?,
        200,
    )?;
    let names = nodes["usedNodes"][site::TEST_CLUSTER]
        .as_array()
        .context("no nodes")?
        .clone();
    ensure!(names.contains(&json!("t077")), "{nodes}");
    let nodes = expect(
        &house
            .ask(Method::GET, &used(job.start_time), &Value::Null)
            .await?,
        200,
    )?;
    ensure!(!nodes.to_string().contains("t077"), "{nodes}");
    refused(
        &house
            .ask(Method::GET, "/api/jobs/used_nodes", &Value::Null)
            .await?,
        400,
        "missing required query parameter",
    )?;

    let report = json!({ "cluster": site::TEST_CLUSTER, "nodes": [
        { "hostname": "t001", "states": ["MIXED", "ALLOCATED"], "cpusAllocated": 4, "memoryAllocated": 100, "gpusAllocated": 0, "jobsRunning": 2 },
        { "hostname": "nobody", "states": ["idle"] },
    ]});
    let answer = house.ask(Method::POST, "/api/nodestate/", &report).await?;
    ensure!(
        answer.status == 200 && answer.body.is_empty(),
        "{} {}",
        answer.status,
        answer.text()
    );
    let known = expect(
        &house
            .ask(Method::GET, "/api/nodestate/?cluster=test", &Value::Null)
            .await?,
        200,
    )?;
    ensure!(
        known["nodes"].as_array().map(Vec::len) == Some(1)
            && known["nodes"][0]["state"] == "allocated"
            && known["nodes"][0]["jobsRunning"] == 2,
        "{known}"
    );
    let none = ask(
        &house.stranger()?,
        Method::GET,
        "/api/nodestate/",
        &Value::Null,
    )
    .await?;
    ensure!(
        expect(&none, 200)? == json!({ "nodes": [] }),
        "{}",
        none.text()
    );
    let elsewhere = json!({ "cluster": "nowhere", "nodes": [] });
    refused(
        &house
            .ask(Method::POST, "/api/nodestate/", &elsewhere)
            .await?,
        400,
        "no such cluster",
    )?;
    refused(
        &house
            .ask(Method::PUT, "/api/nodestate/", &json!({ "node": 1 }))
            .await?,
        400,
        "unknown field",
    )
}

async fn machines(house: &House) -> Result<()> {
    let path = "/api/machine_state/test/t001";
    refused(
        &house.ask(Method::GET, path, &Value::Null).await?,
        404,
        "nothing is known",
    )?;
    let state = json!({ "kernel": "6.1", "a": [1, null] });
    let answer = house.ask(Method::PUT, path, &state).await?;
    ensure!(answer.status == 201, "{} {}", answer.status, answer.text());
    let shown = expect(&house.ask(Method::GET, path, &Value::Null).await?, 200)?;
    ensure!(shown == state, "{shown}");
    refused(
        &ask(&house.stranger()?, Method::GET, path, &Value::Null).await?,
        404,
        "nothing is known",
    )?;
    refused(
        &house
            .ask(Method::PUT, "/api/machine_state/test/nobody", &state)
            .await?,
        400,
        "invalid host name",
    )?;
    refused(
        &house
            .ask(
                Method::PUT,
                "/api/machine_state/..%2F..%2Fetc/passwd",
                &state,
            )
            .await?,
        400,
        "invalid cluster name",
    )?;
    let request = house.alpha.request(Method::PUT, path).body("no JSON");
    refused(&send(request).await?, 400, "the body is no JSON")
}

async fn users(house: &House) -> Result<()> {
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
async fn users_own(house: &House) -> Result<()> {
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
