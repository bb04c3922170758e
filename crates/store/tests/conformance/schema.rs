//! Opening, migrating, closing.

use crate::support::Bench;

on_each_engine!(migrating_again_changes_nothing, nodes_that_start_together_migrate_once);

async fn migrating_again_changes_nothing(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.store.migrate().await.expect("again");
    assert_ne!(bench.tenant().await, tenant);
}

async fn nodes_that_start_together_migrate_once(bench: Bench) {
    let (one, two) = (bench.another_node().await, bench.another_node().await);
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    first.expect("one");
    second.expect("two");
}
