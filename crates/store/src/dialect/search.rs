//! Finding contacts by a part of their text. Both engines look it up by its trigrams: SQLite in an FTS5 table, which
//! holds no text of its own, PostgreSQL in a table beside the contacts with an index of `pg_trgm`. Where that
//! extension cannot be made, the narrow table is walked instead of the wide one.
//!
//! Contacts that come by the thousand wait for the index as a range of ids, on PostgreSQL: a row each would cost a fifth
//! of writing them.

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};

use super::Dialect;
use crate::db::{self, Fault, Row, Tx, clean};
use crate::lists;

/// A trigram needs so many characters.
const SHORTEST: usize = 3;
/// A longer text is looked up by its beginning.
const LOOKED_AT: usize = 40;

/// A statement that makes so many contacts notes the range of their ids: a search would walk anyway before they are in
/// the index.
const RANGE: u32 = 1_000;

impl Dialect {
    /// The index, what fills `contact_search_waiting`, and its first rows.
    pub(crate) fn search_ddl(self) -> Vec<String> {
        let statements: &[&str] = match self {
            Self::Sqlite => &SQLITE,
            Self::Postgres => &POSTGRES,
        };
        statements.iter().map(|statement| (*statement).to_owned()).collect()
    }

    /// What makes filling it cheap where contacts come by the thousand.
    pub(crate) fn search_bulk_ddl(self) -> Vec<String> {
        match self {
            Self::Sqlite => Vec::new(),
            Self::Postgres => postgres_bulk(),
        }
    }

    /// Contacts that are put into the index at once, so that others who write hardly notice.
    pub(crate) fn search_batch(self) -> u32 {
        match self {
            // Others wait for the writer.
            Self::Sqlite => 500,
            // No one waits, and of many texts each part is put in its place once.
            Self::Postgres => 5_000,
        }
    }

    /// Finds a row when a range of a tenant's (`$1`) contacts waits; `None` where there are no ranges.
    pub(crate) fn range_waits(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT 1 AS one FROM contact_search_ranges WHERE tenant_id = $1 LIMIT 1"),
        }
    }

    /// Whether any contact waits.
    pub(crate) fn any_waits(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT 1 AS one FROM contact_search_waiting LIMIT 1",
            Self::Postgres => {
                "SELECT 1 AS one WHERE EXISTS (SELECT 1 FROM contact_search_waiting) \
                 OR EXISTS (SELECT 1 FROM contact_search_ranges)"
            }
        }
    }

    /// Brings the index up to date for at most `limit` contacts of the next range; how many there were in it, `None`
    /// when no range waits that nobody else has in hand.
    pub(crate) async fn search_range_anew(self, tx: &Tx, limit: u32) -> Result<Option<u64>, Fault> {
        match self {
            Self::Sqlite => Ok(None),
            Self::Postgres => range_anew(tx, limit.into()).await,
        }
    }

    /// To be called once the index was brought up to date: what was put off is put in its place.
    pub(crate) async fn settle_search(self, tx: &Tx) -> Result<(), Fault> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres => db::all(&**tx, SETTLE, []).await.map(drop),
        }
    }

    /// Statements that bring the index up to date for the contacts of a set `r(t, id)`: those that are gone are taken
    /// out.
    pub(crate) fn search_anew(self, set: &str) -> [String; 2] {
        let texts = format!("FROM {set} CROSS JOIN contacts c WHERE c.tenant_id = r.t AND c.id = r.id");
        match self {
            Self::Sqlite => [
                format!("DELETE FROM contact_search WHERE rowid IN (SELECT r.id FROM {set})"),
                format!("INSERT INTO contact_search (rowid, search) SELECT c.id, c.search {texts}"),
            ],
            Self::Postgres => [
                format!(
                    "DELETE FROM contact_search WHERE (tenant_id, contact_id) IN (SELECT r.t, r.id FROM {set})"
                ),
                format!(
                    "INSERT INTO contact_search (tenant_id, contact_id, search) SELECT c.tenant_id, c.id, c.search {texts}"
                ),
            ],
        }
    }

    /// Ids of contacts that may hold one of these texts (all those that do are among them), but for contacts whose text
    /// the index does not know yet. `None` when a text is too short for the index.
    pub(crate) fn searched(self, tenant: i64, texts: &[String]) -> Option<SelectStatement> {
        let texts: Vec<String> = texts.iter().map(|text| clean(text).to_lowercase()).collect();
        if texts.iter().any(|text| text.chars().count() < SHORTEST) {
            return None;
        }
        let mut select = Query::select();
        match self {
            // Ids of contacts are unique over all tenants.
            Self::Sqlite => select
                .expr_as(Expr::cust("s.rowid"), "id")
                .from_as("contact_search", "s")
                .and_where(Expr::cust_with_values("s.contact_search MATCH ?", [trigrams(&texts)])),
            Self::Postgres => select
                .expr_as(Expr::cust("s.contact_id"), "id")
                .from_as("contact_search", "s")
                .and_where(Expr::cust("s.tenant_id").eq(tenant))
                .cond_where(lists::any_holds("s.search", &texts)),
        };
        Some(select)
    }
}

/// In FTS5's words: all trigrams of one of the texts. Phrases would need an index of twice the size.
fn trigrams(texts: &[String]) -> String {
    let all = |text: &String| {
        let letters: Vec<char> = text.chars().take(LOOKED_AT).collect();
        let quoted = |three: &[char]| format!("\"{}\"", String::from_iter(three).replace('"', "\"\""));
        format!("({})", letters.windows(SHORTEST).map(quoted).collect::<Vec<_>>().join(" AND "))
    };
    texts.iter().map(all).collect::<Vec<_>>().join(" OR ")
}

/// The triggers' conflict clause holds only when the statement that fires them has none of its own.
const SQLITE: [&str; 5] = [
    "CREATE VIRTUAL TABLE contact_search USING fts5(search, content = '', contentless_delete = 1, detail = none, \
     tokenize = 'trigram case_sensitive 1')",
    "CREATE TRIGGER contact_search_new AFTER INSERT ON contacts BEGIN \
     INSERT OR IGNORE INTO contact_search_waiting (tenant_id, contact_id) VALUES (NEW.tenant_id, NEW.id); END",
    "CREATE TRIGGER contact_search_changed AFTER UPDATE OF search ON contacts WHEN NEW.search <> OLD.search BEGIN \
     INSERT OR IGNORE INTO contact_search_waiting (tenant_id, contact_id) VALUES (NEW.tenant_id, NEW.id); END",
    "CREATE TRIGGER contact_search_gone AFTER DELETE ON contacts BEGIN \
     INSERT OR IGNORE INTO contact_search_waiting (tenant_id, contact_id) VALUES (OLD.tenant_id, OLD.id); END",
    "INSERT INTO contact_search_waiting (tenant_id, contact_id) SELECT c.tenant_id, c.id FROM contacts AS c",
];

/// Nobody waits for the index to be filled, so nothing is put off in it that a search would have to walk.
///
/// One that waits already is written again, so that it is locked until the commit: who makes the index leaves out
/// what is locked, and does not read the text before it.
const POSTGRES: [&str; 9] = [
    "CREATE TABLE contact_search (tenant_id BIGINT NOT NULL, contact_id BIGINT NOT NULL, \
     search TEXT COLLATE \"C\" NOT NULL, PRIMARY KEY (tenant_id, contact_id))",
    "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; \
     CREATE INDEX contact_search_trigrams ON contact_search USING gin (search gin_trgm_ops) WITH (fastupdate = off); \
     EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'contacts are searched without an index: %', SQLERRM; END $$",
    "CREATE FUNCTION contact_search_new() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     INSERT INTO contact_search_waiting AS w (tenant_id, contact_id) SELECT c.tenant_id, c.id FROM fresh AS c \
     ON CONFLICT (tenant_id, contact_id) DO UPDATE SET contact_id = EXCLUDED.contact_id; RETURN NULL; END $$",
    "CREATE FUNCTION contact_search_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     INSERT INTO contact_search_waiting AS w (tenant_id, contact_id) VALUES (NEW.tenant_id, NEW.id) \
     ON CONFLICT (tenant_id, contact_id) DO UPDATE SET contact_id = EXCLUDED.contact_id; RETURN NULL; END $$",
    "CREATE FUNCTION contact_search_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     INSERT INTO contact_search_waiting AS w (tenant_id, contact_id) VALUES (OLD.tenant_id, OLD.id) \
     ON CONFLICT (tenant_id, contact_id) DO UPDATE SET contact_id = EXCLUDED.contact_id; RETURN NULL; END $$",
    "CREATE TRIGGER contact_search_new AFTER INSERT ON contacts REFERENCING NEW TABLE AS fresh \
     FOR EACH STATEMENT EXECUTE FUNCTION contact_search_new()",
    "CREATE TRIGGER contact_search_changed AFTER UPDATE OF search ON contacts FOR EACH ROW \
     WHEN (NEW.search IS DISTINCT FROM OLD.search) EXECUTE FUNCTION contact_search_changed()",
    "CREATE TRIGGER contact_search_gone AFTER DELETE ON contacts FOR EACH ROW EXECUTE FUNCTION contact_search_gone()",
    "INSERT INTO contact_search_waiting (tenant_id, contact_id) SELECT c.tenant_id, c.id FROM contacts AS c",
];

/// The index has no extension to stand on where it is missing; only its owner may settle it (others leave that to
/// autovacuum).
const SETTLE: &str = "SELECT gin_clean_pending_list(c.oid) AS pages FROM pg_class c \
     WHERE c.oid = to_regclass('contact_search_trigrams') AND pg_has_role(c.relowner, 'USAGE')";

/// Parts of many texts are first gathered, then put in their places in their order: a tenth of the cost of one text
/// after the other. Whoever fills the index does both in one commit, so a search walks nothing that was put off.
fn postgres_bulk() -> Vec<String> {
    vec![
        "CREATE TABLE contact_search_ranges (tenant_id BIGINT NOT NULL, first_id BIGINT NOT NULL, \
         last_id BIGINT NOT NULL, PRIMARY KEY (tenant_id, first_id, last_id))"
            .to_owned(),
        "ALTER INDEX IF EXISTS contact_search_trigrams SET (fastupdate = on)".to_owned(),
        format!(
            "CREATE OR REPLACE FUNCTION contact_search_new() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF EXISTS (SELECT 1 FROM fresh OFFSET {}) THEN \
             INSERT INTO contact_search_ranges AS w (tenant_id, first_id, last_id) \
             SELECT c.tenant_id, MIN(c.id), MAX(c.id) FROM fresh AS c GROUP BY c.tenant_id \
             ON CONFLICT (tenant_id, first_id, last_id) DO UPDATE SET last_id = EXCLUDED.last_id; \
             ELSE \
             INSERT INTO contact_search_waiting AS w (tenant_id, contact_id) SELECT c.tenant_id, c.id FROM fresh AS c \
             ON CONFLICT (tenant_id, contact_id) DO UPDATE SET contact_id = EXCLUDED.contact_id; \
             END IF; RETURN NULL; END $$",
            RANGE - 1
        ),
    ]
}

/// A range may hold ids of others and of contacts that are gone.
async fn range_anew(tx: &Tx, limit: i64) -> Result<Option<u64>, Fault> {
    let next = "SELECT w.tenant_id AS t, w.first_id AS first_id, w.last_id AS last_id FROM contact_search_ranges AS w \
                ORDER BY w.tenant_id, w.first_id, w.last_id LIMIT 1 FOR UPDATE SKIP LOCKED";
    let Some(range) = db::one(&**tx, next, []).await? else { return Ok(None) };
    let (tenant, first, last): (i64, i64, i64) =
        (range.get("t")?, range.get("first_id")?, range.get("last_id")?);
    let cut = "SELECT c.id AS id FROM contacts c WHERE c.tenant_id = $1 AND c.id BETWEEN $2 AND $3 \
               ORDER BY c.id LIMIT 1 OFFSET $4";
    let cut = db::one(&**tx, cut, [tenant.into(), first.into(), last.into(), limit.into()]).await?;
    let until = match cut {
        Some(next) => next.get::<i64>("id")? - 1,
        None => last,
    };
    let forget = "DELETE FROM contact_search WHERE tenant_id = $1 AND contact_id BETWEEN $2 AND $3";
    db::run(&**tx, forget, [tenant.into(), first.into(), until.into()]).await?;
    let learn = "INSERT INTO contact_search (tenant_id, contact_id, search) SELECT c.tenant_id, c.id, c.search \
                 FROM contacts c WHERE c.tenant_id = $1 AND c.id BETWEEN $2 AND $3 ORDER BY c.id";
    let done = db::run(&**tx, learn, [tenant.into(), first.into(), until.into()]).await?;
    let of_range = "WHERE tenant_id = $1 AND first_id = $2 AND last_id = $3";
    let mut values = vec![tenant.into(), first.into(), last.into()];
    let rest = if until < last {
        values.push((until + 1).into());
        format!("UPDATE contact_search_ranges SET first_id = $4 {of_range}")
    } else {
        format!("DELETE FROM contact_search_ranges {of_range}")
    };
    db::run(&**tx, &rest, values).await?;
    Ok(Some(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_three_letters_are_asked_for_and_quotes_stay_letters() {
        let texts = ["zoë\"".to_owned(), "+49".to_owned()];
        assert_eq!(trigrams(&texts), "(\"zoë\" AND \"oë\"\"\") OR (\"+49\")");
    }

    #[test]
    fn a_text_of_two_letters_is_not_looked_up() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            assert!(dialect.searched(1, &["zo".into()]).is_none());
            assert!(dialect.searched(1, &["zoë".into()]).is_some());
        }
    }
}
