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
    match store.tenants().await {
        Err(error) => {
            let found = format!("{name} answers, but its tables are not as they should be: {error}");
            (vec![Finding::failed("store", found, "Type: waxwing migrate")], None)
        }
        Ok(tenants) => {
            let found = format!("{name} answers, with {} tenant(s)", tenants.len());
            let secrets = secrets(&store).await;
            let usable = matches!(secrets.verdict, Verdict::Good(_));
            (vec![Finding::good("store", found), secrets], usable.then_some(store))
        }
    }
}

async fn secrets(store: &SqlStore) -> Finding {
    match store.all_connections().await {
        Ok(connections) => {
            Finding::good("secrets", format!("those of {} connection(s) open", connections.len()))
        }
        Err(error) => Finding::failed(
            "secrets",
            format!("they do not open with this key: {error}"),
            "Put back the key that sealed them (secret.key or WAXWING_KEY), or name it in WAXWING_OLD_KEYS.",
        ),
    }
}
