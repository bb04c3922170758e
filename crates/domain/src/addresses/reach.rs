//! Addresses that nobody's request may make the server call: those of this machine, of the networks around it, and of
//! the cloud's own services. What is listed follows the IANA registries of special-purpose addresses (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Networks;

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("this machine itself")]
    Loopback,
    #[error("a private network")]
    Private,
    #[error("the local link, where clouds keep their metadata service")]
    LinkLocal,
    #[error("a network shared behind a carrier's translation")]
    CarrierGrade,
    #[error("no address at all")]
    Unspecified,
    #[error("multicast or broadcast")]
    Multicast,
    #[error("reserved for documentation, tests or the future")]
    Reserved,
    #[error("a metadata service of a cloud")]
    Metadata,
    #[error("a tunnel that hides another address")]
    Tunnel,
}

const V4: [(&str, Refused); 15] = [
    // Alibaba Cloud; within the carrier's range, and worth its own word.
    ("100.100.100.200/32", Refused::Metadata),
    // Oracle Cloud and Azure.
    ("192.0.0.192/32", Refused::Metadata),
    ("168.63.129.16/32", Refused::Metadata),
    ("0.0.0.0/8", Refused::Unspecified),
    ("10.0.0.0/8", Refused::Private),
    ("100.64.0.0/10", Refused::CarrierGrade),
    ("127.0.0.0/8", Refused::Loopback),
    ("169.254.0.0/16", Refused::LinkLocal),
    ("172.16.0.0/12", Refused::Private),
    ("192.0.0.0/24", Refused::Reserved),
    ("192.88.99.0/24", Refused::Tunnel),
    ("192.168.0.0/16", Refused::Private),
    ("198.18.0.0/15", Refused::Reserved),
    ("224.0.0.0/4", Refused::Multicast),
    ("240.0.0.0/4", Refused::Reserved),
];

const DOCUMENTATION: [&str; 3] = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"];

const V6: [(&str, Refused); 12] = [
    // Amazon and Google; within the private range, and worth their own word.
    ("fd00:ec2::254/128", Refused::Metadata),
    ("fd20:ce::254/128", Refused::Metadata),
    ("::/128", Refused::Unspecified),
    ("::1/128", Refused::Loopback),
    ("64:ff9b:1::/48", Refused::Tunnel),
    ("100::/64", Refused::Reserved),
    ("2001::/23", Refused::Tunnel),
    ("2001:db8::/32", Refused::Reserved),
    ("2002::/16", Refused::Tunnel),
    ("fc00::/7", Refused::Private),
    ("fe80::/10", Refused::LinkLocal),
    ("ff00::/8", Refused::Multicast),
];

/// Why this address is not called; `None`: it may be.
pub fn refused(address: IpAddr) -> Option<Refused> {
    match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    }
}

/// The same, unless the operator allows its network.
pub fn refused_unless(allowed: &Networks, address: IpAddr) -> Option<Refused> {
    if allowed.contain(address) { None } else { refused(address) }
}

fn refused_v4(address: Ipv4Addr) -> Option<Refused> {
    let documented = DOCUMENTATION.iter().map(|network| (*network, Refused::Reserved));
    listed(V4.into_iter().chain(documented), IpAddr::V4(address))
}

fn refused_v6(address: Ipv6Addr) -> Option<Refused> {
    if let Some(inside) = carried(address) {
        return refused_v4(inside);
    }
    // Only 2000::/3 is given out; the rest of the space is somebody's private arrangement.
    let global = address.segments()[0] & 0xe000 == 0x2000;
    listed(V6.into_iter(), IpAddr::V6(address)).or((!global).then_some(Refused::Reserved))
}

/// The IPv4 address that is meant: `::ffff:a.b.c.d`, the old `::a.b.c.d`, and `64:ff9b::a.b.c.d` (NAT64, which
/// networks without IPv4 use for the whole of it).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    let head = bits >> 32;
    let v4 = Ipv4Addr::from_bits(u32::try_from(bits & 0xffff_ffff).ok()?);
    let is_old_form = head == 0 && bits > 1;
    let is_carrier = head == 0xffff || head == 0x0064_ff9b_u128 << 64 || is_old_form;
    is_carrier.then_some(v4)
}

fn listed(list: impl Iterator<Item = (&'static str, Refused)>, address: IpAddr) -> Option<Refused> {
    list.into_iter().find_map(|(network, why)| {
        let network: super::Network = network.parse().expect("the lists above hold networks");
        network.contains(address).then_some(why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Refused> {
        refused(text.parse().unwrap())
    }

    #[test]
    fn what_is_not_the_open_internet_is_refused_by_name() {
        for (address, why) in [
            ("127.0.0.1", Refused::Loopback),
            ("127.8.8.8", Refused::Loopback),
            ("::1", Refused::Loopback),
            ("10.1.2.3", Refused::Private),
            ("172.31.255.255", Refused::Private),
            ("192.168.0.1", Refused::Private),
            ("fd12:3456::1", Refused::Private),
            ("169.254.169.254", Refused::LinkLocal),
            ("fe80::1", Refused::LinkLocal),
            ("fd00:ec2::254", Refused::Metadata),
            ("fd20:ce::254", Refused::Metadata),
            ("100.100.100.200", Refused::Metadata),
            ("168.63.129.16", Refused::Metadata),
            ("100.64.0.1", Refused::CarrierGrade),
            ("0.0.0.0", Refused::Unspecified),
            ("::", Refused::Unspecified),
            ("224.0.0.1", Refused::Multicast),
            ("ff02::1", Refused::Multicast),
            ("255.255.255.255", Refused::Reserved),
            ("203.0.113.1", Refused::Reserved),
            ("2001:db8::1", Refused::Reserved),
            ("4000::1", Refused::Reserved),
        ] {
            assert_eq!(of(address), Some(why), "{address}");
        }
    }

    #[test]
    fn an_address_inside_another_is_judged_and_tunnels_are_refused() {
        for (address, why) in [
            ("::ffff:127.0.0.1", Refused::Loopback),
            ("::ffff:169.254.169.254", Refused::LinkLocal),
            ("::10.0.0.1", Refused::Private),
            ("64:ff9b::a9fe:a9fe", Refused::LinkLocal),
            ("64:ff9b::7f00:1", Refused::Loopback),
            ("64:ff9b:1::808:808", Refused::Tunnel),
            ("2002:7f00:1::", Refused::Tunnel),
            ("2002:0808:0808::1", Refused::Tunnel),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Refused::Tunnel),
        ] {
            assert_eq!(of(address), Some(why), "{address}");
        }
        assert_eq!(of("64:ff9b::808:808"), None, "NAT64 of a public address is that address");
    }

    #[test]
    fn the_open_internet_is_called() {
        for address in
            ["157.240.0.1", "8.8.8.8", "2a03:2880:f12d:83:face:b00c:0:25de", "172.32.0.1", "100.128.0.1"]
        {
            assert_eq!(of(address), None, "{address}");
        }
    }

    #[test]
    fn what_the_operator_allows_is_called_and_nothing_beside_it() {
        let allowed: Networks = ["10.1.0.0/16".parse().unwrap()].into_iter().collect();
        assert_eq!(refused_unless(&allowed, "10.1.2.3".parse().unwrap()), None);
        assert_eq!(refused_unless(&allowed, "::ffff:10.1.2.3".parse().unwrap()), None);
        assert_eq!(refused_unless(&allowed, "10.2.0.1".parse().unwrap()), Some(Refused::Private));
        assert_eq!(refused_unless(&Networks::loopback(), "127.0.0.1".parse().unwrap()), None);
        assert_eq!(refused_unless(&Networks::loopback(), "::1".parse().unwrap()), None);
    }
}
