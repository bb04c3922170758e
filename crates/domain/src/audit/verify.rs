//! Whether a chain is whole.

use super::Link;
use super::chain::{BEGINNING, ChainKey, Head};
use crate::TenantId;

/// Places that are named; of more only their number is told.
const NAMED: usize = 100;

/// A place where the chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The entry; for what the head shows, the last one.
    pub seq: i64,
    pub what: What,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The entry cannot be read: a column holds what was never written there.
    Unreadable,
    /// The entry is not as it was sealed, or was not sealed by this server.
    Changed,
    /// The entry was sealed behind another one than the one that stands before it.
    Moved,
    /// An entry has this number already, or a later one was before it.
    Repeated,
    /// Entries before this one are missing.
    Missing,
    /// Entries behind this one are missing.
    Cut,
    /// Entries stand behind the end of the chain.
    Beyond,
    /// There is no head though there are entries, or a key.
    NoHead,
    /// The head is not as it was made.
    HeadChanged,
    /// There is no key to verify with, or it does not open.
    NoKey,
    /// It is not the chain that was seen before: rolled back, or made anew.
    RolledBack,
}

impl What {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Repeated => "repeated",
            Self::Missing => "missing",
            Self::Cut => "cut",
            Self::Beyond => "beyond",
            Self::NoHead => "no_head",
            Self::HeadChanged => "head_changed",
            Self::NoKey => "no_key",
            Self::RolledBack => "rolled_back",
        }
    }

    /// In words.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Unreadable => "The entry cannot be read.",
            Self::Changed => "The entry is not as it was sealed.",
            Self::Moved => "The entry was sealed behind another one than the one before it.",
            Self::Repeated => "The entry's number occurs twice.",
            Self::Missing => "Entries before this one were removed.",
            Self::Cut => "Entries behind this one were removed.",
            Self::Beyond => "Entries were added behind the end of the chain.",
            Self::NoHead => "The head of the chain was removed.",
            Self::HeadChanged => "The head of the chain was changed.",
            Self::NoKey => "The key of the chain is missing or does not open.",
            Self::RolledBack => {
                "The chain is not the one that was seen before: it was rolled back or made anew."
            }
        }
    }
}

/// The end of the chain as somebody noted it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub seq: i64,
    pub hash: Vec<u8>,
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Entries that were looked at.
    pub entries: u64,
    /// The end of the chain.
    pub head: Option<Head>,
    /// Places in the order of the chain, the first hundred.
    pub broken: Vec<Broken>,
    /// All of them.
    pub broken_total: u64,
    /// Entries that wait for their place in the chain.
    pub unsealed: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_valid(&self) -> bool {
        self.broken_total == 0
    }

    /// Notes one more broken place.
    pub fn note(&mut self, seq: i64, what: What) {
        self.broken_total += 1;
        if self.broken.len() < NAMED {
            self.broken.push(Broken { seq, what });
        }
    }
}

/// Walks along a chain, entry by entry, with constant memory.
pub struct Verifier {
    key: ChainKey,
    tenant: TenantId,
    known: Option<Known>,
    /// Of the entry before.
    seq: i64,
    hash: Vec<u8>,
    verdict: Verdict,
}

impl Verifier {
    /// Before the first entry.
    pub fn new(key: ChainKey, tenant: TenantId, known: Option<Known>) -> Self {
        Self { key, tenant, known, seq: 0, hash: BEGINNING.to_vec(), verdict: Verdict::default() }
    }

    /// The next entry, in the order of their numbers.
    pub fn link(&mut self, link: &Link) {
        self.verdict.entries += 1;
        let seq = link.entry.seq;
        let follows = seq == self.seq.saturating_add(1);
        if seq <= self.seq {
            self.verdict.note(seq, What::Repeated);
        } else if !follows {
            self.verdict.note(seq, What::Missing);
        }
        let is_ours = link.entry.tenant_id == self.tenant;
        if !is_ours || self.key.hash(&link.prev, &link.entry)[..] != link.hash {
            self.verdict.note(seq, What::Changed);
        } else if follows && link.prev != self.hash {
            self.verdict.note(seq, What::Moved);
        }
        if self.known.as_ref().is_some_and(|known| known.seq == seq && known.hash != link.hash) {
            self.verdict.note(seq, What::RolledBack);
        }
        self.seq = seq.max(self.seq);
        self.hash.clone_from(&link.hash);
    }

    /// The next entry cannot be read; `seq` is its number, when that can be.
    pub fn unreadable(&mut self, seq: Option<i64>) {
        let seq = seq.unwrap_or(self.seq.saturating_add(1));
        self.verdict.entries += 1;
        self.verdict.note(seq, What::Unreadable);
        self.seq = seq.max(self.seq);
        self.hash.clear();
    }

    /// Behind the last entry.
    pub fn end(mut self, head: Option<Head>) -> Verdict {
        let last = self.seq;
        match &head {
            None => self.verdict.note(last, What::NoHead),
            Some(head) if !self.key.made(self.tenant, head) => self.verdict.note(last, What::HeadChanged),
            Some(head) if head.seq > last => self.verdict.note(last, What::Cut),
            Some(head) if head.seq < last => self.verdict.note(last, What::Beyond),
            // An entry that is not as it was has been named already, when it is the last one.
            Some(head) if head.hash != self.hash && self.verdict.is_valid() => {
                self.verdict.note(last, What::HeadChanged);
            }
            Some(_) => {}
        }
        if self.known.as_ref().is_some_and(|known| known.seq > last) {
            self.verdict.note(last, What::RolledBack);
        }
        Verdict { head, ..self.verdict }
    }
}

/// Verifies a chain that is at hand.
pub fn verify<'a>(
    key: ChainKey,
    tenant: TenantId,
    links: impl IntoIterator<Item = &'a Link>,
    head: Option<Head>,
) -> Verdict {
    let mut verifier = Verifier::new(key, tenant, None);
    links.into_iter().for_each(|link| verifier.link(link));
    verifier.end(head)
}

#[cfg(test)]
mod tests;
