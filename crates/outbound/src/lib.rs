//! Calls to the outside.
//!
//! The guard on every address that a tenant can make us call: a name is resolved once, what is not the open internet
//! is taken out of the answer, and the connection is made to what is left, so that the name cannot mean something
//! else a moment later. Redirects are not followed by anybody here.

use std::io;
use std::net::{IpAddr, SocketAddr};

use domain::addresses::{Networks, Refused, refused_unless};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Lets calls out to the open internet and to the networks that the operator allows.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Networks,
}

/// An address that is not called, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {why}; the operator of this server can allow it by the setting allow_networks")]
pub struct NotAllowed {
    address: IpAddr,
    why: Refused,
}

impl Guard {
    /// Besides the open internet these networks may be called.
    pub fn new(allowed: Networks) -> Self {
        Self { allowed }
    }

    fn judge(&self, address: IpAddr) -> Result<(), NotAllowed> {
        refused_unless(&self.allowed, address).map_or(Ok(()), |why| Err(NotAllowed { address, why }))
    }

    /// An address that is written out in the URL is judged here; a name, when it is resolved.
    ///
    /// # Errors
    /// Why it is not called.
    pub fn check(&self, url: &Url) -> Result<(), NotAllowed> {
        let judged = literal(url).map_or(Ok(()), |address| self.judge(address));
        judged.inspect_err(|refused| {
            tracing::warn!(host = url.host_str().unwrap_or_default(), why = %refused, "an address was not called");
        })
    }

    /// Why an address is not called, as far as can be told now: a name that cannot be resolved is no reason.
    pub async fn refuses(&self, url: &str) -> Option<NotAllowed> {
        let url: Url = url.parse().ok()?;
        if let Some(address) = literal(&url) {
            return self.judge(address).err();
        }
        let found = tokio::net::lookup_host((url.host_str()?.to_owned(), 0)).await.ok()?;
        self.allowed_of(found).err().flatten()
    }

    /// The addresses that may be called; none at all: why not, when there were some.
    fn allowed_of(
        &self,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Option<NotAllowed>> {
        let (mut good, mut refused) = (Vec::new(), None);
        for address in found {
            match self.judge(address.ip()) {
                Ok(()) => good.push(address),
                Err(why) => refused = Some(why),
            }
        }
        if good.is_empty() { Err(refused) } else { Ok(good) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good = guard.allowed_of(found).map_err(|refused| match refused {
                Some(why) => {
                    tracing::warn!(host = name.as_str(), %why, "an address was not called");
                    io::Error::other(why)
                }
                None => io::Error::other("the name has no address"),
            })?;
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// The address in a URL that names none. The parser has made one of every spelling (`0x7f.1`, `2130706433`).
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(guard: &Guard, url: &str) -> Option<String> {
        guard.check(&url.parse().unwrap()).err().map(|error| error.to_string())
    }

    #[test]
    fn every_spelling_of_an_inner_address_is_refused() {
        let guard = Guard::default();
        for url in [
            "http://127.0.0.1:8080/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://0/",
            "http://[::1]/",
            "http://[::ffff:169.254.169.254]/latest",
            "http://[64:ff9b::a9fe:a9fe]/",
            "https://169.254.169.254/",
            "https://[fd00:ec2::254]/",
            "http://①27.0.0.1/",
        ] {
            assert!(why(&guard, url).is_some(), "{url}");
        }
        for url in ["https://graph.facebook.com/", "https://157.240.0.1/", "http://[2a03:2880::1]/"] {
            assert_eq!(why(&guard, url), None, "{url}");
        }
    }

    #[test]
    fn what_is_refused_says_why_and_what_to_do() {
        let told = why(&Guard::default(), "http://10.0.0.7/").unwrap();
        assert!(
            told.ends_with(
                "10.0.0.7 is a private network; the operator of this server can allow it by the setting allow_networks"
            ),
            "{told}"
        );
    }

    #[test]
    fn only_the_good_addresses_of_a_name_are_left() {
        let of = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mixed = of(&["10.0.0.1:0", "157.240.0.1:0", "[::1]:0"]);
        assert_eq!(Guard::default().allowed_of(mixed.into_iter()).unwrap(), of(&["157.240.0.1:0"]));
        let inner = of(&["10.0.0.1:0", "127.0.0.1:0"]);
        assert!(matches!(Guard::default().allowed_of(inner.into_iter()), Err(Some(_))));
    }
}
