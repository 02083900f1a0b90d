use std::collections::BTreeMap;

use muster_contract::session::{
    Comparison, ComparisonOperator as O, ComputeSessionField as F, ComputeSessionFilter,
    ComputeSessionOrder, ComputeSessionStatus as S, Condition, ConditionValue,
    CreateComputeSession,
};

use super::*;
use crate::compute_sessions::{
    store::lists::Page,
    testing::{OWNER, SECOND, creating, on_both_engines},
};

fn question(filter: ComputeSessionFilter) -> ListComputeSessions {
    ListComputeSessions {
        filter,
        order: Vec::new(),
        offset: 0,
        limit: 20,
        with_containers: true,
    }
}

fn names(page: &Page) -> Vec<&str> {
    let sessions = page.sessions.iter();
    sessions.map(|session| session.wish.name.as_str()).collect()
}

fn by(key: F, ascending: bool) -> ComputeSessionOrder {
    ComputeSessionOrder { key, ascending }
}

on_both_engines! {
    async fn lists_are_of_those_that_are_asked_for(world) {
        for name in ["a", "b"] {
            world.over(creating(name)).await;
            world.pass(SECOND);
        }
        world.creates(&[creating("c")]).await;
        world.pass(SECOND);
        let other = CreateComputeSession { owner: "OTHER".to_owned(), tenant: "other".to_owned(), domain: "elsewhere".to_owned(), ..creating("d") };
        world.creates(&[other]).await;
        world.pass(SECOND);
        world.running(creating("e"), &["x", "y"]).await;
        let all = ComputeSessionFilter::default;

        let page = world.list(&question(all())).await;
        assert_eq!((names(&page), page.total), (vec!["e", "d", "c", "b", "a"], 5));
        assert_eq!(page.sessions[0].containers.len(), 2);

        let cut = ListComputeSessions { offset: 1, limit: 2, with_containers: false, ..question(all()) };
        let page = world.list(&cut).await;
        assert_eq!((names(&page), page.total), (vec!["d", "c"], 5));
        let page = world.list(&ListComputeSessions { offset: 9, ..question(all()) }).await;
        assert_eq!((names(&page), page.total), (vec![], 5));
        let page = world.list(&ListComputeSessions { limit: 0, ..question(all()) }).await;
        assert_eq!((names(&page), page.total), (vec![], 5));

        for (order, expected) in [
            (by(F::CreatedAt, true), ["a", "b", "c", "d", "e"]),
            (by(F::Name, false), ["e", "d", "c", "b", "a"]),
        ] {
            let page = world.list(&ListComputeSessions { order: vec![order], ..question(all()) }).await;
            assert_eq!(names(&page), expected);
        }

        let some = |text: &str| Some(text.to_owned());
        let id = world.session("c").await.id;
        for (filter, expected) in [
            (ComputeSessionFilter { owner: some(OWNER), ..all() }, vec!["e", "c", "b", "a"]),
            (ComputeSessionFilter { owner: some("OTHER"), ..all() }, vec!["d"]),
            (ComputeSessionFilter { tenant: some("demo"), statuses: Some(vec![S::Pending]), ..all() }, vec!["c"]),
            (ComputeSessionFilter { domain: some("elsewhere"), ..all() }, vec!["d"]),
            (ComputeSessionFilter { statuses: Some(vec![S::Terminated, S::Cancelled]), ..all() }, vec!["b", "a"]),
            (ComputeSessionFilter { statuses: Some(vec![S::Terminated, S::Running, S::Running]), ..all() }, vec!["e", "b", "a"]),
            (ComputeSessionFilter { statuses: Some(vec![S::Cancelled]), ..all() }, vec![]),
            (ComputeSessionFilter { statuses: Some(vec![]), ..all() }, vec![]),
            (ComputeSessionFilter { ids: Some(vec![id]), ..all() }, vec!["c"]),
            (ComputeSessionFilter { ids: Some(vec![id]), owner: some("OTHER"), ..all() }, vec![]),
            (ComputeSessionFilter { owner: some("a\0"), ..all() }, vec![]),
        ] {
            let page = world.list(&question(filter.clone())).await;
            assert_eq!((names(&page), page.total), (expected.clone(), expected.len() as u64), "{filter:?}");
        }
    }

    async fn numbers_are_what_there_is(world) {
        for name in ["a", "b", "c"] {
            world.over(creating(name)).await;
        }
        world.running(creating("d"), &["x"]).await;
        let kept: Vec<(String, i64)> = world.database.fetch_all(
            "SELECT status, CAST(SUM(number) AS BIGINT) FROM compute_session_count WHERE number > 0 GROUP BY status", &[],
        ).await.unwrap();
        let counted: Vec<(String, i64)> = world.database.fetch_all(
            "SELECT status, COUNT(*) FROM compute_session GROUP BY status", &[],
        ).await.unwrap();
        let sorted = |rows: Vec<(String, i64)>| rows.into_iter().collect::<BTreeMap<_, _>>();
        assert_eq!(sorted(kept), sorted(counted));
        world.pass(100 * 3_600 * SECOND);
        world.forget(100).await;
        let page = world.list(&question(ComputeSessionFilter::default())).await;
        assert_eq!((names(&page), page.total), (vec!["d"], 1));
    }

    async fn every_page_is_what_it_is_cut_from(world) {
        for number in 0..9 {
            let name = format!("s{}", (number * 4) % 9);
            if number % 3 == 0 {
                world.running(creating(&name), &["x"]).await;
            } else {
                world.over(creating(&name)).await;
            }
            // Some come at the same moment as others.
            world.pass(SECOND * (number % 2));
        }
        for key in [F::StatusChangedAt, F::CreatedAt, F::Name] {
            for ascending in [true, false] {
                for statuses in [None, Some(vec![S::Terminated]), Some(vec![S::Running, S::Terminated])] {
                    let filter = ComputeSessionFilter { owner: Some(OWNER.to_owned()), statuses, ..ComputeSessionFilter::default() };
                    let question = ListComputeSessions { order: vec![by(key, ascending)], ..question(filter) };
                    let whole = world.list(&question).await;
                    let whole_names = names(&whole);
                    assert_eq!(whole.total, whole_names.len() as u64);
                    for limit in 1..=4 {
                        // Page after page, and then the other way round.
                        let end = u32::try_from(whole_names.len()).unwrap();
                        let forward: Vec<u32> = (0..end).step_by(limit as usize).collect();
                        for offset in forward.iter().chain(forward.iter().rev()) {
                            let cut = ListComputeSessions { offset: *offset, limit, ..question.clone() };
                            let page = world.list(&cut).await;
                            let expected: Vec<&str> = whole_names.iter().skip(*offset as usize).take(limit as usize).copied().collect();
                            assert_eq!(names(&page), expected, "{key:?} {ascending} {offset} {limit}");
                            assert_eq!(page.total, whole.total);
                        }
                    }
                }
            }
        }
    }

    async fn a_page_after_a_change_is_not_that_of_before(world) {
        for name in ["a", "b", "c"] {
            world.running(creating(name), &["x"]).await;
            world.pass(SECOND);
        }
        let at = |offset| ListComputeSessions { offset, limit: 1, ..question(ComputeSessionFilter::default()) };
        assert_eq!(names(&world.list(&at(0)).await), ["c"]);
        world.running(creating("d"), &["x"]).await;
        assert_eq!(names(&world.list(&at(1)).await), ["c"]);
        assert_eq!(names(&world.list(&at(2)).await), ["b"]);
    }

    async fn conditions_mean_what_they_say(world) {
        let tagged = |name: &str, tag: &str| CreateComputeSession { tag: Some(tag.to_owned()), ..creating(name) };
        world.over(tagged("Alpha_1", "x*y")).await;
        world.pass(SECOND);
        let of_two = CreateComputeSession { cluster_size: 2, ..tagged("alpha-2", "50%") };
        world.running(of_two, &["agent-1", "agent-2"]).await;
        let later = world.now();
        world.pass(SECOND);
        world.creates(&[CreateComputeSession { tag: None, ..creating("beta") }]).await;
        let text = |text: &str| ConditionValue::Text(text.to_owned());
        let field = |field, operator, value| Condition::Field(Comparison { field, operator, values: vec![value] });
        let null = |field, operator| Condition::Field(Comparison { field, operator, values: vec![] });
        let a = || field(F::Name, O::Like, text("alpha%"));
        let b = || field(F::Name, O::Equal, text("beta"));
        for (condition, expected) in [
            (a(), vec!["alpha-2"]),
            (field(F::Name, O::LikeIgnoringCase, text("ALPHA%")), vec!["alpha-2", "Alpha_1"]),
            (field(F::Name, O::Like, text(r"%a\_1")), vec!["Alpha_1"]),
            (field(F::Name, O::Like, text("%a_2")), vec!["alpha-2"]),
            (field(F::Name, O::Contains, text("_")), vec!["Alpha_1"]),
            (field(F::Name, O::NotEqual, text("beta")), vec!["alpha-2", "Alpha_1"]),
            (Condition::Any(vec![a(), b()]), vec!["beta", "alpha-2"]),
            (Condition::All(vec![a(), b()]), vec![]),
            (Condition::Not(Box::new(a())), vec!["beta", "Alpha_1"]),
            (field(F::Tag, O::Equal, text("50%")), vec!["alpha-2"]),
            (field(F::Tag, O::Contains, text("%")), vec!["alpha-2"]),
            (field(F::Tag, O::Like, text("x*_")), vec!["Alpha_1"]),
            // As in SQL: what has no tag has no other one.
            (field(F::Tag, O::NotEqual, text("50%")), vec!["Alpha_1"]),
            (null(F::Tag, O::IsNull), vec!["beta"]),
            (null(F::Tag, O::IsNotNull), vec!["alpha-2", "Alpha_1"]),
            (null(F::TerminatedAt, O::IsNotNull), vec!["Alpha_1"]),
            (null(F::StartsAt, O::IsNull), vec!["beta", "alpha-2", "Alpha_1"]),
            (field(F::CreatedAt, O::GreaterOrEqual, ConditionValue::Integer(later)), vec!["beta", "alpha-2"]),
            (field(F::CreatedAt, O::Greater, ConditionValue::Integer(later)), vec!["beta"]),
            (field(F::Status, O::Equal, text("RUNNING")), vec!["alpha-2"]),
            (field(F::Status, O::Equal, text("SCHEDULED")), vec![]),
            (field(F::Kind, O::Equal, text("interactive")), vec!["beta", "alpha-2", "Alpha_1"]),
            (field(F::Image, O::Like, text("%:%")), vec!["beta", "alpha-2", "Alpha_1"]),
            (field(F::User, O::Equal, text("alice")), vec!["beta", "alpha-2", "Alpha_1"]),
            (field(F::ClusterSize, O::Equal, ConditionValue::Integer(2)), vec!["alpha-2"]),
            (field(F::ClusterMode, O::Equal, text("multi-node")), vec!["beta", "alpha-2", "Alpha_1"]),
            (field(F::Result, O::Equal, text("UNDEFINED")), vec!["beta", "alpha-2", "Alpha_1"]),
            (field(F::Agent, O::Equal, text("agent-2")), vec!["alpha-2"]),
            (field(F::Agent, O::Like, text("agent%")), vec!["alpha-2"]),
            (Condition::Field(Comparison { field: F::Name, operator: O::In, values: vec![text("beta"), text("gone")] }), vec!["beta"]),
        ] {
            let filter = ComputeSessionFilter { condition: Some(condition.clone()), ..ComputeSessionFilter::default() };
            let page = world.list(&question(filter)).await;
            assert_eq!((names(&page), page.total), (expected.clone(), expected.len() as u64), "{condition:?}");
        }
        let sorted = async |order: Vec<ComputeSessionOrder>| {
            let page = world.list(&ListComputeSessions { order, ..question(ComputeSessionFilter::default()) }).await;
            names(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(sorted(vec![by(F::Kind, true), by(F::CreatedAt, false)]).await, ["beta", "alpha-2", "Alpha_1"]);
        // What has no value is last, or first in the other order.
        assert_eq!(sorted(vec![by(F::TerminatedAt, true), by(F::CreatedAt, true)]).await, ["Alpha_1", "alpha-2", "beta"]);
        assert_eq!(sorted(vec![by(F::TerminatedAt, false), by(F::CreatedAt, true)]).await, ["alpha-2", "beta", "Alpha_1"]);
    }

    async fn what_cannot_be_asked_is_refused(world) {
        world.creates(&[creating("a")]).await;
        let text = |text: &str| ConditionValue::Text(text.to_owned());
        let field = |field, operator, values: Vec<ConditionValue>| Condition::Field(Comparison { field, operator, values });
        let many = |count: usize| Condition::Any(vec![field(F::Name, O::Equal, vec![text("a")]); count]);
        let values = |count: usize| field(F::Name, O::In, vec![text("a"); count]);
        for (condition, is_good) in [
            (many(muster_contract::session::COMPARISON_LIMIT), true),
            (many(muster_contract::session::COMPARISON_LIMIT + 1), false),
            (values(muster_contract::session::CONDITION_VALUE_LIMIT), true),
            (values(muster_contract::session::CONDITION_VALUE_LIMIT + 1), false),
            (many(0), false),
            (values(0), false),
            (field(F::Name, O::Equal, vec![ConditionValue::Integer(1)]), false),
            (field(F::CreatedAt, O::Equal, vec![text("1")]), false),
            (field(F::CreatedAt, O::Like, vec![ConditionValue::Integer(1)]), false),
            (field(F::Name, O::Like, vec![text("a\\")]), false),
            (field(F::Name, O::Like, vec![text("%\\\\")]), true),
            (field(F::Name, O::Equal, vec![text("a\0")]), false),
            (field(F::Name, O::IsNull, vec![text("a")]), false),
        ] {
            let filter = ComputeSessionFilter { condition: Some(condition.clone()), ..ComputeSessionFilter::default() };
            let listed = world.listed(&question(filter)).await;
            assert_eq!(listed.is_ok(), is_good, "{condition:?}");
        }
        let order = |count: usize, key| ListComputeSessions { order: vec![by(key, true); count], ..question(ComputeSessionFilter::default()) };
        assert!(world.listed(&order(ListComputeSessions::ORDER_LIMIT, F::Tag)).await.is_ok());
        assert!(world.listed(&order(ListComputeSessions::ORDER_LIMIT + 1, F::Tag)).await.is_err());
        assert!(world.listed(&order(1, F::Agent)).await.is_err());
    }

    async fn a_page_has_so_many_containers_at_most(world) {
        let sized = |name: &str, cluster_size| CreateComputeSession { cluster_size, ..creating(name) };
        world.creates(&[sized("large", ListComputeSessions::CONTAINER_LIMIT)]).await;
        let with = question(ComputeSessionFilter::default());
        assert!(world.listed(&with).await.is_ok());
        world.creates(&[sized("small", 1)]).await;
        assert!(world.listed(&with).await.is_err());
        let without = ListComputeSessions { with_containers: false, ..with };
        assert_eq!(world.list(&without).await.total, 2);
    }

    async fn nobody_looks_through_too_many(world) {
        world.creates(&[creating("a")]).await;
        // As many as the numbers say, which is what is looked at first.
        let limit = i64::from(ListComputeSessions::LOOK_LIMIT);
        let claim = async |number: i64| {
            let mut transaction = world.database.begin().await.unwrap();
            transaction.execute("UPDATE compute_session_count SET number = $1", &[number.into()]).await.unwrap();
            transaction.commit().await.unwrap();
        };
        let like = |name: &str, operator| {
            let values = vec![ConditionValue::Text(name.to_owned())];
            let condition = Condition::Field(Comparison { field: F::Name, operator, values });
            question(ComputeSessionFilter { condition: Some(condition), ..ComputeSessionFilter::default() })
        };
        let sorted = ListComputeSessions { order: vec![by(F::Tag, true)], ..question(ComputeSessionFilter::default()) };
        for (number, is_good) in [(limit, true), (limit + 1, false)] {
            claim(number).await;
            assert_eq!(world.listed(&like("%a", O::Like)).await.is_ok(), is_good);
            assert_eq!(world.listed(&sorted).await.is_ok(), is_good);
            // An index leads to these, however many others there are.
            assert_eq!(names(&world.list(&like("a", O::Equal)).await), ["a"]);
        }
    }
}
