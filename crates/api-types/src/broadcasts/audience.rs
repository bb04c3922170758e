//! Who is meant.

use domain::SegmentId;
use domain::segments::{Condition, Flag, Rule, TagTest, TextField, TextTest, TimeField, TimeTest, limits};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::faults::Faults;
use crate::place::Place;
use crate::read::{FromJson, kind_of};

request! {
    /// Who is meant, before anybody is left out for want of consent and the like. All conditions must hold; at least
    /// one member is needed (`{"all": true}` for everybody).
    #[derive(Default)]
    AudienceInput {
        /// Everybody whom the other members leave.
        #[serde(skip_serializing_if = "Option::is_none")]
        all: Option<bool>,
        /// Only rows of the list that is uploaded by `PUT …/list` or given as `recipients`.
        #[serde(skip_serializing_if = "Option::is_none")]
        list: Option<bool>,
        /// Only contacts of this segment, as it is when the broadcast starts.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<i64>)]
        segment_id: Option<SegmentId>,
        /// Only contacts for whom this rule holds, written like that of a segment.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Object>)]
        rule: Option<Map<String, Value>>,
        /// Has every one of these.
        #[serde(skip_serializing_if = "Option::is_none")]
        tags: Option<Vec<String>> [1, 64],
        /// Has at least one of these.
        #[serde(skip_serializing_if = "Option::is_none")]
        any_tags: Option<Vec<String>> [1, 64],
        /// Has none of these.
        #[serde(skip_serializing_if = "Option::is_none")]
        without_tags: Option<Vec<String>> [1, 64],
        #[serde(skip_serializing_if = "Option::is_none")]
        opted_in: Option<bool>,
        /// One of these languages, as the contact has it.
        #[serde(skip_serializing_if = "Option::is_none")]
        languages: Option<Vec<String>> [2, 20],
        /// One of these countries (two letters).
        #[serde(skip_serializing_if = "Option::is_none")]
        countries: Option<Vec<String>> [2, 2],
        /// Whether the 24-hour window of a conversation is open.
        #[serde(skip_serializing_if = "Option::is_none")]
        window_open: Option<bool>,
        /// When the latest message went to or came from the contact.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_message_days_ago: Option<DaysAgo>,
        /// When the contact wrote last.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_inbound_days_ago: Option<DaysAgo>,
        /// When the contact was made.
        #[serde(skip_serializing_if = "Option::is_none")]
        created_days_ago: Option<DaysAgo>,
    }
}

/// How many times 24 hours ago: a number is at most so many; an object names both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum DaysAgo {
    /// At most so many.
    #[schema(example = 30)]
    AtMost(u32),
    Between(DaysBetween),
}

request! {
    /// At least one of the two.
    #[derive(Copy, Eq)]
    DaysBetween {
        /// More than so many.
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<u32>,
        /// At most so many.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<u32>,
    }
}

impl FromJson for DaysAgo {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        let read = match value {
            Value::Number(_) => Self::AtMost(u32::from_json(value, place, faults)?),
            Value::Object(_) => Self::Between(DaysBetween::from_json(value, place, faults)?),
            other => {
                let problem = format!(
                    "must be a number of days or an object with min and max, not {}",
                    kind_of(&other)
                );
                faults.add(place, problem);
                return None;
            }
        };
        let days = read.ends();
        if days.iter().flatten().any(|days| !(1..=limits::DAYS).contains(days)) {
            faults.add(place, format!("must be whole days from 1 to {}", limits::DAYS));
        } else if days == [None, None] {
            faults.add(place, "needs min or max");
        } else if matches!(days, [Some(min), Some(max)] if min >= max) {
            faults.add(place, "must have a min below its max");
        } else {
            return Some(read);
        }
        None
    }
}

impl DaysAgo {
    /// More than, at most.
    fn ends(self) -> [Option<u32>; 2] {
        match self {
            Self::AtMost(days) => [None, Some(days)],
            Self::Between(DaysBetween { min, max }) => [min, max],
        }
    }

    fn conditions(self, field: TimeField) -> impl Iterator<Item = Rule> {
        let [min, max] = self.ends();
        let tests = [min.map(TimeTest::OlderThanDays), max.map(TimeTest::WithinDays)];
        tests.into_iter().flatten().map(move |test| Rule::Is(Condition::Time { field, test }))
    }
}

impl AudienceInput {
    /// What it says without its segment; faults are noted below `/audience`. `with_rows`: it is a list because rows came
    /// along.
    pub(super) fn rule(&self, with_rows: bool, faults: &mut Faults) -> Rule {
        if *self == Self::default() {
            faults.add_at("/audience", "must say who is meant; {\"all\": true} for everybody");
        }
        for (name, flag) in [("all", self.all), ("list", self.list)] {
            if flag == Some(false) {
                faults.add_at(format!("/audience/{name}"), "must be true, or left out");
            }
        }
        let narrower = [
            ("recipients", with_rows),
            ("list", self.list.is_some() && !with_rows),
            ("segment_id", self.segment_id.is_some()),
        ];
        let narrower: Vec<&str> = narrower.iter().filter(|(_, sent)| *sent).map(|(name, _)| *name).collect();
        if self.all.is_some() && !narrower.is_empty() {
            faults.add_at("/audience/all", format!("does not go together with {}", narrower.join(" and ")));
        }
        let mut rules = self.tests(faults);
        if let Some(rule) = &self.rule {
            let mut found = Vec::new();
            rules.extend(Rule::read(&Value::Object(rule.clone()), "/audience/rule", &mut found));
            for fault in found {
                faults.add_at(fault.pointer, fault.problem);
            }
            let together: usize = rules.iter().map(Rule::size).sum();
            if together > limits::CONDITIONS {
                let problem = format!(
                    "has, with the other members of the audience, {together} conditions; at most {} are allowed",
                    limits::CONDITIONS
                );
                faults.add_at("/audience/rule", problem);
            }
        }
        if rules.len() == 1 { rules.remove(0) } else { Rule::All(rules) }
    }

    fn tests(&self, faults: &mut Faults) -> Vec<Rule> {
        let mut rules = Vec::new();
        let trimmed = |tags: &[String]| tags.iter().map(|tag| tag.trim().to_owned()).collect::<Vec<_>>();
        let tags = |test| Rule::Is(Condition::Tags(test));
        if let Some(all) = listed("tags", self.tags.as_deref(), faults) {
            rules.push(tags(TagTest::HasAll(trimmed(all))));
        }
        if let Some(any) = listed("any_tags", self.any_tags.as_deref(), faults) {
            rules.push(tags(TagTest::HasAny(trimmed(any))));
        }
        if let Some(none) = listed("without_tags", self.without_tags.as_deref(), faults) {
            rules.push(Rule::Not(Box::new(tags(TagTest::HasAny(trimmed(none))))));
        }
        let text =
            |field, of: &[String]| Rule::Is(Condition::Text { field, test: TextTest::In(of.to_vec()) });
        if let Some(languages) = listed("languages", self.languages.as_deref(), faults) {
            rules.push(text(TextField::Language, languages));
        }
        if let Some(countries) = listed("countries", self.countries.as_deref(), faults) {
            let upper: Vec<String> = countries.iter().map(|country| country.to_ascii_uppercase()).collect();
            rules.push(text(TextField::Country, &upper));
        }
        for (flag, value) in [(Flag::OptedIn, self.opted_in), (Flag::WindowOpen, self.window_open)] {
            rules.extend(value.map(|value| Rule::Is(Condition::Flag { flag, value })));
        }
        for (field, days) in [
            (TimeField::LastMessageAt, self.last_message_days_ago),
            (TimeField::LastInboundAt, self.last_inbound_days_ago),
            (TimeField::CreatedAt, self.created_days_ago),
        ] {
            rules.extend(days.into_iter().flat_map(|days| days.conditions(field)));
        }
        rules
    }
}

/// A list with something in it.
fn listed<'l>(name: &str, list: Option<&'l [String]>, faults: &mut Faults) -> Option<&'l [String]> {
    let list = list?;
    if list.is_empty() || list.len() > limits::VALUES {
        let problem = format!("must have 1 to {} values, has {}", limits::VALUES, list.len());
        faults.add_at(format!("/audience/{name}"), problem);
        return None;
    }
    Some(list)
}
