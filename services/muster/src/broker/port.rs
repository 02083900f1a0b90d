//! The broker's port.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener},
};

/// Ports are taken from below 32768, where the kernel's range for outgoing connections begins.
/// From within that range a client that tries to reconnect could be given the broker's own port
/// while the broker is down, and keep it from coming back.
const FIRST: u16 = 15_000;
const LAST: u16 = 32_000;

/// A port of this machine.
pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

/// Whether nobody listens there.
pub(super) fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

/// The address of the last start, so that clients which are still there find the broker again;
/// then `count` others by chance.
pub(super) fn candidates(last: Option<SocketAddr>, count: usize) -> Vec<SocketAddr> {
    let random = RandomState::new();
    let others = (0..count).map(|attempt| {
        let offset = random.hash_one(attempt) % u64::from(LAST - FIRST);
        local(FIRST + u16::try_from(offset).unwrap_or_default())
    });
    last.filter(|address| address.ip().is_loopback())
        .into_iter()
        .chain(others)
        .collect()
}
