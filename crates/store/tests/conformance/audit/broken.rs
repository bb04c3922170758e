//! The chain broken in every way that somebody with the database in hand can think of.

use domain::TenantId;
use domain::audit::chain::{BEGINNING, ChainKey};
use domain::audit::verify::{Known, What};
use domain::audit::{Action, NewEntry};
use ports::audit::{AuditFilter, AuditStore, Sealed};
use sea_orm::ConnectionTrait;

use crate::samples::run;
use crate::support::Bench;

on_each_engine!(
    a_change_of_any_field_is_found,
    an_entry_removed_from_the_middle_is_found,
    a_removed_tail_is_found,
    a_removed_head_is_found,
    two_entries_that_changed_places_are_found,
    a_forged_entry_is_found,
    a_chain_sealed_anew_with_another_key_is_found,
    a_chain_rolled_back_together_with_its_head_is_found,
    a_number_that_occurs_twice_is_found,
    an_entry_moved_to_another_tenant_is_found,
    an_entry_that_cannot_be_read_any_more_is_found,
    what_is_left_of_an_entry_that_cannot_be_read_is_listed_among_the_others,
    an_entry_that_can_never_be_sealed_is_found,
);

/// A statement past the store.
pub(super) async fn try_run(bench: &Bench, sql: &str) -> Result<(), String> {
    let url = if bench.is_postgres() { bench.url().to_owned() } else { format!("sqlite://{}", bench.url()) };
    let mut options = sea_orm::ConnectOptions::new(url);
    options
        .max_connections(1)
        .idle_timeout(None::<std::time::Duration>)
        .max_lifetime(None::<std::time::Duration>);
    let database = sea_orm::Database::connect(options).await.expect("opened");
    database.execute_unprepared(sql).await.map(drop).map_err(|why| why.to_string())
}

/// Takes the triggers away, as somebody may who owns the database.
pub(super) async fn unguard(bench: &Bench) {
    let statements: &[&str] = if bench.is_postgres() {
        &["ALTER TABLE audit_entries DISABLE TRIGGER USER", "ALTER TABLE audit_heads DISABLE TRIGGER USER"]
    } else {
        &[
            "DROP TRIGGER audit_entries_no_update",
            "DROP TRIGGER audit_entries_no_delete",
            "DROP TRIGGER audit_heads_no_delete",
        ]
    };
    for statement in statements {
        run(bench, statement).await;
    }
}

/// A chain of six entries, open to whoever wants to break it.
struct Open {
    bench: Bench,
    tenant: TenantId,
    head: Known,
}

impl Open {
    async fn of(bench: Bench) -> Self {
        let tenant = bench.tenant().await;
        let head = bench.chain(tenant, 5).await;
        assert_eq!(head.seq, 6);
        assert!(bench.verdict(tenant).await.is_valid());
        unguard(&bench).await;
        run(&bench, "CREATE TABLE kept_entries AS SELECT * FROM audit_entries").await;
        run(&bench, "CREATE TABLE kept_heads AS SELECT * FROM audit_heads").await;
        Self { bench, tenant, head }
    }

    /// What is found first after these statements; then everything is as it was.
    async fn found(&self, statements: &[&str]) -> (i64, What) {
        for statement in statements {
            run(&self.bench, statement).await;
        }
        let verdict = self.bench.verdict(self.tenant).await;
        assert!(!verdict.is_valid(), "{statements:?} is not found");
        self.repair().await;
        (verdict.broken[0].seq, verdict.broken[0].what)
    }

    async fn repair(&self) {
        for (table, kept) in [("audit_entries", "kept_entries"), ("audit_heads", "kept_heads")] {
            run(&self.bench, &format!("DELETE FROM {table}")).await;
            run(&self.bench, &format!("INSERT INTO {table} SELECT * FROM {kept}")).await;
        }
        let verdict = self.bench.verdict(self.tenant).await;
        assert!(verdict.is_valid(), "{verdict:?}");
    }
}

async fn a_change_of_any_field_is_found(bench: Bench) {
    let open = Open::of(bench).await;
    for change in [
        "at = at + 1",
        "actor_kind = 'command'",
        "actor_id = COALESCE(actor_id, 0) + 1",
        "actor_name = 'somebody else'",
        "address = '10.0.0.1'",
        "request_id = 'r'",
        "action = 'settings_changed'",
        "subject = 'contact:1'",
        "was = '{}'",
        "became = '{}'",
        "became = NULL",
        "prev = hash",
        "hash = prev",
    ] {
        let found = open.found(&[&format!("UPDATE audit_entries SET {change} WHERE seq = 3")]).await;
        assert_eq!(found, (3, What::Changed), "{change}");
    }
    for change in ["seq = seq - 1", "seq = seq + 1", "hash = mac", "mac = hash"] {
        let found = open.found(&[&format!("UPDATE audit_heads SET {change}")]).await;
        assert_eq!(found, (6, What::HeadChanged), "{change}");
    }
}

async fn an_entry_removed_from_the_middle_is_found(bench: Bench) {
    let open = Open::of(bench).await;
    assert_eq!(open.found(&["DELETE FROM audit_entries WHERE seq = 3"]).await, (4, What::Missing));
    assert_eq!(open.found(&["DELETE FROM audit_entries WHERE seq = 1"]).await, (2, What::Missing));
    let closed = [
        "DELETE FROM audit_entries WHERE seq = 3",
        "UPDATE audit_entries SET seq = -seq WHERE seq > 3",
        "UPDATE audit_entries SET seq = -seq - 1 WHERE seq < 0",
    ];
    assert_eq!(open.found(&closed).await, (3, What::Changed));
}

async fn a_removed_tail_is_found(bench: Bench) {
    let open = Open::of(bench).await;
    assert_eq!(open.found(&["DELETE FROM audit_entries WHERE seq = 6"]).await, (5, What::Cut));
    assert_eq!(open.found(&["DELETE FROM audit_entries"]).await, (0, What::Cut));
}

async fn a_removed_head_is_found(bench: Bench) {
    let open = Open::of(bench).await;
    assert_eq!(open.found(&["DELETE FROM audit_heads"]).await, (6, What::NoHead));
    let found = open.found(&["UPDATE audit_heads SET chain_key = hash"]).await;
    assert_eq!(found, (6, What::NoKey));
    // All of it: only who has seen the chain before can tell.
    run(&open.bench, "DELETE FROM audit_heads").await;
    run(&open.bench, "DELETE FROM audit_entries").await;
    let verdict = open.bench.store.verify_audit(open.tenant, Some(open.head.clone())).await.unwrap();
    assert_eq!(verdict.broken[0].what, What::RolledBack);
}

async fn two_entries_that_changed_places_are_found(bench: Bench) {
    let open = Open::of(bench).await;
    let swapped = [
        "UPDATE audit_entries SET seq = 99 WHERE seq = 2",
        "UPDATE audit_entries SET seq = 2 WHERE seq = 3",
        "UPDATE audit_entries SET seq = 3 WHERE seq = 99",
    ];
    assert_eq!(open.found(&swapped).await, (2, What::Changed));
}

async fn a_forged_entry_is_found(bench: Bench) {
    let open = Open::of(bench).await;
    let copy = |place: &str, of: i64| {
        format!(
            "INSERT INTO audit_entries SELECT tenant_id, {place}, at, actor_kind, actor_id, actor_name, address, \
             request_id, action, subject, was, became, hash, prev FROM audit_entries WHERE seq = {of}"
        )
    };
    assert_eq!(open.found(&[&copy("7", 6)]).await, (7, What::Changed));
    assert_eq!(open.found(&[&copy("0", 1)]).await, (0, What::Repeated));
    assert_eq!(open.found(&[&copy("9000000000000000000", 1)]).await.1, What::Missing);
    let between = [
        "UPDATE audit_entries SET seq = -seq WHERE seq > 3",
        "UPDATE audit_entries SET seq = -seq + 1 WHERE seq < 0",
        &copy("4", 3),
    ];
    assert_eq!(open.found(&between).await, (4, What::Changed));
}

async fn a_chain_sealed_anew_with_another_key_is_found(bench: Bench) {
    let open = Open::of(bench).await;
    let key = ChainKey::new(&[9; 32]);
    let mut prev = BEGINNING.to_vec();
    let mut statements = Vec::new();
    for mut link in open.bench.trail(open.tenant).await {
        link.entry.subject = "something else".into();
        let hash = key.hash(&prev, &link.entry).to_vec();
        let (was, is) = (literal(&open.bench, &prev), literal(&open.bench, &hash));
        statements.push(format!(
            "UPDATE audit_entries SET subject = 'something else', prev = {was}, hash = {is} WHERE seq = {}",
            link.entry.seq
        ));
        prev = hash;
    }
    let head = key.head(open.tenant, 6, &prev);
    let (hash, mac) = (literal(&open.bench, &head.hash), literal(&open.bench, &head.mac));
    statements.push(format!("UPDATE audit_heads SET hash = {hash}, mac = {mac}"));
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    assert_eq!(open.found(&statements).await, (1, What::Changed));
    // The head alone.
    assert_eq!(open.found(&statements[6..]).await, (6, What::HeadChanged));
}

fn literal(bench: &Bench, bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if bench.is_postgres() { format!("'\\x{digits}'::bytea") } else { format!("X'{digits}'") }
}

async fn a_chain_rolled_back_together_with_its_head_is_found(bench: Bench) {
    let open = Open::of(bench).await;
    let entry = NewEntry::new(Action::ContactsExported, "contacts");
    open.bench.store.record_audit(open.tenant, vec![entry]).await.unwrap();
    let later = open.bench.seal(open.tenant).await;
    assert_eq!(later.seq, 7);
    open.repair().await;
    // What is there is a chain that once was: its end, noted anywhere else, tells.
    let verdict = open.bench.store.verify_audit(open.tenant, Some(later.clone())).await.unwrap();
    assert_eq!((verdict.broken[0].seq, verdict.broken[0].what), (6, What::RolledBack));
    // And after it went on another way.
    let entry = NewEntry::new(Action::ContactsExported, "something else");
    open.bench.store.record_audit(open.tenant, vec![entry]).await.unwrap();
    assert_eq!(open.bench.seal(open.tenant).await.seq, 7);
    let verdict = open.bench.store.verify_audit(open.tenant, Some(later)).await.unwrap();
    assert_eq!((verdict.broken[0].seq, verdict.broken[0].what), (7, What::RolledBack));
}

async fn a_number_that_occurs_twice_is_found(bench: Bench) {
    let open = Open::of(bench).await;
    let again = "INSERT INTO audit_entries SELECT * FROM kept_entries WHERE seq = 3";
    let bare: &[&str] = if open.bench.is_postgres() {
        &["ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_pkey"]
    } else {
        &[
            "CREATE TABLE bare AS SELECT * FROM audit_entries",
            "DROP TABLE audit_entries",
            "ALTER TABLE bare RENAME TO audit_entries",
        ]
    };
    for statement in bare {
        run(&open.bench, statement).await;
    }
    assert_eq!(open.found(&[again]).await, (3, What::Repeated));
}

async fn an_entry_moved_to_another_tenant_is_found(bench: Bench) {
    let other = bench.tenant().await;
    bench.chain(other, 1).await;
    let open = Open::of(bench).await;
    run(
        &open.bench,
        &format!(
            "UPDATE audit_entries SET tenant_id = {other} WHERE tenant_id = {} AND seq = 3",
            open.tenant
        ),
    )
    .await;
    let theirs = open.bench.verdict(other).await;
    assert_eq!((theirs.broken[0].seq, theirs.broken[0].what), (3, What::Changed));
    let ours = open.bench.verdict(open.tenant).await;
    assert_eq!((ours.broken[0].seq, ours.broken[0].what), (4, What::Missing));
    open.repair().await;
}

async fn an_entry_that_cannot_be_read_any_more_is_found(bench: Bench) {
    let open = Open::of(bench).await;
    let found = open.found(&["UPDATE audit_entries SET actor_kind = 'nobody' WHERE seq = 3"]).await;
    assert_eq!(found, (3, What::Unreadable));
    if !open.bench.is_postgres() {
        // SQLite takes text for a number.
        let found = open.found(&["UPDATE audit_entries SET at = 'never' WHERE seq = 3"]).await;
        assert_eq!(found, (3, What::Unreadable));
        let found = open.found(&["UPDATE audit_entries SET seq = 'last' WHERE seq = 6"]).await;
        assert_eq!(found.1, What::Unreadable);
    }
}

async fn what_is_left_of_an_entry_that_cannot_be_read_is_listed_among_the_others(bench: Bench) {
    let open = Open::of(bench).await;
    let (bench, tenant) = (&open.bench, open.tenant);
    run(bench, "UPDATE audit_entries SET actor_kind = 'nobody' WHERE seq = 3").await;
    run(bench, "UPDATE audit_entries SET action = 'burnt', became = '{\"a\":' WHERE seq = 4").await;
    if !bench.is_postgres() {
        run(bench, "UPDATE audit_entries SET at = 'never' WHERE seq = 2").await;
    }
    let page = bench.store.audit(tenant, &AuditFilter::default(), &Default::default()).await.unwrap();
    assert_eq!((page.total, page.items.len()), (6, 6));
    let trail = bench.store.audit_after(tenant, 0, 100).await.unwrap();
    assert!(page.items.iter().rev().eq(trail.iter()), "the same, the other way round");
    let torn = trail[2].as_ref().unwrap_err();
    assert_eq!((torn.seq, torn.actor_kind.as_deref()), (Some(3), Some("nobody")));
    assert_eq!((torn.action.as_deref(), torn.at.is_some()), (Some("api_key_created"), true));
    assert!(torn.problems[0].contains("actor_kind") && torn.problems.len() == 1, "{:?}", torn.problems);
    let link = trail[3].as_ref().unwrap();
    assert_eq!((link.problems().len(), link.entry.after.as_deref()), (2, Some("{\"a\":")));
    if !bench.is_postgres() {
        let torn = trail[1].as_ref().unwrap_err();
        assert_eq!((torn.seq, torn.at, torn.hash.is_some()), (Some(2), None, true));
    }
    let broken: Vec<_> = bench.verdict(tenant).await.broken.iter().map(|one| (one.seq, one.what)).collect();
    assert!(broken.contains(&(3, What::Unreadable)) && broken.contains(&(4, What::Changed)), "{broken:?}");
    if !bench.is_postgres() {
        // A number that is none: the list goes on without it, the export has it last.
        run(bench, "UPDATE audit_entries SET seq = 'last' WHERE seq = 6").await;
        let paging = ports::Paging { page_size: 2, ..Default::default() };
        let page = bench.store.audit(tenant, &AuditFilter::default(), &paging).await.unwrap();
        assert_eq!((page.total, page.next_cursor.is_some()), (5, true));
        let trail = bench.store.audit_after(tenant, 0, 100).await.unwrap();
        assert_eq!((trail.len(), trail[5].as_ref().unwrap_err().seq), (6, None));
    }
}

async fn an_entry_that_can_never_be_sealed_is_found(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.chain(tenant, 1).await;
    bench.store.record_audit(tenant, vec![NewEntry::new(Action::SettingsChanged, "settings")]).await.unwrap();
    assert!(bench.verdict(tenant).await.is_valid());
    run(&bench, "UPDATE audit_pending SET body = '[{\"action\":\"burnt\"'").await;
    let sealed = bench.store.seal_audit(None, [1; 32], crate::support::at(60), 100).await.unwrap();
    assert!(matches!(&sealed[..], [Sealed::Stuck(stuck, _)] if *stuck == tenant), "{sealed:?}");
    let verdict = bench.verdict(tenant).await;
    assert_eq!((verdict.unsealed, verdict.broken[0].seq, verdict.broken[0].what), (1, 3, What::Unreadable));
}
