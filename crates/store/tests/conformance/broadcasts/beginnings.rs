//! How one begins: whom it means from then on, what held it at its time, and the turns of one that recurs.

use domain::broadcasts::{State, Step, StopCode};
use ports::broadcasts::{
    BroadcastFilter, BroadcastMoved, BroadcastPatch, BroadcastStore, Move, NewBroadcast,
};
use ports::operator::OperatorStore;

use super::campaign::{Campaign, change_of, due_now, everyone, new_broadcast, start_of, step, whole};
use crate::support::{Bench, at};

on_each_engine!(
    a_turn_of_a_recurring_one_is_made_once,
    what_begins_keeps_whom_it_means_beside_what_was_asked_for,
    what_was_held_at_its_time_is_changed_and_begins_and_is_frozen_not_before,
    a_turn_goes_to_the_list_that_its_parent_had,
);

async fn a_turn_of_a_recurring_one_is_made_once(bench: Bench) {
    let campaign = Campaign::draft(bench, 0).await;
    let (store, tenant, parent) = (campaign.scene.store(), campaign.scene.tenant, campaign.id);
    let schedule = Move { starts_at: Some(at(10)), ..step(Step::Schedule) };
    store.move_broadcast(tenant, parent, schedule).await.unwrap();
    let turn = NewBroadcast { recurs_from: Some(parent), at: at(10), ..new_broadcast(false) };
    let make = |next| store.make_turn(tenant, parent, at(10), turn.clone(), next);
    let (one, other) = tokio::join!(make(Some(at(20))), make(Some(at(20))));
    let made: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].state, made[0].starts_at), (State::Scheduled, Some(at(10))));
    assert_eq!(campaign.read().await.starts_at, Some(at(20)));
    let last = store.make_turn(tenant, parent, at(20), turn.clone(), None).await.unwrap();
    assert!(last.is_some());
    assert_eq!(campaign.read().await.state, State::Completed);
    let filter = BroadcastFilter { recurs_from: Some(parent), ..Default::default() };
    assert_eq!(store.broadcasts(tenant, &filter, &Default::default()).await.unwrap().total, 2);
}

async fn what_begins_keeps_whom_it_means_beside_what_was_asked_for(bench: Bench) {
    let campaign = Campaign::draft(bench, 2).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let draft = campaign.read().await;
    assert_eq!((draft.meant.as_ref(), draft.is_held()), (None, false));
    let nobody = super::campaign::meaning(domain::segments::Rule::Any(vec![
        serde_json::from_value(serde_json::json!({ "field": "name", "op": "is", "value": "nobody" }))
            .unwrap(),
    ]));
    let numbers = vec![campaign.scene.connection];
    let plan = domain::broadcasts::Plan { connections: numbers.clone(), ..draft.plan.clone() };
    let start = ports::broadcasts::Start { plan, meant: nobody.clone(), ..start_of(&draft) };
    let moved = store.start_broadcast(tenant, campaign.id, start).await.unwrap();
    let BroadcastMoved::Done(started) = moved else { panic!("{moved:?}") };
    assert_eq!((started.state, started.meant.as_ref()), (State::Sending, Some(&nobody)));
    assert_eq!((&started.plan.audience, &started.plan.connections), (&draft.plan.audience, &numbers));
    assert_eq!((started.started_at, started.category.is_some()), (Some(at(6)), true));
    assert_eq!(campaign.read().await, started);
    assert!(started.version > draft.version);
    // It never goes back to not having begun.
    let paused = campaign.step(Step::Pause).await;
    assert!(!paused.is_held());
    assert_eq!(campaign.try_step(Step::Start).await, BroadcastMoved::InvalidState(State::Paused));
    assert_eq!(campaign.step(Step::Resume).await.meant, Some(nobody));
}

async fn what_was_held_at_its_time_is_changed_and_begins_and_is_frozen_not_before(bench: Bench) {
    let campaign = Campaign::draft(bench, 3).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let schedule = Move { starts_at: Some(at(9)), ..step(Step::Schedule) };
    store.move_broadcast(tenant, campaign.id, schedule).await.unwrap();
    let scheduled = campaign.read().await;
    let overtaken = Move { seen: Some(scheduled.version - 1), ..step(Step::Hold) };
    let moved = store.move_broadcast(tenant, campaign.id, overtaken).await.unwrap();
    assert_eq!(moved, BroadcastMoved::Overtaken);
    assert_eq!(campaign.read().await, scheduled);
    let held = campaign.step(Step::Hold).await;
    assert_eq!((held.state, held.is_held(), held.started_at), (State::Paused, true, None));
    assert_eq!(held.reason.as_ref().map(|why| why.code), Some(StopCode::ByUser));
    // Nobody is frozen of what did not begin, whoever asks, and nobody resumes it past its beginning.
    assert_eq!(campaign.freeze(&everyone(), &due_now(), 10).await, Default::default());
    assert_eq!(campaign.try_step(Step::Resume).await, BroadcastMoved::InvalidState(State::Paused));
    assert!(store.live_broadcasts().await.unwrap().is_empty());
    let patch = BroadcastPatch { name: Some("Mended".into()), plan: None };
    let changed = store.update_broadcast(tenant, campaign.id, change_of(&held, patch)).await.unwrap();
    assert!(matches!(changed, BroadcastMoved::Done(changed) if changed.name == "Mended"));
    let put = store.put_list(tenant, campaign.id, whole(Vec::new())).await.unwrap();
    assert!(matches!(put, ports::broadcasts::ListPut::Done(_)), "{put:?}");
    let started = campaign.step(Step::Start).await;
    assert_eq!((started.state, started.reason), (State::Sending, None));
    campaign.freeze_all().await;
    assert_eq!(campaign.counts().await.pending, 3);
    campaign.check().await;
    // Another one is taken back instead.
    let other = store.create_broadcast(tenant, new_broadcast(false)).await.unwrap().id;
    for wanted in [Step::Schedule, Step::Hold, Step::Unschedule] {
        let moved = store.move_broadcast(tenant, other, step(wanted)).await.unwrap();
        assert!(matches!(moved, BroadcastMoved::Done(_)), "{wanted:?}: {moved:?}");
    }
    assert_eq!(store.broadcast(tenant, other).await.unwrap().map(|one| one.state), Some(State::Draft));
}

async fn a_turn_goes_to_the_list_that_its_parent_had(bench: Bench) {
    let campaign = Campaign::draft(bench, 1).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let parent = store.create_broadcast(tenant, new_broadcast(true)).await.unwrap().id;
    let rows = vec![super::campaign::row(1, None), super::campaign::row(2, Some("+15550000001"))];
    store.put_list(tenant, parent, whole(rows)).await.unwrap();
    store
        .move_broadcast(tenant, parent, Move { starts_at: Some(at(10)), ..step(Step::Schedule) })
        .await
        .unwrap();
    let turn = NewBroadcast { recurs_from: Some(parent), at: at(10), ..new_broadcast(true) };
    let made = store.make_turn(tenant, parent, at(10), turn, Some(at(20))).await.unwrap().unwrap();
    store.put_list(tenant, parent, whole(vec![super::campaign::row(1, None)])).await.unwrap();
    while store.sweep(at(90), 100).await.unwrap() > 0 {}
    assert_eq!(store.list_size(tenant, made.id).await.unwrap(), (2, 1));
    assert_eq!(store.list_size(tenant, parent).await.unwrap(), (1, 0));
}
