//! Bringing the templates up to what Meta lists.

use std::collections::{HashMap, HashSet};

use domain::audit::{Action, NewEntry};
use domain::templates::Status;
use domain::{TenantId, Timestamp};
use ports::templates::{NewTemplate, SyncCounts, Template};
use serde_json::json;

use super::row;
use crate::SqlStore;
use crate::audit::tell;
use crate::db::{self, Fault, Row, Tx, clean, micros};
use crate::dialect::As;
use crate::ids::{self, Kind};

/// What makes a listed template the same as a kept one.
const KEY: [(&str, As); 5] = [
    ("i", As::Int),
    ("waba_id", As::Text),
    ("meta_id", As::Text),
    ("name", As::Text),
    ("language", As::Text),
];

pub(super) async fn sync(
    store: &SqlStore,
    tenant: TenantId,
    listed: &[NewTemplate],
    at: Timestamp,
) -> Result<SyncCounts, Fault> {
    let listed = last_of_each(listed);
    let mut counts = SyncCounts::default();
    if listed.is_empty() {
        return Ok(counts);
    }
    let tx = store.begin().await?;
    let mut known = known(&tx, tenant, &listed).await?;
    let mut taken = HashSet::new();
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for (index, new) in listed.iter().enumerate() {
        match known.remove(&index).filter(|template| taken.insert(template.id)) {
            None => added.push(*new),
            Some(template) if is_equal(&template, new) => counts.unchanged += 1,
            Some(template) => changed.push((template, *new)),
        }
    }
    counts.updated = change(&tx, tenant, &changed, at).await?;
    counts.added = add(&tx, tenant, &added, at).await?;
    for (before, after) in &changed {
        let entry = NewEntry::about(Action::TemplateChanged, "template", before.id).at(at);
        tx.note(tenant, entry.changed(&tell::template(before), &tell::listed_template(after)));
    }
    if counts.added > 0 {
        let names: Vec<_> = added.iter().map(|new| tell::listed_template(new)).collect();
        tx.note(
            tenant,
            NewEntry::new(Action::TemplatesSynced, "templates").at(at).after(json!({ "added": names })),
        );
    }
    tx.commit().await?;
    Ok(counts)
}

/// Meta lists a name and language once; should a page repeat one, the last counts.
fn last_of_each(listed: &[NewTemplate]) -> Vec<&NewTemplate> {
    let mut places = HashMap::new();
    let mut last: Vec<&NewTemplate> = Vec::with_capacity(listed.len());
    for template in listed {
        let key = (&template.waba_id, &template.name, &template.language);
        match places.get(&key) {
            Some(place) => last[*place] = template,
            None => {
                places.insert(key, last.len());
                last.push(template);
            }
        }
    }
    last
}

/// The kept row of each listed template, locked: the one with Meta's id, else the one with the name; one that is not
/// `deleted` before one that is.
async fn known(
    tx: &Tx,
    tenant: TenantId,
    listed: &[&NewTemplate],
) -> Result<HashMap<usize, Template>, Fault> {
    let keys: Vec<_> = listed
        .iter()
        .enumerate()
        .map(|(i, new)| {
            json!({
                "i": i, "waba_id": new.waba_id, "meta_id": new.meta_id, "name": new.name, "language": new.language,
            })
        })
        .collect();
    let keys = db::to_json(&keys)?;
    let mut known: HashMap<usize, Template> = HashMap::new();
    let by_meta_id = "t.meta_id = r.meta_id AND t.waba_id = r.waba_id ORDER BY CASE WHEN t.status = 'deleted' \
                      THEN 1 ELSE 0 END, t.id DESC";
    let by_name = "t.name = r.name AND t.language = r.language AND t.waba_id = r.waba_id \
                   AND t.status <> 'deleted' ORDER BY t.id";
    for same in [by_meta_id, by_name] {
        let sql = format!(
            "SELECT r.i AS i, {} FROM {} CROSS JOIN templates t WHERE t.tenant_id = $1 AND {same}{}",
            row::COLUMNS,
            tx.dialect.rows(2, &KEY, "r"),
            tx.dialect.for_update("t")
        );
        for found in db::all(&**tx, &sql, [tenant.0.into(), keys.as_str().into()]).await? {
            let index = usize::try_from(found.get::<i64>("i")?).map_err(Fault::internal)?;
            let template = row::from_row(&found)?;
            match known.get(&index) {
                // A name that is in use again outranks the deleted row that once had Meta's id.
                Some(other) if other.status != Status::Deleted || template.status == Status::Deleted => {}
                _ => {
                    known.insert(index, template);
                }
            }
        }
    }
    Ok(known)
}

/// Whether taking over what Meta says would change nothing. What Meta left out stays as it is.
fn is_equal(kept: &Template, new: &NewTemplate) -> bool {
    kept.category == new.category
        && kept.status == new.status
        && kept.rejection_reason.as_deref() == new.rejection_reason.as_deref().map(clean).as_deref()
        && new.quality.as_ref().is_none_or(|quality| kept.quality.as_ref() == Some(quality))
        && new.meta_id.as_ref().is_none_or(|meta_id| kept.meta_id.as_ref() == Some(meta_id))
        && kept.parameter_format == new.parameter_format
        && kept.components == new.components
}

const FACTS: [(&str, As); 8] = [
    ("id", As::Int),
    ("category", As::Text),
    ("status", As::Text),
    ("rejection_reason", As::Text),
    ("quality", As::Text),
    ("meta_id", As::Text),
    ("parameter_format", As::Text),
    ("components", As::Text),
];

fn facts(id: i64, new: &NewTemplate) -> Result<serde_json::Value, Fault> {
    Ok(json!({
        "id": id,
        "category": new.category.as_str(),
        "status": new.status.as_str(),
        "rejection_reason": new.rejection_reason.as_deref().map(clean),
        "quality": new.quality,
        "meta_id": new.meta_id,
        "parameter_format": new.parameter_format.as_str(),
        "components": db::to_json(&new.components)?,
    }))
}

async fn change(
    tx: &Tx,
    tenant: TenantId,
    changed: &[(Template, &NewTemplate)],
    at: Timestamp,
) -> Result<u64, Fault> {
    if changed.is_empty() {
        return Ok(0);
    }
    let rows: Vec<_> = changed.iter().map(|(kept, new)| facts(kept.id.0, new)).collect::<Result<_, _>>()?;
    let sql = format!(
        "UPDATE templates SET category = r.category, status = r.status, rejection_reason = r.rejection_reason, \
         quality = COALESCE(r.quality, templates.quality), meta_id = COALESCE(r.meta_id, templates.meta_id), \
         parameter_format = r.parameter_format, components = r.components, version = templates.version + 1, \
         updated_at = $3 FROM {} WHERE templates.tenant_id = $1 AND templates.id = r.id",
        tx.dialect.rows(2, &FACTS, "r")
    );
    db::run(&**tx, &sql, [tenant.0.into(), db::to_json(&rows)?.into(), micros(at).into()]).await
}

async fn add(tx: &Tx, tenant: TenantId, added: &[&NewTemplate], at: Timestamp) -> Result<u64, Fault> {
    if added.is_empty() {
        return Ok(0);
    }
    let [mut fresh] = ids::take(tx, [(Kind::Template, added.len())]).await?;
    let mut rows = Vec::with_capacity(added.len());
    for new in added {
        let mut row = facts(fresh.next()?, new)?;
        row["waba_id"] = new.waba_id.as_str().into();
        row["name"] = new.name.as_str().into();
        row["language"] = new.language.as_str().into();
        row["param_names"] = db::to_json(&new.param_names)?.into();
        rows.push(row);
    }
    let mut columns = FACTS.to_vec();
    columns.extend(["waba_id", "name", "language", "param_names"].map(|column| (column, As::Text)));
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "INSERT INTO templates (tenant_id, version, created_at, updated_at, {}) SELECT $1, 1, $3, $3, r.{} FROM {}",
        names.join(", "),
        names.join(", r."),
        tx.dialect.rows(2, &columns, "r")
    );
    db::run(&**tx, &sql, [tenant.0.into(), db::to_json(&rows)?.into(), micros(at).into()]).await
}

/// A template that moved after `at`, when the reading of the list began, may have come too late for the list.
pub(super) async fn remove_missing(
    store: &SqlStore,
    tenant: TenantId,
    waba_id: &str,
    listed: &[String],
    at: Timestamp,
) -> Result<u64, Fault> {
    let rows: Vec<_> = listed.iter().map(|meta_id| json!({ "meta_id": meta_id })).collect();
    let tx = store.begin().await?;
    let sql = format!(
        "UPDATE templates SET status = 'deleted', version = version + 1, updated_at = $4 \
         WHERE tenant_id = $1 AND waba_id = $2 AND meta_id IS NOT NULL AND status <> 'deleted' AND updated_at <= $4 \
         AND meta_id NOT IN (SELECT r.meta_id FROM {} WHERE r.meta_id IS NOT NULL)",
        tx.dialect.rows(3, &[("meta_id", As::Text)], "r")
    );
    let values = [tenant.0.into(), waba_id.into(), db::to_json(&rows)?.into(), micros(at).into()];
    let removed = db::run(&*tx, &sql, values).await?;
    if removed > 0 {
        let entry = NewEntry::new(Action::TemplatesSynced, "templates").at(at);
        tx.note(tenant, entry.after(json!({ "waba_id": waba_id, "removed": removed })));
    }
    tx.commit().await?;
    Ok(removed)
}
