//! PostgreSQL: shared by several nodes, who tell each other of changes by NOTIFY.

use std::time::Duration;

use ports::operator::Wake;
use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{As, Dialect, Elements, Opened};
use crate::db::{self, Fault, Row, StoreConfig, Tx};
use crate::ids::Kind;
use crate::wakes::{self, WakeSender};

/// The channel of wakes.
const CHANNEL: &str = "waxwing";
/// NOTIFY takes 8,000 bytes.
const LONGEST_NOTE: usize = 7_500;
/// "waxwing" in ASCII.
const MIGRATION_LOCK: i64 = 0x77_61_78_77_69_6e_67;

/// Of those with a thousand rows, and that are ours to count. The number of living rows is some seconds old at most.
pub(super) const TABLES_THAT_DOUBLED: &str = "SELECT format('%I.%I', s.schemaname, s.relname) AS name \
     FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid \
     WHERE s.schemaname = current_schema() AND s.n_live_tup > 1000 AND pg_has_role(c.relowner, 'USAGE') AND (s.n_live_tup > 2 * c.reltuples \
     OR (s.last_analyze IS NULL AND s.last_autoanalyze IS NULL))";

pub(super) async fn open(config: &StoreConfig) -> Result<Opened, Fault> {
    let mut options = ConnectOptions::new(config.url.replacen("postgresql://", "postgres://", 1));
    options
        // One listens to other nodes, one tells them.
        .max_connections(config.connections.max(4))
        .min_connections(1)
        // A caller who waits is told before it gives up by itself.
        .acquire_timeout(Duration::from_secs(10))
        // No task that looks after idle connections: it may read their number while one is given back, as a number below
        // nothing, and then never yields again. A connection that broke is found when it is taken.
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_postgres_opts(|options| {
            options.application_name("waxwing").statement_cache_capacity(256).options([
                // A plan made while a table was empty would be kept after it has grown.
                ("plan_cache_mode", "force_custom_plan"),
                ("jit", "off"),
                // Everything is found by an index, and what is hot lies in memory.
                ("random_page_cost", "1.1"),
                ("lock_timeout", "20s"),
                ("idle_in_transaction_session_timeout", "60s"),
            ])
        });
    let pool = Database::connect(options).await?;
    Ok(Opened { dialect: Dialect::Postgres, reader: pool.clone(), writer: pool })
}

/// Not by way of `jsonb`: a set is read once, and making a tree of it first would double the cost.
pub(super) fn rows(number: u8, columns: &[(&str, As)], alias: &str) -> String {
    let members: Vec<String> =
        columns.iter().map(|(name, kind)| format!("{name} {}", type_of(*kind))).collect();
    format!("json_to_recordset(${number}::json) AS {alias}({})", members.join(", "))
}

/// Reading an array costs half of reading the same values out of JSON.
pub(super) fn columns(first: u8, columns: &[(&str, As)], alias: &str) -> String {
    let arrays: Vec<String> = (first..)
        .zip(columns)
        .map(|(number, (_, kind))| format!("CAST(${number}::text AS {}[])", type_of(*kind)))
        .collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    format!("unnest({}) AS {alias}({})", arrays.join(", "), names.join(", "))
}

fn type_of(kind: As) -> &'static str {
    match kind {
        As::Int => "bigint",
        As::Text => "text",
        As::Bool => "boolean",
    }
}

/// Sequences: nobody waits for anybody, and ids of a transaction that is rolled back are lost. A row per kind, its ids
/// in one text: a row per id would cost more than the id.
pub(super) async fn take_ids(tx: &Tx, wants: &[(Kind, usize)]) -> Result<Vec<Vec<i64>>, Fault> {
    let mut parts = Vec::with_capacity(wants.len());
    let mut counts = Vec::with_capacity(wants.len());
    for (index, (kind, count)) in wants.iter().enumerate() {
        parts.push(format!(
            "SELECT CAST({index} AS BIGINT) AS i, string_agg(nextval('{}_ids')::text, ',') AS ids \
             FROM generate_series(1, ${})",
            kind.as_str(),
            index + 1
        ));
        counts.push(i64::try_from(*count).map_err(Fault::internal)?.into());
    }
    let mut taken = vec![Vec::new(); wants.len()];
    for row in db::all(&**tx, &parts.join(" UNION ALL "), counts).await? {
        let index = usize::try_from(row.get::<i64>("i")?).map_err(Fault::internal)?;
        let ids = row.get::<String>("ids")?;
        let mut ids: Vec<i64> =
            ids.split(',').map(str::parse).collect::<Result<_, _>>().map_err(Fault::internal)?;
        ids.sort_unstable();
        taken[index] = ids;
    }
    Ok(taken)
}

/// See [`Dialect::elements_ddl`]. Rows come in sets, so new ones are taken as a set; changes are looked at one by one,
/// where most change no element.
pub(super) fn elements_ddl(kept: Elements) -> Vec<String> {
    let Elements { of, column, table, element, id, .. } = kept;
    let keep = |rows: &str| {
        format!(
            "INSERT INTO {table} (tenant_id, {element}, {id}) SELECT c.tenant_id, t.value, c.id FROM {rows} AS c \
             CROSS JOIN LATERAL jsonb_array_elements_text(c.{column}::jsonb) AS t(value) ON CONFLICT DO NOTHING"
        )
    };
    let one = format!(
        "INSERT INTO {table} (tenant_id, {element}, {id}) SELECT NEW.tenant_id, t.value, NEW.id \
         FROM jsonb_array_elements_text(NEW.{column}::jsonb) AS t(value) ON CONFLICT DO NOTHING;"
    );
    let forget = format!(
        "DELETE FROM {table} WHERE tenant_id = OLD.tenant_id AND {id} = OLD.id \
         AND {element} IN (SELECT t.value FROM jsonb_array_elements_text(OLD.{column}::jsonb) AS t(value));"
    );
    let function = |name: &str, body: &str| {
        format!(
            "CREATE FUNCTION {table}_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
        )
    };
    vec![
        function("new", &format!("{};", keep("fresh"))),
        function("changed", &format!("{forget} {one}")),
        function("gone", &forget),
        format!(
            "CREATE TRIGGER {table}_new AFTER INSERT ON {of} REFERENCING NEW TABLE AS fresh \
             FOR EACH STATEMENT EXECUTE FUNCTION {table}_new()"
        ),
        format!(
            "CREATE TRIGGER {table}_changed AFTER UPDATE OF {column} ON {of} FOR EACH ROW \
             WHEN (NEW.{column} IS DISTINCT FROM OLD.{column}) EXECUTE FUNCTION {table}_changed()"
        ),
        format!(
            "CREATE TRIGGER {table}_gone AFTER DELETE ON {of} FOR EACH ROW EXECUTE FUNCTION {table}_gone()"
        ),
        keep(of),
    ]
}

/// See [`Dialect::elements_bulk_ddl`].
pub(super) fn elements_bulk_ddl(kept: Elements) -> String {
    let Elements { column, table, element, id, .. } = kept;
    format!(
        "CREATE OR REPLACE FUNCTION {table}_new() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO {table} (tenant_id, {element}, {id}) SELECT c.tenant_id, t.value, c.id \
         FROM (SELECT f.tenant_id, f.id, f.{column} FROM fresh AS f WHERE f.{column} <> '[]') AS c \
         CROSS JOIN LATERAL jsonb_array_elements_text(c.{column}::jsonb) AS t(value) ON CONFLICT DO NOTHING; \
         RETURN NULL; END $$"
    )
}

/// See [`Dialect::elements_beside_ddl`]. The key holds the column, so that nothing but its index is read.
pub(super) fn elements_beside_ddl(kept: Elements, beside: &str) -> Vec<String> {
    let Elements { of, column, table, element, id, .. } = kept;
    let into = format!("INSERT INTO {table} (tenant_id, {element}, {id}, {beside})");
    let of_new = format!("SELECT t.value FROM jsonb_array_elements_text(NEW.{column}::jsonb) AS t(value)");
    let of_old = format!("SELECT t.value FROM jsonb_array_elements_text(OLD.{column}::jsonb) AS t(value)");
    let function = |name: &str, body: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION {table}_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ \
             BEGIN {body} RETURN NULL; END $$"
        )
    };
    let all = |rows: &str| {
        format!(
            "{into} SELECT c.tenant_id, t.value, c.id, c.{beside} FROM {rows} AS c \
             CROSS JOIN LATERAL jsonb_array_elements_text(c.{column}::jsonb) AS t(value) ON CONFLICT DO NOTHING"
        )
    };
    let fresh = format!(
        "(SELECT f.tenant_id, f.id, f.{column}, f.{beside} FROM fresh AS f WHERE f.{column} <> '[]')"
    );
    let change = format!(
        "DELETE FROM {table} WHERE tenant_id = OLD.tenant_id AND {id} = OLD.id AND {element} IN ({of_old}); \
         {into} SELECT NEW.tenant_id, n.value, NEW.id, NEW.{beside} FROM ({of_new}) AS n ON CONFLICT DO NOTHING;"
    );
    let follow = format!(
        "UPDATE {table} SET {beside} = NEW.{beside} WHERE tenant_id = NEW.tenant_id AND {id} = NEW.id \
         AND {element} IN ({of_new});"
    );
    vec![
        format!("TRUNCATE {table}"),
        format!("ALTER TABLE {table} ADD COLUMN {beside} BOOLEAN NOT NULL DEFAULT FALSE"),
        format!("ALTER TABLE {table} DROP CONSTRAINT {table}_pkey"),
        format!("ALTER TABLE {table} ADD PRIMARY KEY (tenant_id, {element}, {id}) INCLUDE ({beside})"),
        all(of),
        function("new", &format!("{};", all(&fresh))),
        function("changed", &change),
        function("beside", &follow),
        format!(
            "CREATE TRIGGER {table}_beside AFTER UPDATE OF {beside} ON {of} FOR EACH ROW \
             WHEN (NEW.{beside} IS DISTINCT FROM OLD.{beside} AND NEW.{column} <> '[]') \
             EXECUTE FUNCTION {table}_beside()"
        ),
    ]
}

/// A JSON array of texts, the value `list`, as an array; worked out once.
pub(super) fn texts(list: &str) -> String {
    format!("ARRAY(SELECT y.value FROM jsonb_array_elements_text(({list})::jsonb) AS y(value))")
}

pub(super) fn id_ddl(kinds: &[Kind]) -> Vec<String> {
    kinds.iter().map(|kind| format!("CREATE SEQUENCE {}_ids", kind.as_str())).collect()
}

pub(super) async fn lock_migrations(tx: &DatabaseTransaction) -> Result<(), Fault> {
    tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    Ok(())
}

pub(super) async fn advisory_lock(tx: &Tx, name: &str, shared: bool) -> Result<(), Fault> {
    let function = if shared { "pg_advisory_xact_lock_shared" } else { "pg_advisory_xact_lock" };
    db::all(&**tx, &format!("SELECT {function}(hashtextextended($1, 0))::text AS done"), [name.into()])
        .await?;
    Ok(())
}

/// Serialization failure, deadlock, unique key.
pub(super) fn is_conflict(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "23505")
}

/// Connection trouble, resources exhausted, shut down, lock or statement timed out, read-only (a standby).
pub(super) fn is_unavailable(code: &str) -> bool {
    code.len() == 5
        && (["08", "53", "57"].iter().any(|class| code.starts_with(class))
            || matches!(code, "55P03" | "25006"))
}

pub(super) fn carry_wakes(
    writer: &DatabaseConnection,
    heard: WakeSender,
) -> (mpsc::UnboundedSender<Wake>, Vec<AbortHandle>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let node = heard.node().to_owned();
    let talks = tokio::spawn(notify(writer.clone(), receiver, node)).abort_handle();
    let listens = tokio::spawn(listen(writer.clone(), heard)).abort_handle();
    (sender, vec![talks, listens])
}

/// Sends what has gathered while the last note was under way: one note per batch, however many there are.
async fn notify(pool: DatabaseConnection, mut wakes: mpsc::UnboundedReceiver<Wake>, node: String) {
    let mut batch = Vec::new();
    while wakes.recv_many(&mut batch, 10_000).await > 0 {
        for note in wakes::notes(&node, &batch, LONGEST_NOTE) {
            let sent =
                db::all(&pool, "SELECT pg_notify($1, $2)::text AS done", [CHANNEL.into(), note.into()]).await;
            if let Err(fault) = sent {
                // Other nodes find out by their own polling.
                tracing::warn!(%fault, "other nodes could not be notified");
            }
        }
        batch.clear();
    }
}

async fn listen(pool: DatabaseConnection, heard: WakeSender) {
    loop {
        if let Err(error) = listen_once(&pool, &heard).await {
            tracing::warn!(%error, "listening for other nodes broke off");
        }
        if heard.is_closed() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(pool: &DatabaseConnection, heard: &WakeSender) -> Result<(), sea_orm::sqlx::Error> {
    let mut listener = PgListener::connect_with(pool.get_postgres_connection_pool()).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let note = listener.recv().await?;
        heard.hear(note.payload());
    }
}
