//! A rule as JSON.

use serde_json::{Map, Value, json};

use super::{Condition, Rule, TagTest, TextTest, TimeTest};

pub(super) fn rule(rule: &Rule) -> Value {
    let list = |rules: &[Rule]| Value::Array(rules.iter().map(self::rule).collect());
    match rule {
        Rule::All(rules) => json!({ "all": list(rules) }),
        Rule::Any(rules) => json!({ "any": list(rules) }),
        Rule::Not(inner) => json!({ "not": self::rule(inner) }),
        Rule::Is(condition) => self::condition(condition),
    }
}

fn condition(condition: &Condition) -> Value {
    let (field, (op, value)) = match condition {
        Condition::Text { field, test } => (field.name(), text(test)),
        Condition::Tags(test) => ("tags".to_owned(), tags(test)),
        Condition::Flag { flag, value } => (flag.name().to_owned(), ("is", Some(json!(value)))),
        Condition::Time { field, test } => (field.name().to_owned(), time(test)),
        Condition::Broadcast { id, outcome } => {
            ("broadcast".to_owned(), ("is", Some(json!({ "id": id, "outcome": outcome.name() }))))
        }
    };
    let mut members = Map::new();
    members.insert("field".to_owned(), field.into());
    members.insert("op".to_owned(), op.into());
    if let Some(value) = value {
        members.insert("value".to_owned(), value);
    }
    Value::Object(members)
}

fn text(test: &TextTest) -> (&'static str, Option<Value>) {
    match test {
        TextTest::Is(text) => ("is", Some(json!(text))),
        TextTest::IsNot(text) => ("is_not", Some(json!(text))),
        TextTest::In(texts) => ("in", Some(json!(texts))),
        TextTest::Contains(text) => ("contains", Some(json!(text))),
        TextTest::StartsWith(text) => ("starts_with", Some(json!(text))),
        TextTest::IsSet => ("is_set", None),
        TextTest::IsNotSet => ("is_not_set", None),
        TextTest::Greater(number) => ("greater", Some(self::number(*number))),
        TextTest::Less(number) => ("less", Some(self::number(*number))),
    }
}

/// Whole numbers without `.0`.
fn number(number: f64) -> Value {
    let exact = number.fract() == 0.0 && number.abs() < 9e15;
    if exact { json!(number as i64) } else { json!(number) }
}

fn tags(test: &TagTest) -> (&'static str, Option<Value>) {
    match test {
        TagTest::Has(tag) => ("has", Some(json!(tag))),
        TagTest::HasNot(tag) => ("has_not", Some(json!(tag))),
        TagTest::HasAny(tags) => ("has_any", Some(json!(tags))),
        TagTest::HasAll(tags) => ("has_all", Some(json!(tags))),
    }
}

fn time(test: &TimeTest) -> (&'static str, Option<Value>) {
    match test {
        TimeTest::Before(at) => ("before", Some(json!(at))),
        TimeTest::After(at) => ("after", Some(json!(at))),
        TimeTest::WithinDays(days) => ("within_days", Some(json!(days))),
        TimeTest::OlderThanDays(days) => ("older_than_days", Some(json!(days))),
        TimeTest::Never => ("never", None),
    }
}
