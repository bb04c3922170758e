//! Who a member is: an e-mail address, and a password that is not too easy.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::SignedDuration;

/// How long an invitation can be accepted.
pub const INVITATION: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a link sets a new password.
pub const RESET: SignedDuration = SignedDuration::from_hours(1);
/// A session that is not used for so long is over.
pub const SESSION_IDLE: SignedDuration = SignedDuration::from_hours(12);
/// Whatever happens, a session is over after so long.
pub const SESSION: SignedDuration = SignedDuration::from_hours(14 * 24);

/// An e-mail address, in lower case: the name of an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Email {
    type Err = String;

    /// Only what no mail server could take is refused: whether somebody reads there, the letter shows.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().to_lowercase();
        let wrong = || Err("must be an e-mail address such as ada@example.com".to_owned());
        let Some((local, domain)) = text.rsplit_once('@') else { return wrong() };
        let plain = |part: &str| {
            !part.is_empty()
                && part.chars().all(|letter| {
                    !letter.is_whitespace() && !letter.is_control() && !"@<>()[],;:\\\"".contains(letter)
                })
        };
        let dots = |part: &str| part.starts_with('.') || part.ends_with('.') || part.contains("..");
        if text.len() > 254
            || local.len() > 64
            || !plain(local)
            || !plain(domain)
            || dots(local)
            || dots(domain)
        {
            return wrong();
        }
        Ok(Self(text))
    }
}

/// Characters that a password has at least and at most.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=200;

/// What is wrong with a password to be; `None`: it is good enough. Length counts for more than kinds of characters
/// (NIST SP 800-63B, "Memorized Secret Verifiers").
pub fn weakness(password: &str, email: &Email) -> Option<String> {
    let length = password.chars().count();
    if !LENGTH.contains(&length) {
        return Some(format!("must have {} to {} characters, has {length}", LENGTH.start(), LENGTH.end()));
    }
    let mut letters: Vec<char> = password.to_lowercase().chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 5 {
        return Some("must have at least 5 different characters".to_owned());
    }
    let lower = password.to_lowercase();
    let local = email.as_str().split('@').next().unwrap_or_default();
    let easy = lower.contains(email.as_str()) || (local.len() >= 4 && lower.starts_with(local));
    easy.then(|| "must not be made of the e-mail address".to_owned())
}

/// One attacker has as many IPv6 addresses as she likes, but few networks of 64 bits.
pub fn address_group(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_account_however_it_is_written() {
        assert_eq!(" Ada.L@Example.COM ".parse::<Email>().unwrap().as_str(), "ada.l@example.com");
        assert!("ada+shop@localhost".parse::<Email>().is_ok());
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "a@b@c",
            "ada@ex..com",
            "a,b@c.de",
            "<a@b.c>",
        ] {
            assert!(wrong.parse::<Email>().is_err(), "{wrong}");
        }
        assert!(format!("{}@example.com", "a".repeat(65)).parse::<Email>().is_err());
    }

    #[test]
    fn a_short_a_dull_and_an_obvious_password_are_refused() {
        let email: Email = "ada@example.com".parse().unwrap();
        for weak in ["", "short", "aaaaaaaaaaaaaaaa", "abababababab", "ada@example.com1"] {
            assert!(weakness(weak, &email).is_some(), "{weak}");
        }
        assert!(weakness(&"long".repeat(60), &email).is_some());
        assert_eq!(weakness("correct horse battery", &email), None);
        let email: Email = "lovelace@example.com".parse().unwrap();
        assert!(weakness("Lovelace-2026!", &email).is_some());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_guesser() {
        let group = |text: &str| address_group(text.parse().unwrap());
        assert_eq!(group("2001:db8:1:2::1"), group("2001:db8:1:2:ffff::9"));
        assert_ne!(group("2001:db8:1:2::1"), group("2001:db8:1:3::1"));
        assert_eq!(group("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
