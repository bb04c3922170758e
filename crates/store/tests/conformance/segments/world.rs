//! Random contacts of two tenants who share their ids, with threads and past broadcasts: kept here and in the store.

use std::collections::BTreeMap;

use domain::{ContactId, TenantId, Timestamp};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement, TransactionTrait, Value};

use crate::support::{Bench, at};

pub(crate) const TEXTS: [&str; 22] = [
    "Ada", "ada", "ADA L.", "50%", "50_", "5!0", "50x", "a\"b", "it's", "'; --", "$1", "?", "Ä", "ä", "12",
    "-3.5", "007", "12.50", "1e5", "12,5", "\\", "*",
];
pub(crate) const ODD_TEXTS: [&str; 6] = ["", " 12", "-", "1.2.3", "--1", "9999999999999999999999999999999"];
pub(crate) const FIELDS: [&str; 11] =
    ["city", "a b", "a\"b", "$x", "[0]", "x.y", "a\\b", "ünï", "0", "it's", "$.city"];
pub(crate) const TAGS: [&str; 10] = ["vip", "v", ",", "\"", "a\"b", "x'", "\\", "ä", "$2", "vip,new"];
pub(crate) const COUNTRIES: [&str; 3] = ["DE", "US", "BR"];
pub(crate) const BROADCASTS: [i64; 2] = [7, 8];
const STATUSES: [&str; 7] = ["queued", "sending", "sent", "delivered", "read", "failed", "in_doubt"];

/// When every rule is asked.
pub(crate) fn now() -> Timestamp {
    at(0)
}

/// Moments on both sides of what rules ask for, and on it.
pub(crate) fn moments() -> impl Strategy<Value = i64> {
    (select(vec![0, 1, 7, 30]), -1..=1i64)
        .prop_map(|(days, off)| now().as_microsecond() - days * 86_400_000_000 + off)
}

#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: i64,
    /// name, username, language, time zone
    pub(crate) texts: [Option<String>; 4],
    pub(crate) phone: Option<String>,
    pub(crate) bsuid: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) tags: Vec<String>,
    /// opted in, marketing stopped, needs review
    pub(crate) flags: [bool; 3],
    /// last inbound, opted in, opted out
    pub(crate) times: [Option<i64>; 3],
    pub(crate) created_at: i64,
    pub(crate) merged_into: Option<i64>,
    /// end of the window, last message
    pub(crate) threads: Vec<(Option<i64>, Option<i64>)>,
    /// broadcast, status, superseded
    pub(crate) messages: Vec<(i64, &'static str, bool)>,
    /// broadcasts after which the contact wrote
    pub(crate) replies: Vec<i64>,
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![6 => select(TEXTS.to_vec()), 1 => select(ODD_TEXTS.to_vec())].prop_map(str::to_owned)
}

fn person() -> impl Strategy<Value = Person> {
    let known = (any::<bool>(), any::<bool>(), option::of(select(COUNTRIES.to_vec())));
    let kept = (
        btree_map(select(FIELDS.to_vec()).prop_map(str::to_owned), texts(), 0..6),
        subsequence(TAGS.to_vec(), 0..5),
        any::<[bool; 3]>(),
        [option::of(moments()), option::of(moments()), option::of(moments())],
        moments(),
    );
    let past = (
        option::weighted(0.1, 1..5i64),
        vec((option::of(moments()), option::of(moments())), 0..3),
        vec((select(BROADCASTS.to_vec()), select(STATUSES.to_vec()), any::<bool>()), 0..3),
        subsequence(BROADCASTS.to_vec(), 0..=2),
    );
    let words = [option::of(texts()), option::of(texts()), option::of(texts()), option::of(texts())];
    (words, known, kept, past).prop_map(|(texts, known, kept, past)| Person {
        id: 0,
        texts,
        phone: known.0.then(String::new),
        bsuid: known.1.then(String::new),
        country: known.2.map(str::to_owned),
        fields: kept.0,
        tags: kept.1.into_iter().map(str::to_owned).collect(),
        flags: kept.2,
        times: kept.3,
        created_at: kept.4,
        merged_into: past.0,
        threads: past.1,
        messages: past.2,
        replies: past.3,
    })
}

pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) people: Vec<Person>,
}

impl Tenant {
    /// Whom a rule means, by the evaluator.
    pub(crate) fn meant_by(&self, rule: &domain::segments::Rule) -> Vec<ContactId> {
        let meant = |person: &&Person| person.merged_into.is_none() && self.holds(rule, person);
        self.people.iter().filter(meant).map(|person| ContactId(person.id)).collect()
    }
}

pub(crate) struct World {
    pub(crate) tenants: Vec<Tenant>,
}

impl World {
    /// Two tenants with so many contacts each.
    pub(crate) async fn random(bench: &Bench, count: usize) -> Self {
        let mut runner = TestRunner::deterministic();
        let url =
            if bench.is_postgres() { bench.url().to_owned() } else { format!("sqlite://{}", bench.url()) };
        let database = Database::connect(url).await.unwrap();
        let mut tenants = Vec::new();
        for _ in 0..2 {
            let id = bench.tenant().await;
            let people = vec(person(), count).new_tree(&mut runner).unwrap().current();
            let people = people.into_iter().zip(1..).map(|(person, id)| named(person, id)).collect();
            let tenant = Tenant { id, people };
            write(&database, &tenant).await;
            tenants.push(tenant);
        }
        database.close().await.unwrap();
        Self { tenants }
    }
}

/// Gives a person an id and what follows from it. Only those after the first four are merged, into one of these, and
/// have nothing left but their place in broadcasts.
fn named(mut person: Person, id: i64) -> Person {
    person.id = id;
    person.merged_into = person.merged_into.filter(|_| id > 4);
    if person.merged_into.is_some() {
        (person.phone, person.bsuid, person.country) = (None, None, None);
        person.threads.clear();
        person.messages.clear();
    }
    person.phone = person.phone.map(|_| format!("+1555{id:07}"));
    person.bsuid = person.bsuid.map(|_| format!("US.{id}"));
    person
}

async fn write(database: &DatabaseConnection, tenant: &Tenant) {
    let tx = database.begin().await.unwrap();
    for person in &tenant.people {
        let mut insert = Insert { tx: &tx, tenant: tenant.id.0 };
        insert.contact(person).await;
        for (index, (window, last)) in (1..).zip(&person.threads) {
            insert.thread(person.id, index, *window, *last).await;
        }
        for (index, (broadcast, status, superseded)) in (1..).zip(&person.messages) {
            insert.message(person.id, index, *broadcast, status, *superseded).await;
        }
        for broadcast in &BROADCASTS {
            let replied = person.replies.contains(broadcast).then(|| now().as_microsecond());
            insert.recipient(person.id, *broadcast, replied).await;
        }
    }
    tx.commit().await.unwrap();
}

struct Insert<'t> {
    tx: &'t sea_orm::DatabaseTransaction,
    tenant: i64,
}

impl Insert<'_> {
    async fn row(&mut self, table: &str, columns: Vec<(&str, Value)>) {
        let (mut names, mut values) = (vec!["tenant_id"], vec![Value::from(self.tenant)]);
        for (name, value) in columns {
            names.push(name);
            values.push(value);
        }
        let places: Vec<String> = (1..=values.len()).map(|number| format!("${number}")).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), places.join(", "));
        let statement = Statement::from_sql_and_values(self.tx.get_database_backend(), sql, values);
        self.tx.execute_raw(statement).await.unwrap();
    }

    async fn contact(&mut self, person: &Person) {
        let [name, username, language, time_zone] = person.texts.clone();
        let [opted_in, marketing_stopped, review] = person.flags;
        let [last_inbound_at, opted_in_at, opted_out_at] = person.times;
        let columns = vec![
            ("id", person.id.into()),
            ("phone", person.phone.clone().into()),
            ("bsuid", person.bsuid.clone().into()),
            ("name", name.into()),
            ("username", username.into()),
            ("language", language.into()),
            ("time_zone", time_zone.into()),
            ("country", person.country.clone().into()),
            ("tags", serde_json::to_string(&person.tags).unwrap().into()),
            ("fields", serde_json::to_string(&person.fields).unwrap().into()),
            ("search", "".into()),
            ("opted_in", opted_in.into()),
            ("marketing_stopped", marketing_stopped.into()),
            ("wrote_after_opt_out", false.into()),
            ("review_at", review.then_some(1i64).into()),
            ("last_inbound_at", last_inbound_at.into()),
            ("opted_in_at", opted_in_at.into()),
            ("opted_out_at", opted_out_at.into()),
            ("merged_into", person.merged_into.into()),
            ("created_at", person.created_at.into()),
            ("updated_at", person.created_at.into()),
        ];
        self.row("contacts", columns).await;
    }

    async fn thread(&mut self, contact: i64, index: i64, window: Option<i64>, last: Option<i64>) {
        let columns = vec![
            ("id", (contact * 10 + index).into()),
            ("contact_id", contact.into()),
            ("connection_id", index.into()),
            ("status", "open".into()),
            ("labels", "[]".into()),
            ("window_expires_at", window.into()),
            ("last_message_at", last.into()),
            ("unread", 0i64.into()),
            ("pair_throttles", 0i64.into()),
            ("created_at", 0i64.into()),
        ];
        self.row("conversations", columns).await;
    }

    async fn message(&mut self, contact: i64, index: i64, broadcast: i64, status: &str, superseded: bool) {
        let columns = vec![
            ("id", (contact * 10 + index).into()),
            ("contact_id", contact.into()),
            ("connection_id", 1i64.into()),
            ("direction", "outbound".into()),
            ("status", status.into()),
            ("priority", 2i64.into()),
            ("content", "{}".into()),
            ("attempts", 1i64.into()),
            ("created_at", 0i64.into()),
            ("broadcast_id", broadcast.into()),
            ("superseded", superseded.into()),
        ];
        self.row("messages", columns).await;
    }

    async fn recipient(&mut self, contact: i64, broadcast: i64, replied: Option<i64>) {
        let columns = vec![
            ("broadcast_id", broadcast.into()),
            ("id", contact.into()),
            ("due_at", 0i64.into()),
            ("attempt", 1i64.into()),
            ("replied_at", replied.into()),
        ];
        self.row("recipients", columns).await;
    }
}
