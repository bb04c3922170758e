//! Finding contacts by a part of their text. Both engines look it up by its trigrams: SQLite in an FTS5 table, which
//! holds no text of its own, PostgreSQL in a table beside the contacts with an index of `pg_trgm`. Where that
//! extension cannot be made, the narrow table is walked instead of the wide one.

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};

use super::Dialect;
use crate::db::clean;
use crate::lists;

/// A trigram needs so many characters.
const SHORTEST: usize = 3;
/// A longer text is looked up by its beginning.
const LOOKED_AT: usize = 40;

impl Dialect {
    /// The index, what fills `contact_search_waiting`, and its first rows.
    pub(crate) fn search_ddl(self) -> Vec<String> {
        let statements: &[&str] = match self {
            Self::Sqlite => &SQLITE,
            Self::Postgres => &POSTGRES,
        };
        statements.iter().map(|statement| (*statement).to_owned()).collect()
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
