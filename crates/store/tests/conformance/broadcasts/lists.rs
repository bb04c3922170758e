//! Lists of recipients and of broadcasts.

use std::collections::BTreeSet;

use domain::broadcasts::LeftOut;
use domain::broadcasts::Step;
use domain::broadcasts::reasons::FailedBy;
use ports::Paging;
use ports::broadcasts::{BroadcastFilter, BroadcastStore, RecipientFilter, RecipientState, Turn};
use ports::lanes::Settlement;

use super::campaign::{Campaign, new_broadcast, retry};
use crate::samples::{by_page, walk};
use crate::scene::failure;
use crate::support::{Bench, at};

on_each_engine!(
    every_filter_finds_its_recipients_and_their_number,
    lists_are_walked_by_cursors,
    broadcasts_are_listed_with_their_own_counts,
    another_tenant_sees_and_touches_nothing,
);

/// Twelve recipients, of every kind some.
async fn every_kind(bench: Bench) -> Campaign {
    let campaign = Campaign::frozen(bench, 13).await;
    let lease = campaign.scene.lane("node").await;
    let leave = |reason| Turn::LeaveOut { reason, detail: None };
    campaign
        .enqueue(vec![
            (12, leave(LeftOut::InvalidParameter)),
            (11, leave(LeftOut::FrequencyCap)),
            (10, leave(LeftOut::FrequencyCap)),
        ])
        .await;
    campaign.feed(7).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    let failed =
        |code, meta| Settlement::Failed { why: failure(code, meta), flag: None, marketing_stop: false };
    let sent = |wamid: &str| Settlement::Sent { wamid: wamid.into(), held: false };
    let settlements = [
        failed("RECIPIENT_NOT_ON_WHATSAPP", 131_026),
        failed("META_REJECTED", 131_049),
        sent("w.3"),
        sent("w.4"),
        sent("w.5"),
        Settlement::InDoubt { why: failure("x", 1) },
    ];
    for (one, settlement) in claimed.iter().zip(settlements) {
        campaign.settle(&lease, one, settlement).await;
    }
    campaign.scene.report("w.4", domain::messages::Status::Delivered, at(60)).await;
    campaign.scene.report("w.5", domain::messages::Status::Read, at(60)).await;
    campaign.feed(1).await;
    campaign
}

async fn every_filter_finds_its_recipients_and_their_number(bench: Bench) {
    let campaign = every_kind(bench).await;
    let state = |state| RecipientFilter { state: Some(state), ..Default::default() };
    let ids = async |filter| campaign.recipients(filter).await.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(RecipientFilter::default()).await, (1..=13).collect::<Vec<_>>());
    for (wanted, expected) in [
        (RecipientState::Failed, vec![1, 2]),
        (RecipientState::Sent, vec![3]),
        (RecipientState::Delivered, vec![4]),
        (RecipientState::Read, vec![5]),
        (RecipientState::InDoubt, vec![6]),
        (RecipientState::Sending, vec![7]),
        (RecipientState::Queued, vec![8]),
        (RecipientState::Pending, vec![9, 13]),
        (RecipientState::Cancelled, vec![]),
        (RecipientState::LeftOut, vec![10, 11, 12]),
    ] {
        assert_eq!(ids(state(wanted)).await, expected, "{wanted:?}");
        let seen = campaign.recipients(state(wanted)).await;
        assert!(seen.iter().all(|one| one.state == wanted), "{seen:?}");
    }
    let left_out = |reason| RecipientFilter { left_out: Some(reason), ..Default::default() };
    assert_eq!(ids(left_out(LeftOut::FrequencyCap)).await, [10, 11]);
    assert_eq!(ids(left_out(LeftOut::OptedOut)).await, Vec::<i64>::new());
    let failed_by = |by| RecipientFilter { failed_by: Some(by), ..Default::default() };
    assert_eq!(ids(failed_by(FailedBy::NotOnWhatsapp)).await, [1]);
    assert_eq!(ids(failed_by(FailedBy::RateLimited)).await, [2]);
    assert_eq!(ids(failed_by(FailedBy::Media)).await, Vec::<i64>::new());
    let both = RecipientFilter { replied: Some(false), ..failed_by(FailedBy::RateLimited) };
    assert_eq!(ids(both).await, [2]);
    let contradiction =
        RecipientFilter { left_out: Some(LeftOut::FrequencyCap), ..state(RecipientState::Read) };
    assert_eq!(ids(contradiction).await, Vec::<i64>::new());
    campaign.check().await;
}

async fn lists_are_walked_by_cursors(bench: Bench) {
    let campaign = every_kind(bench).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let state = |state| RecipientFilter { state: Some(state), ..Default::default() };
    for (filter, expected) in [
        (RecipientFilter::default(), 13),
        (state(RecipientState::LeftOut), 3),
        (state(RecipientState::Pending), 2),
        (state(RecipientState::Failed), 2),
    ] {
        let all = walk(1, |paging| {
            let filter = filter.clone();
            async move { store.recipients(tenant, campaign.id, &filter, &paging).await.unwrap() }
        })
        .await;
        let ids: BTreeSet<i64> = all.iter().map(|one| one.id).collect();
        assert_eq!((all.len(), ids.len()), (expected, expected), "{filter:?}");
    }
    let second = store.recipients(tenant, campaign.id, &Default::default(), &by_page(2, 10)).await.unwrap();
    assert_eq!((second.total, second.items.len()), (13, 3));
    let foreign = Paging { cursor: Some("nonsense".into()), ..Paging::default() };
    let page = store.recipients(tenant, campaign.id, &Default::default(), &foreign).await.unwrap();
    assert!(page.foreign_cursor);
}

async fn broadcasts_are_listed_with_their_own_counts(bench: Bench) {
    let mut campaign = Campaign::frozen(bench, 3).await;
    let first = campaign.id;
    let (store, tenant) = (campaign.scene.store().clone(), campaign.scene.tenant);
    campaign.id = store.create_broadcast(tenant, new_broadcast(false)).await.unwrap().id;
    campaign.step(Step::Start).await;
    campaign.freeze_all().await;
    campaign.feed(1).await;
    let page = store.broadcasts(tenant, &BroadcastFilter::default(), &Paging::default()).await.unwrap();
    let counts: Vec<_> =
        page.items.iter().map(|one| (one.id, one.counts.pending, one.counts.queued)).collect();
    assert_eq!(counts, [(campaign.id, 2, 1), (first, 3, 0)]);
}

async fn another_tenant_sees_and_touches_nothing(bench: Bench) {
    let campaign = every_kind(bench).await;
    let store = campaign.scene.store();
    let stranger = campaign.scene.bench.tenant().await;
    let id = campaign.id;
    let before = campaign.read().await;
    assert_eq!(store.broadcast(stranger, id).await.unwrap(), None);
    assert_eq!(store.broadcasts(stranger, &Default::default(), &Default::default()).await.unwrap().total, 0);
    assert_eq!(store.broadcast_results(stranger, id).await.unwrap(), None);
    let recipients = store.recipients(stranger, id, &Default::default(), &Default::default()).await.unwrap();
    assert_eq!((recipients.items.len(), recipients.total), (0, 0));
    let screened = store.screen(stranger, &super::campaign::everyone()).await.unwrap();
    assert_eq!(screened.meant, 0);
    let list = ports::broadcasts::Screen { list: Some(id), ..super::campaign::everyone() };
    assert_eq!(store.screen(stranger, &list).await.unwrap().meant, 0);
    assert_eq!(store.sample(stranger, &super::campaign::everyone(), 5).await.unwrap(), []);
    let step = super::campaign::step(Step::Cancel);
    let not_found = ports::broadcasts::BroadcastMoved::NotFound;
    assert_eq!(store.move_broadcast(stranger, id, step).await.unwrap(), not_found);
    assert_eq!(store.delete_broadcast(stranger, id).await.unwrap(), not_found);
    let put = store.put_list(stranger, id, super::campaign::whole(Vec::new())).await.unwrap();
    assert_eq!(put, ports::broadcasts::ListPut::NotFound);
    let change = super::campaign::change_of(&before, Default::default());
    assert_eq!(store.update_broadcast(stranger, id, change).await.unwrap(), not_found);
    let start = super::campaign::start_of(&before);
    assert_eq!(store.start_broadcast(stranger, id, start).await.unwrap(), not_found);
    assert_eq!(store.known_broadcasts(stranger, &[id]).await.unwrap(), []);
    assert_eq!(
        store.known_broadcasts(campaign.scene.tenant, &[id, domain::BroadcastId(999)]).await.unwrap(),
        [id]
    );
    let batch =
        ports::broadcasts::EnqueueBatch { tenant_id: stranger, ..campaign.batch(vec![campaign.send(9)]) };
    assert!(store.enqueue(batch).await.unwrap().stopped);
    assert_eq!(
        store.retry_recipients(stranger, id, &retry(&[], 10, at(99))).await.unwrap(),
        Default::default()
    );
    assert_eq!(store.change_numbers(stranger, id, &[], at(99)).await.unwrap(), not_found);
    assert_eq!(store.next_recipient_due(stranger, id).await.unwrap(), None);
    let connection = campaign.scene.connection;
    assert_eq!(store.waiting_of_broadcasts(stranger, connection, at(99)).await.unwrap(), []);
    assert_eq!(store.initiated_since(stranger, &[connection], at(0)).await.unwrap(), 0);
    assert_eq!(store.finish_broadcast(stranger, id, at(99)).await.unwrap(), None);
    assert_eq!(campaign.read().await, before);
    campaign.check().await;
}
