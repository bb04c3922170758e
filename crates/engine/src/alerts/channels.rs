//! The channels of a tenant.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::alerts::Severity;
use domain::{AlertChannelId, AlertId, TenantId};
use ports::alerts::channels::{Channel, ChannelKind, ChannelPatch, NewChannel, Parcel, Target};
use ports::alerts::{Alert, AlertEvent, Happened};
use ports::{Page, Paging, StoreError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::wording::SECRET_MARK;
use super::{Alerts, kinds};
use crate::faults::Faults;

/// Addresses of one mail channel.
const MOST_ADDRESSES: usize = 10;
/// Bytes of a signing secret.
const SECRET_BYTES: usize = 32;

/// A channel as it is wanted.
#[derive(Debug, Clone)]
pub struct ChannelWanted {
    pub name: String,
    pub kind: ChannelKind,
    /// Of mail: the addresses.
    pub to: Option<Vec<String>>,
    /// Of the others: the URL.
    pub url: Option<String>,
    pub min_severity: Severity,
    pub kinds: Vec<String>,
    pub enabled: bool,
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct ChannelChange {
    pub name: Option<String>,
    pub to: Option<Vec<String>>,
    pub url: Option<String>,
    pub min_severity: Option<Severity>,
    pub kinds: Option<Vec<String>>,
    pub enabled: Option<bool>,
}

/// How dealing with channels fails.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    #[error("there is no such channel")]
    NotFound,
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Alerts {
    /// Makes a channel. Of a signed webhook the secret is told here and never again.
    ///
    /// # Errors
    /// [`ChannelError::Invalid`], or the store's.
    pub async fn create_channel(
        &self,
        tenant: TenantId,
        wanted: ChannelWanted,
    ) -> Result<(Channel, Option<SecretString>), ChannelError> {
        let mut faults = Faults::default();
        let address = target(wanted.kind, wanted.to, wanted.url, &mut faults);
        named(&wanted.name, &mut faults);
        known(&wanted.kinds, &mut faults);
        faults.check()?;
        let Some((address, shown)) = address else {
            return Err(missing(wanted.kind).into());
        };
        let secret = (wanted.kind == ChannelKind::Webhook).then(|| self.secret());
        let channel = NewChannel {
            name: wanted.name,
            kind: wanted.kind,
            shown,
            target: Target { address, secret: secret.clone() },
            min_severity: wanted.min_severity,
            kinds: wanted.kinds,
            enabled: wanted.enabled,
            at: self.deps.clock.now(),
        };
        Ok((self.deps.store.create_channel(tenant, channel).await?, secret))
    }

    /// All of a tenant, by id.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn channels(&self, tenant: TenantId, paging: &Paging) -> Result<Page<Channel>, ChannelError> {
        Ok(self.deps.store.channels(tenant, paging).await?)
    }

    /// One.
    ///
    /// # Errors
    /// [`ChannelError::NotFound`], or the store's.
    pub async fn channel(&self, tenant: TenantId, channel: AlertChannelId) -> Result<Channel, ChannelError> {
        let found = self.deps.store.channel(tenant, channel).await?;
        Ok(found.ok_or(ChannelError::NotFound)?.0)
    }

    /// Changes one; its kind stays, and its secret.
    ///
    /// # Errors
    /// [`ChannelError::NotFound`], [`ChannelError::Invalid`], or the store's.
    pub async fn change_channel(
        &self,
        tenant: TenantId,
        channel: AlertChannelId,
        change: ChannelChange,
    ) -> Result<Channel, ChannelError> {
        let kind = self.channel(tenant, channel).await?.kind;
        let mut faults = Faults::default();
        let address = target(kind, change.to, change.url, &mut faults);
        if let Some(name) = &change.name {
            named(name, &mut faults);
        }
        known(change.kinds.as_deref().unwrap_or_default(), &mut faults);
        faults.check()?;
        let patch = ChannelPatch {
            name: change.name,
            address,
            min_severity: change.min_severity,
            kinds: change.kinds,
            enabled: change.enabled,
        };
        let changed = self.deps.store.update_channel(tenant, channel, patch, self.deps.clock.now()).await?;
        changed.ok_or(ChannelError::NotFound)
    }

    /// Removes one, with what was still to be told there.
    ///
    /// # Errors
    /// [`ChannelError::NotFound`], or the store's.
    pub async fn delete_channel(
        &self,
        tenant: TenantId,
        channel: AlertChannelId,
    ) -> Result<(), ChannelError> {
        match self.deps.store.delete_channel(tenant, channel).await? {
            true => Ok(()),
            false => Err(ChannelError::NotFound),
        }
    }

    /// Tells something harmless there, at once and once. The inner error says why it was not taken.
    ///
    /// # Errors
    /// [`ChannelError::NotFound`], or the store's.
    pub async fn test_channel(
        &self,
        tenant: TenantId,
        channel: AlertChannelId,
    ) -> Result<Result<(), String>, ChannelError> {
        let found = self.deps.store.channel(tenant, channel).await?;
        let (channel, target) = found.ok_or(ChannelError::NotFound)?;
        let at = self.deps.clock.now();
        let alert = Alert {
            id: AlertId(0),
            kind: kinds::TEST.to_owned(),
            subject: format!("channel:{}", channel.id),
            severity: Severity::Info,
            message: format!("This is a test of the channel \"{}\". Nothing is wrong.", channel.name),
            details: json!({}),
            opened_at: at,
            last_at: at,
            count: 1,
            acknowledged_at: None,
            acknowledged_by: None,
            resolved_at: None,
        };
        let event = AlertEvent { id: 0, alert_id: alert.id, happened: Happened::Opened, at, by: None };
        let parcel = Parcel { channel, target, news: vec![(event, alert)], attempts: 0, since: at };
        Ok(self.tell(&parcel).await)
    }

    fn secret(&self) -> SecretString {
        let mut bytes = [0_u8; SECRET_BYTES];
        self.deps.entropy.fill(&mut bytes);
        format!("{SECRET_MARK}{}", STANDARD.encode(bytes)).into()
    }
}

fn missing(kind: ChannelKind) -> Faults {
    let member = if kind == ChannelKind::Email { "/to" } else { "/url" };
    Faults::one(member, format!("is needed by a channel of kind {}", kind.as_str()))
}

fn named(name: &str, faults: &mut Faults) {
    faults.required("/name", name, 100);
}

fn known(wanted: &[String], faults: &mut Faults) {
    let all: Vec<&str> = kinds::all().collect();
    for (index, kind) in wanted.iter().enumerate().filter(|(_, kind)| !all.contains(&kind.as_str())) {
        faults.add(
            format!("/kinds/{index}"),
            format!("there is no kind \"{kind}\"; there are {}", all.join(", ")),
        );
    }
}

/// The address, and what may be shown of it; `None`: none was given, or not a good one.
fn target(
    kind: ChannelKind,
    to: Option<Vec<String>>,
    url: Option<String>,
    faults: &mut Faults,
) -> Option<(SecretString, String)> {
    match (kind, to, url) {
        (ChannelKind::Email, to, None) => addresses(to?, faults),
        (ChannelKind::Email, _, Some(_)) => {
            faults.add("/url", "a channel of kind email has none");
            None
        }
        (_, None, url) => hook(kind, &url?, faults),
        (_, Some(_), _) => {
            faults.add("/to", format!("a channel of kind {} has none", kind.as_str()));
            None
        }
    }
}

fn addresses(to: Vec<String>, faults: &mut Faults) -> Option<(SecretString, String)> {
    if to.is_empty() || to.len() > MOST_ADDRESSES {
        faults.add("/to", format!("must be 1 to {MOST_ADDRESSES} addresses"));
        return None;
    }
    let mut good = true;
    for (index, address) in to.iter().enumerate().filter(|(_, address)| !plausible(address)) {
        faults.add(format!("/to/{index}"), format!("\"{address}\" is no e-mail address"));
        good = false;
    }
    let joined = to.join(",");
    good.then(|| (joined.clone().into(), joined))
}

/// One `@` between a name and a host; the mail server has the last word.
fn plausible(address: &str) -> bool {
    let bad = |letter: char| {
        letter.is_whitespace() || letter.is_control() || matches!(letter, ',' | '<' | '>' | ';' | '"')
    };
    address.len() <= 254
        && !address.contains(bad)
        && address.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && !host.is_empty() && !host.contains('@') && !host.starts_with('.')
        })
}

fn hook(kind: ChannelKind, url: &str, faults: &mut Faults) -> Option<(SecretString, String)> {
    let parsed: Option<Url> = url.parse().ok();
    let usable = parsed.filter(|url| {
        matches!(url.scheme(), "https" | "http") && url.has_host() && url.as_str().len() <= 2_000
    });
    let Some(parsed) = usable else {
        faults.add("/url", "must be an address that begins with https://");
        return None;
    };
    let host = parsed.host_str().unwrap_or_default();
    let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
    // Slack's addresses are secrets from the path on, and others imitate them.
    let shown = match kind {
        ChannelKind::Slack => format!("{}://{host}{port}/…", parsed.scheme()),
        _ => format!("{}://{host}{port}{}", parsed.scheme(), parsed.path()),
    };
    Some((SecretString::from(parsed.as_str().to_owned()), shown))
}

/// The addresses of a mail channel.
pub(super) fn mailboxes(target: &Target) -> Vec<String> {
    target.address.expose_secret().split(',').map(str::to_owned).collect()
}
