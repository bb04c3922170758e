//! How many contacts a rule means.

use domain::segments::Rule;
use domain::{TenantId, Timestamp};
use ports::segments::Counted;

use super::compile;
use crate::SqlStore;
use crate::db::{self, Fault, Row};

pub(super) async fn count(
    store: &SqlStore,
    tenant: TenantId,
    rule: &Rule,
    now: Timestamp,
) -> Result<Counted, Fault> {
    let mut values = vec![tenant.0.into()];
    let condition = compile::condition(rule, tenant, now, store.dialect(), &mut values);
    let sql = format!(
        "SELECT COUNT(*) AS contacts, COUNT(CASE WHEN c.opted_in THEN 1 END) AS opted_in FROM contacts c \
         WHERE c.tenant_id = $1 AND c.merged_into IS NULL AND {condition}"
    );
    let row = db::one(store.reader(), &sql, values).await?;
    let row = row.ok_or_else(|| Fault::internal("a count gave no row"))?;
    let counted = |column| u64::try_from(row.get::<i64>(column)?).map_err(Fault::internal);
    Ok(Counted { contacts: counted("contacts")?, opted_in: counted("opted_in")? })
}
