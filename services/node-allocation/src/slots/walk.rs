//! Any sequence of what may happen to slots: sessions come and go, agents come, grow, shrink, are lost and come back.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use super::testing::{
    allocate, apply, beats, check_slots, cluster, due, known_agents, lose, of_owner, release, slots,
};
use crate::testing::{NOW, on_both_engines};

const SITE: &str = r#"
[[project]]
name = "demo"
quota = { compute_sessions = 6, slots = { cpu = "12" } }
[[scaling_group]]
name = "default"
scheduler = "drf"
"#;

/// Sessions that come at most.
const SESSIONS: u32 = 40;

#[derive(Debug, Clone)]
enum Happening {
    Wanted {
        cpu: u32,
        containers: u32,
        bob: bool,
    },
    Released {
        which: u32,
    },
    Beat {
        agent: u32,
        cpu: u32,
    },
    AllSilent,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (1_u32..4, 1_u32..4, any::<bool>())
            .prop_map(|(cpu, containers, bob)| Happening::Wanted { cpu, containers, bob }),
        6 => (0..SESSIONS).prop_map(|which| Happening::Released { which }),
        2 => (1_u32..4, 4_u32..8).prop_map(|(agent, cpu)| Happening::Beat { agent, cpu }),
        1 => Just(Happening::AllSilent),
    ]
}

/// Always the same walk, so that a failure can be looked at.
fn walk() -> Vec<Happening> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha),
    );
    let happenings = prop::collection::vec(happening(), 150);
    happenings.new_tree(&mut runner).unwrap().current()
}

on_both_engines! {
    async fn whatever_happens_nothing_is_given_twice_and_nobody_is_forgotten(database) {
        apply(database, SITE).await;
        beats(database, NOW, &[("a1", "default", "cpu=4"), ("a2", "default", "cpu=4")]).await;
        let mut came = 0_u32;
        let mut seen_at = NOW;
        for happening in walk() {
            match happening {
                Happening::Wanted { cpu, containers, bob } => {
                    came += 1;
                    let owner = if bob { "bob" } else { "alice" };
                    let command = cluster(came.into(), &format!("cpu={cpu}"), containers);
                    allocate(database, &[of_owner(owner, command)]).await;
                }
                Happening::Released { which } => drop(release(database, &[(which % (came + 1)).into()]).await),
                Happening::Beat { agent, cpu } => {
                    // One that shrank may have given more than it has: a case of its own elsewhere.
                    let (name, cpu) = (format!("a{agent}"), cpu.max(4));
                    let known = known_agents(database).await.into_iter().find(|known| known.name == name);
                    let had = known.map_or(0, |known| known.available.get("cpu").to_string().parse().unwrap());
                    seen_at += 1;
                    beats(database, seen_at, &[(&name, "default", &format!("cpu={}", cpu.max(had)))]).await;
                }
                Happening::AllSilent => drop(lose(database, seen_at + 1, 10).await),
            }
            check_slots(database).await;
        }
        assert!(came >= 30, "{came}");
        for number in 0..=came {
            release(database, &[number.into()]).await;
        }
        assert_eq!(due(database, NOW, true).await, []);
        let left = known_agents(database).await;
        assert!(left.iter().all(|agent| agent.occupied == slots("")), "{left:?}");
    }
}
