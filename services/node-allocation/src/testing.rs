//! What the tests of this crate share.

mod books;

use muster_contract::{
    Service,
    node_allocation::{
        AllocateNodes, AllocationRefusal, HoldNodes, LeasedNode, ListNodes, Node, NodeDemand,
        NodeSelector, NodeState, ReleaseNodes,
    },
};
use muster_platform::{RandomIds, Site, Timestamp};
use muster_storage::Database;
use muster_testkit::TestDatabases;
use uuid::Uuid;

use crate::{
    MIGRATIONS, SiteNodes,
    commands::{
        allocate_nodes::allocate_nodes,
        cancel_allocation::cancel_allocations,
        hold_nodes::hold_nodes,
        release_nodes::release_nodes,
        told::{Answer, Told},
    },
    moment::Moment,
    periodic::queue_deadlines::end_due,
    store::list_nodes::list_nodes,
};

pub(crate) use books::check_books;

/// Any time: microseconds since 1970.
pub(crate) const NOW: i64 = 1_763_800_000_000_000;
/// That time.
pub(crate) fn at(now: i64) -> Moment<'static> {
    static IDS: RandomIds = RandomIds;
    Moment { now, ids: &IDS }
}

/// A second, in microseconds.
pub(crate) const SECOND: i64 = 1_000_000;

/// A database of a test's own.
pub(crate) const DATABASES: TestDatabases =
    TestDatabases::new(Service::NodeAllocation, &MIGRATIONS);

/// Runs a test, and looks whether the tables are in order then.
pub(crate) async fn checked(database: &Database, test: impl AsyncFnOnce(&Database)) {
    test(database).await;
    check_books(database).await;
}

/// Makes of one test two, one for each engine.
macro_rules! on_both_engines {
    ($($tests:tt)+) => {
        muster_testkit::on_both_engines! {
            crate::testing::DATABASES, crate::testing::checked, muster_storage::Database; $($tests)+
        }
    };
}

pub(crate) use on_both_engines;

/// `metal` (version 7, `x86_64`), `more` (like it) and `cloud` (version 8, `x86_64`, tiny).
const POOLS: &str = r#"
[[pool]]
name = "metal"
version = "7"
arch = "x86_64"
[[pool]]
name = "more"
version = "7"
arch = "x86_64"
lifetime = "1h"
maximum_lifetime = "never"
[[pool]]
name = "cloud"
version = "8"
arch = "x86_64"
flavor = "tiny"
lifetime = "never"
"#;

/// Applies a site with the three pools and these nodes, given as (pool, hosts).
pub(crate) async fn declare(database: &Database, nodes: &[(&str, &str)]) {
    declare_at(database, NOW, nodes, "").await;
}

/// The same with more text.
pub(crate) async fn declare_at(database: &Database, now: i64, nodes: &[(&str, &str)], more: &str) {
    let mut text = format!("{more}{POOLS}");
    for (pool, hosts) in nodes {
        let entry = format!("[[node]]\nhostname = \"{hosts}\"\npool = \"{pool}\"\n");
        text.push_str(&entry);
    }
    apply(database, now, &text).await;
}

/// Applies a site.
pub(crate) async fn apply(database: &Database, now: i64, text: &str) {
    let site = Site::parse(text, std::path::Path::new("site.toml")).unwrap();
    let site = SiteNodes::of_site(&site);
    site.apply(database, Timestamp::from_micros(now))
        .await
        .unwrap();
}

/// The request with that number.
pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// So many nodes of a pool.
pub(crate) fn of_pool(pool: &str, count: u32) -> NodeDemand {
    NodeDemand {
        selector: NodeSelector::Pool {
            name: pool.to_owned(),
        },
        minimum: count,
        maximum: count,
        excluded_hosts: vec![],
    }
}

/// So many nodes of any pool with version 7 and `x86_64`.
pub(crate) fn of_seven(count: u32) -> NodeDemand {
    NodeDemand {
        selector: NodeSelector::Properties {
            version: "7".to_owned(),
            architecture: "x86_64".to_owned(),
            flavor: None,
        },
        ..of_pool("", count)
    }
}

/// A request of the tenant `demo` that does not wait, for the session of the same number.
pub(crate) fn wanted(number: u128, demands: Vec<NodeDemand>) -> AllocateNodes {
    AllocateNodes {
        request: id(number),
        session: format!("s{number}"),
        tenant: "demo".to_owned(),
        demands,
        wait_until: None,
    }
}

/// One that waits for so many seconds.
pub(crate) fn waiting(number: u128, seconds: i64, demands: Vec<NodeDemand>) -> AllocateNodes {
    AllocateNodes {
        wait_until: Some(NOW + seconds * SECOND),
        ..wanted(number, demands)
    }
}

/// What was told in the end of a request: host names of what it got, or why it got nothing.
pub(crate) type End = (Uuid, Result<Vec<String>, AllocationRefusal>);

/// The ends of requests that were told.
pub(crate) fn ends(told: &[Told]) -> Vec<End> {
    let end = |told: &Told| match &told.event {
        Answer::Granted(event) => {
            let names = event.nodes.iter().map(|node| node.hostname.clone());
            Some((event.request, Ok(names.collect())))
        }
        Answer::Refused(event) => Some((event.request, Err(event.reason.clone()))),
        Answer::Released(_) | Answer::Held(_) | Answer::Order { .. } => None,
    };
    told.iter().filter_map(end).collect()
}

/// A request that got these.
pub(crate) fn got(number: u128, names: &[&str]) -> End {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    (id(number), Ok(names))
}

/// A request that got nothing.
pub(crate) fn refused(number: u128, reason: AllocationRefusal) -> End {
    (id(number), Err(reason))
}

/// Fewer nodes are there than are wanted.
pub(crate) fn insufficient(pool: &str, wanted: u32, ready: u32, never: bool) -> AllocationRefusal {
    AllocationRefusal::InsufficientNodes {
        selector: of_pool(pool, 1).selector,
        wanted,
        ready,
        never,
    }
}

/// Carries out requests in one transaction.
pub(crate) async fn allocate_at(
    database: &Database,
    now: i64,
    commands: &[AllocateNodes],
) -> Vec<Told> {
    let mut transaction = database.begin().await.unwrap();
    let commands: Vec<&AllocateNodes> = commands.iter().collect();
    let told = allocate_nodes(&mut transaction, at(now), &commands)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    told
}

/// The same, and what came of them.
pub(crate) async fn allocate(database: &Database, commands: &[AllocateNodes]) -> Vec<End> {
    ends(&allocate_at(database, NOW, commands).await)
}

/// What a session got.
pub(crate) async fn leased(database: &Database, command: AllocateNodes) -> Vec<LeasedNode> {
    let mut told = allocate_at(database, NOW, &[command]).await;
    match told.remove(0).event {
        Answer::Granted(event) => event.nodes,
        other => panic!("{other:?}"),
    }
}

/// A release of these leases of the session of that number, or of all for good.
pub(crate) fn released(number: u128, leases: Option<Vec<(i64, i64)>>) -> ReleaseNodes {
    ReleaseNodes {
        request: id(1_000_000 + number),
        session: format!("s{number}"),
        tenant: "demo".to_owned(),
        leases,
    }
}

/// Carries out releases in one transaction.
pub(crate) async fn release(database: &Database, commands: &[ReleaseNodes]) -> Vec<Told> {
    let mut transaction = database.begin().await.unwrap();
    let commands: Vec<&ReleaseNodes> = commands.iter().collect();
    let told = release_nodes(&mut transaction, at(NOW), &commands)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    told
}

/// Holds the nodes of the session of that number.
pub(crate) async fn hold(database: &Database, number: u128) -> Vec<Told> {
    let mut transaction = database.begin().await.unwrap();
    let command = HoldNodes {
        request: id(2_000_000 + number),
        session: format!("s{number}"),
        tenant: "demo".to_owned(),
    };
    let told = hold_nodes(&mut transaction, at(NOW), &[&command])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    told
}

/// Cancels requests.
pub(crate) async fn cancel(database: &Database, numbers: &[u128]) -> Vec<End> {
    let mut transaction = database.begin().await.unwrap();
    let requests: Vec<Uuid> = numbers.iter().map(|number| id(*number)).collect();
    let told = cancel_allocations(&mut transaction, at(NOW), &requests)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    ends(&told)
}

/// Ends what is due.
pub(crate) async fn due(database: &Database, now: i64) -> Vec<End> {
    let mut transaction = database.begin().await.unwrap();
    let told = end_due(&mut transaction, at(now)).await.unwrap();
    transaction.commit().await.unwrap();
    ends(&told)
}

/// All nodes.
pub(crate) async fn nodes(database: &Database) -> Vec<Node> {
    list_nodes(database, &ListNodes::default()).await.unwrap()
}

/// The node of that name.
pub(crate) async fn node(database: &Database, hostname: &str) -> Node {
    let nodes = nodes(database).await;
    nodes
        .into_iter()
        .find(|node| node.hostname == hostname)
        .unwrap()
}

/// Names of the nodes in a state.
pub(crate) async fn in_state(database: &Database, state: NodeState) -> Vec<String> {
    let nodes = nodes(database).await.into_iter();
    nodes
        .filter(|node| node.state == state)
        .map(|node| node.hostname)
        .collect()
}

/// Requests that wait.
pub(crate) async fn queue(database: &Database) -> Vec<Uuid> {
    let rows: Vec<(String,)> = database
        .fetch_all("SELECT request FROM waiting_request ORDER BY request", &[])
        .await
        .unwrap();
    rows.iter()
        .map(|(request,)| request.parse().unwrap())
        .collect()
}
