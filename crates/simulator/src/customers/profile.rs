//! What `PUT /_sim/customers/{phone}` sets, and the book of all customers so set.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::UserKey;
use super::magic::{self, Deed};

const OTHER_WA_ID: &str = "15555559127";

/// How one customer behaves. What is not given follows the faults' odds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Customer {
    /// false: sends fail with 131026.
    pub(crate) on_whatsapp: Option<bool>,
    /// true, false or odds.
    pub(crate) reads: Option<Value>,
    /// false: messages stay at `sent`.
    pub(crate) delivered: Option<bool>,
    /// true, false, odds, a text, or a list of texts that are written one after the other.
    pub(crate) replies: Option<Value>,
    /// true, false or odds: taps the first button or list row.
    pub(crate) taps: Option<Value>,
    /// true, false or odds: answers STOP.
    pub(crate) stops: Option<Value>,
    /// Meta's code with which sends to this customer fail.
    pub(crate) failure: Option<i64>,
    /// `once` (refused) or `status` (accepted, then failed; the default).
    pub(crate) failure_at: Option<String>,
    /// How many sends fail before the customer is reachable again; for ever when unset.
    pub(crate) failures_left: Option<u32>,
    /// Milliseconds added to each status.
    pub(crate) slow_ms: Option<u64>,
    /// Business-scoped user id, instead of the one made from the number.
    pub(crate) bsuid: Option<String>,
    /// Username shown in webhooks.
    pub(crate) username: Option<String>,
    /// true: webhooks carry no number.
    pub(crate) hide_phone: bool,
    /// Profile name.
    pub(crate) name: Option<String>,
    /// The `wa_id` that Meta makes of the number, when it differs.
    pub(crate) wa_id: Option<String>,
    /// Identity key hash that `recipient_identity_key_hash` must equal when the number checks it.
    pub(crate) identity_hash: Option<String>,
}

#[derive(Default)]
pub(crate) struct Customers {
    set: RwLock<Book>,
}

#[derive(Default)]
struct Book {
    by_user: HashMap<UserKey, Arc<Customer>>,
    by_bsuid: HashMap<String, UserKey>,
    foreign: Vec<String>,
}

impl Customers {
    pub(crate) fn get(&self, user: UserKey) -> Option<Arc<Customer>> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).by_user.get(&user).cloned()
    }

    pub(crate) fn put(&self, user: UserKey, customer: Customer) {
        let mut book = self.set.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(bsuid) = &customer.bsuid {
            book.by_bsuid.insert(bsuid.clone(), user);
        }
        book.by_user.insert(user, Arc::new(customer));
    }

    /// Counts one planned failure down; true while there is one left.
    pub(crate) fn take_failure(&self, user: UserKey) -> bool {
        let mut book = self.set.write().unwrap_or_else(PoisonError::into_inner);
        let Some(customer) = book.by_user.get_mut(&user).map(Arc::make_mut) else { return false };
        match customer.failures_left.as_mut() {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// The customer behind a BSUID; an unknown one is remembered as a customer without a number.
    pub(crate) fn by_bsuid(&self, bsuid: &str) -> UserKey {
        if let Some(user) = self.known_bsuid(bsuid) {
            return user;
        }
        let mut book = self.set.write().unwrap_or_else(PoisonError::into_inner);
        let index = book.foreign.len() as u64;
        book.foreign.push(bsuid.into());
        let user = UserKey::foreign(index);
        book.by_bsuid.insert(bsuid.into(), user);
        user
    }

    fn known_bsuid(&self, bsuid: &str) -> Option<UserKey> {
        let book = self.set.read().unwrap_or_else(PoisonError::into_inner);
        book.by_bsuid.get(bsuid).copied().or_else(|| UserKey::from_derived(bsuid))
    }

    /// The BSUID of a customer.
    pub(crate) fn bsuid(&self, user: UserKey) -> String {
        let book = self.set.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = book.by_user.get(&user).and_then(|customer| customer.bsuid.clone()) {
            return own;
        }
        match user.foreign_index() {
            Some(index) => book.foreign.get(index as usize).cloned().unwrap_or_default(),
            None => user.derived_bsuid(),
        }
    }

    /// Whether webhooks leave this customer's number out.
    pub(crate) fn hides(&self, user: UserKey) -> bool {
        match self.get(user) {
            Some(customer) => customer.hide_phone,
            None => user.foreign_index().is_some() || magic::deed(user.number()) == Some(Deed::HidesPhone),
        }
    }

    /// The WhatsApp id in answers and webhooks; it may differ from the number, and a hidden one is absent.
    pub(crate) fn wa_id(&self, user: UserKey) -> Option<String> {
        if self.hides(user) {
            return None;
        }
        match self.get(user).and_then(|customer| customer.wa_id.clone()) {
            None if magic::deed(user.number()) == Some(Deed::OtherWaId) => Some(OTHER_WA_ID.into()),
            None => user.digits(),
            other => other,
        }
    }

    /// The profile as webhooks show it: a name, and a username when there is one.
    pub(crate) fn profile(&self, user: UserKey) -> Value {
        let customer = self.get(user);
        let name = customer.as_ref().and_then(|customer| customer.name.clone());
        let mut profile = serde_json::json!({"name": name.unwrap_or_else(|| default_name(user))});
        let hidden_by_magic = magic::deed(user.number()) == Some(Deed::HidesPhone);
        let username = customer.and_then(|customer| customer.username.clone());
        if let Some(username) = username.or_else(|| hidden_by_magic.then(|| "hidden.customer".into())) {
            profile["username"] = username.into();
        }
        profile
    }

    pub(crate) fn clear(&self) {
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Book::default();
    }
}

/// The customer named in a path: digits with or without +, or a BSUID.
pub(crate) fn named(customers: &Customers, name: &str) -> Option<UserKey> {
    let trimmed = name.trim();
    if trimmed.split_once('.').is_some_and(|(country, rest)| country.len() == 2 && !rest.is_empty()) {
        return Some(customers.by_bsuid(trimmed));
    }
    let digits: String = trimmed.chars().filter(char::is_ascii_digit).collect();
    let clean = trimmed.chars().all(|c| c.is_ascii_digit() || "+-() ".contains(c));
    if clean { UserKey::phone(&digits) } else { None }
}

fn default_name(user: UserKey) -> String {
    let names = ["Ana", "Ben", "Chidi", "Dalia", "Élodie", "Farid", "Grace", "Hiro", "Ines", "José"];
    let at = usize::try_from(user.number() % names.len() as u64).unwrap_or(0);
    names.get(at).copied().unwrap_or("Ana").to_owned()
}
