use muster_contract::node_allocation::{AllocationRefusal, NodeDemand};

use super::*;
use crate::testing::{
    NOW, allocate, declare_at, insufficient, of_pool, of_seven, on_both_engines, queue, waiting,
    wanted,
};

async fn asked(database: &Database, demands: Vec<NodeDemand>) -> Explanation {
    let tenant = "demo".to_owned();
    explain(database, &ExplainAllocation { tenant, demands })
        .await
        .unwrap()
}

on_both_engines! {
    async fn a_dry_run_says_what_would_come_of_it(database) {
        let quota = "[[project]]\nname = \"demo\"\nquota = { nodes = 4 }\n";
        declare_at(database, NOW, &[("metal", "n[1-3].dusty"), ("more", "m[1-3].dusty")], quota).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        let fine = asked(database, vec![of_seven(2)]).await;
        assert_eq!((fine.refusal, fine.quota, fine.held, fine.waiting), (None, Some(4), 2, 0));
        let seven = DemandExplanation { pools: vec!["metal".to_owned(), "more".to_owned()], ready: 4, total: 6 };
        assert_eq!(fine.demands, [seven]);

        allocate(database, &[waiting(2, 60, vec![of_pool("metal", 2)])]).await;
        let kept = asked(database, vec![of_pool("metal", 1)]).await;
        assert_eq!((kept.refusal, kept.waiting), (Some(insufficient("metal", 1, 0, false)), 1));
        assert_eq!(kept.demands[0].ready, 1);
        let exceeded = AllocationRefusal::QuotaExceeded { quota: 4, held: 2, wanted: 3 };
        assert_eq!(asked(database, vec![of_pool("more", 3)]).await.refusal, Some(exceeded));
        let unknown = asked(database, vec![of_pool("nowhere", 1)]).await;
        assert!(matches!(unknown.refusal, Some(AllocationRefusal::UnknownPool { .. })));
        assert_eq!(unknown.demands[0].total, 0);
        // Nothing was changed by asking.
        assert_eq!(queue(database).await.len(), 1);
    }
}
