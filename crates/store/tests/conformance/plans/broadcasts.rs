//! A broadcast, from its beginning to its end.

use domain::broadcasts::reasons::FailedBy;
use domain::broadcasts::recipe::Source;
use domain::broadcasts::schedule::FrequencyCap;
use domain::broadcasts::{LeftOut, Step};
use domain::messages::Status;
use ports::broadcasts::{
    BroadcastStore, DueTimes, EnqueueBatch, RecipientFilter, RecipientState, Retry, Screen, Share, Turn,
};
use ports::lanes::{LaneStore, Outcome, Settlement};
use ports::messages::{MessageFilter, MessageStore};
use ports::webhooks::{Change, Inbound, Projection, WebhookStore};
use store::SqlStore;

use super::MANY;
use crate::broadcasts::campaign::{begin, content, everyone, new_broadcast, retry, step};
use crate::scene::{Scene, failure};
use crate::support::at;

/// Nearly everybody is in a broadcast, and in another that is still to come.
pub(super) async fn broadcasts(scene: &Scene, store: &SqlStore) {
    let (tenant, connection) = (scene.tenant, scene.connection);
    crate::samples::run(&scene.bench, "UPDATE contacts SET opted_in = TRUE").await;
    let screen = Screen {
        category: domain::templates::Category::Utility,
        needed: vec![Source::Phone],
        cap: Some(FrequencyCap { messages: 9, days: 9 }),
        at: at(99),
        ..everyone()
    };
    let due = DueTimes { zones: vec![("US".into(), at(99))], otherwise: at(98) };
    let started = async || {
        let id = store.create_broadcast(tenant, new_broadcast(false)).await.unwrap().id;
        begin(store, tenant, id).await;
        while !store.freeze_page(tenant, id, &screen, &due, MANY / 2).await.unwrap().done {}
        id
    };
    let (id, other) = (started().await, started().await);
    let share = Share { index: 0, of: 1 };
    let cap = screen.cap;
    let recipients =
        store.due_recipients(tenant, id, connection, share, cap, MANY / 4, at(100)).await.unwrap();
    assert_eq!(recipients.len() as u32, MANY / 4);
    let turns = |recipients: &[ports::broadcasts::DueRecipient]| {
        let send = |one: &ports::broadcasts::DueRecipient| {
            (one.id, Turn::Send { content: content(), template_id: scene.template })
        };
        recipients.iter().map(send).collect::<Vec<_>>()
    };
    let batch = |turns| EnqueueBatch {
        tenant_id: tenant,
        broadcast_id: id,
        connection_id: connection,
        turns,
        cap,
        at: at(98),
    };
    store.enqueue(batch(turns(&recipients))).await.unwrap();
    let lease = store.take_lane(tenant, connection, "node", at(99), at(500)).await.unwrap().unwrap().lease;
    let mut claimed = Vec::new();
    while claimed.len() < 300 {
        let claim = store.claim_due(&lease, MANY, at(99)).await.unwrap().claimed;
        assert!(!claim.is_empty(), "messages of the broadcast are due");
        claimed.extend(claim.into_iter().filter(|one| one.broadcast_id == Some(id)));
    }
    let why = failure("META_REJECTED", 131_049);
    let outcome = |(index, one): (usize, &ports::lanes::Claimed)| Outcome {
        message_id: one.message_id,
        contact_id: one.contact_id,
        settlement: match index {
            0..3 => Settlement::Failed { why: why.clone(), flag: None, marketing_stop: false },
            3..6 => Settlement::InDoubt { why: why.clone() },
            6..9 => Settlement::Requeue { due_at: at(99), costs_attempt: false, why: why.clone() },
            _ => Settlement::Sent { wamid: format!("wamid.b.{}", one.message_id), held: false },
        },
        at: at(99),
    };
    store.record_outcomes(&lease, claimed.iter().enumerate().map(outcome).collect()).await.unwrap();
    let answer = scene.inbound(u32::try_from(claimed[200].contact_id.0).unwrap(), "wamid.in.answer");
    let changes = vec![
        Change::Status(scene.status(&format!("wamid.b.{}", claimed[250].message_id), Status::Read, at(100))),
        Change::Inbound(Inbound { at: at(100), ..answer }),
    ];
    store.project(Projection { tenant_id: tenant, done: Vec::new(), changes, at: at(101) }).await.unwrap();
    for wanted in [Step::Pause, Step::Resume] {
        store.move_broadcast(tenant, id, step(wanted)).await.unwrap();
    }
    let more = store.due_recipients(tenant, id, connection, share, None, 3, at(100)).await.unwrap();
    store.known_recipients(tenant, id, connection, share, None, 3, at(100)).await.unwrap();
    let mut mixed = turns(&more);
    mixed[0].1 = Turn::LeaveOut { reason: LeftOut::InvalidParameter, detail: None };
    mixed[1].1 = Turn::Wait { until: at(200) };
    store.enqueue(batch(mixed)).await.unwrap();
    store.waiting_of_broadcasts(tenant, connection, at(100)).await.unwrap();
    store.next_recipient_due(tenant, id).await.unwrap();
    store.initiated_since(tenant, &[connection], at(0)).await.unwrap();
    store.finish_broadcast(tenant, id, at(100)).await.unwrap();
    let wanted = retry(&[FailedBy::RateLimited, FailedBy::OutcomeUnknown], 2, at(100));
    store.retry_recipients(tenant, id, &wanted).await.unwrap();
    let wanted = Retry { accept_duplicate: true, limit: 1_000, ..wanted };
    store.retry_recipients(tenant, id, &wanted).await.unwrap();
    store.broadcast_results(tenant, id).await.unwrap();
    store.broadcasts(tenant, &Default::default(), &Default::default()).await.unwrap();
    store.live_broadcasts().await.unwrap();
    use RecipientState::{Failed, InDoubt, LeftOut as Out, Pending, Queued};
    for state in [None, Some(Failed), Some(InDoubt), Some(Out), Some(Pending), Some(Queued)] {
        let filter = RecipientFilter { state, ..Default::default() };
        store.recipients(tenant, id, &filter, &Default::default()).await.unwrap();
    }
    let by = RecipientFilter { failed_by: Some(FailedBy::RateLimited), ..Default::default() };
    store.recipients(tenant, id, &by, &Default::default()).await.unwrap();
    let replied = RecipientFilter { replied: Some(true), ..Default::default() };
    store.recipients(tenant, id, &replied, &Default::default()).await.unwrap();
    let of = MessageFilter { broadcast_id: Some(id), ..Default::default() };
    store.messages(tenant, &of, &Default::default()).await.unwrap();
    for id in [id, other] {
        store.move_broadcast(tenant, id, step(Step::Cancel)).await.unwrap();
    }
}
