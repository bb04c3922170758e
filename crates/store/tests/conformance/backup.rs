//! Backups: everything as of one moment, and back into an empty store of either engine.

use std::collections::BTreeMap;

use domain::access::roles::Role;
use domain::alerts::Severity;
use domain::messages::Status;
use ports::access::accounts::AccountStore;
use ports::alerts::channels::ChannelStore;
use ports::contacts::{ContactPatch, ContactStore};
use ports::erasure::ErasureStore;
use ports::operator::OperatorStore;
use store::SqlStore;
use store::backup::{Kind, RestoreError, Snapshot, Table, Waiting};

use crate::access::members::join;
use crate::alert_channels::new_channel;
use crate::samples::{new_contact, new_template};
use crate::scene::Scene;
use crate::support::{Bench, at};

on_each_engine!(
    a_backup_goes_into_either_engine_and_reads_the_same_there,
    a_sealed_value_of_any_kind_that_does_not_open_is_told_before_anything_is_restored,
    a_snapshot_sees_nothing_that_was_written_after_it,
    what_waited_to_be_sent_is_in_doubt_unless_told_otherwise,
    a_store_that_holds_something_is_left_alone,
    a_line_that_is_missing_leaves_the_store_empty,
    ids_go_on_where_they_were,
);

/// Everything that an archive holds.
#[derive(Clone)]
struct Archive {
    schema: Vec<String>,
    tables: Vec<Table>,
    lines: BTreeMap<String, Vec<String>>,
    counters: BTreeMap<String, i64>,
}

async fn read(snapshot: &Snapshot) -> Archive {
    let mut lines = BTreeMap::new();
    for table in snapshot.tables() {
        let mut all: Vec<String> = Vec::new();
        loop {
            let page = snapshot.lines(table, all.last().map(String::as_str)).await.expect("read");
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        lines.insert(table.name.clone(), all);
    }
    Archive {
        schema: snapshot.schema().to_vec(),
        tables: snapshot.tables().to_vec(),
        lines,
        counters: snapshot.counters().await.expect("read"),
    }
}

/// Every text and every blob of every table, for looking for what must not be there.
pub(crate) async fn everything(store: &SqlStore) -> Vec<u8> {
    let archive = Archive::of(store).await;
    let mut all = Vec::new();
    for table in &archive.tables {
        for line in &archive.lines[&table.name] {
            all.extend_from_slice(line.as_bytes());
            let row: Vec<serde_json::Value> = serde_json::from_str(line).expect("a line");
            for (column, value) in table.columns.iter().zip(row) {
                match (column.kind, value.as_str()) {
                    (Kind::Blob, Some(hex)) => all.extend(unhex(hex)),
                    (_, Some(text)) => all.extend_from_slice(text.as_bytes()),
                    _ => {}
                }
                all.push(b'\n');
            }
        }
    }
    all
}

fn unhex(hex: &str) -> impl Iterator<Item = u8> + '_ {
    (0..hex.len() / 2)
        .map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).expect("hexadecimal"))
}

impl Archive {
    async fn of(store: &SqlStore) -> Self {
        read(&store.snapshot().await.expect("a snapshot")).await
    }

    async fn fill(
        &self,
        store: &SqlStore,
        waiting: Waiting,
    ) -> Result<store::backup::Restored, RestoreError> {
        let restoring = store.restore(&self.schema, &self.tables).await?;
        for table in &self.tables {
            for page in self.lines[&table.name].chunks(7) {
                restoring.load(table, page).await?;
            }
        }
        let counts = self.lines.iter().map(|(table, lines)| (table.clone(), lines.len() as u64)).collect();
        restoring.finish(&counts, &self.counters, waiting, at(1_000)).await
    }

    /// The same, with the last byte of a sealed value changed.
    fn spoiled(&self, table: &str, column: &str) -> Self {
        let columns = &self.tables.iter().find(|one| one.name == table).expect("a table").columns;
        let place = columns.iter().position(|one| one.name == column).expect("a column");
        let mut spoiled = self.clone();
        let line = &mut spoiled.lines.get_mut(table).expect("lines")[0];
        let mut row: Vec<serde_json::Value> = serde_json::from_str(line).expect("a line");
        let sealed = row[place].as_str().expect("a sealed value");
        let (most, last) = sealed.split_at(sealed.len() - 2);
        row[place] = format!("{most}{}", if last == "00" { "01" } else { "00" }).into();
        *line = serde_json::to_string(&row).expect("a line");
        spoiled
    }

    /// As values: the engines put their blanks differently.
    fn values(&self) -> BTreeMap<&str, Vec<Vec<serde_json::Value>>> {
        let parse = |line: &String| serde_json::from_str(line).expect("a line is an array");
        self.lines.iter().map(|(table, lines)| (table.as_str(), lines.iter().map(parse).collect())).collect()
    }
}

/// A store of each engine, with and without tables.
async fn empty_ones() -> Vec<Bench> {
    vec![Bench::sqlite().await, Bench::postgres().await]
}

async fn lived_in(bench: Bench) -> Scene {
    let scene = Scene::of(bench).await;
    scene.bench.template(scene.tenant, new_template("größe_\u{1F600}")).await;
    let contact = scene.opted_in(1).await;
    let patch =
        ContactPatch { tags: Some(vec!["a \"tag\"\n".into(), "b\\".into()]), ..ContactPatch::default() };
    scene.store().update_contact(scene.tenant, contact, patch, at(5)).await.expect("patched");
    let lane = scene.lane("node").await;
    scene.sent(&lane, contact, "wamid.1").await;
    let inbound = scene.inbound(1, "wamid.in");
    scene.project(vec![ports::webhooks::Change::Inbound(inbound)]).await;
    for number in 2..9 {
        scene.bench.contact(scene.tenant, new_contact(number)).await;
    }
    scene
}

async fn a_backup_goes_into_either_engine_and_reads_the_same_there(bench: Bench) {
    let scene = lived_in(bench).await;
    let archive = Archive::of(scene.store()).await;
    assert!(archive.lines["messages"].len() > 1 && archive.lines["connections"].len() == 1);
    for other in empty_ones().await {
        archive.fill(&other.store, Waiting::Send).await.expect("restored");
        let again = Archive::of(&other.store).await;
        assert_eq!(again.values(), archive.values());
        assert_eq!(again.schema, archive.schema);
        assert_eq!(again.counters, archive.counters);
        let opened = other.store.all_connections().await.expect("its secrets open");
        assert_eq!(opened.len(), 1);
    }
}

async fn a_sealed_value_of_any_kind_that_does_not_open_is_told_before_anything_is_restored(bench: Bench) {
    let scene = lived_in(bench).await;
    let store = scene.store();
    let ada = join(&scene.bench, scene.tenant, "ada@example.com", Role::Owner, 1).await.account_id;
    store.enroll_totp(ada, &"SECRET".into()).await.expect("enrolled");
    store.create_channel(scene.tenant, new_channel(Severity::Info, &[])).await.expect("a channel");
    let contact = scene.opted_in(99).await;
    store.begin_erasure(scene.tenant, contact, at(1)).await.expect("an erasure");
    scene.bench.seal(scene.tenant).await;
    assert_eq!(store.open_secrets().await.expect("all open"), 3 + 1 + 2 + 1 + 1);
    let archive = Archive::of(store).await;
    let other = if scene.bench.is_postgres() { Bench::postgres().await } else { Bench::sqlite().await };
    for (table, column) in [
        ("connections", "access_token"),
        ("connections", "app_secret"),
        ("connections", "verify_token"),
        ("accounts", "totp_secret"),
        ("alert_channels", "address"),
        ("alert_channels", "secret"),
        ("audit_heads", "chain_key"),
        ("erasure_keys", "sealed"),
    ] {
        let refused = archive.spoiled(table, column).fill(&other.store, Waiting::Send).await;
        let Err(RestoreError::Store(why)) = refused else { panic!("{table}.{column}: {refused:?}") };
        assert!(why.to_string().contains(&format!("{table}.{column}")), "{why}");
        assert!(other.store.tenants().await.expect("read").is_empty(), "nothing was restored");
    }
    archive.fill(&other.store, Waiting::Send).await.expect("restored");
}

async fn a_snapshot_sees_nothing_that_was_written_after_it(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.opted_in(1).await;
    let snapshot = scene.store().snapshot().await.expect("a snapshot");
    scene.opted_in(2).await;
    assert_eq!(read(&snapshot).await.lines["contacts"].len(), 1);
    drop(snapshot);
    assert_eq!(Archive::of(scene.store()).await.lines["contacts"].len(), 2);
}

async fn what_waited_to_be_sent_is_in_doubt_unless_told_otherwise(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let waits = scene.send(scene.job(contact)).await.message_id;
    let mut later = scene.job(contact);
    later.send_at = Some(at(5_000));
    let later = scene.send(later).await.message_id;
    let archive = Archive::of(scene.store()).await;
    for (waiting, expected) in [(Waiting::InDoubt, Status::InDoubt), (Waiting::Send, Status::Queued)] {
        for other in empty_ones().await {
            let restored = archive.fill(&other.store, waiting).await.expect("restored");
            assert_eq!(restored.in_doubt, u64::from(waiting == Waiting::InDoubt));
            let (tenant, connection, template) = (scene.tenant, scene.connection, scene.template);
            let there = Scene { bench: other, tenant, connection, template };
            assert_eq!(there.message(waits).await.status, expected);
            assert_eq!(there.message(later).await.status, Status::Queued, "its time has not come");
        }
    }
}

async fn a_store_that_holds_something_is_left_alone(bench: Bench) {
    let archive = Archive::of(&bench.store).await;
    let tenant = bench.tenant().await;
    let refused = archive.fill(&bench.store, Waiting::Send).await;
    assert!(matches!(refused, Err(RestoreError::NotEmpty(_))), "{refused:?}");
    assert_eq!(bench.store.tenants().await.expect("read")[0].id, tenant);
    let newer = Archive { schema: [&archive.schema[..], &["m9999_later".into()]].concat(), ..archive };
    let refused = newer.fill(&Bench::sqlite().await.store, Waiting::Send).await;
    assert!(matches!(refused, Err(RestoreError::Newer(step)) if step == "m9999_later"));
}

async fn a_line_that_is_missing_leaves_the_store_empty(bench: Bench) {
    let source = Scene::of(Bench::sqlite().await).await;
    source.opted_in(1).await;
    let archive = Archive::of(source.store()).await;
    let restoring = bench.store.restore(&archive.schema, &archive.tables).await.expect("begun");
    for table in archive.tables.iter().filter(|table| table.name != "contacts") {
        restoring.load(table, &archive.lines[&table.name]).await.expect("loaded");
    }
    let counts = [("contacts".to_owned(), 1)].into_iter().collect();
    let refused = restoring.finish(&counts, &archive.counters, Waiting::Send, at(0)).await;
    assert!(matches!(refused, Err(RestoreError::Miscounted { expected: 1, found: 0, .. })));
    assert!(bench.store.tenants().await.expect("read").is_empty());
}

async fn ids_go_on_where_they_were(bench: Bench) {
    let scene = Scene::of(bench).await;
    let last = scene.opted_in(1).await;
    let archive = Archive::of(scene.store()).await;
    for waiting in [Waiting::Send, Waiting::InDoubt] {
        for other in empty_ones().await {
            archive.fill(&other.store, waiting).await.expect("restored");
            let next = other.contact(scene.tenant, new_contact(2)).await.id.0;
            // Where the old server may have gone on, its ids are left to it.
            let skipped = if waiting == Waiting::InDoubt { 10_000_000 } else { 0 };
            assert_eq!(next, last.0 + 1 + skipped);
        }
    }
}
