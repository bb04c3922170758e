//! `waxwing key`: API keys of tenants, and the key that seals secrets.

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use domain::access::Scope;
use domain::access::permissions::Permissions;
use domain::audit::{Action, NewEntry};
use domain::{ApiKeyId, SignedDuration, SystemEntropy, TenantId};
use engine::access::{CreateKey, CreatedKey};
use jiff::{Span, SpanRelativeTo};
use ports::audit::AuditStore;
use ports::operator::OperatorStore;
use secrecy::ExposeSecret;

use super::output::{remark, say};
use crate::config::{CommonFlags, Config};
use crate::folder::FolderLock;
use crate::keys::{KeySource, SealingKeys, add_new_key, drop_old_keys};
use crate::node::{Node, Parts, open_current_store};

#[derive(Args)]
#[command(after_help = "Example:\n  waxwing key create --tenant 1 --name shop --scopes read,send")]
pub(crate) struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Makes an API key and prints it, this once
    #[command(
        after_help = "Example:\n  waxwing key create --tenant 1 --name shop --scopes read,send --expires 90d"
    )]
    Create {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
        /// What the key is for
        #[arg(long)]
        name: String,
        /// What it may do: read, send, manage; each stands alone
        #[arg(long, value_delimiter = ',', default_value = "read,send,manage")]
        scopes: Vec<Scope>,
        /// For how long, e.g. 90d or 12h; without it for ever
        #[arg(long, value_parser = lifetime)]
        expires: Option<SignedDuration>,
        /// From where it may be used, e.g. 203.0.113.0/24; several with commas; without it from everywhere
        #[arg(long, value_delimiter = ',')]
        networks: Vec<String>,
    },
    /// Lists the keys of a tenant: id, first characters, scopes, name, state
    #[command(after_help = "Example:\n  waxwing key list --tenant 1")]
    List {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
    },
    /// Revokes an API key; servers at work notice within seconds
    #[command(after_help = "Example:\n  waxwing key revoke --tenant 1 --key 3")]
    Revoke {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
        /// Id of the key, see `waxwing key list`
        #[arg(long)]
        key: ApiKeyId,
    },
    /// Seals every secret anew with the key in use (with --new: with a new one in the key file)
    #[command(after_help = "Examples:\n  waxwing key rotate-secrets --new\n  \
                      WAXWING_KEY=$NEW WAXWING_OLD_KEYS=$OLD waxwing key rotate-secrets")]
    RotateSecrets {
        /// First puts a new key into the key file. Stop the server before, start it after
        #[arg(long)]
        new: bool,
    },
}

impl Key {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        let config = Config::for_command(common)?;
        match self.command {
            KeyCommand::Create { tenant, name, scopes, expires, networks } => {
                let wanted = CreateKey { name, scopes, expires_at: None, networks };
                create(&config, tenant, wanted, expires).await
            }
            KeyCommand::List { tenant } => list(&config, tenant).await,
            KeyCommand::Revoke { tenant, key } => revoke(&config, tenant, key).await,
            KeyCommand::RotateSecrets { new } => rotate(&config, new).await,
        }
    }
}

async fn create(
    config: &Config,
    tenant: TenantId,
    mut wanted: CreateKey,
    expires: Option<SignedDuration>,
) -> Result<()> {
    let parts = Parts::of(config);
    wanted.expires_at = expires.map(|lifetime| parts.clock.now() + lifetime);
    let node = Node::open(config, parts).await?;
    node.engine.tenants.get(tenant).await.with_context(|| format!("tenant {tenant}"))?;
    let CreatedKey { key, secret } =
        node.engine.access.create_key(tenant, wanted, Permissions::all()).await?;
    remark!("Key {} \"{}\" for tenant {tenant}. It is shown this once:", key.id, key.name);
    say!("{}", secret.expose_secret())?;
    Ok(())
}

async fn list(config: &Config, tenant: TenantId) -> Result<()> {
    let parts = Parts::of(config);
    let now = parts.clock.now();
    let node = Node::open(config, parts).await?;
    node.engine.tenants.get(tenant).await.with_context(|| format!("tenant {tenant}"))?;
    for key in node.engine.access.keys(tenant).await? {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let state = match (key.revoked_at, key.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(end)) if end <= now => "expired",
            _ => "good",
        };
        say!("{}\t{}…\t{}\t{}\t{state}", key.id, key.prefix, scopes.join(","), key.name)?;
    }
    Ok(())
}

async fn revoke(config: &Config, tenant: TenantId, key: ApiKeyId) -> Result<()> {
    let node = Node::open(config, Parts::of(config)).await?;
    let revoked = node.engine.access.revoke_key(tenant, key).await.with_context(|| format!("key {key}"))?;
    remark!("Key {key} \"{}\" is revoked.", revoked.name);
    Ok(())
}

/// A crash at any point leaves the key file with every key that has sealed something.
async fn rotate(config: &Config, new: bool) -> Result<()> {
    // A server at work would not know the new key.
    let _folder = if new { Some(FolderLock::take(config)?) } else { None };
    let entropy = SystemEntropy;
    let source = SealingKeys::load(config, &entropy)?.source;
    if new {
        if source == KeySource::Setting {
            bail!(
                "the key comes from the setting `key`: set a new one there and the old one in `old_keys`, without --new"
            );
        }
        add_new_key(&config.data, &entropy)?;
    }
    let store = open_current_store(config).await?;
    let sealed = store.rotate_secrets().await?;
    for tenant in store.tenants().await? {
        store.record_audit(tenant.id, vec![NewEntry::new(Action::SecretsRotated, "secrets")]).await?;
    }
    if let KeySource::File { path, .. } = source {
        drop_old_keys(&path, &entropy)?;
    }
    say!("{sealed} secrets were sealed anew; the rest had been already")?;
    Ok(())
}

fn lifetime(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}; write it like 90d or 12h"))?;
    let length = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|error| format!("{error}; use days or hours"))?;
    if length.is_positive() { Ok(length) } else { Err("must be longer than nothing".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_days_or_hours() {
        assert_eq!(lifetime("90d"), Ok(SignedDuration::from_hours(90 * 24)));
        assert_eq!(lifetime("12h"), Ok(SignedDuration::from_hours(12)));
        assert!(lifetime("-1d").is_err());
        assert!(lifetime("soon").is_err());
    }
}
