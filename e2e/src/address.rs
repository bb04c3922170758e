//! Addresses for servers that are started, killed and started again.

use std::net::TcpListener;

/// Below those that the system gives away for outgoing connections, else one of these could take it before the server does.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// An address that nobody listens on now.
///
/// # Panics
/// When there is none.
pub fn free_address() -> String {
    let drawn = std::iter::repeat_with(|| format!("127.0.0.1:{}", rand::random_range(PORTS)));
    drawn.take(100).find(|address| TcpListener::bind(address).is_ok()).expect("a free port")
}
