//! Entries of which something cannot be read any more.

use super::{Action, Link};
use crate::Timestamp;

/// An entry as it was found.
pub type Found = Result<Link, Box<Torn>>;

/// What is left of an entry that cannot be read: each field where it can.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Torn {
    pub seq: Option<i64>,
    pub at: Option<Timestamp>,
    /// Not always a word of [`ActorKind`](super::ActorKind).
    pub actor_kind: Option<String>,
    pub actor_id: Option<i64>,
    pub actor_name: Option<String>,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub action: Option<String>,
    pub subject: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub prev: Option<Vec<u8>>,
    pub hash: Option<Vec<u8>>,
    /// What is wrong, in words; at least one.
    pub problems: Vec<String>,
}

impl Link {
    /// What of the entry this version can make nothing of, in words; mostly nothing.
    pub fn problems(&self) -> Vec<String> {
        let entry = &self.entry;
        let action = entry.action.parse::<Action>().err();
        let json = |name: &str, text: &Option<String>| {
            let text = text.as_deref()?;
            let problem = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
            Some(format!("{name} is no JSON: {problem}"))
        };
        [action, json("before", &entry.before), json("after", &entry.after)].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Actor, Entry};
    use super::*;
    use crate::TenantId;

    #[test]
    fn what_nobody_can_make_anything_of_is_named() {
        let mut link = Link {
            entry: Entry {
                tenant_id: TenantId(1),
                seq: 1,
                at: Timestamp::UNIX_EPOCH,
                actor: Actor::system(),
                action: "settings_changed".into(),
                subject: "settings".into(),
                before: None,
                after: Some("{}".into()),
            },
            prev: vec![0; 32],
            hash: vec![1; 32],
        };
        assert!(link.problems().is_empty());
        link.entry.action = "settings_burnt".into();
        link.entry.before = Some("{\"a\":".into());
        let problems = link.problems();
        assert_eq!(problems[0], "\"settings_burnt\" is no action of the audit trail");
        assert!(problems[1].starts_with("before is no JSON: EOF"), "{problems:?}");
        assert_eq!(problems.len(), 2);
    }
}
