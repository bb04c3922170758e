//! Where a client is, when proxies stand between.

use std::net::{IpAddr, SocketAddr};

use super::Networks;

/// The client's address: the peer's, unless the peer is a proxy of ours; then the rightmost address of
/// `X-Forwarded-For` that is no proxy of ours. `forwarded` are the header's lines in their order. Whatever stands left
/// of the first address that we do not trust was written by somebody that we do not trust. An entry that is no
/// address ends the search at the proxy that passed it on.
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &Networks,
) -> IpAddr {
    let mut client = peer.to_canonical();
    for entry in forwarded.rev().flat_map(|line| line.rsplit(',')) {
        if !trusted.contain(client) {
            return client;
        }
        match address_in(entry.trim()) {
            Some(named) => client = named.to_canonical(),
            None => return client,
        }
    }
    client
}

/// With or without a port, as proxies write it.
fn address_in(entry: &str) -> Option<IpAddr> {
    entry
        .parse()
        .ok()
        .or_else(|| entry.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
        .or_else(|| entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let trusted: Networks = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), forwarded.iter().copied(), &trusted).to_string()
    }

    #[test]
    fn nobodys_word_is_believed_unless_the_peer_is_trusted() {
        assert_eq!(client("203.0.113.5", &["198.51.100.1"], &[]), "203.0.113.5");
        assert_eq!(client("203.0.113.5", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.5");
        assert_eq!(client("10.0.0.2", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn the_rightmost_address_that_is_not_trusted_wins() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client("10.0.0.2", &["1.1.1.1, 198.51.100.1, 10.0.0.9"], &trusted), "198.51.100.1");
        assert_eq!(client("10.0.0.2", &["1.1.1.1", "198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(client("10.0.0.2", &["127.0.0.1, 198.51.100.1"], &trusted), "198.51.100.1");
    }

    #[test]
    fn with_proxies_alone_the_first_of_them_is_the_client() {
        assert_eq!(client("10.0.0.2", &["10.0.0.7, 10.0.0.9"], &["10.0.0.0/8"]), "10.0.0.7");
        assert_eq!(client("10.0.0.2", &[], &["10.0.0.0/8"]), "10.0.0.2");
    }

    #[test]
    fn an_entry_that_is_no_address_ends_the_search_and_ports_are_cut_off() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client("10.0.0.2", &["198.51.100.1, unknown"], &trusted), "10.0.0.2");
        assert_eq!(client("10.0.0.2", &["198.51.100.1:4711"], &trusted), "198.51.100.1");
        assert_eq!(client("10.0.0.2", &["[2001:db8::7]:443"], &trusted), "2001:db8::7");
        assert_eq!(client("::ffff:10.0.0.2", &["198.51.100.1"], &trusted), "198.51.100.1");
    }
}
