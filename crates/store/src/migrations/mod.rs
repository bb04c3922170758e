//! The schema and its history. A migration that has shipped is never changed; a change is a new migration.

mod access;
mod alerts;
mod audit;
#[cfg(test)]
mod before;
mod broadcasts;
mod bulk;
mod disclosure;
mod erased;
mod failures;
mod found;
mod health;
mod heard;
mod imports;
mod initial;
mod lists;
mod meant;
mod owned;
mod retention;
mod segments;
mod sought;
mod tagged;
mod watching;

use sea_orm::{ConnectionTrait, DatabaseTransaction};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::db::{Fault, Row};
use crate::dialect::Dialect;
use crate::ids::Kind;
use crate::operator::backup::RestoreError;

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(initial::Initial),
            Box::new(segments::Segments),
            Box::new(imports::Imports),
            Box::new(broadcasts::Broadcasts),
            Box::new(lists::Lists),
            Box::new(access::Access),
            Box::new(alerts::Alerts),
            Box::new(audit::Audit),
            Box::new(retention::Retention),
            Box::new(sought::Sought),
            Box::new(health::Health),
            Box::new(bulk::Bulk),
            Box::new(disclosure::Disclosure),
            Box::new(watching::Watching),
            Box::new(erased::Erased),
            Box::new(found::Found),
            Box::new(meant::Meant),
            Box::new(heard::Heard),
            Box::new(failures::Failures),
            Box::new(owned::Owned),
            Box::new(tagged::Tagged),
        ]
    }
}

/// Applies what is missing, in the caller's transaction, alone among all nodes.
pub(crate) async fn run(dialect: Dialect, tx: &DatabaseTransaction) -> Result<(), Fault> {
    dialect.lock_migrations(tx).await?;
    if Migrator::get_pending_migrations(tx).await?.is_empty() {
        return Ok(());
    }
    Migrator::up(tx, None).await?;
    dialect.tell_planner(tx).await
}

/// Brings empty tables exactly to the schema of an archive, which names the steps that made it.
pub(crate) async fn run_to(
    dialect: Dialect,
    tx: &DatabaseTransaction,
    schema: &[String],
) -> Result<(), RestoreError> {
    dialect.lock_migrations(tx).await?;
    let known = names();
    if let Some((_, unknown)) = (0..).zip(schema).find(|(place, name)| known.get(*place) != Some(name)) {
        return Err(RestoreError::Newer(unknown.clone()));
    }
    let there = Migrator::get_applied_migrations(tx).await.map_err(Fault::from)?.len();
    let missing = schema.len().checked_sub(there).ok_or(RestoreError::Ahead)?;
    if missing > 0 {
        let steps = u32::try_from(missing).map_err(Fault::internal)?;
        Migrator::up(tx, Some(steps)).await.map_err(Fault::from)?;
        dialect.tell_planner(tx).await?;
    }
    Ok(())
}

/// Every step that this version knows.
pub(crate) fn names() -> Vec<String> {
    Migrator::migrations().iter().map(|step| step.name().to_owned()).collect()
}

/// The steps that made a store's tables, in their order.
pub(crate) async fn applied<C: ConnectionTrait>(on: &C) -> Result<Vec<String>, Fault> {
    let sql = "SELECT version FROM seaql_migrations ORDER BY version";
    crate::db::all(on, sql, []).await?.iter().map(|row| row.get("version")).collect()
}

/// The statements of a file: `;` ends one, `--` begins a comment.
fn statements(file: &str) -> Vec<String> {
    let code: Vec<&str> = file.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    code.join("\n").split(';').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// Runs statements written in both engines' words.
async fn execute<C: ConnectionTrait>(on: &C, dialect: Dialect, file: &str) -> Result<(), sea_orm::DbErr> {
    for statement in statements(file) {
        on.execute_unprepared(&dialect.ddl(&statement)).await?;
    }
    Ok(())
}

/// One step: statements in both engines' words, and counters for the kinds of ids that it brings.
async fn step(
    manager: &sea_orm_migration::SchemaManager<'_>,
    files: &[&str],
    kinds: &[Kind],
) -> Result<(), sea_orm::DbErr> {
    let on = manager.get_connection();
    let dialect = Dialect::of(on.get_database_backend());
    for file in files {
        execute(on, dialect, file).await?;
    }
    let counters = if kinds.is_empty() { Vec::new() } else { dialect.id_ddl(kinds) };
    for statement in counters {
        on.execute_unprepared(&statement).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    /// An archive names its steps as the store does, which reads them back by their names.
    #[test]
    fn the_steps_stand_in_the_order_of_their_names() {
        assert!(super::names().is_sorted(), "{:#?}", super::names());
    }
}
