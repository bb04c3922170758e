//! Random rules over what the random contacts hold.

use domain::segments::{Condition, Flag, Outcome, Rule, TagTest, TextField, TextTest, TimeField, TimeTest};
use domain::{BroadcastId, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::world::{BROADCASTS, COUNTRIES, FIELDS, TAGS, TEXTS, moments};

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    condition().prop_map(Rule::Is).prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Rule::All),
            vec(inner.clone(), 1..4).prop_map(Rule::Any),
            inner.prop_map(|rule| Rule::Not(Box::new(rule))),
        ]
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        4 => (words(), text_tests(value())).prop_map(|(field, test)| Condition::Text { field, test }),
        3 => (custom(), text_tests(value())).prop_map(|(field, test)| Condition::Text { field, test }),
        1 => (custom(), number_tests()).prop_map(|(field, test)| Condition::Text { field, test }),
        1 => text_tests(phones()).prop_map(|test| Condition::Text { field: TextField::Phone, test }),
        1 => text_tests(countries()).prop_map(|test| Condition::Text { field: TextField::Country, test }),
        2 => tag_tests().prop_map(Condition::Tags),
        2 => (select(Flag::ALL.to_vec()), any::<bool>()).prop_map(|(flag, value)| Condition::Flag { flag, value }),
        3 => (select(TimeField::ALL.to_vec()), time_tests())
            .prop_map(|(field, test)| Condition::Time { field, test }),
        2 => (select(BROADCASTS.to_vec()), select(Outcome::ALL.to_vec()))
            .prop_map(|(id, outcome)| Condition::Broadcast { id: BroadcastId(id), outcome }),
    ]
}

fn words() -> impl Strategy<Value = TextField> {
    use TextField::{Bsuid, Language, Name, TimeZone, Username};
    select(vec![Name, Username, Language, TimeZone, Bsuid])
}

fn custom() -> impl Strategy<Value = TextField> {
    select(FIELDS.to_vec()).prop_map(|name| TextField::Custom(name.to_owned()))
}

fn value() -> BoxedStrategy<String> {
    let parts = ["a", "A", "5", "%", "_", "!", "\"", "'", "l."];
    select([&TEXTS[..], &parts[..]].concat()).prop_map(str::to_owned).boxed()
}

fn phones() -> BoxedStrategy<String> {
    (1..150u32).prop_map(|number| format!("+1555{number:07}")).boxed()
}

fn countries() -> BoxedStrategy<String> {
    select(COUNTRIES.to_vec()).prop_map(str::to_owned).boxed()
}

fn text_tests(value: BoxedStrategy<String>) -> impl Strategy<Value = TextTest> {
    prop_oneof![
        value.clone().prop_map(TextTest::Is),
        value.clone().prop_map(TextTest::IsNot),
        vec(value.clone(), 1..5).prop_map(TextTest::In),
        value.clone().prop_map(TextTest::Contains),
        value.prop_map(TextTest::StartsWith),
        Just(TextTest::IsSet),
        Just(TextTest::IsNotSet),
    ]
}

fn number_tests() -> impl Strategy<Value = TextTest> {
    let numbers = || select(vec![-3.5, -3.4, 0.0, 7.0, 12.0, 12.5, 1e20]);
    prop_oneof![numbers().prop_map(TextTest::Greater), numbers().prop_map(TextTest::Less)]
}

fn tag_tests() -> impl Strategy<Value = TagTest> {
    let tag = || select(TAGS.to_vec()).prop_map(str::to_owned);
    prop_oneof![
        tag().prop_map(TagTest::Has),
        tag().prop_map(TagTest::HasNot),
        vec(tag(), 1..4).prop_map(TagTest::HasAny),
        vec(tag(), 1..3).prop_map(TagTest::HasAll),
    ]
}

fn time_tests() -> impl Strategy<Value = TimeTest> {
    let moment = || moments().prop_map(|micros| Timestamp::from_microsecond(micros).expect("in range"));
    let days = || select(vec![1u32, 7, 30]);
    prop_oneof![
        moment().prop_map(TimeTest::Before),
        moment().prop_map(TimeTest::After),
        days().prop_map(TimeTest::WithinDays),
        days().prop_map(TimeTest::OlderThanDays),
        Just(TimeTest::Never),
    ]
}
