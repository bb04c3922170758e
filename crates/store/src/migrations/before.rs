//! A store as it was before a step of the schema, for the test of that step.

use sea_orm_migration::MigratorTrait;

use crate::db::Tx;
use crate::{SqlStore, StoreConfig};

/// Makes a test per engine out of each case, which is `async fn name(url: &str)`.
macro_rules! on_both_engines {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                super::$case(&folder.path().join("waxwing.db").display().to_string()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let database = tokio::task::spawn_blocking(test_postgres::database).await.unwrap();
                super::$case(&database.url).await;
            })+
        }
    };
}

pub(super) use on_both_engines;

/// An empty store that has every step before this one, and what the rest is to be done in (see [`go_on`]).
pub(super) async fn before(url: &str, step: &str) -> (SqlStore, Tx) {
    let store = SqlStore::connect(StoreConfig::new(url, [7; 32])).await.unwrap();
    let tx = store.begin().await.unwrap();
    let steps = super::names().iter().position(|name| name == step).unwrap();
    super::Migrator::up(&*tx, Some(u32::try_from(steps).unwrap())).await.unwrap();
    (store, tx)
}

/// Takes the step, and those after it.
pub(super) async fn go_on(store: &SqlStore, tx: Tx) {
    super::run(store.dialect(), &tx).await.unwrap();
    tx.commit().await.unwrap();
}
