use muster_contract::session::{Account, AccountedBy, OpenNodeSession};

use crate::node_sessions::testing::{
    HOUR, NOON, SECOND, World, admin, alice, asked, bob, lease, named, on_both_engines,
    opening_with_node, release, shrinking,
};

use super::AccountNodeSessions;

const HOURS: i64 = 3_600;

/// From noon to so many hours later.
fn question(by: AccountedBy, hours: i64) -> AccountNodeSessions {
    AccountNodeSessions {
        from: NOON,
        to: NOON + hours * HOUR,
        by,
        tenant: None,
        after: None,
        limit: 100,
    }
}

fn named_with_node(alias: &str) -> OpenNodeSession {
    OpenNodeSession {
        demands: opening_with_node().demands,
        ..named(alias)
    }
}

/// Alias, sessions, nodes and hours of each.
fn told(accounts: &[Account]) -> Vec<(&str, Option<&str>, i64, i64, i64)> {
    accounts
        .iter()
        .map(|account| {
            let Account {
                tenant,
                alias,
                sessions,
                nodes,
                node_seconds,
                ..
            } = account;
            assert_eq!(node_seconds % HOURS, 0, "{account:?}");
            (
                tenant.as_str(),
                alias.as_deref(),
                *sessions,
                *nodes,
                node_seconds / HOURS,
            )
        })
        .collect()
}

/// At noon alice's "nightly" gets two nodes; an hour later it gives one back, and two hours later it ends. Then another
/// "nightly" has one for an hour. One of bob's without a name has one all the time, from an hour before noon.
async fn a_day(world: &World) {
    world.pass(-HOUR);
    world
        .active_of(&bob(), opening_with_node(), &[lease(9)])
        .await;
    world.pass(HOUR);
    let first = world
        .active_of(&alice(), named_with_node("nightly"), &[lease(1), lease(2)])
        .await;
    world.pass(HOUR);
    let shrink = shrinking(&first.id, "n1.dusty");
    let (_, said) = world.shrinks(&[(&alice(), world.id(), shrink)]).await;
    for (request, id) in asked(&said) {
        world.released(&[release(request, &id)]).await;
    }
    world.pass(2 * HOUR);
    world.closed(&first).await;
    let second = world
        .active_of(&alice(), named_with_node("nightly"), &[lease(1)])
        .await;
    world.pass(HOUR);
    world.closed(&second).await;
    world.active_of(&admin(), named("idle"), &[]).await;
}

on_both_engines! {
    async fn nodes_are_accounted_for_as_long_as_they_are_held(world) {
        a_day(world).await;
        let by_alias = world.accounts(&question(AccountedBy::Alias, 4)).await;
        assert_eq!(told(&by_alias), [
            ("demo", Some("nightly"), 2, 3, 1 + 3 + 1),
            ("other", None, 1, 1, 4),
        ]);
        let by_tenant = world.accounts(&question(AccountedBy::Tenant, 4)).await;
        assert_eq!(told(&by_tenant), [("demo", None, 2, 3, 5), ("other", None, 1, 1, 4)]);
        assert!(by_tenant.iter().all(|account| account.session.is_none() && account.number.is_none()));
        let by_session = world.accounts(&question(AccountedBy::Session, 4)).await;
        assert_eq!(told(&by_session), [
            ("demo", Some("nightly"), 1, 2, 4),
            ("demo", Some("nightly"), 1, 1, 1),
            ("other", None, 1, 1, 4),
        ]);
        assert!(by_session.iter().all(|account| account.session.is_some() && account.number.is_some()));
    }

    async fn what_is_outside_the_period_does_not_count(world) {
        a_day(world).await;
        let at = |from: i64, to: i64| AccountNodeSessions {
            from: NOON + from * HOUR,
            to: NOON + to * HOUR,
            ..question(AccountedBy::Tenant, 0)
        };
        for (from, to, expected) in [
            (-9, 9, vec![("demo", None, 2, 3, 5), ("other", None, 1, 1, 5)]),
            (-1, 0, vec![("other", None, 1, 1, 1)]),
            (0, 1, vec![("demo", None, 1, 2, 2), ("other", None, 1, 1, 1)]),
            (1, 2, vec![("demo", None, 1, 1, 1), ("other", None, 1, 1, 1)]),
            (2, 4, vec![("demo", None, 2, 2, 2), ("other", None, 1, 1, 2)]),
            // What is to come.
            (4, 9, vec![]),
            (1, 1, vec![]),
            (2, 1, vec![]),
        ] {
            let accounts = world.accounts(&at(from, to)).await;
            assert_eq!(told(&accounts), expected, "{from} to {to}");
        }
        world.pass(HOUR);
        assert_eq!(told(&world.accounts(&at(4, 9)).await), [("other", None, 1, 1, 1)]);
    }

    async fn page_by_page_it_is_the_same(world) {
        a_day(world).await;
        for number in 0..3 {
            let session = world.active_of(&alice(), named_with_node(&format!("x{number}")), &[lease(20 + number)]).await;
            world.pass(HOUR);
            world.closed(&session).await;
        }
        for by in [AccountedBy::Tenant, AccountedBy::Alias, AccountedBy::Session] {
            let whole = world.accounts(&question(by, 8)).await;
            let mut pages = Vec::new();
            loop {
                let after = pages.last().map(Account::place);
                let page = world.accounts(&AccountNodeSessions { after, limit: 1, ..question(by, 8) }).await;
                assert!(page.len() <= 1);
                if page.is_empty() {
                    break;
                }
                pages.extend(page);
            }
            assert_eq!(pages, whole, "{by:?}");
        }
    }

    async fn of_one_project(world) {
        a_day(world).await;
        let of = |tenant: &str| AccountNodeSessions {
            tenant: Some(tenant.to_owned()),
            ..question(AccountedBy::Alias, 4)
        };
        assert_eq!(told(&world.accounts(&of("other")).await), [("other", None, 1, 1, 4)]);
        assert_eq!(world.accounts(&of("nobody")).await, []);
        assert_eq!(world.accounts(&of("a\0b")).await, []);
        world.pass(SECOND);
    }
}
