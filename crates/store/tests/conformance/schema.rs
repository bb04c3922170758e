//! Opening, migrating, closing.

use domain::access::permissions::{Permission, Permissions};
use ports::access::members::MemberStore;

use crate::samples::run;
use crate::support::{Bench, at};

on_each_engine!(
    migrating_again_changes_nothing,
    nodes_that_start_together_migrate_once,
    a_role_that_could_erase_a_person_can_still_hand_out_what_is_known_of_one,
);

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

async fn a_role_that_could_erase_a_person_can_still_hand_out_what_is_known_of_one(bench: Bench) {
    let tenant = bench.tenant().await;
    let reads = Permissions::NONE.with(Permission::ContactsRead);
    let erases = reads.with(Permission::ContactsErase);
    for (name, permissions) in [("Clerk", erases), ("Reader", reads)] {
        bench.store.create_role(tenant, name, permissions, Permissions::all(), at(1)).await.unwrap();
    }
    run(&bench, include_str!("../../src/migrations/disclosure.sql")).await;
    let roles = bench.store.roles(tenant).await.unwrap();
    let held: Vec<_> = roles.iter().map(|role| role.permissions).collect();
    assert_eq!(held, [erases.with(Permission::ContactsDisclose), reads]);
}
