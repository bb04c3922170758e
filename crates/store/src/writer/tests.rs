use std::future::Future;

use tempfile::TempDir;

use super::*;
use crate::StoreConfig;
use crate::db::{self, Row};
use crate::dialect::Opened;

/// A file with one table, and the line of those who write to it.
struct File {
    writer: Writer,
    reader: DatabaseConnection,
    _folder: TempDir,
}

impl File {
    async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.db").display().to_string();
        let Opened { dialect, writer, reader } =
            Dialect::open(&StoreConfig::new(path, [7; 32])).await.unwrap();
        db::run(&writer, "CREATE TABLE rows (name TEXT NOT NULL PRIMARY KEY)", []).await.unwrap();
        Self { writer: Writer::new(dialect, writer), reader, _folder: folder }
    }

    async fn shared(&self, name: &str) -> Writing {
        let tx = self.writer.begin_shared().await.unwrap();
        put(&tx, name).await;
        tx
    }

    /// Begins one that shares, writes and commits, beside everything else.
    fn spawn(&self, name: &'static str) -> tokio::task::JoinHandle<Result<(), Fault>> {
        let writer = self.writer.clone();
        tokio::spawn(async move {
            let tx = writer.begin_shared().await?;
            put(&tx, name).await;
            tx.commit().await
        })
    }

    /// One that wrote "a" and waits for the commit, and one that came meanwhile and goes on in the same transaction.
    async fn pair(&self) -> (tokio::task::JoinHandle<Result<(), Fault>>, Writing) {
        let first = self.shared("a").await;
        let waiting = self.writer.begin_shared();
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        let first = tokio::spawn(first.commit());
        (first, soon(waiting).await.unwrap())
    }

    async fn until_so_many_wait(&self, count: usize) {
        while self.writer.line.sociable.load(Ordering::SeqCst) != count {
            tokio::task::yield_now().await;
        }
    }

    /// What is durable, or at least committed.
    async fn rows(&self) -> Vec<String> {
        let rows = db::all(&self.reader, "SELECT name AS name FROM rows ORDER BY name", []).await.unwrap();
        rows.iter().map(|row| row.get("name").unwrap()).collect()
    }
}

async fn put(tx: &Writing, name: &str) {
    db::run(&**tx, "INSERT INTO rows (name) VALUES ($1)", [name.into()]).await.unwrap();
}

/// Nothing here takes long: what does not end has been forgotten by somebody.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("somebody waits in vain")
}

#[tokio::test]
async fn a_lone_transaction_commits_at_once() {
    let file = File::make().await;
    soon(file.shared("a").await.commit()).await.unwrap();
    assert_eq!(file.rows().await, ["a"]);
}

#[tokio::test]
async fn transactions_that_come_together_share_a_commit() {
    let file = File::make().await;
    let (first, second) = file.pair().await;
    assert!(second.nested, "the second began a transaction of its own");
    assert_eq!(file.rows().await, Vec::<String>::new());
    assert!(!first.is_finished(), "the first was told of a commit that had not happened");
    put(&second, "b").await;
    soon(second.commit()).await.unwrap();
    soon(first).await.unwrap().unwrap();
    assert_eq!(file.rows().await, ["a", "b"]);
}

#[tokio::test]
async fn one_that_is_dropped_takes_nobody_with_it() {
    let file = File::make().await;
    let (first, second) = file.pair().await;
    put(&second, "b").await;
    let third = file.spawn("c");
    file.until_so_many_wait(1).await;
    drop(second);
    soon(first).await.unwrap().unwrap();
    soon(third).await.unwrap().unwrap();
    assert_eq!(file.rows().await, ["a", "c"]);
}

#[tokio::test]
async fn when_the_commit_fails_everybody_hears_of_it_and_the_next_begin_anew() {
    let file = File::make().await;
    let (first, second) = file.pair().await;
    put(&second, "b").await;
    // As a full disk does it: the whole transaction is gone under those who are in it.
    db::run(&*second, "ROLLBACK", []).await.unwrap();
    assert!(soon(second.commit()).await.is_err());
    assert!(soon(first).await.unwrap().is_err(), "the first was told that its rows are there");
    assert_eq!(file.rows().await, Vec::<String>::new());
    soon(file.shared("c").await.commit()).await.unwrap();
    assert_eq!(file.rows().await, ["c"]);
}

#[tokio::test]
async fn a_group_is_not_left_open_for_one_who_gave_up() {
    let file = File::make().await;
    let first = file.shared("a").await;
    let second = file.spawn("b");
    file.until_so_many_wait(1).await;
    second.abort();
    soon(first.commit()).await.unwrap();
    assert!(soon(second).await.unwrap_err().is_cancelled());
    assert!(file.rows().await.contains(&"a".to_owned()));
    soon(file.shared("c").await.commit()).await.unwrap();
}

#[tokio::test]
async fn one_that_wants_a_commit_of_its_own_ends_the_group_before_it() {
    let file = File::make().await;
    let first = file.shared("a").await;
    let alone = file.writer.begin();
    tokio::pin!(alone);
    assert!(futures::poll!(&mut alone).is_pending());
    let second = file.spawn("c");
    file.until_so_many_wait(1).await;
    let first = tokio::spawn(first.commit());
    let alone = soon(alone).await.unwrap();
    soon(first).await.unwrap().unwrap();
    assert_eq!(file.rows().await, ["a"], "the group was not committed before the other began");
    put(&alone, "b").await;
    soon(alone.commit()).await.unwrap();
    soon(second).await.unwrap().unwrap();
    assert_eq!(file.rows().await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_caller_who_goes_away_while_it_commits_does_not_undo_the_commit() {
    let file = File::make().await;
    let tx = file.shared("a").await;
    {
        let commit = tx.commit();
        tokio::pin!(commit);
        let _ = futures::poll!(&mut commit);
    }
    soon(async {
        while file.rows().await != ["a"] {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn many_at_once_with_failures_among_them_leave_exactly_what_was_acknowledged() {
    let file = File::make().await;
    let tasks: Vec<_> = (0..200u32)
        .map(|n| {
            let writer = file.writer.clone();
            tokio::spawn(async move {
                let tx =
                    if n % 17 == 0 { writer.begin().await } else { writer.begin_shared().await }.unwrap();
                put(&tx, &format!("{n:03}")).await;
                match n % 5 {
                    // Gone without a word.
                    0 => None,
                    // The name is taken: this one fails alone.
                    1 => {
                        let again =
                            db::run(&*tx, "INSERT INTO rows (name) VALUES ($1)", [format!("{n:03}").into()]);
                        assert!(again.await.is_err());
                        None
                    }
                    _ => tx.commit().await.ok().map(|()| format!("{n:03}")),
                }
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.extend(soon(task).await.unwrap());
    }
    acknowledged.sort();
    assert_eq!(acknowledged.len(), 120);
    assert_eq!(file.rows().await, acknowledged);
}
