//! Segments: saved questions about contacts.

use domain::segments::{self as rules, Flag, TextField, TimeField};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::faults::Faults;
use crate::place::Place;
use crate::read::FromJson;

/// Which contacts are meant: nested `all`, `any`, `not`, and conditions `{field, op, value}`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rule(pub rules::Rule);

impl FromJson for Rule {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        let mut found = Vec::new();
        let rule = rules::Rule::read(&value, &place.to_string(), &mut found);
        for fault in found {
            faults.add_at(fault.pointer, fault.problem);
        }
        rule.map(Self)
    }
}

impl ToSchema for Rule {
    fn name() -> std::borrow::Cow<'static, str> {
        "Rule".into()
    }
}

impl PartialSchema for Rule {
    fn schema() -> RefOr<Schema> {
        let rule = || Ref::from_schema_name("Rule");
        let rules = || ArrayBuilder::new().items(rule());
        OneOfBuilder::new()
            .description(Some(format!(
                "Which contacts are meant. Groups nest up to {} deep; {} conditions at most. `{{\"all\": []}}` means \
                 everyone.",
                rules::limits::DEPTH,
                rules::limits::CONDITIONS
            )))
            .examples([example()])
            .item(group("all", rules().into(), "Every one of these holds."))
            .item(group("any", rules().min_items(Some(1)).into(), "One of these holds."))
            .item(group("not", rule().into(), "This does not hold."))
            .item(condition())
            .into()
    }
}

fn example() -> Value {
    json!({ "all": [
        { "field": "opted_in", "op": "is", "value": true },
        { "any": [
            { "field": "tags", "op": "has", "value": "vip" },
            { "field": "last_message_at", "op": "within_days", "value": 30 },
        ] },
        { "not": { "field": "broadcast", "op": "is", "value": { "id": 7, "outcome": "read" } } },
    ] })
}

/// An object whose members are all known.
fn closed(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(description))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn group(name: &str, of: RefOr<Schema>, description: &str) -> ObjectBuilder {
    closed(description).property(name, of).required(name)
}

fn condition() -> ObjectBuilder {
    let word = || ObjectBuilder::new().schema_type(Type::String);
    let value = ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(
        "A text; a list of texts (in, has_any, has_all); true or false; a number (greater, less); days (within_days, \
         older_than_days); a time (before, after); of a broadcast `{id, outcome}`; absent with is_set, is_not_set and \
         never.",
    ));
    closed("One question to a contact.")
        .property("field", word().description(Some(fields())).examples(["fields.city"]))
        .required("field")
        .property("op", word().enum_values(Some(OPS)))
        .required("op")
        .property("value", value)
}

const OPS: [&str; 18] = [
    "is",
    "is_not",
    "in",
    "contains",
    "starts_with",
    "is_set",
    "is_not_set",
    "greater",
    "less",
    "has",
    "has_not",
    "has_any",
    "has_all",
    "before",
    "after",
    "within_days",
    "older_than_days",
    "never",
];

/// Which questions go with which fields.
fn fields() -> String {
    let listed = |names: Vec<String>| names.join(", ");
    let texts = listed(TextField::BUILT_IN.iter().map(TextField::name).collect());
    let flags = listed(Flag::ALL.iter().map(|flag| flag.name().to_owned()).collect());
    let times = listed(TimeField::ALL.iter().map(|time| time.name().to_owned()).collect());
    format!(
        "{texts}: is, is_not, in, contains, starts_with, is_set, is_not_set. fields.NAME (a custom field): these and \
         greater, less. tags: has, has_not, has_any, has_all. {flags}: is. {times}: before, after, within_days, \
         older_than_days, never. broadcast: is, with an outcome of sent, delivered, read, replied, failed, not_read, \
         not_replied, not_sent."
    )
}

/// A saved question about contacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Segment {
    pub id: i64,
    pub name: String,
    pub rule: Rule,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

request! {
    /// A segment to be made; its name is unique.
    CreateSegment {
        name: String [1, 128],
        rule: Rule,
    }
}

request! {
    /// What to change; an absent member stays as it is.
    UpdateSegment {
        name: Option<String> [1, 128],
        rule: Option<Rule>,
    }
}

request! {
    /// A rule to be tried.
    CountSegment {
        rule: Rule,
    }
}

/// How many contacts answer to a rule, now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SegmentCount {
    pub count: u64,
    /// Those of them who are opted in.
    pub opted_in: u64,
    pub counted_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::read;

    #[test]
    fn the_faults_of_a_rule_have_their_places_in_the_body() {
        let body = json!({ "nmae": "x", "rule": { "any": [{ "field": "tags", "op": "is" }, 7] } });
        let faults = read::<CreateSegment>(body).expect_err("faults").into_vec();
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/rule/any/0/op", "/rule/any/1", "/nmae"]);
    }

    #[test]
    fn the_example_in_the_schema_is_a_rule_and_the_schema_names_every_field() {
        assert_eq!(serde_json::to_value(read::<Rule>(example()).unwrap()).unwrap(), example());
        let written = serde_json::to_value(Rule::schema()).unwrap();
        assert_eq!(written["oneOf"].as_array().unwrap().len(), 4);
        assert_eq!(written["oneOf"][2]["properties"]["not"]["$ref"], "#/components/schemas/Rule");
    }
}
