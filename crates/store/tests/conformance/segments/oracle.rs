//! What a rule means, worked out over people in memory: no SQL.

use domain::segments::{
    Condition, Flag, Outcome, Rule, TagTest, TextField, TextTest, TimeField, TimeTest, is_numeric_text,
};

use super::world::{Person, Tenant, now};

impl Tenant {
    pub(crate) fn holds(&self, rule: &Rule, person: &Person) -> bool {
        match rule {
            Rule::All(rules) => rules.iter().all(|rule| self.holds(rule, person)),
            Rule::Any(rules) => rules.iter().any(|rule| self.holds(rule, person)),
            Rule::Not(rule) => !self.holds(rule, person),
            Rule::Is(condition) => self.is(condition, person),
        }
    }

    fn is(&self, condition: &Condition, person: &Person) -> bool {
        match condition {
            Condition::Text { field, test } => text(text_of(person, field), test),
            Condition::Tags(test) => tags(&person.tags, test),
            Condition::Flag { flag, value } => flag_of(person, *flag) == *value,
            Condition::Time { field, test } => time(time_of(person, *field), *test),
            Condition::Broadcast { id, outcome } => self.outcome(person, id.0, *outcome),
        }
    }

    fn outcome(&self, person: &Person, broadcast: i64, outcome: Outcome) -> bool {
        let one_of = |statuses: &[&str]| {
            person
                .messages
                .iter()
                .any(|(of, status, superseded)| *of == broadcast && !superseded && statuses.contains(status))
        };
        let same = |other: &&Person| other.id == person.id || other.merged_into == Some(person.id);
        let replied = || self.people.iter().filter(same).any(|other| other.replies.contains(&broadcast));
        let sent = one_of(&["sent", "delivered", "read"]);
        match outcome {
            Outcome::Sent => sent,
            Outcome::Delivered => one_of(&["delivered", "read"]),
            Outcome::Read => one_of(&["read"]),
            Outcome::Failed => one_of(&["failed"]),
            Outcome::NotRead => one_of(&["sent", "delivered"]),
            Outcome::NotSent => !sent,
            Outcome::Replied => replied(),
            Outcome::NotReplied => sent && !replied(),
        }
    }
}

fn text_of<'p>(person: &'p Person, field: &TextField) -> Option<&'p str> {
    let [name, username, language, time_zone] = &person.texts;
    match field {
        TextField::Name => name.as_deref(),
        TextField::Username => username.as_deref(),
        TextField::Language => language.as_deref(),
        TextField::TimeZone => time_zone.as_deref(),
        TextField::Phone => person.phone.as_deref(),
        TextField::Bsuid => person.bsuid.as_deref(),
        TextField::Country => person.country.as_deref(),
        TextField::Custom(name) => person.fields.get(name).map(String::as_str),
    }
}

fn text(text: Option<&str>, test: &TextTest) -> bool {
    let lower = || text.map(str::to_ascii_lowercase);
    let number = || text.filter(|text| is_numeric_text(text)).and_then(|text| text.parse::<f64>().ok());
    match test {
        TextTest::Is(wanted) => text == Some(wanted.as_str()),
        TextTest::IsNot(wanted) => text != Some(wanted.as_str()),
        TextTest::In(wanted) => text.is_some_and(|text| wanted.iter().any(|one| one == text)),
        TextTest::Contains(part) => lower().is_some_and(|text| text.contains(&part.to_ascii_lowercase())),
        TextTest::StartsWith(part) => {
            lower().is_some_and(|text| text.starts_with(&part.to_ascii_lowercase()))
        }
        TextTest::IsSet => text.is_some_and(|text| !text.is_empty()),
        TextTest::IsNotSet => text.is_none_or(str::is_empty),
        TextTest::Greater(than) => number().is_some_and(|number| number > *than),
        TextTest::Less(than) => number().is_some_and(|number| number < *than),
    }
}

fn tags(tags: &[String], test: &TagTest) -> bool {
    match test {
        TagTest::Has(tag) => tags.contains(tag),
        TagTest::HasNot(tag) => !tags.contains(tag),
        TagTest::HasAny(wanted) => wanted.iter().any(|tag| tags.contains(tag)),
        TagTest::HasAll(wanted) => wanted.iter().all(|tag| tags.contains(tag)),
    }
}

fn flag_of(person: &Person, flag: Flag) -> bool {
    let [opted_in, marketing_stopped, review] = person.flags;
    match flag {
        Flag::OptedIn => opted_in,
        Flag::MarketingStopped => marketing_stopped,
        Flag::NeedsReview => review,
        Flag::WindowOpen => {
            let now = now().as_microsecond();
            person.threads.iter().any(|(window, _)| window.is_some_and(|end| end > now))
        }
    }
}

fn time_of(person: &Person, field: TimeField) -> Option<i64> {
    let [last_inbound_at, opted_in_at, opted_out_at] = person.times;
    match field {
        TimeField::CreatedAt => Some(person.created_at),
        TimeField::LastInboundAt => last_inbound_at,
        TimeField::OptedInAt => opted_in_at,
        TimeField::OptedOutAt => opted_out_at,
        TimeField::LastMessageAt => person.threads.iter().filter_map(|(_, last)| *last).max(),
    }
}

fn time(at: Option<i64>, test: TimeTest) -> bool {
    let ago = |days: u32| now().as_microsecond() - i64::from(days) * 86_400_000_000;
    match test {
        TimeTest::Never => at.is_none(),
        TimeTest::Before(limit) => at.is_some_and(|at| at < limit.as_microsecond()),
        TimeTest::After(limit) => at.is_some_and(|at| at > limit.as_microsecond()),
        TimeTest::WithinDays(days) => at.is_some_and(|at| at >= ago(days)),
        TimeTest::OlderThanDays(days) => at.is_some_and(|at| at < ago(days)),
    }
}
