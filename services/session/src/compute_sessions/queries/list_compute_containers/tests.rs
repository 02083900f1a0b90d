use muster_contract::session::{ContainerRole, WhichContainers};
use uuid::Uuid;

use super::*;
use crate::compute_sessions::testing::{OWNER, creating, on_both_engines};

fn question(containers: WhichContainers) -> ListComputeContainers {
    ListComputeContainers {
        containers,
        owner: None,
        domain: None,
        role: None,
        offset: 0,
        limit: 2,
    }
}

on_both_engines! {
    async fn containers_come_page_by_page(world) {
        let session = world.running(creating("a"), &["w", "x", "y", "z"]).await;
        world.running(creating("b"), &["x"]).await;
        let of_session = question(WhichContainers::Session(session.id));
        let list = async |question: ListComputeContainers| {
            let (found, total) = list_containers(&world.database, &question).await.unwrap();
            let containers = found.map(|session| session.containers.iter().map(|one| one.index).collect::<Vec<_>>());
            (containers, total)
        };
        for (offset, limit, role, expected, total) in [
            (0, 2, None, vec![0, 1], 4),
            (2, 2, None, vec![2, 3], 4),
            (3, 100, None, vec![3], 4),
            (4, 2, None, vec![], 4),
            (u32::MAX, u32::MAX, None, vec![], 4),
            (0, 0, None, vec![], 4),
            (0, 9, Some(ContainerRole::Main), vec![0], 1),
            (1, 9, Some(ContainerRole::Main), vec![], 1),
            (0, 2, Some(ContainerRole::Sub), vec![1, 2], 3),
            (2, 2, Some(ContainerRole::Sub), vec![3], 3),
        ] {
            let question = ListComputeContainers { offset, limit, role, ..of_session.clone() };
            assert_eq!(list(question.clone()).await, (Some(expected), total), "{question:?}");
        }
        let third = session.containers[2].id;
        assert_eq!(list(question(WhichContainers::Container(third))).await, (Some(vec![2]), 1));
        for (owner, domain, is_theirs) in [
            (Some(OWNER), Some(session.domain.as_str()), true),
            (Some("OTHER"), None, false),
            (None, Some("elsewhere"), false),
        ] {
            for which in [WhichContainers::Session(session.id), WhichContainers::Container(third)] {
                let question = ListComputeContainers { owner: owner.map(str::to_owned), domain: domain.map(str::to_owned), ..question(which) };
                assert_eq!(list(question).await.0.is_some(), is_theirs);
            }
        }
        for which in [WhichContainers::Session(Uuid::nil()), WhichContainers::Container(Uuid::nil())] {
            assert_eq!(list(question(which)).await, (None, 0));
        }
    }
}
