//! GraphQL of compute sessions (seed 3; `api/backendai.md` §4): one Muster for what is asked, one for what is listened to. The agents
//! are such whose containers are nothing but notes.

mod answers;
mod scoping;
mod subscriptions;
mod web_socket;

use anyhow::{Context as _, Result, ensure};
use muster_tests::{
    backendai::{Api, KeyPair, is_problem},
    null_agent::NullAgent,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, Rules, on_sqlite};

/// Whose answers are bare, and whose are not.
const PATHS: [&str; 2] = ["/admin/graphql", "/admin/gql"];

/// Of the one who administers the domain of alice, carol and bob.
const DORA: KeyPair = KeyPair {
    access_key: "AKIADORADORADORADOR1",
    secret_key: "dora-secret-dora-secret-dora-secret-dora",
};
/// Of a user of another domain.
const EVE: KeyPair = KeyPair {
    access_key: "AKIAEVEEVEEVEEVEEVE1",
    secret_key: "eve-secret-eve-secret-eve-secret-eve-sec",
};

const RULES: Rules = Rules {
    site: r#"
[[project]]
name = "gamma"
domain = "elsewhere"

[[principal]]
name = "compute-dora"
project = "alpha"
roles = ["domain-admin"]
access_key = "AKIADORADORADORADOR1"
secret_key = "dora-secret-dora-secret-dora-secret-dora"

[[principal]]
name = "compute-eve"
project = "gamma"
roles = ["user"]
access_key = "AKIAEVEEVEEVEEVEEVE1"
secret_key = "eve-secret-eve-secret-eve-secret-eve-sec"
"#,
    ..Rules::EMPTY
};

/// What each agent has.
const SLOTS: [(&str, &str); 2] = [("cpu", "16"), ("mem", "64000000000")];

/// What a query is answered with.
#[derive(Debug)]
struct Told {
    data: Value,
    errors: Vec<String>,
}

/// Asks; the answer is that of `/admin/gql`.
async fn ask(api: &Api, query: &str, variables: Value) -> Result<Told> {
    let body = json!({ "query": query, "variables": variables });
    let answer = api.expect(Method::POST, PATHS[1], Some(&body), 200).await?;
    let mut told = answer.json()?;
    let errors = told["errors"].as_array().cloned().unwrap_or_default();
    let errors = errors.iter().map(|error| text(&error["message"]));
    Ok(Told {
        errors: errors.collect(),
        data: told["data"].take(),
    })
}

/// What has to be answered well.
async fn data(api: &Api, query: &str, variables: Value) -> Result<Value> {
    let told = ask(api, query, variables).await?;
    ensure!(told.errors.is_empty(), "{query}: {told:?}");
    Ok(told.data)
}

/// What a bare answer is refused with.
async fn problem(api: &Api, body: &Value) -> Result<Value> {
    let answer = api.expect(Method::POST, PATHS[0], Some(body), 400).await?;
    is_problem(&answer, "graphql-error")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The agents a1, a2 and a3.
async fn agents(house: &House) -> Result<Vec<NullAgent>> {
    let mut agents = Vec::new();
    for name in crate::site::AGENTS {
        agents.push(house.null_agent(name, &SLOTS).await?);
    }
    Ok(agents)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked() -> Result<()> {
    on_sqlite("graphql", RULES, async |house| {
        let agents = agents(house).await?;
        let people = scoping::People::of(house).await?;
        scoping::each_sees_what_it_may(house, &people)
            .await
            .context("scoping")?;
        scoping::arguments_and_orders(house)
            .await
            .context("arguments")?;
        answers::the_seeds_own_query(house)
            .await
            .context("the seed")?;
        answers::every_field_has_its_value(house)
            .await
            .context("fields")?;
        answers::both_forms(house).await.context("forms")?;
        answers::dependencies_come_level_by_level(house)
            .await
            .context("dependencies")?;
        answers::mistakes(house).await.context("mistakes")?;
        for agent in &agents {
            agent.check()?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listened_to() -> Result<()> {
    on_sqlite("graphql subscriptions", RULES, async |house| {
        let _agents = agents(house).await?;
        subscriptions::both_protocols(house).await?;
        subscriptions::each_is_told_what_it_may_see(house).await?;
        subscriptions::limits(house).await
    })
    .await
}
