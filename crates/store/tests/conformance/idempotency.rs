//! Idempotency keys.

use domain::TenantId;
use ports::idempotency::{IdempotencyStore, KeptAnswer, Reserved};

use crate::samples::at_once;
use crate::support::{Bench, at};

on_each_engine!(
    a_key_is_reserved_then_in_progress_then_answered,
    a_key_with_another_body_is_told_apart,
    a_released_key_is_free_and_an_answered_one_stays,
    a_reservation_of_a_dead_caller_is_free_after_a_minute,
    a_key_lives_a_day,
    of_a_hundred_at_once_one_works,
    keys_of_tenants_are_apart,
);

const REQUEST: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

fn answer() -> KeptAnswer {
    KeptAnswer { status: 201, body: vec![0, 159, 146, 150, 0] }
}

async fn reserve(bench: &Bench, tenant: TenantId, second: i64) -> Reserved {
    bench.store.reserve_key(tenant, "k1", REQUEST, at(second)).await.unwrap()
}

async fn a_key_is_reserved_then_in_progress_then_answered(bench: Bench) {
    let tenant = bench.tenant().await;
    assert_eq!(reserve(&bench, tenant, 0).await, Reserved::Fresh);
    assert_eq!(reserve(&bench, tenant, 1).await, Reserved::InProgress);
    bench.store.keep_answer(tenant, "k1", answer(), at(2)).await.unwrap();
    let other = KeptAnswer { status: 500, body: Vec::new() };
    bench.store.keep_answer(tenant, "k1", other, at(3)).await.unwrap();
    assert_eq!(reserve(&bench, tenant, 4).await, Reserved::Answered(answer()));
}

async fn a_key_with_another_body_is_told_apart(bench: Bench) {
    let tenant = bench.tenant().await;
    reserve(&bench, tenant, 0).await;
    let other = || bench.store.reserve_key(tenant, "k1", OTHER, at(1));
    assert_eq!(other().await.unwrap(), Reserved::OtherBody);
    bench.store.keep_answer(tenant, "k1", answer(), at(2)).await.unwrap();
    assert_eq!(other().await.unwrap(), Reserved::OtherBody);
}

async fn a_released_key_is_free_and_an_answered_one_stays(bench: Bench) {
    let tenant = bench.tenant().await;
    reserve(&bench, tenant, 0).await;
    bench.store.release_key(tenant, "k1").await.unwrap();
    assert_eq!(reserve(&bench, tenant, 1).await, Reserved::Fresh);
    bench.store.keep_answer(tenant, "k1", answer(), at(2)).await.unwrap();
    bench.store.release_key(tenant, "k1").await.unwrap();
    bench.store.release_key(tenant, "never reserved").await.unwrap();
    assert_eq!(reserve(&bench, tenant, 3).await, Reserved::Answered(answer()));
}

async fn a_reservation_of_a_dead_caller_is_free_after_a_minute(bench: Bench) {
    let tenant = bench.tenant().await;
    reserve(&bench, tenant, 0).await;
    assert_eq!(reserve(&bench, tenant, 59).await, Reserved::InProgress);
    assert_eq!(reserve(&bench, tenant, 60).await, Reserved::Fresh);
    assert_eq!(reserve(&bench, tenant, 61).await, Reserved::InProgress);
}

async fn a_key_lives_a_day(bench: Bench) {
    let tenant = bench.tenant().await;
    reserve(&bench, tenant, 0).await;
    bench.store.keep_answer(tenant, "k1", answer(), at(0)).await.unwrap();
    assert_eq!(reserve(&bench, tenant, 24 * 3_600 - 1).await, Reserved::Answered(answer()));
    assert_eq!(reserve(&bench, tenant, 24 * 3_600).await, Reserved::Fresh);
}

async fn of_a_hundred_at_once_one_works(bench: Bench) {
    let tenant = bench.tenant().await;
    let reserved = at_once(&bench.store, 100, |store, _| async move {
        store.reserve_key(tenant, "k1", REQUEST, at(0)).await.unwrap()
    })
    .await;
    assert_eq!(reserved.iter().filter(|reserved| **reserved == Reserved::Fresh).count(), 1);
    assert_eq!(reserved.iter().filter(|reserved| **reserved == Reserved::InProgress).count(), 99);
}

async fn keys_of_tenants_are_apart(bench: Bench) {
    let (one, other) = (bench.tenant().await, bench.tenant().await);
    reserve(&bench, one, 0).await;
    bench.store.release_key(other, "k1").await.unwrap();
    bench.store.keep_answer(other, "k1", answer(), at(0)).await.unwrap();
    assert_eq!(reserve(&bench, one, 1).await, Reserved::InProgress);
    assert_eq!(reserve(&bench, other, 1).await, Reserved::Fresh);
}
