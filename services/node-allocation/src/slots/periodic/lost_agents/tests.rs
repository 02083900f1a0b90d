use muster_contract::node_allocation::{AgentStatus, WaitingReason};

use crate::{
    slots::testing::{
        agents, allocate, apply, beats, cluster, got, known_agents, lose, lost, occupied, queued,
        release, slots, wanted,
    },
    testing::{NOW, SECOND, on_both_engines},
};

on_both_engines! {
    async fn what_sessions_had_of_a_lost_agent_they_lose(database) {
        agents(database, &[("a1", "cpu=4"), ("a2", "cpu=4")]).await;
        let told = allocate(database, &[cluster(1, "cpu=1", 4), wanted(2, "cpu=2")]).await;
        assert_eq!(told, [got(1, &["a1", "a2", "a1", "a2"]), got(2, &["a1"])]);
        beats(database, NOW + 9 * SECOND, &[("a2", "default", "cpu=4")]).await;
        assert_eq!(lose(database, NOW, 10).await, (vec![], false));
        // Of each session once.
        assert_eq!(lose(database, NOW + 1, 10).await, (vec![lost(1, "a1"), lost(2, "a1")], false));
        assert_eq!(lose(database, NOW + 1, 10).await, (vec![], false));
        let all = known_agents(database).await;
        assert_eq!((all[0].status, all[1].status), (AgentStatus::Lost, AgentStatus::Alive));
        assert_eq!(occupied(database, "a1").await, slots(""));
        assert_eq!(occupied(database, "a2").await, slots("cpu=2"));
        assert_eq!(release(database, &[1, 2]).await, []);
        assert_eq!(occupied(database, "a2").await, slots(""));
    }

    async fn who_waits_is_told_and_may_use_the_quota(database) {
        apply(database, "[[project]]\nname = \"demo\"\nquota = { compute_sessions = 1 }\n").await;
        agents(database, &[("a1", "cpu=1")]).await;
        allocate(database, &[wanted(1, "cpu=1"), wanted(2, "cpu=1")]).await;
        beats(database, NOW + 9 * SECOND, &[("a2", "default", "cpu=1")]).await;
        assert_eq!(lose(database, NOW + 1, 10).await.0, [lost(1, "a1"), got(2, &["a2"])]);
        allocate(database, &[wanted(3, "cpu=1")]).await;
        assert_eq!(lose(database, NOW + 10 * SECOND, 10).await.0, [lost(2, "a2"), queued(3, WaitingReason::NoAgents)]);
    }

    async fn so_many_at_a_time(database) {
        let all: Vec<(String, &str)> = (1..=5).map(|number| (format!("a{number}"), "cpu=1")).collect();
        let all: Vec<(&str, &str)> = all.iter().map(|(name, slots)| (name.as_str(), *slots)).collect();
        agents(database, &all).await;
        for more in [true, true, false] {
            assert_eq!(lose(database, NOW + 1, 2).await, (vec![], more));
        }
        let all = known_agents(database).await;
        assert!(all.iter().all(|agent| agent.status == AgentStatus::Lost));
    }
}
