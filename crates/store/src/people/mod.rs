//! The persons that a batch is about: found, locked, changed in memory in the order of the batch, and written back in
//! a few statements.

mod consequence;
mod join;
mod load;
mod save;

use std::collections::{HashMap, HashSet};

use domain::consent::{Change, ConsentKind, ConsentSource, ConsentState};
use domain::contacts::{Identity, Review};
use domain::{ContactId, TenantId, Timestamp};
use serde_json::Value;

use crate::db::{Fault, Tx};
use crate::erasure::{Kept, Recalled};

pub(crate) use consequence::{Consequence, apply_consequences};
pub(crate) use join::{change_identity, settle};

/// A contact, as far as a batch can change it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    /// `None` until a new one is saved.
    pub(crate) id: Option<i64>,
    pub(crate) identity: Identity,
    pub(crate) username: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) consent: ConsentState,
    pub(crate) review: Option<Review>,
    pub(crate) last_inbound_at: Option<Timestamp>,
    changed: bool,
}

/// An entry for the ledger.
struct Record {
    person: usize,
    kind: ConsentKind,
    source: ConsentSource,
    at: Timestamp,
    evidence: Value,
    before: ConsentState,
    after: ConsentState,
}

/// The persons of a batch.
pub(crate) struct People<'a> {
    tx: &'a Tx,
    tenant: TenantId,
    list: Vec<Person>,
    /// Those who have an id but no row yet.
    fresh: HashSet<usize>,
    by_id: HashMap<i64, usize>,
    by_phone: HashMap<String, usize>,
    by_bsuid: HashMap<String, usize>,
    records: Vec<Record>,
    /// What is kept of those who were erased.
    recalled: Recalled,
}

/// Two contacts that one identity names: they must be settled before the batch goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Two {
    pub(crate) by_phone: usize,
    pub(crate) by_bsuid: usize,
}

impl<'a> People<'a> {
    /// Who this is; a stranger is made. `Err`: the number is known as one contact and the user id as another.
    pub(crate) fn resolve(&mut self, identity: &Identity) -> Result<Result<usize, Two>, Fault> {
        if identity.is_empty() {
            return Err(Fault::internal("neither a phone number nor a user id tells who this is"));
        }
        let by_phone = identity.phone.as_ref().and_then(|phone| self.by_phone.get(phone.as_str()).copied());
        let by_bsuid = identity.bsuid.as_ref().and_then(|bsuid| self.by_bsuid.get(bsuid).copied());
        let index = match (by_phone, by_bsuid) {
            (Some(by_phone), Some(by_bsuid)) if by_phone != by_bsuid => {
                return Ok(Err(Two { by_phone, by_bsuid }));
            }
            (Some(index), _) | (None, Some(index)) => index,
            (None, None) => self.add_stranger(identity),
        };
        self.learn(index, identity);
        Ok(Ok(index))
    }

    /// The person with this id, if it was loaded.
    pub(crate) fn by_id(&self, id: i64) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// Takes over what an identity tells beyond what is known. The newest wins: a person may change the number, and
    /// gets another user id with it.
    fn learn(&mut self, index: usize, identity: &Identity) {
        let person = &mut self.list[index];
        if let Some(phone) =
            identity.phone.as_ref().filter(|phone| person.identity.phone.as_ref() != Some(phone))
        {
            person.identity.phone = Some(phone.clone());
            person.changed = true;
            self.by_phone.insert(phone.as_str().to_owned(), index);
        }
        if let Some(bsuid) =
            identity.bsuid.as_ref().filter(|bsuid| person.identity.bsuid.as_ref() != Some(bsuid))
        {
            person.identity.bsuid = Some(bsuid.clone());
            person.changed = true;
            self.by_bsuid.insert(bsuid.clone(), index);
        }
    }

    /// Somebody who is new; or was erased, then what is kept of the consent holds.
    fn add_stranger(&mut self, identity: &Identity) -> usize {
        let kept = self.recalled.of(identity);
        let consent = kept.as_ref().map(Kept::state).unwrap_or_default();
        let index = self.add(Person { identity: identity.clone(), consent, ..Person::default() });
        if let Some((kind, source, at, evidence)) = kept.and_then(|kept| kept.entry()) {
            let (before, after) = (ConsentState::default(), self.list[index].consent.clone());
            self.records.push(Record { person: index, kind, source, at, evidence, before, after });
        }
        index
    }

    /// Whether somebody wrote before they were erased: nobody is to hear of it any more.
    pub(crate) fn wrote_before_erasure(&self, identity: &Identity, at: Timestamp) -> bool {
        // WhatsApp's times are whole seconds.
        self.recalled.of(identity).is_some_and(|kept| at.as_second() <= kept.erased_at.as_second())
    }

    fn add(&mut self, person: Person) -> usize {
        let index = self.list.len();
        if let Some(phone) = &person.identity.phone {
            self.by_phone.insert(phone.as_str().to_owned(), index);
        }
        if let Some(bsuid) = &person.identity.bsuid {
            self.by_bsuid.insert(bsuid.clone(), index);
        }
        if let Some(id) = person.id {
            self.by_id.insert(id, index);
        }
        self.list.push(person);
        index
    }

    /// A person to look at.
    pub(crate) fn get(&self, index: usize) -> &Person {
        &self.list[index]
    }

    /// A person to change.
    pub(crate) fn change(&mut self, index: usize) -> &mut Person {
        let person = &mut self.list[index];
        person.changed = true;
        person
    }

    /// Applies a decision; only one that changes something goes into the ledger.
    pub(crate) fn decide(
        &mut self,
        index: usize,
        kind: ConsentKind,
        source: ConsentSource,
        at: Timestamp,
        evidence: Value,
    ) -> Change {
        let person = &mut self.list[index];
        let before = person.consent.clone();
        let change = person.consent.apply(kind, at);
        person.changed |= person.consent != before;
        if change.happened() {
            let after = person.consent.clone();
            self.records.push(Record { person: index, kind, source, at, evidence, before, after });
        }
        change
    }

    /// How many of them are new.
    pub(crate) fn strangers(&self) -> usize {
        self.list.iter().filter(|person| person.id.is_none()).count()
    }

    /// How many entries the ledger will get.
    pub(crate) fn decisions(&self) -> usize {
        self.records.len()
    }

    /// The contact's id for callers, once saved.
    pub(crate) fn contact(&self, index: usize) -> Result<ContactId, Fault> {
        self.list[index].id.map(ContactId).ok_or_else(|| Fault::internal("a new contact was not saved yet"))
    }
}
