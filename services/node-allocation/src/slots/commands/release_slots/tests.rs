use muster_contract::node_allocation::{SlotsRefusal, WaitingReason};

use super::*;
use crate::{
    slots::testing::{
        agents, allocate, allocate_at, cluster, got, occupied, queued, refused, release, session,
        slots, wanted,
    },
    testing::{NOW, SECOND, on_both_engines},
};

on_both_engines! {
    async fn a_session_gets_nothing_ever_after(database) {
        agents(database, &[("a1", "cpu=4")]).await;
        // Before it was heard of.
        assert_eq!(release(database, &[1]).await, []);
        assert_eq!(allocate(database, &[wanted(1, "cpu=1")]).await, [refused(1, SlotsRefusal::Cancelled)]);
        allocate(database, &[wanted(2, "cpu=1")]).await;
        release(database, &[2]).await;
        assert_eq!(allocate(database, &[wanted(2, "cpu=1")]).await, [refused(2, SlotsRefusal::Cancelled)]);
        assert_eq!(occupied(database, "a1").await, slots(""));
    }

    async fn twice_is_once(database) {
        agents(database, &[("a1", "cpu=1")]).await;
        allocate(database, &[wanted(1, "cpu=1"), wanted(2, "cpu=1"), wanted(3, "cpu=1")]).await;
        assert_eq!(release(database, &[1, 1]).await, [got(2, &["a1"])]);
        assert_eq!(release(database, &[1]).await, []);
        assert_eq!(occupied(database, "a1").await, slots("cpu=1"));
    }

    async fn who_waits_is_taken_out_of_the_queue(database) {
        agents(database, &[("a1", "cpu=1")]).await;
        allocate(database, &[wanted(1, "cpu=1"), wanted(2, "cpu=1"), wanted(3, "cpu=1")]).await;
        assert_eq!(release(database, &[2]).await, []);
        assert_eq!(release(database, &[1]).await, [got(3, &["a1"])]);
    }

    async fn a_grant_says_how_long_it_was_waited_for(database) {
        agents(database, &[("a1", "cpu=1")]).await;
        let came = NOW - 30 * SECOND;
        allocate_at(database, came, &[wanted(1, "cpu=1")]).await;
        let told = allocate_at(database, came, &[wanted(2, "cpu=1")]).await;
        assert_eq!(told, [queued(2, WaitingReason::NoRoom)]);
        let end = ReleaseSlots { session: session(1), tenant: "demo".to_owned() };
        let mut transaction = database.begin().await.unwrap();
        let told = release_slots(&mut transaction, NOW, &[&end]).await.unwrap();
        transaction.commit().await.unwrap();
        let waits: Vec<Option<i64>> = told.iter().map(|told| told.waited).collect();
        assert_eq!(waits, [Some(30 * SECOND)]);
    }

    async fn all_containers_are_given_back_and_others_get_the_room(database) {
        agents(database, &[("a1", "cpu=2"), ("a2", "cpu=2")]).await;
        assert_eq!(allocate(database, &[cluster(1, "cpu=1", 4)]).await.len(), 1);
        let told = allocate(database, &[cluster(2, "cpu=2", 2), wanted(3, "cpu=1")]).await;
        assert_eq!(told, [queued(2, WaitingReason::NoRoom), queued(3, WaitingReason::NoRoom)]);
        assert_eq!(release(database, &[1]).await, [got(2, &["a1", "a2"])]);
        assert_eq!(release(database, &[2]).await, [got(3, &["a1"])]);
        release(database, &[3]).await;
        for agent in ["a1", "a2"] {
            assert_eq!(occupied(database, agent).await, slots(""));
        }
    }
}
