use muster_contract::node_allocation::{SlotsRefusal, WaitingReason};
use muster_storage::Database;

use super::*;
use crate::slots::serving::PATIENCE;
use crate::{
    slots::testing::{
        agents, allocate, allocate_at, apply, beats, cluster, due, got, lose, lost, occupied,
        of_owner, queued, refused, release, slots, wanted,
    },
    testing::{NOW, SECOND, on_both_engines},
};

async fn queue_length(database: &Database) -> i64 {
    let rows: Vec<(i64,)> = database
        .fetch_all("SELECT COUNT(*) FROM slot_request", &[])
        .await
        .unwrap();
    rows[0].0
}

on_both_engines! {
    async fn who_fits_gets_slots_and_who_does_not_waits(database) {
        agents(database, &[("a1", "cpu=4,mem=8g")]).await;
        let told = allocate(database, &[wanted(1, "cpu=3,mem=1g"), wanted(2, "cpu=2,mem=1g"), wanted(3, "cpu=1,mem=7g")]).await;
        // The second stands in nobody's way.
        assert_eq!(told, [got(1, &["a1"]), queued(2, WaitingReason::NoRoom), got(3, &["a1"])]);
        assert_eq!(occupied(database, "a1").await, slots("cpu=4,mem=8g"));
        assert_eq!(release(database, &[3]).await, []);
        assert_eq!(release(database, &[1]).await, [got(2, &["a1"])]);
        assert_eq!(occupied(database, "a1").await, slots("cpu=2,mem=1g"));
    }

    async fn a_cluster_gets_all_or_nothing(database) {
        agents(database, &[("a1", "cpu=2"), ("a2", "cpu=3")]).await;
        let one_agent = |number, count| AllocateSlots { on_one_agent: true, ..cluster(number, "cpu=1", count) };
        assert_eq!(allocate(database, &[one_agent(1, 3)]).await, [got(1, &["a2", "a2", "a2"])]);
        assert_eq!(allocate(database, &[cluster(2, "cpu=1", 3)]).await, [queued(2, WaitingReason::NoRoom)]);
        assert_eq!(occupied(database, "a1").await, slots(""));
        assert_eq!(release(database, &[1]).await, [got(2, &["a2", "a1", "a2"])]);
    }

    async fn what_can_never_be_is_refused_at_once(database) {
        let limits = "[[domain]]\nname = \"default\"\nquota = { slots = { cpu = \"5\" } }\n";
        apply(database, limits).await;
        agents(database, &[("a1", "cpu=4,mem=8g"), ("a2", "cpu=6")]).await;
        let too_large = |available: &str| SlotsRefusal::TooLarge { available: slots(available) };
        let told = allocate(database, &[
            wanted(1, "cpu=7"),
            cluster(2, "cpu=4", 3),
            AllocateSlots { on_one_agent: true, ..cluster(3, "cpu=2", 4) },
            wanted(4, "cpu=1,cuda.device=1"),
            wanted(5, "cpu=6"),
            AllocateSlots { scaling_group: Some("gpu".to_owned()), ..wanted(6, "cpu=1") },
            wanted(7, "cpu=1,tpu=0"),
            wanted(8, "cpu=1,\u{0}=1"),
        ]).await;
        assert_eq!(told, [
            refused(6, SlotsRefusal::UnknownScalingGroup { name: Some("gpu".to_owned()) }),
            refused(8, SlotsRefusal::UnknownSlot { name: "\u{0}".to_owned() }),
            refused(1, too_large("cpu=6")),
            refused(2, too_large("cpu=10,mem=8g")),
            refused(3, too_large("cpu=6")),
            refused(4, SlotsRefusal::UnknownSlot { name: "cuda.device".to_owned() }),
            refused(5, SlotsRefusal::OverQuota { scope: "domain".to_owned(), quota: slots("cpu=5") }),
            got(7, &["a2"]),
        ]);
    }

    async fn where_no_agent_has_been_anything_may_come(database) {
        let told = allocate(database, &[wanted(1, "cpu=1,tpu=1"), wanted(2, "cpu=1")]).await;
        assert_eq!(told, [queued(1, WaitingReason::NoAgents), queued(2, WaitingReason::NoAgents)]);
        assert_eq!(agents(database, &[("a1", "cpu=4")]).await, [queued(1, WaitingReason::NoRoom), got(2, &["a1"])]);
        assert_eq!(agents(database, &[("a2", "cpu=4,tpu=2")]).await, [got(1, &["a2"])]);
    }

    async fn what_the_agents_that_come_can_never_hold_is_refused_in_time(database) {
        let told = allocate(database, &[wanted(1, "cpu=8"), wanted(2, "cpu=1,tpu=1"), wanted(3, "cpu=4")]).await;
        assert_eq!(told.len(), 3);
        let patient = NOW + PATIENCE;
        // Nobody is there yet, however long it takes.
        assert_eq!(due(database, patient, true).await, []);
        let agents_at = |now| beats(database, now, &[("a1", "default", "cpu=4")]);
        assert_eq!(agents_at(NOW).await, [queued(1, WaitingReason::NoRoom), queued(2, WaitingReason::NoRoom), got(3, &["a1"])]);
        // Another one may be on its way.
        assert_eq!(due(database, patient - 1, true).await, []);
        let mut told = due(database, patient + 10, true).await;
        told.sort_by_key(|(number, _)| *number);
        assert_eq!(told, [
            refused(1, SlotsRefusal::TooLarge { available: slots("cpu=4") }),
            refused(2, SlotsRefusal::UnknownSlot { name: "tpu".to_owned() }),
        ]);
        assert_eq!(queue_length(database).await, 0);
        assert_eq!(due(database, patient + 20, true).await, []);
    }

    // What asks again for want of an answer gets the same answer.
    async fn a_request_that_comes_again_is_answered_as_before(database) {
        agents(database, &[("a1", "cpu=2"), ("a2", "cpu=1")]).await;
        let (first, second) = (cluster(1, "cpu=1", 3), wanted(2, "cpu=1"));
        let told = allocate(database, &[first.clone(), first.clone(), second.clone()]).await;
        let granted = got(1, &["a1", "a1", "a2"]);
        assert_eq!(told, [granted.clone(), queued(2, WaitingReason::NoRoom)]);
        let told = allocate(database, &[second.clone(), first.clone()]).await;
        assert_eq!(told, [queued(2, WaitingReason::NoRoom), granted.clone()]);
        assert_eq!(occupied(database, "a1").await, slots("cpu=2"));
        beats(database, NOW + 9 * SECOND, &[("a1", "default", "cpu=2")]).await;
        assert_eq!(lose(database, NOW + 1, 10).await.0, [lost(1, "a2")]);
        assert_eq!(allocate(database, std::slice::from_ref(&first)).await, [granted, lost(1, "a2")]);
        assert_eq!(release(database, &[1]).await, [got(2, &["a1"])]);
        assert_eq!(allocate(database, &[first]).await, [refused(1, SlotsRefusal::Cancelled)]);
    }

    async fn quotas_count_sessions_and_slots_of_each_scope(database) {
        apply(database, r#"
            [[project]]
            name = "demo"
            quota = { compute_sessions = 3, slots = { mem = "4g" } }
            [[domain]]
            name = "default"
            quota = { slots = { cpu = "6" } }
            [[resource_policy]]
            name = "small"
            compute_sessions = 2
            slots = { cpu = "3" }
            [[principal]]
            name = "alice"
            project = "demo"
            access_key = "ALICEALICEALICE"
            secret_key = "not-so-secret-not-so-secret"
            resource_policy = "small"
        "#).await;
        agents(database, &[("a1", "cpu=64,mem=64g")]).await;
        let alice = |number, each| of_owner("ALICEALICEALICE", wanted(number, each));
        let bob = |number, each| of_owner("bob", wanted(number, each));
        let told = allocate(database, &[alice(1, "cpu=2"), alice(2, "cpu=2"), alice(3, "cpu=1"), alice(4, "mem=1g")]).await;
        assert_eq!(told, [
            got(1, &["a1"]),
            queued(2, WaitingReason::OwnerSlots),
            got(3, &["a1"]),
            queued(4, WaitingReason::OwnerSessions),
        ]);
        let told = allocate(database, &[bob(5, "mem=5g"), bob(6, "cpu=4"), bob(7, "cpu=3,mem=4g"), bob(8, "mem=1g")]).await;
        assert_eq!(told, [
            refused(5, SlotsRefusal::OverQuota { scope: "group".to_owned(), quota: slots("mem=4g") }),
            queued(6, WaitingReason::DomainSlots),
            got(7, &["a1"]),
            queued(8, WaitingReason::ProjectSessions),
        ]);
        // Of another project, and still of the domain.
        let other = |number, each| AllocateSlots { tenant: "other".to_owned(), ..bob(number, each) };
        assert_eq!(allocate(database, &[other(9, "cpu=1"), other(10, "mem=9g")]).await, [queued(9, WaitingReason::DomainSlots), got(10, &["a1"])]);
        let told = release(database, &[1]).await;
        // Memory is what the project lacks for the last.
        assert_eq!(told, [
            got(2, &["a1"]),
            queued(6, WaitingReason::ProjectSessions),
        ]);
        let told = release(database, &[7]).await;
        assert_eq!(told, [queued(6, WaitingReason::DomainSlots), got(8, &["a1"]), got(9, &["a1"])]);
    }

    async fn who_comes_before_its_time_waits_for_it(database) {
        agents(database, &[("a1", "cpu=1")]).await;
        let later = AllocateSlots { not_before: Some(NOW + 10 * SECOND), ..wanted(1, "cpu=1") };
        assert_eq!(allocate(database, &[later]).await, [queued(1, WaitingReason::NotYet)]);
        assert_eq!(allocate(database, &[wanted(2, "cpu=1")]).await, [got(2, &["a1"])]);
        assert_eq!(due(database, NOW + 10 * SECOND - 1, false).await, []);
        assert_eq!(due(database, NOW + 10 * SECOND, false).await, [queued(1, WaitingReason::NoRoom)]);
        assert_eq!(release(database, &[2]).await, [queued(1, WaitingReason::NotYet)]);
        assert_eq!(due(database, NOW + 10 * SECOND, false).await, [got(1, &["a1"])]);
    }

    async fn groups_have_their_agents_schedulers_and_projects(database) {
        apply(database, r#"
            [[project]]
            name = "demo"
            [[project]]
            name = "other"
            [[scaling_group]]
            name = "gpu"
            projects = ["other"]
            [[scaling_group]]
            name = "last"
            scheduler = "lifo"
        "#).await;
        beats(database, NOW, &[("a1", "gpu", "cpu=1"), ("a2", "last", "cpu=1"), ("a3", "unheard-of", "cpu=9")]).await;
        let in_group = |number, group: &str| AllocateSlots { scaling_group: Some(group.to_owned()), ..wanted(number, "cpu=1") };
        let of_other = |number| AllocateSlots { tenant: "other".to_owned(), ..wanted(number, "cpu=1") };
        let not_open = |name: &str| SlotsRefusal::UnknownScalingGroup { name: Some(name.to_owned()) };
        let told = allocate(database, &[in_group(1, "gpu"), in_group(2, "unheard-of"), of_other(3), wanted(4, "cpu=1")]).await;
        assert_eq!(told, [
            refused(1, not_open("gpu")),
            refused(2, not_open("unheard-of")),
            got(3, &["a1"]),
            got(4, &["a2"]),
        ]);
        for number in 5..8 {
            assert_eq!(allocate(database, &[wanted(number, "cpu=1")]).await, [queued(number, WaitingReason::NoRoom)]);
        }
        assert_eq!(release(database, &[4]).await, [got(7, &["a2"])]);
        assert_eq!(release(database, &[7]).await, [got(6, &["a2"])]);
        // In one batch, too.
        assert_eq!(release(database, &[5, 6]).await, []);
        let told = allocate(database, &[wanted(8, "cpu=1"), wanted(9, "cpu=1")]).await;
        assert_eq!(told, [got(9, &["a2"]), queued(8, WaitingReason::NoRoom)]);
        // A project that may use none.
        apply(database, "[[project]]\nname = \"demo\"\n[[scaling_group]]\nname = \"gpu\"\nprojects = [\"demo\"]\n").await;
        let stranger = AllocateSlots { tenant: "stranger".to_owned(), ..wanted(10, "cpu=1") };
        let none = SlotsRefusal::UnknownScalingGroup { name: None };
        assert_eq!(allocate(database, &[stranger]).await, [refused(10, none)]);
        // A group that is declared no more: who waits there waits in vain.
        assert_eq!(due(database, NOW, true).await, [refused(8, not_open("last"))]);
    }

    async fn with_fair_shares_who_has_least_is_next(database) {
        apply(database, "[[scaling_group]]\nname = \"fair\"\nscheduler = \"drf\"\n").await;
        beats(database, NOW, &[("a1", "fair", "cpu=4,mem=8g")]).await;
        let alice: Vec<_> = (1..=4).map(|number| wanted(number, "cpu=1")).collect();
        assert_eq!(allocate(database, &alice).await.len(), 4);
        for number in 5..7 {
            allocate(database, &[wanted(number, "cpu=1")]).await;
        }
        for number in 7..10 {
            allocate(database, &[of_owner("bob", wanted(number, "cpu=1"))]).await;
        }
        // Bob has nothing, then a quarter against a half, and then they are even: alice came first.
        assert_eq!(release(database, &[1]).await, [got(7, &["a1"])]);
        assert_eq!(release(database, &[2]).await, [got(8, &["a1"])]);
        assert_eq!(release(database, &[3]).await, [got(5, &["a1"])]);
        assert_eq!(release(database, &[8]).await, [got(9, &["a1"])]);
    }

    async fn the_queue_is_bounded(database) {
        use crate::slots::domain::wish::QUEUE_LIMIT;
        agents(database, &[("a1", "cpu=1")]).await;
        allocate(database, &[wanted(1, "cpu=1")]).await;
        let limit = QUEUE_LIMIT;
        let many: Vec<_> = (0..u128::from(limit) - 1).map(|number| wanted(10 + number, "cpu=1")).collect();
        for batch in many.chunks(1_000) {
            allocate(database, batch).await;
        }
        let told = allocate(database, &[wanted(2, "cpu=1"), wanted(3, "cpu=1")]).await;
        assert_eq!(told, [queued(2, WaitingReason::NoRoom), refused(3, SlotsRefusal::QueueFull { limit })]);
        assert_eq!(queue_length(database).await, i64::from(limit));
        // Who need not wait is not concerned, and the first in the queue is the next.
        agents(database, &[("a1", "cpu=1,mem=1g")]).await;
        assert_eq!(allocate(database, &[wanted(4, "mem=1g")]).await, [got(4, &["a1"])]);
        assert_eq!(release(database, &[1]).await, [got(10, &["a1"])]);
    }

    async fn they_queue_in_the_order_in_which_they_came_whatever_their_clocks(database) {
        agents(database, &[("a1", "cpu=1")]).await;
        allocate_at(database, NOW, &[wanted(1, "cpu=1"), wanted(2, "cpu=1"), wanted(3, "cpu=1")]).await;
        allocate_at(database, NOW - SECOND, &[wanted(4, "cpu=1")]).await;
        for (number, next) in [(1, 2), (2, 3), (3, 4)] {
            assert_eq!(release(database, &[number]).await, [got(next, &["a1"])]);
        }
    }
}
