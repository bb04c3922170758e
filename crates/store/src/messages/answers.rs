//! Answers given to sends under a key.

use domain::TenantId;
use ports::idempotency::KeptAnswer;

use crate::db::{self, Fault, SqlStore, hex};
use crate::sets::{param, set};

set! {
    Given {
        t: Int i64,
        key: Text String,
        status: Int i64,
        body: Text String,
    }
}

/// Keeps answers, in one statement. A key that is gone is left alone.
pub(super) async fn keep(store: &SqlStore, answers: &[(TenantId, String, KeptAnswer)]) -> Result<(), Fault> {
    if answers.is_empty() {
        return Ok(());
    }
    let rows: Vec<Given> = answers
        .iter()
        .map(|(tenant, key, answer)| Given {
            t: tenant.0,
            key: key.clone(),
            status: answer.status.into(),
            body: hex(&answer.body),
        })
        .collect();
    let tx = store.begin().await?;
    let set = tx.dialect.set::<Given>(1, "r");
    let body = tx.dialect.unhex("r.body");
    let sql = format!(
        "UPDATE idempotency SET status = r.status, body = {body} FROM {set} \
         WHERE idempotency.tenant_id = r.t AND idempotency.key = r.key AND idempotency.message_id IS NOT NULL"
    );
    db::run(&*tx, &sql, [param(&rows)?]).await?;
    tx.commit().await
}
