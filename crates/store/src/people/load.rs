//! Finding and locking.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::TenantId;
use domain::contacts::Identity;
use sea_orm::QueryResult;

use super::{People, Person};
use crate::contacts::row::{consent_from_row, identity_from_row, review_from_row};
use crate::db::{self, Fault, Row, Tx};
use crate::erasure::{self, Recalled};
use crate::sets::{SetRow, param, set};

const COLUMNS: &str = "c.id AS id, c.phone AS phone, c.bsuid AS bsuid, c.username AS username, c.name AS name, \
     c.opted_in AS opted_in, c.opted_in_at AS opted_in_at, c.opted_out_at AS opted_out_at, \
     c.marketing_stopped AS marketing_stopped, c.wrote_after_opt_out AS wrote_after_opt_out, \
     c.review_reason AS review_reason, c.review_code AS review_code, c.review_at AS review_at, \
     c.last_inbound_at AS last_inbound_at";

set! {
    Name { name: Text String }
}

set! {
    Number { id: Int i64 }
}

impl<'a> People<'a> {
    /// Nobody yet.
    pub(crate) fn none(tx: &'a Tx, tenant: TenantId) -> Self {
        Self {
            tx,
            tenant,
            list: Vec::new(),
            fresh: HashSet::new(),
            by_id: HashMap::new(),
            by_phone: HashMap::new(),
            by_bsuid: HashMap::new(),
            records: Vec::new(),
            recalled: Recalled::default(),
        }
    }

    /// Those of these identities who are known, locked in the order of their ids.
    pub(crate) async fn of_identities<'i>(
        tx: &'a Tx,
        tenant: TenantId,
        identities: impl Iterator<Item = &'i Identity> + Clone,
    ) -> Result<Self, Fault> {
        let mut people = Self::none(tx, tenant);
        let phones: BTreeSet<&str> = identities
            .clone()
            .filter_map(|identity| identity.phone.as_ref())
            .map(|phone| phone.as_str())
            .collect();
        let strangers = identities.clone();
        let bsuids: BTreeSet<&str> = identities.filter_map(|identity| identity.bsuid.as_deref()).collect();
        people.load("c.phone = r.name", &names(&phones)).await?;
        people.load("c.bsuid = r.name", &names(&bsuids)).await?;
        let strangers: Vec<&Identity> = strangers.filter(|identity| !people.knows(identity)).collect();
        people.recalled = erasure::recall(tx, tenant, &strangers).await?;
        Ok(people)
    }

    fn knows(&self, identity: &Identity) -> bool {
        identity.phone.as_ref().is_some_and(|phone| self.by_phone.contains_key(phone.as_str()))
            || identity.bsuid.as_ref().is_some_and(|bsuid| self.by_bsuid.contains_key(bsuid))
    }

    /// Those with these ids, locked in their order.
    pub(crate) async fn of_ids(tx: &'a Tx, tenant: TenantId, ids: &BTreeSet<i64>) -> Result<Self, Fault> {
        let mut people = Self::none(tx, tenant);
        let rows: Vec<Number> = ids.iter().map(|id| Number { id: *id }).collect();
        people.load("c.id = r.id", &rows).await?;
        Ok(people)
    }

    async fn load<R: SetRow>(&mut self, on: &str, rows: &[R]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let set = self.tx.dialect.set_in::<R>(1, "r", 2);
        let lock = self.tx.dialect.for_update("c");
        let sql = format!(
            "SELECT {COLUMNS} FROM {set} CROSS JOIN contacts c WHERE c.tenant_id = r.tenant AND {on} ORDER BY c.id{lock}"
        );
        for row in db::all(&**self.tx, &sql, [param(rows)?, self.tenant.0.into()]).await? {
            let person = person(&row)?;
            if person.id.is_none_or(|id| !self.by_id.contains_key(&id)) {
                self.add(person);
            }
        }
        Ok(())
    }
}

fn names(names: &BTreeSet<&str>) -> Vec<Name> {
    names.iter().map(|name| Name { name: (*name).to_owned() }).collect()
}

fn person(row: &QueryResult) -> Result<Person, Fault> {
    Ok(Person {
        id: Some(row.get("id")?),
        identity: identity_from_row(row)?,
        username: row.get("username")?,
        name: row.get("name")?,
        consent: consent_from_row(row)?,
        review: review_from_row(row)?,
        last_inbound_at: row.time_opt("last_inbound_at")?,
        changed: false,
    })
}
