//! Ports of this machine for what can be reached in containers.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, TcpListener},
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

/// The first port that is given out.
const FIRST: u16 = 20_000;

/// How many there are: up to those that the kernel gives to outgoing connections (`ip_local_port_range`), so that none of these can
/// take the port of a container that is started anew.
const COUNT: u16 = 12_700;

/// The ports that containers have.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    taken: Mutex<HashSet<u16>>,
}

impl Ports {
    /// So many ports that nobody listens on. Where the search begins follows from the container, so that agents that share a machine
    /// rarely meet. `None` = there are not so many.
    pub(crate) fn take(&self, container: Uuid, count: usize) -> Option<Vec<u16>> {
        let mut taken = self.lock();
        let (_, low) = container.as_u64_pair();
        let begin = u16::try_from(low % u64::from(COUNT)).unwrap_or_default();
        let free = (0..COUNT)
            .map(|step| FIRST + (begin + step) % COUNT)
            .filter(|port| !taken.contains(port) && is_free(*port));
        let ports: Vec<u16> = free.take(count).collect();
        if ports.len() < count {
            return None;
        }
        taken.extend(&ports);
        Some(ports)
    }

    /// These are some container's already.
    pub(crate) fn mark(&self, ports: impl IntoIterator<Item = u16>) {
        self.lock().extend(ports);
    }

    /// These are nobody's any more.
    pub(crate) fn give_back(&self, ports: impl IntoIterator<Item = u16>) {
        let mut taken = self.lock();
        for port in ports {
            taken.remove(&port);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<u16>> {
        // Nothing panics while holding the lock.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use muster_platform::{Ids as _, RandomIds};

    use super::*;

    #[test]
    fn no_port_is_given_twice_or_while_somebody_listens_there() {
        let (ports, container) = (Ports::default(), RandomIds.next());
        let first = ports.take(container, 3).unwrap();
        let _listener = first
            .iter()
            .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).unwrap())
            .collect::<Vec<_>>();
        let second = ports.take(container, 3).unwrap();
        assert!(first.iter().all(|port| !second.contains(port)));
        ports.give_back(first.clone());
        ports.give_back(second.clone());
        // The first ones are listened on.
        assert_eq!(ports.take(container, 3).unwrap(), second);
        assert!(ports.take(container, usize::from(COUNT)).is_none());
    }
}
