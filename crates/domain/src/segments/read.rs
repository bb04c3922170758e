//! A rule out of JSON, with every fault at once.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Condition, Fault, Flag, Outcome, Rule, TagTest, TextField, TextTest, TimeField, TimeTest,
    is_numeric_text, limits,
};
use crate::BroadcastId;
use crate::phone::PhoneNumber;

/// How a rule is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// From somebody who writes it: within the limits.
    Written,
    /// From where it was kept: whatever was accepted once, and what was put around it since, is read back.
    Kept,
}

pub(super) fn rule(value: &Value, pointer: &str, how: As, faults: &mut Vec<Fault>) -> Option<Rule> {
    let before = faults.len();
    let limited = how == As::Written;
    let mut reader = Reader { faults, conditions: 0, limited };
    let rule = reader.rule(value, pointer, 0);
    if limited && reader.conditions > limits::CONDITIONS {
        let problem =
            format!("has {} conditions; at most {} are allowed", reader.conditions, limits::CONDITIONS);
        reader.fault(pointer, problem);
    }
    rule.filter(|_| faults.len() == before)
}

struct Reader<'f> {
    faults: &'f mut Vec<Fault>,
    /// So far; a group of none is one too.
    conditions: usize,
    limited: bool,
}

const GROUPS: [&str; 3] = ["all", "any", "not"];
const CONDITION: [&str; 3] = ["field", "op", "value"];

/// One condition with its places.
struct Asked<'v> {
    op: &'v str,
    op_at: String,
    value: Option<&'v Value>,
    value_at: String,
}

impl Reader<'_> {
    fn fault(&mut self, pointer: impl Into<String>, problem: impl Into<String>) {
        self.faults.push(Fault { pointer: pointer.into(), problem: problem.into() });
    }

    /// `depth`: groups around it.
    fn rule(&mut self, value: &Value, at: &str, depth: usize) -> Option<Rule> {
        let Value::Object(members) = value else {
            self.fault(at, format!("must be an object, not {}", kind_of(value)));
            return None;
        };
        let groups: Vec<&str> = GROUPS.into_iter().filter(|name| members.contains_key(*name)).collect();
        match groups[..] {
            [] if CONDITION.iter().any(|name| members.contains_key(*name)) => {
                self.only(members, at, &CONDITION);
                self.conditions += 1;
                self.condition(members, at).map(Rule::Is)
            }
            [] => {
                self.only(members, at, &[]);
                self.fault(at, "must have one of: all, any, not, field");
                None
            }
            [name] => {
                self.only(members, at, &[name]);
                self.group(name, &members[name], &format!("{at}/{name}"), depth + 1)
            }
            _ => {
                self.fault(at, format!("must have only one of: {}", groups.join(", ")));
                None
            }
        }
    }

    /// Names every member that does not belong here.
    fn only(&mut self, members: &Map<String, Value>, at: &str, known: &[&str]) {
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            self.fault(format!("{at}/{}", escaped(name)), "is not a known field");
        }
    }

    fn group(&mut self, name: &str, value: &Value, at: &str, depth: usize) -> Option<Rule> {
        if self.limited && depth > limits::DEPTH {
            self.fault(at, format!("is nested too deep; at most {} groups inside each other", limits::DEPTH));
            return None;
        }
        if name == "not" {
            return Some(Rule::Not(Box::new(self.rule(value, at, depth)?)));
        }
        let Value::Array(items) = value else {
            self.fault(at, format!("must be an array, not {}", kind_of(value)));
            return None;
        };
        if name == "any" && items.is_empty() {
            self.fault(at, "must not be empty: nobody would be meant");
            return None;
        }
        self.conditions += usize::from(items.is_empty());
        let rules: Vec<Option<Rule>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.rule(item, &format!("{at}/{index}"), depth))
            .collect();
        let rules: Vec<Rule> = rules.into_iter().collect::<Option<_>>()?;
        Some(if name == "all" { Rule::All(rules) } else { Rule::Any(rules) })
    }

    fn condition(&mut self, members: &Map<String, Value>, at: &str) -> Option<Condition> {
        let (field_at, op_at) = (format!("{at}/field"), format!("{at}/op"));
        let field = self.word(members, "field", &field_at);
        let op = self.word(members, "op", &op_at);
        let (field, op) = (field?, op?);
        let value = members.get("value").filter(|value| !value.is_null());
        let asked = Asked { op, op_at, value, value_at: format!("{at}/value") };
        if field == "tags" {
            return self.tags(&asked);
        }
        if field == "broadcast" {
            return self.broadcast(&asked);
        }
        if let Some(flag) = Flag::ALL.into_iter().find(|flag| flag.name() == field) {
            return self.flag(flag, &asked);
        }
        if let Some(time) = TimeField::ALL.into_iter().find(|time| time.name() == field) {
            return self.time(time, &asked);
        }
        let field = self.text_field(field, &field_at)?;
        let test = self.text(&field, &asked)?;
        Some(Condition::Text { field, test })
    }

    fn word<'v>(&mut self, members: &'v Map<String, Value>, name: &str, at: &str) -> Option<&'v str> {
        match members.get(name) {
            None | Some(Value::Null) => self.fault(at, "is missing"),
            Some(Value::String(word)) => return Some(word),
            Some(other) => self.fault(at, format!("must be a string, not {}", kind_of(other))),
        }
        None
    }

    fn text_field(&mut self, name: &str, at: &str) -> Option<TextField> {
        if let Some(name) = name.strip_prefix("fields.") {
            let name = self.bounded(name, at, limits::FIELD_NAME)?;
            return Some(TextField::Custom(name));
        }
        let found = TextField::BUILT_IN.into_iter().find(|field| field.name() == name);
        if found.is_none() {
            self.fault(at, format!("must be one of: {}", known_fields()));
        }
        found
    }

    fn text(&mut self, field: &TextField, asked: &Asked<'_>) -> Option<TextTest> {
        let custom = matches!(field, TextField::Custom(_));
        match asked.op {
            "is" => self.whole_text(field, asked).map(TextTest::Is),
            "is_not" => self.whole_text(field, asked).map(TextTest::IsNot),
            "in" => self.whole_texts(field, asked).map(TextTest::In),
            "contains" => self.one_text(asked).map(TextTest::Contains),
            "starts_with" => self.one_text(asked).map(TextTest::StartsWith),
            "is_set" => self.nothing(asked).map(|()| TextTest::IsSet),
            "is_not_set" => self.nothing(asked).map(|()| TextTest::IsNotSet),
            "greater" if custom => self.number(asked).map(TextTest::Greater),
            "less" if custom => self.number(asked).map(TextTest::Less),
            _ if custom => {
                self.no_op(asked, "is, is_not, in, contains, starts_with, is_set, is_not_set, greater, less")
            }
            _ => self.no_op(asked, "is, is_not, in, contains, starts_with, is_set, is_not_set"),
        }
    }

    fn tags(&mut self, asked: &Asked<'_>) -> Option<Condition> {
        let test = match asked.op {
            "has" => TagTest::Has(self.one_text(asked)?.trim().to_owned()),
            "has_not" => TagTest::HasNot(self.one_text(asked)?.trim().to_owned()),
            "has_any" => TagTest::HasAny(trimmed(self.texts(asked)?)),
            "has_all" => TagTest::HasAll(trimmed(self.texts(asked)?)),
            _ => return self.no_op(asked, "has, has_not, has_any, has_all"),
        };
        Some(Condition::Tags(test))
    }

    fn flag(&mut self, flag: Flag, asked: &Asked<'_>) -> Option<Condition> {
        if asked.op != "is" {
            return self.no_op(asked, "is");
        }
        match self.value(asked)? {
            Value::Bool(value) => Some(Condition::Flag { flag, value: *value }),
            other => {
                self.fault(&asked.value_at, format!("must be a boolean, not {}", kind_of(other)));
                None
            }
        }
    }

    fn time(&mut self, field: TimeField, asked: &Asked<'_>) -> Option<Condition> {
        let test = match asked.op {
            "before" => TimeTest::Before(self.moment(asked)?),
            "after" => TimeTest::After(self.moment(asked)?),
            "within_days" => TimeTest::WithinDays(self.days(asked)?),
            "older_than_days" => TimeTest::OlderThanDays(self.days(asked)?),
            "never" => self.nothing(asked).map(|()| TimeTest::Never)?,
            _ => return self.no_op(asked, "before, after, within_days, older_than_days, never"),
        };
        Some(Condition::Time { field, test })
    }

    fn broadcast(&mut self, asked: &Asked<'_>) -> Option<Condition> {
        if asked.op != "is" {
            return self.no_op(asked, "is");
        }
        let at = asked.value_at.as_str();
        let Value::Object(members) = self.value(asked)? else {
            self.fault(at, "must be an object such as {\"id\": 7, \"outcome\": \"read\"}");
            return None;
        };
        self.only(members, at, &["id", "outcome"]);
        let id = match members.get("id").and_then(Value::as_i64) {
            Some(id) if id > 0 => Some(BroadcastId(id)),
            _ => {
                self.fault(format!("{at}/id"), "must be the id of a broadcast");
                None
            }
        };
        let outcome_at = format!("{at}/outcome");
        let word = self.word(members, "outcome", &outcome_at)?;
        let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.name() == word);
        if outcome.is_none() {
            let words: Vec<&str> = Outcome::ALL.into_iter().map(Outcome::name).collect();
            self.fault(outcome_at, format!("must be one of: {}", words.join(", ")));
        }
        Some(Condition::Broadcast { id: id?, outcome: outcome? })
    }

    fn no_op<T>(&mut self, asked: &Asked<'_>, known: &str) -> Option<T> {
        self.fault(&asked.op_at, format!("must be one of: {known}"));
        None
    }

    fn value<'v>(&mut self, asked: &Asked<'v>) -> Option<&'v Value> {
        if asked.value.is_none() {
            self.fault(&asked.value_at, "is missing");
        }
        asked.value
    }

    fn nothing(&mut self, asked: &Asked<'_>) -> Option<()> {
        if asked.value.is_some() {
            self.fault(&asked.value_at, format!("must be left out with {}", asked.op));
            return None;
        }
        Some(())
    }

    fn one_text(&mut self, asked: &Asked<'_>) -> Option<String> {
        let value = self.value(asked)?;
        self.text_value(value, &asked.value_at)
    }

    fn texts(&mut self, asked: &Asked<'_>) -> Option<Vec<String>> {
        let Value::Array(items) = self.value(asked)? else {
            self.fault(&asked.value_at, "must be an array of strings");
            return None;
        };
        if items.is_empty() || (self.limited && items.len() > limits::VALUES) {
            let problem = format!("must have 1 to {} values, has {}", limits::VALUES, items.len());
            self.fault(&asked.value_at, problem);
            return None;
        }
        let texts: Vec<Option<String>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.text_value(item, &format!("{}/{index}", asked.value_at)))
            .collect();
        texts.into_iter().collect()
    }

    /// A text that is compared as a whole, in the form in which contacts keep it.
    fn whole_text(&mut self, field: &TextField, asked: &Asked<'_>) -> Option<String> {
        let text = self.one_text(asked)?;
        self.kept_form(field, text, &asked.value_at)
    }

    fn whole_texts(&mut self, field: &TextField, asked: &Asked<'_>) -> Option<Vec<String>> {
        let texts: Vec<Option<String>> = self
            .texts(asked)?
            .into_iter()
            .enumerate()
            .map(|(index, text)| self.kept_form(field, text, &format!("{}/{index}", asked.value_at)))
            .collect();
        texts.into_iter().collect()
    }

    fn kept_form(&mut self, field: &TextField, text: String, at: &str) -> Option<String> {
        match field {
            TextField::Phone => {
                let phone = PhoneNumber::from_e164(&text).or_else(|| PhoneNumber::parse(&text, None).ok());
                if phone.is_none() {
                    self.fault(at, "must be a phone number with + and country code");
                }
                phone.map(String::from)
            }
            TextField::Country => {
                let country = text.trim().to_ascii_uppercase();
                let fits = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
                if !fits {
                    self.fault(at, "must be a country as two letters, such as DE");
                }
                fits.then_some(country)
            }
            _ => Some(text),
        }
    }

    fn text_value(&mut self, value: &Value, at: &str) -> Option<String> {
        match value {
            Value::String(text) => self.bounded(text, at, limits::VALUE),
            other => {
                self.fault(at, format!("must be a string, not {}", kind_of(other)));
                None
            }
        }
    }

    fn bounded(&mut self, text: &str, at: &str, longest: usize) -> Option<String> {
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.fault(at, "must not be empty");
        } else if text.contains('\0') {
            self.fault(at, "must not contain the character U+0000");
        } else if self.limited && length > longest {
            self.fault(at, format!("must have at most {longest} characters, not {length}"));
        } else {
            return Some(text.to_owned());
        }
        None
    }

    fn number(&mut self, asked: &Asked<'_>) -> Option<f64> {
        let number = match self.value(asked)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if is_numeric_text(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.fault(&asked.value_at, "must be a number");
        }
        number
    }

    fn days(&mut self, asked: &Asked<'_>) -> Option<u32> {
        let days = self.value(asked)?.as_u64().and_then(|days| u32::try_from(days).ok());
        let days = days.filter(|days| *days >= 1 && (!self.limited || *days <= limits::DAYS));
        if days.is_none() {
            self.fault(&asked.value_at, format!("must be a whole number of days from 1 to {}", limits::DAYS));
        }
        days
    }

    fn moment(&mut self, asked: &Asked<'_>) -> Option<Timestamp> {
        let moment = self.value(asked)?.as_str().and_then(|text| text.parse().ok());
        if moment.is_none() {
            self.fault(&asked.value_at, "must be a time such as 2026-05-22T10:00:00Z (RFC 3339)");
        }
        moment
    }
}

fn known_fields() -> String {
    let texts = TextField::BUILT_IN.iter().map(TextField::name);
    let flags = Flag::ALL.iter().map(|flag| flag.name().to_owned());
    let times = TimeField::ALL.iter().map(|time| time.name().to_owned());
    let rest = ["tags", "broadcast", "fields.NAME"].map(str::to_owned);
    texts.chain(flags).chain(times).chain(rest).collect::<Vec<_>>().join(", ")
}

fn trimmed(tags: Vec<String>) -> Vec<String> {
    tags.into_iter().map(|tag| tag.trim().to_owned()).collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
