//! Erasing a person: by what they are found in what was written down, and the receipt.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contacts::Identity;
use crate::{ContactId, ErasureId, TenantId};

/// The texts that tell who a person is, wherever they stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traces {
    /// The phone number without its plus, as Meta writes it.
    pub digits: Vec<String>,
    /// Business-scoped user ids.
    pub user_ids: Vec<String>,
    /// Names, notes: what else was written of the person, long enough to be theirs.
    pub words: Vec<String>,
}

/// Shorter words are found everywhere.
const SHORTEST_WORD: usize = 4;

impl Traces {
    /// Adds the names of an identity.
    pub fn add(&mut self, identity: &Identity) {
        if let Some(phone) = &identity.phone {
            self.digits.push(phone.as_str().trim_start_matches('+').to_owned());
        }
        self.user_ids.extend(identity.bsuid.clone());
    }

    /// Adds a text that was written of the person.
    pub fn add_word(&mut self, word: Option<&str>) {
        self.words.extend(word.map(str::trim).filter(|word| word.len() >= SHORTEST_WORD).map(str::to_owned));
    }

    /// What to look for with a plain search, which finds more than [`Traces::names`] does.
    pub fn needles(&self) -> impl Iterator<Item = &str> {
        self.digits.iter().chain(&self.user_ids).map(String::as_str)
    }

    /// Whether the text names the person: number or user id, not as a part of a longer one.
    pub fn names(&self, text: &str) -> bool {
        self.digits.iter().any(|digits| stands_in(text, digits, |letter| letter.is_ascii_digit()))
            || self.user_ids.iter().any(|id| stands_in(text, id, |letter| letter.is_ascii_alphanumeric()))
    }

    /// Takes out of a document what names the person: of each list the smallest members that do. True when something
    /// outside of lists still does: then the document as a whole is theirs.
    pub fn redact(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => self.names(text),
            Value::Number(number) => self.names(&number.to_string()),
            Value::Array(members) => {
                members.retain_mut(|member| !self.redact(member));
                false
            }
            Value::Object(members) => {
                let mut named = members.keys().any(|key| self.names(key));
                for member in members.values_mut() {
                    named |= self.redact(member);
                }
                named
            }
            Value::Null | Value::Bool(_) => false,
        }
    }
}

/// Whether `part` stands in the text with nothing of its own kind beside it.
fn stands_in(text: &str, part: &str, kind: impl Fn(char) -> bool) -> bool {
    !part.is_empty()
        && text.match_indices(part).any(|(start, _)| {
            !text[..start].chars().next_back().is_some_and(&kind)
                && !text[start + part.len()..].chars().next().is_some_and(&kind)
        })
}

/// What is kept of a person, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub what: String,
    pub why: String,
}

/// What an erasure did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub erasure_id: ErasureId,
    pub tenant_id: TenantId,
    /// The id that the person had; it means nobody any more.
    pub contact_id: ContactId,
    /// When the identity was taken away.
    pub at: Timestamp,
    /// When the last of it was removed.
    pub finished_at: Timestamp,
    /// Rows (and files) by kind.
    pub removed: BTreeMap<String, i64>,
    pub kept: Vec<Kept>,
}

impl Receipt {
    /// What its digest is over: the same for the same receipt, whatever the order of its members.
    pub fn text(&self) -> String {
        let kept: Vec<[&str; 2]> =
            self.kept.iter().map(|kept| [kept.what.as_str(), kept.why.as_str()]).collect();
        serde_json::json!([
            "waxwing erasure 1",
            self.erasure_id.0,
            self.tenant_id.0,
            self.contact_id.0,
            self.at.as_microsecond(),
            self.finished_at.as_microsecond(),
            self.removed.iter().collect::<Vec<_>>(),
            kept
        ])
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn traces() -> Traces {
        Traces {
            digits: vec!["15551234567".into()],
            user_ids: vec!["US.1349".into()],
            words: vec!["Pat Example".into()],
        }
    }

    #[test]
    fn a_number_within_a_longer_one_is_somebody_elses() {
        for text in ["15551234567", "+15551234567", "tel:15551234567;x", "from 15551234567."] {
            assert!(traces().names(text), "{text}");
        }
        for text in ["915551234567", "155512345678", "1555123456", "US.13490", "XUS.1349"] {
            assert!(!traces().names(text), "{text}");
        }
        assert!(traces().names("US.1349"));
    }

    #[test]
    fn the_persons_parts_of_a_webhook_go_and_those_of_others_stay() {
        let mut body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"value": {
            "metadata": {"phone_number_id": "2"},
            "contacts": [{"wa_id": "15551234567", "profile": {"name": "Pat"}}, {"wa_id": "15550000000"}],
            "messages": [{"from": "15551234567", "text": {"body": "a"}}, {"from": "15550000000", "text": {"body": "b"}}],
            "statuses": [{"id": "wamid.1", "recipient_id": "15551234567"}]
        }}]}]});
        assert!(!traces().redact(&mut body));
        let value = &body["entry"][0]["changes"][0]["value"];
        assert_eq!(value["contacts"], json!([{"wa_id": "15550000000"}]));
        assert_eq!(value["messages"], json!([{"from": "15550000000", "text": {"body": "b"}}]));
        assert_eq!(value["statuses"], json!([]));
        assert_eq!(value["metadata"]["phone_number_id"], "2");
    }

    #[test]
    fn a_document_that_names_the_person_outside_of_lists_is_theirs() {
        assert!(traces().redact(&mut json!({"from": "+15551234567"})));
        assert!(traces().redact(&mut json!({"US.1349": {}})));
        assert!(!traces().redact(&mut json!({"from": "+15550000000"})));
    }

    #[test]
    fn every_member_of_a_receipt_is_part_of_its_text() {
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let receipt = Receipt {
            erasure_id: ErasureId(1),
            tenant_id: TenantId(2),
            contact_id: ContactId(3),
            at,
            finished_at: at,
            removed: BTreeMap::from([("messages".to_owned(), 4)]),
            kept: vec![Kept { what: "a".into(), why: "b".into() }],
        };
        let later = at + jiff::SignedDuration::from_millis(1);
        let changed = [
            Receipt { erasure_id: ErasureId(9), ..receipt.clone() },
            Receipt { tenant_id: TenantId(9), ..receipt.clone() },
            Receipt { contact_id: ContactId(9), ..receipt.clone() },
            Receipt { at: later, ..receipt.clone() },
            Receipt { finished_at: later, ..receipt.clone() },
            Receipt { removed: BTreeMap::from([("messages".to_owned(), 5)]), ..receipt.clone() },
            Receipt { kept: vec![], ..receipt.clone() },
            Receipt { kept: vec![Kept { what: "ab".into(), why: String::new() }], ..receipt.clone() },
        ];
        for other in &changed {
            assert_ne!(other.text(), receipt.text(), "{other:?}");
        }
    }
}
