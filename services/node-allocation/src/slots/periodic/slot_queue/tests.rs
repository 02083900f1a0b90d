use muster_contract::node_allocation::WaitingReason;

use crate::{
    slots::testing::{agents, allocate, apply, due, got, queued, wanted},
    testing::{NOW, on_both_engines},
};

const ONE_SESSION: &str = "[[project]]\nname = \"demo\"\nquota = { compute_sessions = 1 }\n";

on_both_engines! {
    async fn a_sweep_finds_what_a_new_site_file_brought(database) {
        apply(database, ONE_SESSION).await;
        agents(database, &[("a1", "cpu=2")]).await;
        let told = allocate(database, &[wanted(1, "cpu=1"), wanted(2, "cpu=1")]).await;
        assert_eq!(told, [got(1, &["a1"]), queued(2, WaitingReason::ProjectSessions)]);
        apply(database, "").await;
        assert_eq!(due(database, NOW, false).await, []);
        assert_eq!(due(database, NOW, true).await, [got(2, &["a1"])]);
        assert_eq!(due(database, NOW, true).await, []);
    }

    async fn it_is_said_once_what_somebody_waits_for(database) {
        allocate(database, &[wanted(1, "cpu=1")]).await;
        for _ in 0..2 {
            assert_eq!(due(database, NOW, true).await, []);
        }
    }
}
