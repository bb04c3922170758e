//! A segment's rule as SQL: a boolean expression over contacts as `c`, never NULL, so that `NOT` turns it round.
//!
//! What a client wrote reaches the statement as values alone. Threads and messages are asked by `EXISTS` with the
//! contact's id, one descent of an index per contact: a set of ids would have to fit into PostgreSQL's `work_mem`,
//! and is walked for every contact when it does not.

use domain::segments::{Condition, Flag, Outcome, Rule, TagTest, TextField, TextTest, TimeField, TimeTest};
use domain::{BroadcastId, SignedDuration, TenantId, Timestamp};
use sea_orm::Value;

use crate::db::{clean, micros};
use crate::dialect::Dialect;

/// `rule` as a boolean SQL expression over the alias `c` of contacts. Its values are pushed to `values` and numbered
/// `$n` from `values.len() + 1` on.
pub(crate) fn condition(
    rule: &Rule,
    tenant: TenantId,
    now: Timestamp,
    dialect: Dialect,
    values: &mut Vec<Value>,
) -> String {
    Compiler { tenant, now, dialect, values }.rule(rule)
}

/// So many tags are looked for one by one, which is quicker than to take every contact's tags apart.
const FEW: usize = 8;

struct Compiler<'v> {
    tenant: TenantId,
    now: Timestamp,
    dialect: Dialect,
    values: &'v mut Vec<Value>,
}

impl Compiler<'_> {
    /// Another value, and its name in the statement.
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn bind_text(&mut self, text: &str) -> String {
        self.bind(clean(text).into_owned())
    }

    fn bind_tenant(&mut self) -> String {
        self.bind(self.tenant.0)
    }

    /// The texts as a relation `t(value)`.
    fn bind_texts(&mut self, texts: &[String]) -> String {
        let texts: Vec<_> = texts.iter().map(|text| clean(text)).collect();
        let list = self.bind(serde_json::json!(texts).to_string());
        format!("(SELECT t.value FROM {})", self.dialect.elements(&list, "t"))
    }

    fn rule(&mut self, rule: &Rule) -> String {
        match rule {
            Rule::All(rules) => self.joined(rules, " AND ", "TRUE"),
            Rule::Any(rules) => self.joined(rules, " OR ", "FALSE"),
            Rule::Not(rule) => format!("(NOT {})", self.rule(rule)),
            Rule::Is(condition) => format!("({})", self.condition(condition)),
        }
    }

    fn joined(&mut self, rules: &[Rule], by: &str, none: &str) -> String {
        if rules.is_empty() {
            return none.to_owned();
        }
        let parts: Vec<String> = rules.iter().map(|rule| self.rule(rule)).collect();
        format!("({})", parts.join(by))
    }

    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Text { field, test } => {
                let text = self.text_field(field);
                self.text(&text, test)
            }
            Condition::Tags(test) => self.tags(test),
            Condition::Flag { flag, value } => {
                let flag = self.flag(*flag);
                if *value { flag } else { format!("NOT ({flag})") }
            }
            Condition::Time { field, test } => self.time(*field, *test),
            Condition::Broadcast { id, outcome } => self.broadcast(*id, *outcome),
        }
    }

    fn text_field(&mut self, field: &TextField) -> String {
        match field {
            TextField::Name => "c.name".to_owned(),
            TextField::Phone => "c.phone".to_owned(),
            TextField::Bsuid => "c.bsuid".to_owned(),
            TextField::Username => "c.username".to_owned(),
            TextField::Language => "c.language".to_owned(),
            TextField::Country => "c.country".to_owned(),
            TextField::TimeZone => "c.time_zone".to_owned(),
            TextField::Custom(name) => {
                let plain = self.dialect.is_plain_member(name);
                let name = self.bind_text(name);
                self.dialect.member("c.fields", &name, plain)
            }
        }
    }

    fn text(&mut self, text: &str, test: &TextTest) -> String {
        match test {
            TextTest::Is(wanted) => format!("COALESCE({text} = {}, FALSE)", self.bind_text(wanted)),
            TextTest::IsNot(wanted) => format!("COALESCE({text} <> {}, TRUE)", self.bind_text(wanted)),
            TextTest::In(wanted) => format!("COALESCE({text} IN {}, FALSE)", self.bind_texts(wanted)),
            TextTest::Contains(part) => self.like(text, format!("%{}%", pattern(part))),
            TextTest::StartsWith(part) => self.like(text, format!("{}%", pattern(part))),
            TextTest::IsSet => format!("COALESCE({text}, '') <> ''"),
            TextTest::IsNotSet => format!("COALESCE({text}, '') = ''"),
            TextTest::Greater(number) => self.number(text, ">", *number),
            TextTest::Less(number) => self.number(text, "<", *number),
        }
    }

    /// Whether `text` is like the pattern, which is in lower case; A to Z count as a to z.
    fn like(&mut self, text: &str, pattern: String) -> String {
        let pattern = self.bind(clean(&pattern).into_owned());
        format!("COALESCE({} LIKE {pattern} ESCAPE '!', FALSE)", self.dialect.ascii_lower(text))
    }

    /// Looks at the text in a subquery, because it is read out of JSON.
    fn number(&mut self, text: &str, than: &str, number: f64) -> String {
        let is_number = self.dialect.is_numeric_text("n.value");
        let number = self.bind(number);
        format!(
            "COALESCE((SELECT CASE WHEN {is_number} THEN CAST(n.value AS DOUBLE PRECISION) {than} {number} END \
             FROM (SELECT {text} AS value) AS n), FALSE)"
        )
    }

    fn tags(&mut self, test: &TagTest) -> String {
        match test {
            TagTest::Has(tag) => self.has(tag),
            TagTest::HasNot(tag) => format!("NOT ({})", self.has(tag)),
            TagTest::HasAny(tags) if tags.len() > FEW => self.listed(tags, Dialect::has_any),
            TagTest::HasAll(tags) if tags.len() > FEW => self.listed(tags, Dialect::has_all),
            TagTest::HasAny(tags) => self.has_each(tags, " OR "),
            TagTest::HasAll(tags) => self.has_each(tags, " AND "),
        }
    }

    /// Many tags are one value: an engine takes some ten thousand values of a statement.
    fn listed(&mut self, tags: &[String], ask: fn(Dialect, &str, &str) -> String) -> String {
        let tags: Vec<_> = tags.iter().map(|tag| clean(tag)).collect();
        let list = self.bind(serde_json::json!(tags).to_string());
        format!("c.tags <> '[]' AND {}", ask(self.dialect, "c.tags", &list))
    }

    fn has_each(&mut self, tags: &[String], by: &str) -> String {
        let each: Vec<String> = tags.iter().map(|tag| format!("({})", self.has(tag))).collect();
        each.join(by)
    }

    /// The tag as JSON stands somewhere in the text, and it is not a piece of two others: the first is quick and
    /// leaves few for the second.
    fn has(&mut self, tag: &str) -> String {
        let tag = clean(tag).into_owned();
        let quoted = self.bind(serde_json::json!(tag).to_string());
        let tag = self.bind(tag);
        let found = self.dialect.position("c.tags", &quoted);
        format!("{found} > 0 AND {tag} IN (SELECT t.value FROM {})", self.dialect.elements("c.tags", "t"))
    }

    fn flag(&mut self, flag: Flag) -> String {
        match flag {
            Flag::OptedIn => "c.opted_in".to_owned(),
            Flag::MarketingStopped => "c.marketing_stopped".to_owned(),
            Flag::NeedsReview => "c.review_at IS NOT NULL".to_owned(),
            Flag::WindowOpen => {
                let now = self.bind(micros(self.now));
                self.thread(&format!("v.window_expires_at > {now}"))
            }
        }
    }

    /// Whether one of the contact's threads is so.
    fn thread(&mut self, so: &str) -> String {
        let tenant = self.bind_tenant();
        format!(
            "EXISTS (SELECT 1 FROM conversations v WHERE v.tenant_id = {tenant} AND v.contact_id = c.id AND {so})"
        )
    }

    fn time(&mut self, field: TimeField, test: TimeTest) -> String {
        let column = match field {
            TimeField::CreatedAt => "c.created_at",
            TimeField::LastInboundAt => "c.last_inbound_at",
            TimeField::OptedInAt => "c.opted_in_at",
            TimeField::OptedOutAt => "c.opted_out_at",
            TimeField::LastMessageAt => return self.last_message(test),
        };
        match test {
            TimeTest::Before(at) => self.compared(column, "<", at),
            TimeTest::After(at) => self.compared(column, ">", at),
            TimeTest::WithinDays(days) => self.compared(column, ">=", self.days_ago(days)),
            TimeTest::OlderThanDays(days) => self.compared(column, "<", self.days_ago(days)),
            TimeTest::Never => format!("{column} IS NULL"),
        }
    }

    fn compared(&mut self, column: &str, how: &str, at: Timestamp) -> String {
        format!("COALESCE({column} {how} {}, FALSE)", self.bind(micros(at)))
    }

    /// The latest over all threads: one is later, or one is there and none is later.
    fn last_message(&mut self, test: TimeTest) -> String {
        match test {
            TimeTest::Never => format!("NOT {}", self.thread("v.last_message_at IS NOT NULL")),
            TimeTest::After(at) => self.message_since(">", at),
            TimeTest::WithinDays(days) => self.message_since(">=", self.days_ago(days)),
            TimeTest::Before(at) => self.no_message_since(at),
            TimeTest::OlderThanDays(days) => self.no_message_since(self.days_ago(days)),
        }
    }

    fn message_since(&mut self, how: &str, at: Timestamp) -> String {
        let at = self.bind(micros(at));
        self.thread(&format!("v.last_message_at {how} {at}"))
    }

    fn no_message_since(&mut self, at: Timestamp) -> String {
        let later = self.message_since(">=", at);
        format!("{} AND NOT {later}", self.thread("v.last_message_at IS NOT NULL"))
    }

    fn days_ago(&self, days: u32) -> Timestamp {
        let back = SignedDuration::from_hours(i64::from(days) * 24);
        self.now.checked_sub(back).unwrap_or(Timestamp::MIN)
    }

    fn broadcast(&mut self, id: BroadcastId, outcome: Outcome) -> String {
        match outcome {
            Outcome::Sent => self.message(id, "m.status IN ('sent', 'delivered', 'read')"),
            Outcome::Delivered => self.message(id, "m.status IN ('delivered', 'read')"),
            Outcome::Read => self.message(id, "m.status = 'read'"),
            Outcome::Failed => self.message(id, "m.status = 'failed'"),
            Outcome::NotRead => self.message(id, "m.status IN ('sent', 'delivered')"),
            Outcome::NotSent => format!("NOT {}", self.broadcast(id, Outcome::Sent)),
            Outcome::Replied => self.replied(id),
            Outcome::NotReplied => {
                format!("{} AND NOT ({})", self.broadcast(id, Outcome::Sent), self.replied(id))
            }
        }
    }

    fn message(&mut self, id: BroadcastId, so: &str) -> String {
        let (tenant, of) = (self.bind_tenant(), self.of_broadcast("m.broadcast_id", id));
        format!(
            "EXISTS (SELECT 1 FROM messages m WHERE m.tenant_id = {tenant} AND {of} \
             AND m.contact_id = c.id AND NOT m.superseded AND {so})"
        )
    }

    /// A recipient keeps the id that the contact had when it became one.
    fn replied(&mut self, id: BroadcastId) -> String {
        let (tenant, of) = (self.bind_tenant(), self.of_broadcast("r.broadcast_id", id));
        format!(
            "EXISTS (SELECT 1 FROM recipients r WHERE r.tenant_id = {tenant} AND {of} \
             AND r.id = c.id AND r.replied_at IS NOT NULL) \
             OR EXISTS (SELECT 1 FROM contacts o JOIN recipients r ON r.tenant_id = o.tenant_id AND r.id = o.id \
             WHERE o.tenant_id = {tenant} AND o.merged_into = c.id AND {of} \
             AND r.replied_at IS NOT NULL)"
        )
    }

    /// Whether a column names the broadcast or, when that recurs, one of its turns.
    fn of_broadcast(&mut self, column: &str, id: BroadcastId) -> String {
        let (tenant, id) = (self.bind_tenant(), self.bind(id.0));
        let ids = format!(
            "SELECT {id} UNION ALL SELECT y.id FROM broadcasts y WHERE y.tenant_id = {tenant} AND y.recurs_from = {id}"
        );
        self.dialect.is_one_found(column, &ids)
    }
}

/// For LIKE, where `!` escapes.
fn pattern(part: &str) -> String {
    let mut pattern = String::with_capacity(part.len());
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter.to_ascii_lowercase());
    }
    pattern
}
