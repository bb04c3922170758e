//! What keeps the audit trail from being changed by a statement, and ids that cost none.

use super::Dialect;
use crate::ids::Kind;

const REFUSAL: &str = "the audit trail is append-only";

/// What is refused: the table, and what must not happen to its rows.
const REFUSED: [(&str, &str); 3] =
    [("audit_entries", "UPDATE"), ("audit_entries", "DELETE"), ("audit_heads", "DELETE")];

impl Dialect {
    /// Triggers that refuse to change or remove what was sealed.
    pub(crate) fn audit_ddl(self) -> Vec<String> {
        let name = |table: &str, verb: &str| format!("{table}_no_{}", verb.to_lowercase());
        match self {
            Self::Sqlite => REFUSED
                .iter()
                .map(|(table, verb)| {
                    let name = name(table, verb);
                    format!("CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END")
                })
                .collect(),
            Self::Postgres => {
                let function = format!(
                    "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS \
                     $$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
                );
                let row = |(table, verb): &(&str, &str)| {
                    let name = name(table, verb);
                    format!("CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION audit_refuse()")
                };
                let whole = |table: &str| {
                    let name = name(table, "TRUNCATE");
                    format!(
                        "CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
                    )
                };
                let mut statements = vec![function];
                statements.extend(REFUSED.iter().map(row));
                statements.extend(["audit_entries", "audit_heads"].map(whole));
                statements
            }
        }
    }

    /// An expression that gives the next id of a kind within the statement that writes the row; `None`: ids are taken
    /// before.
    pub(crate) fn id_within(self, kind: Kind) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(format!("nextval('{}_ids')", kind.as_str())),
        }
    }
}
