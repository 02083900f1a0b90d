use muster_contract::node_allocation::{AgentStatus, WaitingReason};

use crate::{
    slots::testing::{
        REFRESH, agents, allocate, beats, got, known_agents, lose, queued, release, slots, wanted,
    },
    testing::{NOW, SECOND, on_both_engines},
};

on_both_engines! {
    async fn an_agent_is_what_it_says_it_is(database) {
        beats(database, NOW, &[("a1", "gpu", "cpu=0.5,mem=1g")]).await;
        let agent = known_agents(database).await.remove(0);
        assert_eq!((agent.name.as_str(), agent.scaling_group.as_str()), ("a1", "gpu"));
        assert_eq!((agent.status, agent.seen_at), (AgentStatus::Alive, NOW));
        assert_eq!((agent.version.as_str(), agent.address.as_str()), ("1.0.0", "127.0.0.1"));
        assert_eq!((agent.available, agent.occupied), (slots("cpu=0.5,mem=1g"), slots("")));
    }

    async fn that_it_is_there_is_noted_now_and_then(database) {
        let seen_at = async || known_agents(database).await[0].seen_at;
        for (at, seen) in [(NOW, NOW), (NOW + REFRESH - 1, NOW), (NOW + REFRESH, NOW + REFRESH), (NOW + 1, NOW + REFRESH)] {
            beats(database, at, &[("a1", "default", "cpu=1")]).await;
            assert_eq!(seen_at().await, seen);
        }
    }

    async fn the_last_of_several_counts(database) {
        beats(database, NOW, &[("a1", "default", "cpu=1"), ("a2", "default", "cpu=1"), ("a1", "default", "cpu=2")]).await;
        let all = known_agents(database).await;
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].available, slots("cpu=2"));
    }

    async fn who_waits_gets_what_it_brings(database) {
        agents(database, &[("a1", "cpu=1")]).await;
        let told = allocate(database, &[wanted(1, "cpu=1"), wanted(2, "cpu=1"), wanted(3, "cpu=1")]).await;
        assert_eq!(told.last(), Some(&queued(3, WaitingReason::NoRoom)));
        // It has more.
        assert_eq!(agents(database, &[("a1", "cpu=2")]).await, [got(2, &["a1"])]);
        // It comes from another group.
        beats(database, NOW, &[("a2", "gpu", "cpu=1")]).await;
        assert_eq!(beats(database, NOW, &[("a2", "default", "cpu=1")]).await, [got(3, &["a2"])]);
    }

    async fn one_that_has_less_than_it_gave_gives_nothing_more(database) {
        agents(database, &[("a1", "cpu=4")]).await;
        allocate(database, &[wanted(1, "cpu=2"), wanted(2, "cpu=2")]).await;
        agents(database, &[("a1", "cpu=1")]).await;
        assert_eq!(allocate(database, &[wanted(3, "cpu=1")]).await, [queued(3, WaitingReason::NoRoom)]);
        assert_eq!(release(database, &[1]).await, []);
        assert_eq!(release(database, &[2]).await, [got(3, &["a1"])]);
    }

    async fn a_lost_one_is_back_with_its_next_beat(database) {
        agents(database, &[("a1", "cpu=1")]).await;
        allocate(database, &[wanted(1, "cpu=1")]).await;
        lose(database, NOW + 1, 10).await;
        assert_eq!(allocate(database, &[wanted(2, "cpu=1")]).await, [queued(2, WaitingReason::NoAgents)]);
        assert_eq!(beats(database, NOW + SECOND, &[("a1", "default", "cpu=1")]).await, [got(2, &["a1"])]);
        assert_eq!(known_agents(database).await[0].status, AgentStatus::Alive);
    }
}
