//! The order in which tables are filled, and what is done to the engine for it.

use std::time::Duration;

use anyhow::Result;

use super::{SeedOptions, broadcasts, messages, people};
use crate::clock;
use crate::world::Look;

/// How far back the oldest row lies.
const SPAN: Duration = Duration::from_secs(180 * 86_400);

/// What every statement needs to know.
pub(super) struct Shape {
    pub(super) tenant: i64,
    pub(super) connection: i64,
    pub(super) template: i64,
    pub(super) contacts: i64,
    pub(super) conversations: i64,
    pub(super) messages: i64,
    pub(super) broadcasts: i64,
    /// Recipients of the first broadcast, the big one; its messages come first.
    pub(super) big: i64,
    /// Messages in the time of each other broadcast …
    pub(super) block: i64,
    /// … of which so many are its own.
    pub(super) reach: i64,
    /// Microseconds since 1970.
    pub(super) now: i64,
    pub(super) start: i64,
    pub(super) is_postgres: bool,
}

impl Shape {
    async fn of(look: &Look, options: &SeedOptions, tenant: i64, connection: i64) -> Result<Self> {
        let conversations = options.contacts / 5 * 3;
        let big = conversations.min(options.messages / 10);
        let block = ((options.messages - big) / (options.broadcasts - 1)).max(1);
        let now = i64::try_from(clock::unix_seconds())? * 1_000_000;
        Ok(Self {
            tenant,
            connection,
            template: look.number("SELECT MIN(id) FROM templates").await?,
            contacts: options.contacts / 5 * 5,
            conversations,
            messages: options.messages,
            broadcasts: options.broadcasts,
            big,
            block,
            reach: (block * 2 / 5).min(conversations),
            now,
            start: now - i64::try_from(SPAN.as_micros())?,
            is_postgres: look.is_postgres,
        })
    }

    /// Microseconds between two messages.
    pub(super) fn step(&self) -> i64 {
        (self.now - self.start) / (self.messages + 1)
    }

    /// The numbers from 1 to `last`, as a relation `s(n)`.
    pub(super) fn numbers(&self, last: i64) -> String {
        if self.is_postgres {
            format!("generate_series(1::bigint, {last}::bigint) AS s(n)")
        } else {
            format!(
                "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s) AS s"
            )
        }
    }

    /// Whole hours since 1970.
    pub(super) fn hour(&self, at: &str) -> String {
        format!("({at}) / 3600000000")
    }
}

pub(super) async fn all(look: &Look, options: &SeedOptions, tenant: i64, connection: i64) -> Result<()> {
    let shape = Shape::of(look, options, tenant, connection).await?;
    let begun = clock::now();
    hurry(look).await?;
    let indexes = drop_indexes(look).await?;
    let steps: [(&str, Vec<String>); 7] = [
        ("messages", vec![messages::messages(&shape), messages::outbox(&shape), messages::events(&shape)]),
        ("conversations", vec![messages::conversations(&shape)]),
        ("contacts", vec![people::contacts(&shape)]),
        ("search", people::search(&shape)),
        ("consent records", vec![people::consent(&shape)]),
        ("alerts", vec![people::alerts(&shape)]),
        ("broadcasts", broadcasts::all(&shape)),
    ];
    for (what, statements) in steps {
        timed(what, look, &statements).await?;
    }
    timed("indexes", look, &indexes).await?;
    timed("counters", look, &counters(look).await?).await?;
    settle(look).await?;
    println!("  whole: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

async fn timed(what: &str, look: &Look, statements: &[String]) -> Result<()> {
    let begun = clock::now();
    for statement in statements {
        look.run(statement).await?;
    }
    println!("  {what}: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// A seed that is interrupted is thrown away: nothing needs to be safe meanwhile.
async fn hurry(look: &Look) -> Result<()> {
    let settings: &[&str] = if look.is_postgres {
        &[
            "SET synchronous_commit = off",
            "SET maintenance_work_mem = '512MB'",
            "SET work_mem = '256MB'",
            "SET jit = off",
        ]
    } else {
        &[
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "PRAGMA cache_size = -400000",
            "PRAGMA temp_store = FILE",
        ]
    };
    for setting in settings {
        look.run(setting).await?;
    }
    Ok(())
}

/// Indexes that are no constraints: they are built faster once the rows are there.
async fn drop_indexes(look: &Look) -> Result<Vec<String>> {
    let tables = "('messages', 'conversations', 'contacts', 'consent_records', 'message_events', 'outbox', 'recipients', 'contact_search')";
    let (names, statements) = if look.is_postgres {
        let from = format!(
            "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
             WHERE t.relname IN {tables} AND NOT i.indisprimary AND t.relnamespace = 'public'::regnamespace ORDER BY c.oid"
        );
        (
            look.texts(&format!("SELECT c.relname::text {from}")).await?,
            look.texts(&format!("SELECT pg_get_indexdef(c.oid) {from}")).await?,
        )
    } else {
        let from = format!(
            "FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN {tables} ORDER BY name"
        );
        (look.texts(&format!("SELECT name {from}")).await?, look.texts(&format!("SELECT sql {from}")).await?)
    };
    if !look.is_postgres {
        // What the server told the planner of an index goes with the index.
        look.run("CREATE TEMP TABLE told AS SELECT * FROM sqlite_stat1").await?;
    }
    for name in names {
        look.run(&format!("DROP INDEX {name}")).await?;
    }
    Ok(statements)
}

/// Ids count on behind what was seeded.
async fn counters(look: &Look) -> Result<Vec<String>> {
    let tables = [
        ("contact", "contacts"),
        ("consent_record", "consent_records"),
        ("conversation", "conversations"),
        ("message", "messages"),
        ("message_event", "message_events"),
        ("alert", "alerts"),
        ("broadcast", "broadcasts"),
    ];
    let mut statements = Vec::new();
    for (kind, table) in tables {
        let last = look.number(&format!("SELECT MAX(id) FROM {table}")).await?;
        statements.push(if look.is_postgres {
            format!("SELECT setval('{kind}_ids', {})", last.max(1))
        } else {
            format!("UPDATE id_counters SET next = {} WHERE name = '{kind}'", last + 1)
        });
    }
    Ok(statements)
}

async fn settle(look: &Look) -> Result<()> {
    if look.is_postgres {
        look.run("VACUUM (ANALYZE)").await
    } else {
        look.run("DELETE FROM sqlite_stat1").await?;
        look.run("INSERT INTO sqlite_stat1 SELECT * FROM told").await?;
        look.run("PRAGMA journal_mode = WAL").await
    }
}
