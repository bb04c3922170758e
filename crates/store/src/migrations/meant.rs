//! Whom a broadcast means, once that is settled, and the lists of broadcasts as things of their own.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::dialect::Dialect;

pub(super) struct Meant;

impl MigrationName for Meant {
    fn name(&self) -> &str {
        "m0017_meant"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Meant {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("meant.sql")], &[]).await?;
        let on = manager.get_connection();
        on.execute_unprepared(&settle(Dialect::of(on.get_database_backend()))).await?;
        Ok(())
    }
}

/// Until now a broadcast that began bore its segment's rule inside of its own. One of which nobody was frozen may have
/// been started without it, to be paused at once: that one has not begun, and is asked anew when it is resumed.
fn settle(dialect: Dialect) -> String {
    let audience = dialect.json_text("plan", "audience");
    let rule = dialect.json_text(&audience, "rule");
    let segment = dialect.json_text(&dialect.json_text(&audience, "asked"), "segment_id");
    format!(
        "UPDATE broadcasts SET meant = {rule} WHERE started_at IS NOT NULL \
         AND (frozen OR freeze_cursor > 0 OR {segment} IS NULL)"
    )
}

#[cfg(test)]
mod tests {
    use domain::{BroadcastId, TenantId};
    use ports::broadcasts::BroadcastStore;
    use serde_json::{Value, json};

    use super::super::before::{before, go_on, on_both_engines};
    use crate::db;

    on_both_engines!(what_began_is_settled_and_what_was_started_without_its_segment_is_not);

    const TENANT: TenantId = TenantId(1);

    fn plan(rule: &Value, segment: Value) -> Value {
        let audience = json!({ "list": false, "rule": rule, "asked": { "segment_id": segment } });
        json!({ "template": { "name": "hello" }, "audience": audience })
    }

    /// As the version before wrote it.
    async fn insert(
        tx: &crate::db::Tx,
        id: i64,
        state: &str,
        plan: &Value,
        (began, frozen): (Option<i64>, bool),
    ) {
        let sql = "INSERT INTO broadcasts (tenant_id, id, name, state, plan, freeze_cursor, frozen, created_at, updated_at, \
                   started_at) VALUES ($1, $2, 'Old', $3, $4, 0, $5, 1, 1, $6)";
        let values =
            [TENANT.0.into(), id.into(), state.into(), plan.to_string().into(), frozen.into(), began.into()];
        db::run(&**tx, sql, values).await.unwrap();
    }

    async fn what_began_is_settled_and_what_was_started_without_its_segment_is_not(url: &str) {
        let (store, tx) = before(url, "m0017_meant").await;
        let deep = (0..9).fold(
            json!({ "field": "opted_in", "op": "is", "value": true }),
            |rule, _| json!({ "not": rule }),
        );
        let own = json!({ "all": [] });
        insert(&tx, 1, "draft", &plan(&own, json!(7)), (None, false)).await;
        insert(&tx, 2, "sending", &plan(&own, json!(null)), (Some(1), false)).await;
        insert(&tx, 3, "paused", &plan(&own, json!(7)), (Some(1), false)).await;
        insert(&tx, 4, "completed", &plan(&deep, json!(7)), (Some(1), true)).await;
        for (list, number) in [(1, 1), (1, 2), (9, 1)] {
            let sql = "INSERT INTO broadcast_rows (tenant_id, broadcast_id, row_number, given, columns) \
                       VALUES (1, $1, $2, 'x', '{}')";
            db::run(&*tx, sql, [i64::from(list).into(), i64::from(number).into()]).await.unwrap();
        }
        db::run(&*tx, "INSERT INTO broadcasts_removed (tenant_id, id) VALUES (1, 9)", []).await.unwrap();
        go_on(&store, tx).await;
        let read = async |id| store.broadcast(TENANT, BroadcastId(id)).await.unwrap().unwrap();
        let meant = async |id| read(id).await.meant.map(|meant| meant.to_json());
        assert_eq!(meant(1).await, None);
        assert_eq!(meant(2).await, Some(own));
        assert_eq!(meant(3).await, None);
        assert!(read(3).await.is_held(), "its segment is asked when it is resumed");
        assert_eq!(meant(4).await, Some(deep));
        assert_eq!(store.list_size(TENANT, BroadcastId(1)).await.unwrap(), (2, 0));
        assert_eq!(read(2).await.list, None);
        let tx = store.begin().await.unwrap();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        while crate::broadcasts::sweep_lists(&tx, now, 1).await.unwrap() > 0 {}
        tx.commit().await.unwrap();
        let sql = "SELECT x.list_id AS list FROM broadcast_rows x GROUP BY x.list_id";
        let lists = db::all(store.reader(), sql, []).await.unwrap();
        assert_eq!(lists.len(), 1, "what was to be swept is");
    }
}
