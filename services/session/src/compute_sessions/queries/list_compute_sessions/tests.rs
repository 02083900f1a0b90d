use muster_contract::session::{
    ComputeSessionFilter, ComputeSessionOrder, ComputeSessionOrderKey, ComputeSessionStatus as S,
    CreateComputeSession,
};

use super::*;
use crate::compute_sessions::{
    store::list_sessions::Page,
    testing::{OWNER, SECOND, creating, on_both_engines},
};

fn question(filter: ComputeSessionFilter) -> ListComputeSessions {
    ListComputeSessions {
        filter,
        order: None,
        offset: 0,
        limit: 20,
        with_containers: true,
    }
}

fn names(page: &Page) -> Vec<&str> {
    let sessions = page.sessions.iter();
    sessions.map(|session| session.wish.name.as_str()).collect()
}

fn by(key: ComputeSessionOrderKey, ascending: bool) -> ComputeSessionOrder {
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
            (by(ComputeSessionOrderKey::CreatedAt, true), ["a", "b", "c", "d", "e"]),
            (by(ComputeSessionOrderKey::Name, false), ["e", "d", "c", "b", "a"]),
        ] {
            let page = world.list(&ListComputeSessions { order: Some(order), ..question(all()) }).await;
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
            (ComputeSessionFilter { id: Some(id), ..all() }, vec!["c"]),
            (ComputeSessionFilter { id: Some(id), owner: some("OTHER"), ..all() }, vec![]),
            (ComputeSessionFilter { owner: some("a\0"), ..all() }, vec![]),
        ] {
            let page = world.list(&question(filter.clone())).await;
            assert_eq!((names(&page), page.total), (expected.clone(), expected.len() as u64), "{filter:?}");
        }
    }
}
