//! The store, and whether the key fits its secrets.

use ports::operator::OperatorStore;
use store::SqlStore;

use super::{Finding, Verdict};
use crate::config::Config;
use crate::node::{database_name, open_store};

/// What was found, and the store when it can be used.
pub(super) async fn look(config: &Config) -> (Vec<Finding>, Option<SqlStore>) {
    let name = database_name(config);
    let store = match open_store(config).await {
        Ok(store) => store,
        Err(error) => {
            let advice = "Start the database, or correct WAXWING_DATABASE_URL, WAXWING_DATA or WAXWING_KEY.";
            return (vec![Finding::failed("store", format!("{error:#}"), advice)], None);
        }
    };
    if let Err(error) = store.ping().await {
        return (
            vec![Finding::failed("store", format!("{name}: {error}"), "Look at the database's own log.")],
            None,
        );
    }
    let whole = integrity(&store).await;
    if let Ok(pending) = store.pending_migrations().await
        && !pending.is_empty()
    {
        let found = format!("{name} answers; {} step(s) of its tables are missing", pending.len());
        let advice = "Type: waxwing migrate (or start the server, which does the same)";
        return (vec![Finding::failed("store", found, advice), whole], None);
    }
    match store.tenants().await {
        Err(error) => {
            let found = format!("{name} answers, but its tables are not as they should be: {error}");
            (vec![Finding::failed("store", found, "Type: waxwing migrate")], None)
        }
        Ok(tenants) => {
            let found = format!("{name} answers, with {} tenant(s)", tenants.len());
            let secrets = secrets(&store).await;
            let usable = matches!(secrets.verdict, Verdict::Good { .. });
            (vec![Finding::good("store", found), whole, secrets], usable.then_some(store))
        }
    }
}

async fn integrity(store: &SqlStore) -> Finding {
    const WHAT: &str = "integrity";
    let advice = "Restore the last backup into another folder (waxwing restore), and look at the disk.";
    match store.broken_files().await {
        Ok(broken) if broken.is_empty() => Finding::good(WHAT, "nothing is broken"),
        Ok(broken) => Finding::failed(WHAT, broken.join("; "), advice),
        Err(error) => Finding::failed(WHAT, error.to_string(), advice),
    }
}

/// Where the Graph APIs of the connections are.
pub(super) async fn graph_urls(store: Option<&SqlStore>) -> Vec<String> {
    let Some(store) = store else { return Vec::new() };
    let known = store.all_connections().await.unwrap_or_default();
    known.into_iter().map(|(connection, _)| connection.graph_url).collect()
}

async fn secrets(store: &SqlStore) -> Finding {
    match store.open_secrets().await {
        Ok(opened) => Finding::good("secrets", format!("all {opened} sealed value(s) open")),
        Err(error) => Finding::failed(
            "secrets",
            format!("they do not open with this key: {error}"),
            "Put back the key that sealed them (secret.key or WAXWING_KEY), or name it in WAXWING_OLD_KEYS.",
        ),
    }
}
