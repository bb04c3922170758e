//! See `ports::alerts::rules`.

use async_trait::async_trait;
use domain::alerts::rules::{Rule, RuleKind};
use domain::audit::{Action, NewEntry};
use domain::{TenantId, Timestamp};
use ports::StoreResult;
use ports::alerts::rules::{ChangedRule, Mark, RuleStore};

use crate::SqlStore;
use crate::db::{self, Fault, Row, micros};
use crate::sets::{param, set};

set! {
    MarkRow {
        subject: Text String,
        mark: Text String,
    }
}

#[async_trait]
impl RuleStore for SqlStore {
    async fn changed_rules(&self, tenant: TenantId) -> StoreResult<Vec<ChangedRule>> {
        let sql = "SELECT id, rule, updated_at FROM alert_rules WHERE tenant_id = $1 ORDER BY id";
        let mut changed = Vec::new();
        for row in db::all(self.reader(), sql, [tenant.0.into()]).await? {
            // A rule of a later version is none of this one's.
            if let Some(kind) = RuleKind::of_id(row.get("id")?) {
                changed.push(ChangedRule {
                    kind,
                    rule: row.json("rule")?,
                    updated_at: row.time("updated_at")?,
                });
            }
        }
        Ok(changed)
    }

    async fn save_rule(
        &self,
        tenant: TenantId,
        kind: RuleKind,
        rule: &Rule,
        at: Timestamp,
    ) -> StoreResult<()> {
        let sql = "INSERT INTO alert_rules (tenant_id, id, rule, updated_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (tenant_id, id) DO UPDATE SET rule = excluded.rule, updated_at = excluded.updated_at";
        let tx = self.begin().await?;
        let values = [tenant.0.into(), kind.id().into(), db::to_json(rule)?.into(), micros(at).into()];
        let before = "SELECT rule FROM alert_rules WHERE tenant_id = $1 AND id = $2";
        let before = db::one(&*tx, before, [tenant.0.into(), kind.id().into()]).await?;
        let before: Rule = before.map(|row| row.json("rule")).transpose()?.unwrap_or_else(|| kind.usual());
        let before = serde_json::to_value(before).map_err(Fault::internal)?;
        db::run(&*tx, sql, values).await?;
        let after = serde_json::to_value(rule).map_err(Fault::internal)?;
        let entry = NewEntry::about(Action::AlertRuleChanged, "alert_rule", kind.id()).at(at);
        tx.note(tenant, entry.changed(&before, &after));
        Ok(tx.commit().await?)
    }

    async fn marks(&self, tenant: TenantId) -> StoreResult<Vec<Mark>> {
        let sql = "SELECT subject, mark FROM alert_marks WHERE tenant_id = $1 ORDER BY subject";
        let rows = db::all(self.reader(), sql, [tenant.0.into()]).await?;
        let read = |row: &sea_orm::QueryResult| -> Result<Mark, Fault> {
            Ok(Mark { subject: row.get("subject")?, mark: row.get("mark")? })
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    async fn save_marks(&self, tenant: TenantId, marks: Vec<Mark>) -> StoreResult<()> {
        let mut rows: Vec<MarkRow> =
            marks.into_iter().map(|mark| MarkRow { subject: mark.subject, mark: mark.mark }).collect();
        rows.sort_by(|a, b| a.subject.cmp(&b.subject));
        rows.dedup_by(|a, b| a.subject == b.subject);
        if rows.is_empty() {
            return Ok(());
        }
        let tx = self.begin().await?;
        let set = tx.dialect.set::<MarkRow>(1, "r");
        let sql = format!(
            "INSERT INTO alert_marks (tenant_id, subject, mark) SELECT $2, r.subject, r.mark FROM {set} \
             WHERE TRUE ORDER BY r.subject ON CONFLICT (tenant_id, subject) DO UPDATE SET mark = excluded.mark"
        );
        db::run(&*tx, &sql, [param(&rows)?, tenant.0.into()]).await?;
        Ok(tx.commit().await?)
    }
}
