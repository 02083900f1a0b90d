//! A site whose agents are played by a test.

use muster_contract::{
    agent::{HookResult, NodeHook, NodeHookFinished, RunNodeHook},
    node_allocation::{
        AllocateNodes, ChangeNode, ChangeNodeRefusal, HoldNodes, Node, NodeChange, NodeState,
        ReleaseNodes,
    },
};
use muster_storage::{Database, Transaction};

use super::{renewal::renew, upkeep::upkeep};
use crate::{
    commands::{
        allocate_nodes::allocate_nodes,
        cancel_allocation::cancel_allocations,
        change_node::change_nodes,
        hold_nodes::hold_nodes,
        release_nodes::release_nodes,
        told::{Answer, Told},
    },
    periodic::queue_deadlines::end_due,
    reports::node_hook_finished::hooks_finished,
    testing::{End, NOW, SECOND, apply, at, ends, id, nodes},
};

/// An order and who has it.
pub(crate) type Given = (String, RunNodeHook);

/// A site with one pool `metal`, and everything that was told.
pub(crate) struct Played<'d> {
    pub(crate) database: &'d Database,
    pub(crate) now: i64,
    /// Orders that were given, in order.
    pub(crate) orders: Vec<Given>,
    /// Ends of requests, in order.
    pub(crate) ends: Vec<End>,
}

/// Runs what is given in one transaction and notes what is told.
macro_rules! run {
    ($played:ident, $transaction:ident, $work:expr) => {{
        let mut $transaction: Transaction = $played.database.begin().await.unwrap();
        let told = $work.await.unwrap();
        $transaction.commit().await.unwrap();
        $played.note(told)
    }};
}

impl<'d> Played<'d> {
    /// A pool `metal` with these settings and hosts.
    pub(crate) async fn start(database: &'d Database, settings: &str, hosts: &str) -> Self {
        apply(database, NOW, &site(settings, hosts)).await;
        Self {
            database,
            now: NOW,
            orders: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// What the site says from now on.
    pub(crate) async fn declare(&self, settings: &str, hosts: &str) {
        apply(self.database, self.now, &site(settings, hosts)).await;
    }

    fn note(&mut self, told: Vec<Told>) {
        self.ends.extend(ends(&told));
        for told in told {
            if let Answer::Order { agent, order } = told.event {
                self.orders.push((agent, *order));
            }
        }
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += seconds * SECOND;
    }

    pub(crate) async fn allocate(&mut self, command: AllocateNodes) {
        run!(
            self,
            transaction,
            allocate_nodes(&mut transaction, at(self.now), &[&command])
        );
    }

    pub(crate) async fn release(&mut self, number: u128, leases: Option<Vec<(i64, i64)>>) {
        let command: ReleaseNodes = crate::testing::released(number, leases);
        run!(
            self,
            transaction,
            release_nodes(&mut transaction, at(self.now), &[&command])
        );
    }

    pub(crate) async fn hold(&mut self, number: u128) {
        let command = HoldNodes {
            request: id(2_000_000 + number),
            session: format!("s{number}"),
            tenant: "demo".to_owned(),
        };
        run!(
            self,
            transaction,
            hold_nodes(&mut transaction, at(self.now), &[&command])
        );
    }

    pub(crate) async fn cancel(&mut self, number: u128) {
        run!(
            self,
            transaction,
            cancel_allocations(&mut transaction, at(self.now), &[id(number)])
        );
    }

    pub(crate) async fn change(
        &mut self,
        hostname: &str,
        change: NodeChange,
    ) -> Result<Node, ChangeNodeRefusal> {
        let command = ChangeNode {
            hostname: hostname.to_owned(),
            change,
            reason: Some("because".to_owned()),
        };
        let mut transaction = self.database.begin().await.unwrap();
        let (mut results, told) = change_nodes(&mut transaction, at(self.now), &[&command])
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        self.note(told);
        results.remove(0)
    }

    pub(crate) async fn put(
        &mut self,
        hostname: &str,
        state: NodeState,
    ) -> Result<Node, ChangeNodeRefusal> {
        self.change(hostname, NodeChange::SetState { state }).await
    }

    /// What the agent says of its order.
    pub(crate) async fn report(&mut self, agent: &str, order: &RunNodeHook, result: HookResult) {
        let report = NodeHookFinished {
            order: order.order,
            result,
        };
        let said = [(agent, &report)];
        run!(
            self,
            transaction,
            hooks_finished(&mut transaction, at(self.now), &said)
        );
    }

    /// The latest order for the node has been carried out.
    pub(crate) async fn succeed(&mut self, hostname: &str, hook: NodeHook) {
        let (agent, order) = self.order(hostname, hook);
        self.report(&agent, &order, HookResult::Succeeded).await;
    }

    /// It could not be.
    pub(crate) async fn fail(&mut self, hostname: &str, hook: NodeHook) {
        let (agent, order) = self.order(hostname, hook);
        self.report(&agent, &order, failure()).await;
    }

    /// The latest order for the node, which must be of this kind.
    pub(crate) fn order(&self, hostname: &str, hook: NodeHook) -> Given {
        let given = self
            .orders
            .iter()
            .rfind(|(_, order)| order.node.hostname == hostname);
        let given = given
            .unwrap_or_else(|| panic!("no order for {hostname}"))
            .clone();
        assert_eq!(given.1.hook, hook, "{hostname}");
        given
    }

    /// What is due by time; all of it.
    pub(crate) async fn tick(&mut self) {
        loop {
            let mut transaction = self.database.begin().await.unwrap();
            let (told, more) = upkeep(&mut transaction, at(self.now)).await.unwrap();
            transaction.commit().await.unwrap();
            self.note(told);
            if !more {
                break;
            }
        }
        run!(self, transaction, end_due(&mut transaction, at(self.now)));
    }

    pub(crate) async fn renew(&mut self) {
        run!(self, transaction, renew(&mut transaction, at(self.now)));
    }

    /// Hosts in that state.
    pub(crate) async fn in_state(&self, state: NodeState) -> Vec<String> {
        crate::testing::in_state(self.database, state).await
    }

    pub(crate) async fn node(&self, hostname: &str) -> Node {
        let nodes = nodes(self.database).await;
        nodes
            .into_iter()
            .find(|node| node.hostname == hostname)
            .unwrap()
    }

    /// What is told since it was last asked.
    pub(crate) fn take_ends(&mut self) -> Vec<End> {
        std::mem::take(&mut self.ends)
    }

    /// The orders since they were last asked for, as host, hook and attempt.
    pub(crate) fn take_orders(&mut self) -> Vec<(String, NodeHook, u32)> {
        std::mem::take(&mut self.orders)
            .into_iter()
            .map(|(_, order)| (order.node.hostname, order.hook, order.attempt))
            .collect()
    }
}

/// What a hook says that failed.
pub(crate) fn failure() -> HookResult {
    let reason = "no route to host".to_owned();
    HookResult::Failed { reason }
}

fn site(settings: &str, hosts: &str) -> String {
    format!(
        "[[agent]]\nname = \"provisioner\"\n\
         [[pool]]\nname = \"metal\"\nversion = \"7\"\narch = \"x86_64\"\n{settings}\n\
         [[node]]\nhostname = \"{hosts}\"\npool = \"metal\"\n"
    )
}
