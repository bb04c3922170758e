//! Addresses for the processes of a benchmark.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};

/// Below those that the system gives away for outgoing connections, else one of these could take it before the process does.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// An address that nobody listens on now.
pub(super) fn free_address() -> Result<SocketAddr> {
    let drawn = std::iter::repeat_with(|| SocketAddr::from((Ipv4Addr::LOCALHOST, rand::random_range(PORTS))));
    drawn.take(100).find(|address| TcpListener::bind(address).is_ok()).context("no port is free")
}
