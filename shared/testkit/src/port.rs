//! Ports that stay ours.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddress, UnixDatagram},
    },
};

use anyhow::{Context, Result};

/// Below the range from which the kernel takes ports for outgoing connections (32768 and up on
/// Linux): a server that is restarted on its port finds it free, because no connection made
/// meanwhile was given it.
const FIRST: u16 = 15_000;
const LAST: u16 = 32_000;
/// Tries before giving up; each fails only if the port is taken.
const TRIES: u64 = 1_000;

/// A free port on 127.0.0.1 that no other test takes, of whichever process, for as long as this
/// value lives; also while the server on it is down.
#[derive(Debug)]
pub struct ReservedPort {
    port: u16,
    /// Bound to a name made of the port's number, which only one socket of the machine can have.
    /// The kernel frees the name when the process ends, and no file is left.
    _reservation: UnixDatagram,
}

impl ReservedPort {
    /// Reserves one.
    pub fn new() -> Result<Self> {
        // Randomly keyed, so that processes that start together look in different places.
        let random = RandomState::new();
        (0..TRIES)
            .find_map(|attempt| {
                let offset = random.hash_one(attempt) % u64::from(LAST - FIRST);
                Self::reserve(FIRST + u16::try_from(offset).ok()?)
            })
            .with_context(|| format!("no free port between {FIRST} and {LAST}"))
    }

    fn reserve(port: u16) -> Option<Self> {
        let name = format!("muster-test-port-{port}");
        let name = UnixAddress::from_abstract_name(name).ok()?;
        let reservation = UnixDatagram::bind_addr(&name).ok()?;
        // Taken by something that is no test.
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(Self {
            port,
            _reservation: reservation,
        })
    }

    /// The port's number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.port
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn reserved_ports_are_different_and_free() {
        let ports: Vec<_> = (0..50).map(|_| ReservedPort::new().unwrap()).collect();
        let numbers: HashSet<_> = ports.iter().map(ReservedPort::number).collect();
        assert_eq!(numbers.len(), ports.len());
        for port in &ports {
            TcpListener::bind(port.address()).unwrap();
        }
    }

    #[test]
    fn a_port_is_reserved_once_at_a_time() {
        let port = ReservedPort::new().unwrap();
        let number = port.number();
        assert!(ReservedPort::reserve(number).is_none());
        drop(port);
        // Not asserted to succeed: by now another test may have it.
        let _ = ReservedPort::reserve(number);
    }
}
