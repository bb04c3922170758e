//! Persons who were erased, or whose contact was deleted, and who come back: their opt-out holds.
//!
//! Only a no is kept. Whoever was erased while opted in has taken the consent back by asking for it, and starts like
//! anybody who is new; so does whoever was deleted. A claim of consent that comes with the contact (a list, a call
//! that makes the contact) may be older than the no and does not lift it; an opt-in of its own does.

use std::collections::HashMap;

use domain::consent::{ConsentKind, ConsentSource, ConsentState};
use domain::contacts::Identity;
use domain::{ContactId, ErasureId, TenantId, Timestamp};
use ports::contacts::Contact;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::key;
use super::remember::NO_ERASURE;
use crate::consent::{self, Entry};
use crate::db::{self, Fault, Row, Tx, micros};
use crate::dialect::Dialect;
use crate::secrets::Keyring;
use crate::sets::{param, set};

/// What is kept of a person who went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// What the consent was kept by; `None`: by the deletion of the contact.
    erasure: Option<ErasureId>,
    contact: ContactId,
    /// Before all times when the person was never erased.
    pub(crate) erased_at: Timestamp,
    opted_out_at: Option<Timestamp>,
    source: ConsentSource,
    marketing_stopped: bool,
}

impl Kept {
    /// How the person starts again.
    pub(crate) fn state(&self) -> ConsentState {
        ConsentState {
            opted_out_at: self.opted_out_at,
            marketing_stopped: self.marketing_stopped,
            ..ConsentState::default()
        }
    }

    /// The consent of a contact that was just made, with what is kept.
    pub(crate) fn apply_to(&self, given: &ConsentState) -> ConsentState {
        let marketing_stopped = self.marketing_stopped;
        if self.opted_out_at.is_some() {
            self.state()
        } else {
            ConsentState { marketing_stopped, ..given.clone() }
        }
    }

    /// The entry that says in the new contact's ledger where its opt-out comes from.
    pub(crate) fn entry(&self) -> Option<(ConsentKind, ConsentSource, Timestamp, Value)> {
        let evidence = match self.erasure {
            Some(erasure) => json!({ "kept_from_erasure": erasure }),
            None => json!({ "kept_from_deletion": self.contact }),
        };
        self.opted_out_at.map(|at| (ConsentKind::OptOut, self.source, at, evidence))
    }

    /// Of two names of one person: the one that said no.
    fn stricter(a: Self, b: Self) -> Self {
        let erased_at = a.erased_at.max(b.erased_at);
        let marketing_stopped = a.marketing_stopped || b.marketing_stopped;
        let stricter = if a.opted_out_at >= b.opted_out_at { a } else { b };
        Self { erased_at, marketing_stopped, ..stricter }
    }
}

/// What is kept of some identities.
#[derive(Debug, Default)]
pub(crate) struct Recalled(HashMap<String, Kept>);

impl Recalled {
    /// Of one of them.
    pub(crate) fn of(&self, identity: &Identity) -> Option<Kept> {
        let phone = identity.phone.as_ref().and_then(|phone| self.0.get(phone.as_str()));
        let bsuid = identity.bsuid.as_ref().and_then(|bsuid| self.0.get(bsuid));
        match (phone, bsuid) {
            (Some(phone), Some(bsuid)) => Some(Kept::stricter(phone.clone(), bsuid.clone())),
            (one, other) => one.or(other).cloned(),
        }
    }
}

set! {
    Hash {
        name: Text String,
        hash: Text String,
    }
}

/// Asks for identities that no contact has. Where nothing was ever kept that costs one read.
pub(crate) async fn recall(tx: &Tx, tenant: TenantId, identities: &[&Identity]) -> Result<Recalled, Fault> {
    recall_on(&**tx, tx.dialect, tx.keyring(), tenant, identities).await
}

/// The same, on whichever connection.
pub(super) async fn recall_on<C: ConnectionTrait>(
    on: &C,
    dialect: Dialect,
    keyring: &Keyring,
    tenant: TenantId,
    identities: &[&Identity],
) -> Result<Recalled, Fault> {
    if identities.is_empty() {
        return Ok(Recalled::default());
    }
    let Some(key) = key::find(on, keyring, tenant).await? else { return Ok(Recalled::default()) };
    let mut rows = Vec::with_capacity(identities.len());
    for identity in identities {
        if let Some(phone) = &identity.phone {
            rows.push(Hash { name: phone.as_str().to_owned(), hash: key.of_phone(phone.as_str()) });
        }
        if let Some(bsuid) = &identity.bsuid {
            rows.push(Hash { name: bsuid.clone(), hash: key.of_bsuid(bsuid) });
        }
    }
    let set = dialect.set::<Hash>(1, "r");
    // Of whoever came back after an erasure and was deleted then, the contact is not the one that was erased.
    let sql = format!(
        "SELECT r.name AS name, e.erasure_id AS erasure_id, x.id AS kept_by, e.contact_id AS contact_id, \
         e.erased_at AS erased_at, e.opted_out_at AS opted_out_at, e.opt_out_source AS opt_out_source, \
         e.marketing_stopped AS marketing_stopped FROM {set} CROSS JOIN erased_identities e \
         LEFT JOIN erasures x ON x.tenant_id = e.tenant_id AND x.id = e.erasure_id AND x.contact_id = e.contact_id \
         WHERE e.tenant_id = $2 AND e.hash = r.hash"
    );
    let mut recalled = HashMap::new();
    for row in db::all(on, &sql, [param(&rows)?, tenant.0.into()]).await? {
        let source = row.get::<Option<String>>("opt_out_source")?;
        let erased = row.get::<i64>("erasure_id")? != NO_ERASURE.0;
        let kept = Kept {
            erasure: row.get::<Option<i64>>("kept_by")?.map(ErasureId),
            contact: ContactId(row.get("contact_id")?),
            erased_at: if erased { row.time("erased_at")? } else { Timestamp::MIN },
            opted_out_at: row.time_opt("opted_out_at")?,
            source: source.and_then(|word| word.parse().ok()).unwrap_or(ConsentSource::Api),
            marketing_stopped: row.get("marketing_stopped")?,
        };
        recalled.insert(row.get("name")?, kept);
    }
    Ok(Recalled(recalled))
}

set! {
    Reinstated {
        id: Int i64,
        opted_out_at: Int Option<i64>,
        marketing_stopped: Bool bool,
    }
}

/// Gives contacts that were just made the consent that is kept of them; answers whose that is. To be called once their
/// rows are written: then an erasure that was under way is seen.
pub(crate) async fn reinstate(
    tx: &Tx,
    tenant: TenantId,
    made: &[(ContactId, &Identity)],
) -> Result<HashMap<ContactId, Kept>, Fault> {
    let identities: Vec<&Identity> = made.iter().map(|(_, identity)| *identity).collect();
    let recalled = recall(tx, tenant, &identities).await?;
    let kept: HashMap<ContactId, Kept> =
        made.iter().filter_map(|(id, identity)| Some((*id, recalled.of(identity)?))).collect();
    if kept.is_empty() {
        return Ok(kept);
    }
    let rows: Vec<Reinstated> = kept
        .iter()
        .map(|(id, kept)| Reinstated {
            id: id.0,
            opted_out_at: kept.opted_out_at.map(micros),
            marketing_stopped: kept.marketing_stopped,
        })
        .collect();
    let set = tx.dialect.set::<Reinstated>(1, "r");
    // An opt-in that came with the contact stands where the person had not said no.
    let sql = format!(
        "UPDATE contacts SET opted_in = CASE WHEN r.opted_out_at IS NULL THEN contacts.opted_in ELSE FALSE END, \
         opted_in_at = CASE WHEN r.opted_out_at IS NULL THEN contacts.opted_in_at ELSE NULL END, \
         opted_out_at = COALESCE(r.opted_out_at, contacts.opted_out_at), marketing_stopped = r.marketing_stopped \
         FROM {set} WHERE contacts.tenant_id = $2 AND contacts.id = r.id"
    );
    db::run(&**tx, &sql, [param(&rows)?, tenant.0.into()]).await?;
    let entries: Vec<_> = kept.iter().filter_map(|(id, kept)| Some((*id, kept.entry()?))).collect();
    let entries: Vec<Entry<'_>> = entries
        .iter()
        .map(|(contact, (kind, source, at, evidence))| Entry {
            contact: *contact,
            kind: *kind,
            source: *source,
            at: *at,
            evidence,
        })
        .collect();
    consent::append(tx, tenant, &entries).await?;
    Ok(kept)
}

/// A contact was given another number or user id: what is kept of it holds beside the contact's own consent.
pub(crate) async fn take_over(tx: &Tx, tenant: TenantId, contact: &mut Contact) -> Result<(), Fault> {
    let recalled = recall(tx, tenant, &[&contact.identity]).await?;
    let Some(kept) = recalled.of(&contact.identity) else { return Ok(()) };
    let merged = ConsentState::merge(&contact.consent, &kept.state());
    if merged == contact.consent {
        return Ok(());
    }
    contact.consent = merged;
    consent::save_state(tx, tenant, contact).await?;
    if let Some((kind, source, at, evidence)) = kept.entry() {
        let entry = Entry { contact: contact.id, kind, source, at, evidence: &evidence };
        consent::append(tx, tenant, &[entry]).await?;
    }
    Ok(())
}
