//! Races, provoked: many at once, on one replica and on two.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;
use muster_contract::node_allocation::{AllocationRefusal, NodeState};
use muster_storage::{Database, StorageError};
use muster_testkit::TestDatabase;

use crate::{
    commands::{allocate_nodes::allocate_nodes, release_nodes::release_nodes, told::Answer},
    domain::pools::Pools,
    store::{free_nodes, grant, pools},
    testing::{
        DATABASES, NOW, allocate, at, check_books, declare, declare_at, in_state, nodes, of_pool,
        released, wanted,
    },
};

const QUOTA: &str = "[[project]]\nname = \"demo\"\nquota = { nodes = 7 }\n";

/// SQLite as one replica, PostgreSQL as two.
async fn replicas() -> Vec<(TestDatabase, Vec<Database>)> {
    let one = DATABASES.sqlite().await.unwrap();
    let alone = vec![one.database.clone(), one.database.clone()];
    let mut all = vec![(one, alone)];
    if let Some(two) = DATABASES.postgres().await.unwrap() {
        let both = vec![two.database.clone(), two.replica().await.unwrap()];
        all.push((two, both));
    }
    all
}

/// One request a transaction, as an ingress would see it: the nodes it got.
async fn one(database: &Database, number: u128, count: u32) -> Result<Vec<i64>, AllocationRefusal> {
    let command = wanted(number, vec![of_pool("metal", count)]);
    let mut transaction = database.begin().await.unwrap();
    let mut told = allocate_nodes(&mut transaction, at(NOW), &[&command])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    match told.remove(0).event {
        Answer::Granted(event) => Ok(event.nodes.iter().map(|node| node.id).collect()),
        Answer::Refused(event) => Err(event.reason),
        other => panic!("{other:?}"),
    }
}

// api/duffy.md §7: double allocation.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_node_is_in_two_sessions() {
    for (_keep, replicas) in replicas().await {
        declare(&replicas[0], &[("metal", "n[001-050].dusty")]).await;
        let requests = (0..40_u128).map(|number| {
            let database = replicas[number as usize % 2].clone();
            tokio::spawn(async move { one(&database, number, 3).await })
        });
        let results: Vec<_> = join_all(requests)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let granted: Vec<i64> = results.iter().flatten().flatten().copied().collect();
        // Sixteen times three of fifty, and never less while there is enough: no refusal for another's lock.
        assert_eq!(granted.len(), 48);
        assert_eq!(granted.iter().collect::<HashSet<_>>().len(), 48);
        check_books(&replicas[0]).await;
    }
}

// api/duffy.md §7: quota race.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_quota_is_exceeded_by_requests_at_the_same_time() {
    for (_keep, replicas) in replicas().await {
        declare_at(&replicas[0], NOW, &[("metal", "n[001-050].dusty")], QUOTA).await;
        let requests = (0..20_u128).map(|number| {
            let database = replicas[number as usize % 2].clone();
            tokio::spawn(async move { one(&database, number, 2).await })
        });
        let results: Vec<_> = join_all(requests)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(results.iter().flatten().flatten().count(), 6);
        let exceeded = AllocationRefusal::QuotaExceeded {
            quota: 7,
            held: 6,
            wanted: 2,
        };
        assert!(
            results
                .iter()
                .filter_map(|result| result.as_ref().err())
                .all(|refusal| *refusal == exceeded)
        );
        check_books(&replicas[0]).await;
    }
}

// api/duffy.md §7: reaper against growth. Whichever comes first, the session has nothing in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_grows_while_it_ends_keeps_nothing() {
    for (_keep, replicas) in replicas().await {
        declare(&replicas[0], &[("metal", "n[001-200].dusty")]).await;
        let races = (0..30_u128).map(|number| {
            let (grower, reaper) = (replicas[0].clone(), replicas[1].clone());
            let grows = tokio::spawn(async move { one(&grower, number, 2).await });
            let ends = tokio::spawn(async move {
                let command = released(number, None);
                let mut transaction = reaper.begin().await.unwrap();
                release_nodes(&mut transaction, at(NOW), &[&command])
                    .await
                    .unwrap();
                transaction.commit().await.unwrap();
            });
            async move {
                ends.await.unwrap();
                grows.await.unwrap()
            }
        });
        for result in join_all(races).await {
            assert!(
                matches!(result, Ok(_) | Err(AllocationRefusal::Cancelled)),
                "{result:?}"
            );
        }
        assert_eq!(in_state(&replicas[0], NodeState::Ready).await.len(), 200);
        check_books(&replicas[0]).await;
    }
}

/// Get and done by many, over and over: nothing is lost and nothing is twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_leaks_under_load() {
    for (_keep, replicas) in replicas().await {
        declare(&replicas[0], &[("metal", "n[01-20].dusty")]).await;
        let clients = (0..16_u128).map(|client| {
            let database = replicas[client as usize % 2].clone();
            tokio::spawn(async move {
                for round in 0..10_u128 {
                    let number = client * 100 + round;
                    let _ = one(&database, number, 1 + u32::try_from(round % 3).unwrap()).await;
                    let command = released(number, None);
                    let mut transaction = database.begin().await.unwrap();
                    release_nodes(&mut transaction, at(NOW), &[&command])
                        .await
                        .unwrap();
                    transaction.commit().await.unwrap();
                }
            })
        });
        for client in join_all(clients).await {
            client.unwrap();
        }
        let all = nodes(&replicas[0]).await;
        assert!(all.iter().all(|node| node.state == NodeState::Ready));
        check_books(&replicas[0]).await;
        // Used in turn.
        let used: HashMap<i64, i64> = all.iter().map(|node| (node.id, node.used_count)).collect();
        let (least, most) = (used.values().min().unwrap(), used.values().max().unwrap());
        assert!(*most <= *least + 40, "{used:?}");
    }
}

/// Two that plan with the same nodes because something went round the lock: the second is undone, not served.
#[tokio::test]
async fn a_claim_of_a_node_that_is_not_as_it_was_is_undone() {
    for (_keep, replicas) in replicas().await {
        let database = &replicas[0];
        declare(database, &[("metal", "n1.dusty")]).await;
        let demands = {
            let mut snapshot = database.snapshot().await.unwrap();
            let pools = pools::pools(&mut snapshot).await.unwrap();
            let demands = crate::domain::demand::resolve(&pools, &[of_pool("metal", 1)]).unwrap();
            let mut stock = free_nodes::stock(&mut snapshot, &pools, &demands)
                .await
                .unwrap();
            stock.take(&demands[0], 1)
        };
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        let mut transaction = database.begin().await.unwrap();
        let second = grant::Grant {
            request: crate::testing::id(2),
            session: "s2",
            tenant: "demo",
            nodes: &demands,
        };
        let result = grant::grant(&mut transaction, NOW, &Pools::default(), &[second]).await;
        // At the latest when it is to be committed.
        let result = match result {
            Ok(()) => transaction.commit().await,
            Err(error) => Err(error),
        };
        assert!(
            matches!(result, Err(StorageError::Conflict(_))),
            "{result:?}"
        );
        check_books(database).await;
    }
}

/// And if the claim were not conditional either, a second live lease is refused by the table.
#[tokio::test]
async fn a_second_live_lease_of_a_node_is_refused() {
    for (_keep, replicas) in replicas().await {
        let database = &replicas[0];
        declare(database, &[("metal", "n1.dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        let mut transaction = database.begin().await.unwrap();
        let result = transaction
            .execute(
                "INSERT INTO lease (node, generation, hostname, session, tenant, request, granted_at) \
                 SELECT node, generation + 1, hostname, 's2', tenant, 'r', granted_at FROM lease",
                &[],
            )
            .await;
        assert!(result.unwrap_err().is_unique_violation());
    }
}

/// What a request costs does not grow with the number of nodes: 64 requests among 100,000 nodes and among 100 take about the same.
#[tokio::test]
async fn a_batch_costs_the_same_among_many_nodes() {
    let mut times = Vec::new();
    for hosts in ["n[001-100].dusty", "n[000001-100000].dusty"] {
        let database = DATABASES.sqlite().await.unwrap();
        declare(&database.database, &[("metal", hosts)]).await;
        let mut best = std::time::Duration::MAX;
        for round in 0..10_u128 {
            let commands: Vec<_> = (0..64)
                .map(|number| wanted(round * 100 + number, vec![of_pool("metal", 1)]))
                .collect();
            let releases: Vec<_> = (0..64)
                .map(|number| released(round * 100 + number, None))
                .collect();
            let start = std::time::Instant::now();
            let ends = allocate(&database.database, &commands).await;
            assert!(ends.iter().all(|(_, end)| end.is_ok()));
            crate::testing::release(&database.database, &releases).await;
            best = best.min(start.elapsed());
        }
        times.push(best);
    }
    println!("64 pairs among 100 and 100,000 nodes: {times:?}");
    // A plan that reads all nodes would be hundreds of times as slow; the rest is for a machine with other work.
    assert!(times[1] < times[0] * 10, "{times:?}");
}
