//! Accounts: tries, second factor, sessions, links.

use domain::SessionId;
use domain::access::roles::Role;
use domain::access::throttle::Throttle;
use ports::access::accounts::{AccountStore, Guessed, NewSession};
use ports::operator::OperatorStore;
use secrecy::{ExposeSecret, SecretString};

use super::members::{join, link};
use crate::samples::at_once;
use crate::support::{Bench, KEY, at};

on_each_engine!(
    tries_are_counted_before_anybody_knows_whether_they_are_good,
    a_good_try_is_forgiven,
    a_hundred_tries_at_once_are_admitted_no_more_than_are_free,
    a_second_factor_is_on_once_it_is_confirmed_and_each_code_is_taken_once,
    a_recovery_code_is_taken_once_also_by_two_at_once,
    a_shared_secret_is_sealed_and_sealed_anew_with_another_key,
    a_session_is_found_by_its_hash_until_it_is_ended,
    a_new_password_needs_the_latest_link_and_ends_every_session,
    a_changed_password_needs_the_one_before_and_ends_every_other_session,
    what_is_over_is_swept_away,
);

fn guessed(subject: &str) -> Guessed {
    Guessed { subject: subject.into(), rule: Throttle::LOGIN_ACCOUNT }
}

async fn tries_are_counted_before_anybody_knows_whether_they_are_good(bench: Bench) {
    let both = [guessed("account/a"), guessed("address/1")];
    for _ in 0..6 {
        assert_eq!(bench.store.admit_try(&both, at(0)).await.unwrap(), None);
    }
    let paused = bench.store.admit_try(&both[..1], at(29)).await.unwrap().expect("paused");
    assert_eq!((paused.subject.as_str(), paused.until), ("account/a", at(30)));
    let other = [guessed("account/b"), guessed("address/1")];
    assert_eq!(bench.store.admit_try(&other, at(1)).await.unwrap().expect("paused").subject, "address/1");
    assert_eq!(bench.store.admit_try(&other[..1], at(1)).await.unwrap(), None, "one refused counts for none");
    let node = bench.another_node().await;
    assert!(node.admit_try(&both, at(29)).await.unwrap().is_some(), "other nodes know of it");
    assert_eq!(node.admit_try(&both, at(30)).await.unwrap(), None);
    assert_eq!(node.admit_try(&both, at(31)).await.unwrap().expect("paused").until, at(90));
}

async fn a_good_try_is_forgiven(bench: Bench) {
    let both = [guessed("account/a"), guessed("address/1")];
    for _ in 0..20 {
        assert_eq!(bench.store.admit_try(&both, at(0)).await.unwrap(), None);
        bench.store.forgive_try(&both, true).await.unwrap();
    }
    for _ in 0..5 {
        bench.store.admit_try(&both[1..], at(0)).await.unwrap();
    }
    bench.store.admit_try(&both, at(0)).await.unwrap();
    bench.store.forgive_try(&both, true).await.unwrap();
    assert_eq!(bench.store.admit_try(&both, at(0)).await.unwrap(), None, "5 bad ones are free");
    assert!(bench.store.admit_try(&both, at(0)).await.unwrap().is_some());
}

async fn a_hundred_tries_at_once_are_admitted_no_more_than_are_free(bench: Bench) {
    let outcomes = at_once(&bench.store, 100, |store, _| async move {
        store.admit_try(&[guessed("account/a"), guessed("address/1")], at(0)).await.unwrap()
    })
    .await;
    assert_eq!(outcomes.iter().filter(|paused| paused.is_none()).count(), 6);
}

async fn a_second_factor_is_on_once_it_is_confirmed_and_each_code_is_taken_once(bench: Bench) {
    let tenant = bench.tenant().await;
    let account = join(&bench, tenant, "ada@example.com", Role::Owner, 1).await.account_id;
    let store = &bench.store;
    assert!(!store.confirm_totp(account, 5, &[]).await.unwrap(), "none waits");
    assert!(store.enroll_totp(account, &"FIRST".into()).await.unwrap());
    assert!(store.enroll_totp(account, &"SECOND".into()).await.unwrap());
    assert!(!store.take_totp_step(account, 5).await.unwrap(), "not confirmed");
    let totp = store.account(account).await.unwrap().unwrap().totp.unwrap();
    assert_eq!((totp.secret.expose_secret(), totp.confirmed), ("SECOND", false));
    assert!(store.confirm_totp(account, 5, &[[1; 32], [2; 32]]).await.unwrap());
    assert!(!store.enroll_totp(account, &"THIRD".into()).await.unwrap(), "one is on");
    assert!(!store.take_totp_step(account, 5).await.unwrap(), "confirmed by it");
    assert!(store.take_totp_step(account, 6).await.unwrap());
    assert!(!store.take_totp_step(account, 6).await.unwrap());
    let totp = store.account(account).await.unwrap().unwrap().totp.unwrap();
    assert_eq!((totp.secret.expose_secret(), totp.confirmed, totp.recovery_codes), ("SECOND", true, 2));
    assert!(store.set_recovery_codes(account, &[[3; 32]]).await.unwrap());
    assert!(!store.take_recovery_code(account, &[1; 32]).await.unwrap());
    store.disable_totp(account).await.unwrap();
    assert!(store.account(account).await.unwrap().unwrap().totp.is_none());
    assert!(!store.take_recovery_code(account, &[3; 32]).await.unwrap());
}

async fn a_recovery_code_is_taken_once_also_by_two_at_once(bench: Bench) {
    let tenant = bench.tenant().await;
    let account = join(&bench, tenant, "ada@example.com", Role::Owner, 1).await.account_id;
    bench.store.enroll_totp(account, &"SECRET".into()).await.unwrap();
    bench.store.confirm_totp(account, 5, &[[1; 32], [2; 32]]).await.unwrap();
    let taken = at_once(&bench.store, 10, move |store, _| async move {
        store.take_recovery_code(account, &[1; 32]).await.unwrap()
    })
    .await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    let totp = bench.store.account(account).await.unwrap().unwrap().totp.unwrap();
    assert_eq!(totp.recovery_codes, 1);
}

async fn a_shared_secret_is_sealed_and_sealed_anew_with_another_key(bench: Bench) {
    let tenant = bench.tenant().await;
    let account = join(&bench, tenant, "ada@example.com", Role::Owner, 1).await.account_id;
    bench.store.enroll_totp(account, &"SECRET".into()).await.unwrap();
    assert!(bench.node_with_keys(vec![[9; 32]]).await.account(account).await.is_err());
    let both = bench.node_with_keys(vec![[9; 32], KEY]).await;
    assert_eq!(both.rotate_secrets().await.unwrap(), 1);
    let alone = bench.node_with_keys(vec![[9; 32]]).await;
    let totp = alone.account(account).await.unwrap().unwrap().totp.unwrap();
    assert_eq!(totp.secret.expose_secret(), "SECRET");
}

fn session(seed: u8, at_second: i64) -> NewSession {
    NewSession {
        hash: [seed; 32],
        address: Some("203.0.113.9".into()),
        user_agent: Some("Browser".into()),
        at: at(at_second),
        expires_at: at(at_second + 100),
    }
}

async fn a_session_is_found_by_its_hash_until_it_is_ended(bench: Bench) {
    let (tenant, store) = (bench.tenant().await, &bench.store);
    let ada = join(&bench, tenant, "ada@example.com", Role::Owner, 1).await;
    let eve = join(&bench, tenant, "eve@example.com", Role::Agent, 2).await;
    let first = store.open_session(ada.account_id, session(11, 1)).await.unwrap();
    let second = store.open_session(ada.account_id, session(12, 2)).await.unwrap();
    let known = store.session_by_hash(&[11; 32]).await.unwrap().unwrap();
    assert_eq!((&known.session, known.account_id), (&first, ada.account_id));
    assert_eq!((known.email.as_str(), known.memberships[0].member_id), ("ada@example.com", ada.id));
    assert_eq!(known.memberships[0].role, "owner");
    assert_eq!(store.session_by_hash(&[13; 32]).await.unwrap(), None);
    store.touch_sessions(vec![(first.id, at(50)), (first.id, at(40)), (second.id, at(1))]).await.unwrap();
    let listed = store.sessions(ada.account_id, at(60)).await.unwrap();
    let used: Vec<_> = listed.iter().map(|one| (one.id, one.last_used_at)).collect();
    assert_eq!(used, [(first.id, at(50)), (second.id, at(2))]);
    assert_eq!(store.sessions(ada.account_id, at(101)).await.unwrap().len(), 1, "over at its last end");
    assert!(!store.end_session(eve.account_id, first.id).await.unwrap(), "not hers");
    assert!(store.end_session(ada.account_id, first.id).await.unwrap());
    assert!(!store.end_session(ada.account_id, SessionId(999)).await.unwrap());
    assert_eq!(store.session_by_hash(&[11; 32]).await.unwrap(), None);
    store.open_session(ada.account_id, session(14, 3)).await.unwrap();
    assert_eq!(store.end_other_sessions(ada.account_id, Some(second.id)).await.unwrap(), 1);
    assert_eq!(store.sessions(ada.account_id, at(4)).await.unwrap()[0].id, second.id);
}

async fn a_new_password_needs_the_latest_link_and_ends_every_session(bench: Bench) {
    let (tenant, store) = (bench.tenant().await, &bench.store);
    let account = join(&bench, tenant, "ada@example.com", Role::Owner, 1).await.account_id;
    store.open_session(account, session(11, 1)).await.unwrap();
    store.keep_reset(account, link(21)).await.unwrap();
    store.keep_reset(account, link(22)).await.unwrap();
    let password = SecretString::from("$argon2id$another");
    assert!(store.open_reset(&[21; 32], at(2)).await.unwrap().is_none(), "another took its place");
    assert!(store.open_reset(&[22; 32], at(1_000)).await.unwrap().is_none(), "too old");
    assert_eq!(store.open_reset(&[22; 32], at(2)).await.unwrap().unwrap().id, account);
    assert!(store.open_invitation(&[22; 32], at(2)).await.unwrap().is_none(), "it is no invitation");
    assert_eq!(store.accept_invitation(&[22; 32], None, None, at(2)).await.unwrap(), None);
    let outcomes = at_once(&bench.store, 5, move |store, _| async move {
        store.reset_password(&[22; 32], &"$argon2id$another".into(), at(2)).await.unwrap()
    })
    .await;
    assert_eq!(outcomes.iter().flatten().collect::<Vec<_>>(), [&account], "once");
    let known = store.account(account).await.unwrap().unwrap();
    assert_eq!(known.password.unwrap().expose_secret(), password.expose_secret());
    assert!(store.sessions(account, at(3)).await.unwrap().is_empty());
}

async fn a_changed_password_needs_the_one_before_and_ends_every_other_session(bench: Bench) {
    let (tenant, store) = (bench.tenant().await, &bench.store);
    let ada = join(&bench, tenant, "ada@example.com", Role::Owner, 1).await.account_id;
    let eve = join(&bench, tenant, "eve@example.com", Role::Agent, 2).await.account_id;
    let here = store.open_session(ada, session(11, 1)).await.unwrap().id;
    store.open_session(ada, session(12, 2)).await.unwrap();
    store.open_session(eve, session(13, 3)).await.unwrap();
    store.keep_reset(ada, link(21)).await.unwrap();
    let (old, new) = (SecretString::from("$argon2id$kept"), SecretString::from("$argon2id$another"));
    assert_eq!(
        store.change_password(ada, &new, &new, here, at(5)).await.unwrap(),
        None,
        "not the one before"
    );
    assert_eq!(store.sessions(ada, at(5)).await.unwrap().len(), 2);
    let outcomes = at_once(&bench.store, 5, move |store, number| async move {
        let new = SecretString::from(format!("$argon2id$another{number}"));
        store.change_password(ada, &"$argon2id$kept".into(), &new, here, at(5)).await.unwrap()
    })
    .await;
    assert_eq!(
        outcomes.iter().flatten().collect::<Vec<_>>(),
        [&1],
        "one of five at once, and one session ended"
    );
    let kept = store.account(ada).await.unwrap().unwrap().password.unwrap();
    assert_ne!(kept.expose_secret(), old.expose_secret());
    assert_eq!(store.sessions(ada, at(5)).await.unwrap()[0].id, here);
    assert_eq!(store.sessions(eve, at(5)).await.unwrap().len(), 1, "hers goes on");
    assert!(
        store.open_reset(&[21; 32], at(5)).await.unwrap().is_none(),
        "letters asked for before lead nowhere"
    );
    bench.seal(tenant).await;
    let trail = bench.trail(tenant).await;
    let told: Vec<_> = trail.iter().filter(|link| link.entry.action == "password_changed").collect();
    assert_eq!((told.len(), told[0].entry.before.is_none() && told[0].entry.after.is_none()), (1, true));
}

async fn what_is_over_is_swept_away(bench: Bench) {
    let (tenant, store) = (bench.tenant().await, &bench.store);
    let account = join(&bench, tenant, "ada@example.com", Role::Owner, 1).await.account_id;
    store.open_session(account, session(11, 1)).await.unwrap();
    store.keep_reset(account, link(21)).await.unwrap();
    store.admit_try(&[guessed("account/a")], at(0)).await.unwrap();
    assert_eq!(store.sweep(at(90), 100).await.unwrap(), 0);
    assert_eq!(store.sweep(at(60 * 86_400), 100).await.unwrap(), 3);
    assert_eq!(store.session_by_hash(&[11; 32]).await.unwrap(), None);
}
