use super::*;
use crate::{
    slots::testing::{allocate, beats, cluster, slots},
    testing::{NOW, on_both_engines},
};

async fn names(database: &Database, question: ListAgents) -> Vec<String> {
    let asked = Asked {
        body: question,
        principal: None,
    };
    let answer = ListAgentsHandler(database.clone()).answer(asked).await;
    match answer.unwrap() {
        Outcome::Done(page) => page.agents.into_iter().map(|agent| agent.name).collect(),
        Outcome::Refused(never) => match never {},
    }
}

on_both_engines! {
    async fn agents_come_in_pages_by_name(database) {
        beats(database, NOW, &[("a3", "default", "cpu=1"), ("a1", "default", "cpu=1"), ("a2", "gpu", "cpu=1")]).await;
        let page = |group: Option<&str>, after: Option<&str>, limit| ListAgents {
            scaling_group: group.map(str::to_owned),
            after: after.map(str::to_owned),
            limit,
        };
        assert_eq!(names(database, page(None, None, 2)).await, ["a1", "a2"]);
        assert_eq!(names(database, page(None, Some("a2"), 2)).await, ["a3"]);
        assert_eq!(names(database, page(Some("default"), None, 9)).await, ["a1", "a3"]);
        assert_eq!(names(database, page(Some("default"), Some("a1"), u32::MAX)).await, ["a3"]);
        assert!(names(database, page(Some("\0"), None, 9)).await.is_empty());
        assert!(names(database, page(None, None, 0)).await.is_empty());
    }

    async fn what_is_occupied_is_the_sum_of_what_sessions_have(database) {
        beats(database, NOW, &[("a1", "default", "cpu=8,mem=8g")]).await;
        allocate(database, &[cluster(1, "cpu=1.5,mem=512m", 2), cluster(2, "cpu=0.5", 1)]).await;
        let agent = crate::slots::testing::known_agents(database).await.remove(0);
        assert_eq!(agent.occupied, slots("cpu=3.5,mem=1g"));
        assert_eq!(agent.available, slots("cpu=8,mem=8g"));
    }
}
