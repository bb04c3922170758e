//! The hashes that tie entries together.

use aws_lc_rs::hmac;

use super::Entry;
use crate::TenantId;

/// A hash of the chain: HMAC-SHA256.
pub type Hash = [u8; 32];

/// What the first entry follows.
pub const BEGINNING: Hash = [0; 32];

/// The key of one tenant's chain. Without it nobody can make a hash that fits.
#[derive(Clone)]
pub struct ChainKey(hmac::Key);

/// The end of a chain, with a MAC of its own, so that a shorter chain does not pass for a whole one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Of the last entry, and so how many there are; 0: none yet.
    pub seq: i64,
    /// Of the last entry.
    pub hash: Vec<u8>,
    pub mac: Vec<u8>,
}

impl ChainKey {
    /// Out of 32 random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The hash of an entry that follows `prev`.
    pub fn hash(&self, prev: &[u8], entry: &Entry) -> Hash {
        let mut text = Canonical(hmac::Context::with_key(&self.0));
        text.bytes(b"waxwing/audit/entry/1");
        text.bytes(prev);
        text.number(entry.seq);
        text.number(entry.tenant_id.0);
        text.number(entry.at.as_microsecond());
        text.bytes(entry.actor.kind.as_str().as_bytes());
        text.perhaps_number(entry.actor.id);
        text.perhaps(entry.actor.name.as_deref());
        text.perhaps(entry.actor.address.as_deref());
        text.perhaps(entry.actor.request_id.as_deref());
        text.bytes(entry.action.as_bytes());
        text.bytes(entry.subject.as_bytes());
        text.perhaps(entry.before.as_deref());
        text.perhaps(entry.after.as_deref());
        text.end()
    }

    /// The head of a chain that ends with this entry.
    pub fn head(&self, tenant: TenantId, seq: i64, hash: &[u8]) -> Head {
        let mut text = Canonical(hmac::Context::with_key(&self.0));
        text.bytes(b"waxwing/audit/head/1");
        text.number(tenant.0);
        text.number(seq);
        text.bytes(hash);
        Head { seq, hash: hash.to_vec(), mac: text.end().to_vec() }
    }

    /// Whether the head was made with this key, for this tenant, and is as it was made.
    pub fn made(&self, tenant: TenantId, head: &Head) -> bool {
        self.head(tenant, head.seq, &head.hash).mac == head.mac
    }
}

/// Fields one behind the other, each with its length before it, so that no two entries give the same bytes.
struct Canonical(hmac::Context);

impl Canonical {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn number(&mut self, number: i64) {
        self.0.update(&number.to_be_bytes());
    }

    fn perhaps(&mut self, text: Option<&str>) {
        self.0.update(&[u8::from(text.is_some())]);
        if let Some(text) = text {
            self.bytes(text.as_bytes());
        }
    }

    fn perhaps_number(&mut self, number: Option<i64>) {
        self.0.update(&[u8::from(number.is_some())]);
        if let Some(number) = number {
            self.number(number);
        }
    }

    fn end(self) -> Hash {
        let mut hash = BEGINNING;
        hash.copy_from_slice(self.0.sign().as_ref());
        hash
    }
}
