//! Two who come at once, on two nodes.

use std::collections::BTreeSet;

use domain::broadcasts::schedule::FrequencyCap;
use domain::broadcasts::{State, Step};
use domain::messages::Status;
use ports::broadcasts::{BroadcastMoved, BroadcastPatch, BroadcastStore, RecipientFilter, Share};
use ports::lanes::{LaneStore, Settlement};

use super::campaign::{Campaign, change_of, due_now, everyone, new_broadcast, retry, start_of, step};
use crate::samples::{at_once, run, texts};
use crate::support::{Bench, at};

on_each_engine!(
    two_freezers_freeze_nobody_twice,
    two_feeders_give_nobody_two_messages,
    of_broadcasts_that_come_to_a_contact_at_once_as_many_do_as_the_cap_allows,
    a_pause_lets_through_what_was_claimed_and_nothing_else,
    a_cancel_takes_back_what_was_not_claimed,
    of_many_who_pause_one_does,
    two_who_retry_give_one_new_attempt,
    of_many_who_change_the_same_version_one_does,
    what_begins_is_what_was_changed_last_or_nothing_begins,
);

async fn two_freezers_freeze_nobody_twice(bench: Bench) {
    let campaign = Campaign::started(bench, 60).await;
    let (tenant, id) = (campaign.scene.tenant, campaign.id);
    let other = campaign.scene.bench.another_node().await;
    let pages = at_once(campaign.scene.store(), 20, |store, number| {
        let other = other.clone();
        async move {
            let store = if number % 2 == 0 { store } else { other };
            store.freeze_page(tenant, id, &everyone(), &due_now(), 7).await.unwrap().recipients
        }
    })
    .await;
    assert_eq!(pages.iter().sum::<i64>(), 60);
    assert!(campaign.read().await.frozen);
    campaign.check().await;
}

async fn two_feeders_give_nobody_two_messages(bench: Bench) {
    let campaign = Campaign::frozen(bench, 50).await;
    let (tenant, id, connection) = (campaign.scene.tenant, campaign.id, campaign.scene.connection);
    let template = campaign.scene.template;
    let other = campaign.scene.bench.another_node().await;
    let queued = at_once(campaign.scene.store(), 8, |store, number| {
        let store = if number % 2 == 0 { store } else { other.clone() };
        async move {
            let mut queued = 0;
            loop {
                let share = Share { index: 0, of: 1 };
                let due = store.due_recipients(tenant, id, connection, share, None, 9, at(10)).await.unwrap();
                if due.is_empty() {
                    return queued;
                }
                let turns = due
                    .iter()
                    .map(|one| {
                        let content = super::campaign::content();
                        (one.id, ports::broadcasts::Turn::Send { content, template_id: template })
                    })
                    .collect();
                let batch = ports::broadcasts::EnqueueBatch {
                    tenant_id: tenant,
                    broadcast_id: id,
                    connection_id: connection,
                    turns,
                    cap: None,
                    at: at(11),
                };
                queued += store.enqueue(batch).await.unwrap().queued;
            }
        }
    })
    .await;
    assert_eq!(queued.iter().sum::<u32>(), 50);
    let rows = campaign.recipients(RecipientFilter::default()).await;
    let messages: BTreeSet<_> = rows.iter().filter_map(|one| one.message_id).collect();
    assert_eq!(messages.len(), 50);
    campaign.check().await;
}

async fn of_broadcasts_that_come_to_a_contact_at_once_as_many_do_as_the_cap_allows(bench: Bench) {
    const CONTACTS: i64 = 60;
    let mut campaign = Campaign::draft(bench, CONTACTS as u32).await;
    let (tenant, connection, template) =
        (campaign.scene.tenant, campaign.scene.connection, campaign.scene.template);
    let marketing = domain::templates::Category::Marketing;
    run(&campaign.scene.bench, &format!("UPDATE templates SET category = '{marketing}'")).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        campaign.id = campaign.scene.store().create_broadcast(tenant, new_broadcast(false)).await.unwrap().id;
        campaign.step(Step::Start).await;
        campaign.freeze_all().await;
        ids.push(campaign.id);
    }
    let other = campaign.scene.bench.another_node().await;
    let all = ids.clone();
    let queued = at_once(campaign.scene.store(), 4, |store, number| {
        let store = if number % 2 == 0 { store } else { other.clone() };
        let id = all[number as usize];
        async move {
            let (mut queued, mut left_out) = (0, 0);
            let contacts: Vec<i64> = (1..=CONTACTS).collect();
            for page in contacts.chunks(15) {
                let send = |id: &i64| {
                    let content = super::campaign::content();
                    (*id, ports::broadcasts::Turn::Send { content, template_id: template })
                };
                let batch = ports::broadcasts::EnqueueBatch {
                    tenant_id: tenant,
                    broadcast_id: id,
                    connection_id: connection,
                    turns: page.iter().map(send).collect(),
                    cap: Some(FrequencyCap { messages: 2, days: 7 }),
                    at: at(11),
                };
                let done = store.enqueue(batch).await.unwrap();
                queued += i64::from(done.queued);
                left_out += i64::from(done.left_out);
            }
            (queued, left_out)
        }
    })
    .await;
    assert_eq!(queued.iter().map(|(queued, _)| queued).sum::<i64>(), 2 * CONTACTS, "{queued:?}");
    assert_eq!(queued.iter().map(|(_, left_out)| left_out).sum::<i64>(), 2 * CONTACTS, "{queued:?}");
    let by_contact = "SELECT CAST(COUNT(*) AS TEXT) AS text FROM messages GROUP BY contact_id";
    assert!(texts(&campaign.scene.bench, by_contact).await.iter().all(|count| count == "2"));
    for id in ids {
        campaign.id = id;
        campaign.check().await;
    }
}

async fn a_pause_lets_through_what_was_claimed_and_nothing_else(bench: Bench) {
    let campaign = Campaign::frozen(bench, 60).await;
    let (tenant, id) = (campaign.scene.tenant, campaign.id);
    campaign.feed(60).await;
    let lease = campaign.scene.lane("node").await;
    let other = campaign.scene.bench.another_node().await;
    for turn in 0..5 {
        let (claim, paused) = tokio::join!(
            campaign.scene.store().claim_due(&lease, 5, at(30)),
            other.move_broadcast(tenant, id, step(Step::Pause))
        );
        let claimed = claim.unwrap().claimed;
        assert!(matches!(paused.unwrap(), BroadcastMoved::Done(_)), "turn {turn}");
        let after = campaign.scene.store().claim_due(&lease, 5, at(30)).await.unwrap().claimed;
        assert_eq!(after, [], "nothing is claimed from the commit of the pause on");
        for one in &claimed {
            assert_eq!(campaign.settle(&lease, one, sent(one.message_id.0)).await, Status::Sent);
        }
        campaign.check().await;
        campaign.step(Step::Resume).await;
    }
    while !campaign.deliver(&lease).await.is_empty() {}
    assert_eq!(campaign.counts().await.sent, 60, "and nobody was lost");
    campaign.check().await;
}

fn sent(id: i64) -> Settlement {
    Settlement::Sent { wamid: format!("w.{id}"), held: false }
}

async fn a_cancel_takes_back_what_was_not_claimed(bench: Bench) {
    let campaign = Campaign::frozen(bench, 40).await;
    let (tenant, id) = (campaign.scene.tenant, campaign.id);
    campaign.feed(30).await;
    let lease = campaign.scene.lane("node").await;
    let other = campaign.scene.bench.another_node().await;
    let (claim, fed, cancelled) = tokio::join!(
        campaign.scene.store().claim_due(&lease, 20, at(30)),
        campaign.feed(10),
        other.move_broadcast(tenant, id, step(Step::Cancel))
    );
    let claimed = claim.unwrap().claimed;
    assert!(matches!(cancelled.unwrap(), BroadcastMoved::Done(one) if one.state == State::Cancelled));
    assert!(fed.stopped || fed.queued == 10, "{fed:?}");
    assert_eq!(campaign.scene.store().claim_due(&lease, 20, at(31)).await.unwrap().claimed, []);
    for one in &claimed {
        campaign.settle(&lease, one, sent(one.message_id.0)).await;
    }
    let counts = campaign.counts().await;
    assert_eq!((counts.sent, counts.sent + counts.cancelled), (claimed.len() as i64, 40));
    campaign.check().await;
}

async fn of_many_who_pause_one_does(bench: Bench) {
    let campaign = Campaign::frozen(bench, 5).await;
    let (tenant, id) = (campaign.scene.tenant, campaign.id);
    let moved = at_once(campaign.scene.store(), 10, |store, _| async move {
        matches!(store.move_broadcast(tenant, id, step(Step::Pause)).await.unwrap(), BroadcastMoved::Done(_))
    })
    .await;
    assert_eq!(moved.into_iter().filter(|done| *done).count(), 1);
}

async fn two_who_retry_give_one_new_attempt(bench: Bench) {
    let campaign = Campaign::frozen(bench, 10).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(10).await;
    for one in campaign.scene.claim(&lease).await.claimed {
        let why = crate::scene::failure("META_REJECTED", 131_049);
        campaign.settle(&lease, &one, Settlement::Failed { why, flag: None, marketing_stop: false }).await;
    }
    let (tenant, id) = (campaign.scene.tenant, campaign.id);
    let retried = at_once(campaign.scene.store(), 6, |store, _| async move {
        store.retry_recipients(tenant, id, &retry(&[], 4, at(50))).await.unwrap().retried
    })
    .await;
    assert_eq!(retried.iter().sum::<u32>(), 10);
    assert_eq!(campaign.counts().await.pending, 10);
    campaign.check().await;
}

async fn of_many_who_change_the_same_version_one_does(bench: Bench) {
    let campaign = Campaign::draft(bench, 0).await;
    let (tenant, id) = (campaign.scene.tenant, campaign.id);
    let known = campaign.read().await;
    let other = campaign.scene.bench.another_node().await;
    let moved = at_once(campaign.scene.store(), 20, |store, number| {
        let store = if number % 2 == 0 { store } else { other.clone() };
        let patch = BroadcastPatch { name: Some(format!("by {number}")), plan: None };
        let change = change_of(&known, patch);
        async move { store.update_broadcast(tenant, id, change).await.unwrap() }
    })
    .await;
    let done = moved.iter().filter(|moved| matches!(moved, BroadcastMoved::Done(_))).count();
    let overtaken = moved.iter().filter(|moved| **moved == BroadcastMoved::Overtaken).count();
    assert_eq!((done, overtaken), (1, 19));
    assert_eq!(campaign.read().await.version, known.version + 1);
}

async fn what_begins_is_what_was_changed_last_or_nothing_begins(bench: Bench) {
    let campaign = Campaign::draft(bench, 0).await;
    let tenant = campaign.scene.tenant;
    let other = campaign.scene.bench.another_node().await;
    for turn in 0..12 {
        let store = campaign.scene.store();
        let draft = store.create_broadcast(tenant, new_broadcast(false)).await.unwrap();
        let mut plan = draft.plan.clone();
        plan.template.name = "the other".into();
        let change = change_of(&draft, BroadcastPatch { plan: Some(plan), name: None });
        let (changed, started) = tokio::join!(
            store.update_broadcast(tenant, draft.id, change),
            other.start_broadcast(tenant, draft.id, start_of(&draft))
        );
        let now = store.broadcast(tenant, draft.id).await.unwrap().unwrap();
        let name = now.plan.template.name.as_str();
        match (changed.unwrap(), started.unwrap()) {
            (BroadcastMoved::Done(_), BroadcastMoved::Overtaken) => {
                assert_eq!((now.state, name), (State::Draft, "the other"), "turn {turn}");
            }
            (BroadcastMoved::InvalidState(State::Sending), BroadcastMoved::Done(_)) => {
                assert_eq!((now.state, name), (State::Sending, "order_shipped"), "turn {turn}");
            }
            both => panic!("turn {turn}: {both:?}"),
        }
    }
}
