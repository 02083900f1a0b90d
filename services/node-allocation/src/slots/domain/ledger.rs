//! What key pairs, projects and domains may have and have.

use std::collections::HashMap;

use muster_contract::{
    ResourceSlots,
    node_allocation::{SlotsRefusal, WaitingReason},
};
use muster_platform::site::ComputeQuota;

use super::wish::{Holder, Need};

/// Whose quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    Owner,
    Tenant,
    Domain,
}

impl Scope {
    /// In the order in which they are asked.
    pub(crate) const ALL: [Self; 3] = [Self::Owner, Self::Tenant, Self::Domain];

    /// Its name in tables and in refusals.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Owner => "keypair",
            Self::Tenant => "group",
            Self::Domain => "domain",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// The one of this scope.
    pub(crate) fn of(self, holder: &Holder) -> &str {
        match self {
            Self::Owner => &holder.owner,
            Self::Tenant => &holder.tenant,
            Self::Domain => &holder.domain,
        }
    }

    const fn too_many_sessions(self) -> WaitingReason {
        match self {
            Self::Owner => WaitingReason::OwnerSessions,
            Self::Tenant => WaitingReason::ProjectSessions,
            Self::Domain => WaitingReason::DomainSessions,
        }
    }

    const fn too_many_slots(self) -> WaitingReason {
        match self {
            Self::Owner => WaitingReason::OwnerSlots,
            Self::Tenant => WaitingReason::ProjectSlots,
            Self::Domain => WaitingReason::DomainSlots,
        }
    }
}

/// What one of them may have and has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) quota: ComputeQuota,
    /// Sessions with slots.
    pub(crate) sessions: u32,
    /// Theirs, together.
    pub(crate) used: ResourceSlots,
}

impl Account {
    fn has_no_place(&self) -> bool {
        self.quota
            .sessions
            .is_some_and(|most| self.sessions >= most)
    }

    /// A slot that is over its limit already, since the limit was lowered, is nothing to those that do not want it.
    fn has_no_slots_for(&self, total: &ResourceSlots) -> bool {
        total.iter().any(|(slot, amount)| {
            let most = self.quota.slots.of(slot);
            most.is_some_and(|most| self.used.get(slot).plus(amount) > most)
        })
    }
}

/// All accounts. One that nothing is known of may have anything and has nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    owners: HashMap<String, Account>,
    tenants: HashMap<String, Account>,
    domains: HashMap<String, Account>,
}

impl Ledger {
    fn accounts(&self, scope: Scope) -> &HashMap<String, Account> {
        match scope {
            Scope::Owner => &self.owners,
            Scope::Tenant => &self.tenants,
            Scope::Domain => &self.domains,
        }
    }

    fn account(&self, scope: Scope, holder: &Holder) -> Option<&Account> {
        self.accounts(scope).get(scope.of(holder))
    }

    fn entry(&mut self, scope: Scope, name: &str) -> &mut Account {
        let accounts = match scope {
            Scope::Owner => &mut self.owners,
            Scope::Tenant => &mut self.tenants,
            Scope::Domain => &mut self.domains,
        };
        accounts.entry(name.to_owned()).or_default()
    }

    /// Sets what somebody may have.
    pub(crate) fn limit(&mut self, scope: Scope, name: &str, quota: ComputeQuota) {
        self.entry(scope, name).quota = quota;
    }

    /// Notes what sessions of the holder have.
    pub(crate) fn add(&mut self, holder: &Holder, sessions: u32, slots: &ResourceSlots) {
        for scope in Scope::ALL {
            let account = self.entry(scope, scope.of(holder));
            account.sessions = account.sessions.saturating_add(sessions);
            account.used = account.used.plus(slots);
        }
    }

    /// What a session of the holder waits for before it may have that; `None` = nothing.
    pub(crate) fn obstacle(&self, holder: &Holder, need: &Need) -> Option<WaitingReason> {
        let total = need.total();
        Scope::ALL.into_iter().find_map(|scope| {
            let account = self.account(scope, holder)?;
            if account.has_no_place() {
                return Some(scope.too_many_sessions());
            }
            account
                .has_no_slots_for(&total)
                .then_some(scope.too_many_slots())
        })
    }

    /// Why a session of the holder can never have that, whoever gives back what they have.
    pub(crate) fn never(&self, holder: &Holder, need: &Need) -> Option<SlotsRefusal> {
        let total = need.total();
        Scope::ALL.into_iter().find_map(|scope| {
            let quota = &self.account(scope, holder)?.quota;
            let refused = quota.sessions == Some(0) || !quota.slots.allow(&total);
            refused.then(|| SlotsRefusal::OverQuota {
                scope: scope.name().to_owned(),
                quota: quota.slots.limited().clone(),
            })
        })
    }
}
