use super::*;
use crate::{
    slots::testing::{apply, wanted},
    testing::on_both_engines,
};
use muster_contract::node_allocation::{SlotsRefusal, WaitingReason};

const SITE: &str = r#"
[[project]]
name = "demo"
quota = { compute_sessions = 0 }
[[scaling_group]]
name = "b"
[[scaling_group]]
name = "a"
scheduler = "drf"
projects = ["demo"]
"#;

async fn rows(database: &Database) -> (Vec<(String, String, Option<String>)>, i64) {
    let groups = database
        .fetch_all(
            "SELECT name, scheduler, projects FROM scaling_group ORDER BY place",
            &[],
        )
        .await
        .unwrap();
    let quotas: Vec<(i64,)> = database
        .fetch_all("SELECT COUNT(*) FROM slot_quota", &[])
        .await
        .unwrap();
    (groups, quotas[0].0)
}

on_both_engines! {
    async fn what_is_declared_is_there_and_stays_without_a_site_file(database) {
        for _ in 0..2 {
            apply(database, SITE).await;
        }
        let declared = rows(database).await;
        let named = |name: &str, scheduler: &str, projects: Option<&str>| {
            (name.to_owned(), scheduler.to_owned(), projects.map(str::to_owned))
        };
        assert_eq!(declared.0, [named("b", "fifo", None), named("a", "drf", Some("[\"demo\"]"))]);
        assert_eq!(declared.1, 1);
        SiteSlots::of_site(&Site::default()).apply(database).await.unwrap();
        assert_eq!(rows(database).await, declared);
        let told = crate::slots::testing::allocate(database, &[wanted(1, "cpu=1")]).await;
        let over = SlotsRefusal::OverQuota { scope: "group".to_owned(), quota: crate::slots::testing::slots("") };
        assert_eq!(told, [crate::slots::testing::refused(1, over)]);
    }

    async fn what_is_declared_no_more_is_gone(database) {
        apply(database, SITE).await;
        apply(database, "").await;
        let (groups, quotas) = rows(database).await;
        assert_eq!((groups.len(), quotas), (1, 0));
        let told = crate::slots::testing::allocate(database, &[wanted(1, "cpu=1")]).await;
        assert_eq!(told, [crate::slots::testing::queued(1, WaitingReason::NoAgents)]);
    }
}
