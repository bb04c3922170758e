//! What a broadcast sends, to whom, and when: written into stores as JSON, so it only ever grows.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::breaker::Limits;
use super::schedule::Schedule;
use crate::segments::Rule;
use crate::{ConnectionId, SegmentId};

/// A whole plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub template: TemplateChoice,
    /// Like `template_params` of a message; its texts may name what differs from recipient to recipient (see
    /// [`super::recipe`]).
    #[serde(default)]
    pub params: serde_json::Value,
    pub audience: Audience,
    /// The numbers to send from; empty: the tenant's default, as it is at the start.
    #[serde(default)]
    pub connections: Vec<ConnectionId>,
    #[serde(default)]
    pub schedule: Schedule,
    /// When it stops by itself.
    #[serde(default)]
    pub breaker: Limits,
}

/// Which template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateChoice {
    pub name: String,
    /// `None`: the contact's own language, where the template has it.
    #[serde(default)]
    pub language: Option<String>,
    /// For contacts whose own language the template does not have: the first of these that it has. Empty: the
    /// tenant's order.
    #[serde(default)]
    pub fallback: Vec<String>,
}

/// Who is meant, before anybody is left out for want of consent and the like: as it was asked for. A segment may change
/// until the broadcast starts, so its rule is not in here: see [`Meant`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audience {
    /// Only the rows of the uploaded list.
    #[serde(default)]
    pub list: bool,
    /// Only contacts for whom this holds, and besides the rule of the [segment](Audience::segment), if one was asked for.
    pub rule: Rule,
    /// What the client asked for, to be shown again: tags, segment and so on.
    #[serde(default)]
    pub asked: serde_json::Value,
}

impl Audience {
    /// The segment that was asked for: the member `segment_id` of [`asked`](Self::asked).
    pub fn segment(&self) -> Option<SegmentId> {
        self.asked.get("segment_id")?.as_i64().map(SegmentId)
    }

    /// Whom it means, with the rule of its segment as it is now. `None`: it names a segment, and there is no rule of it.
    pub fn meant(&self, segment: Option<Rule>) -> Option<Meant> {
        match (self.segment(), segment) {
            (None, _) => Some(Meant(self.rule.clone())),
            (Some(_), Some(segment)) => Some(Meant(Rule::All(vec![self.rule.clone(), segment]))),
            (Some(_), None) => None,
        }
    }
}

/// Whom a broadcast means, with nothing left to look up: nothing else can be frozen or counted. Only
/// [`Audience::meant`] makes one, so that the rule of a segment cannot be forgotten; it is kept as the rule's JSON from
/// the moment at which the broadcast starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Meant(Rule);

impl Meant {
    /// Everybody.
    pub fn everyone() -> Self {
        Self(Rule::everyone())
    }
}

impl Deref for Meant {
    type Target = Rule;

    fn deref(&self) -> &Rule {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::segments::{Condition, Flag, TagTest, TextField, TextTest};

    fn audience(rule: Rule, asked: serde_json::Value) -> Audience {
        Audience { list: false, rule, asked }
    }

    #[test]
    fn a_segment_whose_rule_is_not_there_means_nobody_rather_than_everybody() {
        let named = audience(Rule::everyone(), serde_json::json!({ "segment_id": 7 }));
        assert_eq!(named.meant(None), None);
        let vip = Rule::Is(Condition::Tags(TagTest::Has("vip".into())));
        let meant = named.meant(Some(vip.clone())).unwrap();
        assert_eq!(*meant, Rule::All(vec![Rule::everyone(), vip.clone()]));
        let own = audience(vip.clone(), serde_json::json!({ "tags": ["vip"] }));
        assert_eq!(own.meant(None).as_deref(), Some(&vip));
    }

    fn rules() -> impl Strategy<Value = Rule> {
        let word = || "[a-z\"%]{1,9}";
        let condition = prop_oneof![
            word().prop_map(|tag| Condition::Tags(TagTest::HasNot(tag))),
            vec(word(), 1..40).prop_map(|tags| Condition::Tags(TagTest::HasAll(tags))),
            (word(), word()).prop_map(|(name, value)| Condition::Text {
                field: TextField::Custom(name),
                test: TextTest::Contains(value)
            }),
            select(Flag::ALL.to_vec()).prop_map(|flag| Condition::Flag { flag, value: false }),
        ];
        condition.prop_map(Rule::Is).prop_recursive(10, 150, 12, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..12).prop_map(Rule::All),
                vec(inner.clone(), 1..12).prop_map(Rule::Any),
                inner.prop_map(|rule| Rule::Not(Box::new(rule))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_rule_that_was_accepted_is_read_back_whatever_it_was_put_into(own in rules(), segment in rules()) {
            let accepted = |rule: &Rule| Rule::read(&rule.to_json(), "", &mut Vec::new());
            prop_assume!(accepted(&own).is_some() && accepted(&segment).is_some());
            let asked = audience(Rule::All(vec![own]), serde_json::json!({ "segment_id": 7 }));
            let text = serde_json::to_string(&asked).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Audience>(&text).unwrap(), &asked);
            let meant = asked.meant(Some(segment)).unwrap();
            let text = serde_json::to_string(&meant).unwrap();
            prop_assert_eq!(serde_json::from_str::<Meant>(&text).unwrap(), meant);
        }
    }

    #[test]
    fn the_deepest_and_the_largest_rule_may_stand_beside_another() {
        let one = || Rule::Is(Condition::Flag { flag: Flag::OptedIn, value: true });
        let deep = (0..8).fold(one(), |rule, _| Rule::Not(Box::new(rule)));
        let large = Rule::All(vec![one(); 100]);
        for rule in [deep, large] {
            assert!(Rule::read(&rule.to_json(), "", &mut Vec::new()).is_some());
            let asked =
                audience(Rule::All(vec![one(), rule.clone()]), serde_json::json!({ "segment_id": 7 }));
            let meant = asked.meant(Some(rule)).unwrap();
            let text = serde_json::to_string(&meant).unwrap();
            assert_eq!(serde_json::from_str::<Meant>(&text).unwrap(), meant);
        }
    }
}
