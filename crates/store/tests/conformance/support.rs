//! A store to try, on either engine.

use std::path::PathBuf;

use domain::{TenantId, Timestamp};
use ports::operator::OperatorStore;
use ports::tenants::TenantSettings;
use store::{SqlStore, StoreConfig};
use tempfile::TempDir;
use test_postgres::TestDatabase;

/// Makes one test per engine out of each case.
macro_rules! on_each_engine {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                super::$case(crate::support::Bench::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                super::$case(crate::support::Bench::postgres().await).await;
            })+
        }
    };
}

/// An empty, migrated store.
pub(crate) struct Bench {
    pub(crate) store: SqlStore,
    url: String,
    place: Place,
}

/// What lies under the store, kept as long as the bench.
enum Place {
    File(#[allow(dead_code, reason = "removed when dropped")] TempDir),
    Server(#[allow(dead_code, reason = "removed when dropped")] TestDatabase),
}

/// The sealing key of every test.
pub(crate) const KEY: [u8; 32] = [7; 32];

impl Bench {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file: PathBuf = folder.path().join("waxwing.db");
        let url = file.display().to_string();
        let store = open(&url).await;
        store.migrate().await.expect("migrated");
        Self { store, url, place: Place::File(folder) }
    }

    pub(crate) async fn postgres() -> Self {
        let database = tokio::task::spawn_blocking(migrated_database).await.expect("a database");
        let url = database.url.clone();
        Self { store: open(&url).await, url, place: Place::Server(database) }
    }

    /// A second node on the same data.
    pub(crate) async fn another_node(&self) -> SqlStore {
        open(&self.url).await
    }

    /// A node that opens the data with other keys.
    pub(crate) async fn node_with_keys(&self, keys: Vec<[u8; 32]>) -> SqlStore {
        let config = StoreConfig { keys, ..StoreConfig::new(&self.url, KEY) };
        SqlStore::connect(config).await.expect("opened")
    }

    /// Whether this is PostgreSQL, for what is asked of the engine itself (plans).
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Server(_))
    }

    /// Where the data is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A new tenant.
    pub(crate) async fn tenant(&self) -> TenantId {
        self.store.create_tenant("Acme", &TenantSettings::default(), at(0)).await.expect("a tenant").id
    }
}

async fn open(url: &str) -> SqlStore {
    SqlStore::connect(StoreConfig::new(url, KEY)).await.expect("opened")
}

/// A copy of a database that one test migrated for all. Its name changes with the schema.
fn migrated_database() -> TestDatabase {
    let template = format!("waxwing_{:016x}", fingerprint());
    test_postgres::database_like(&template, |url| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let store = open(url).await;
            store.migrate().await.expect("migrated");
            store.close().await.expect("closed");
        });
    })
}

/// Of this test binary, so that another schema finds another template (FNV-1a over its time and size).
fn fingerprint() -> u64 {
    let binary = std::env::current_exe().and_then(std::fs::metadata).expect("this binary");
    let modified = binary.modified().expect("a time");
    let text = format!("{modified:?}{}", binary.len());
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A fixed moment and `seconds` after it.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("in range")
}
