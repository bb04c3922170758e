//! What Meta reports of a message that was sent.

use domain::contacts::Identity;
use domain::messages::Status;
use ports::lanes::Settlement;
use ports::messages::{AcceptJob, MessageStore};
use ports::operator::OperatorStore;
use ports::webhooks::{Change, StatusReport};

use crate::scene::{Scene, failure};
use crate::support::{Bench, at};

on_each_engine!(
    a_status_reveals_the_user_id_of_a_contact_who_has_none,
    statuses_in_every_order_end_the_same,
    a_repeated_status_leaves_no_trace,
    a_failure_after_delivery_changes_nothing_and_a_delivery_undoes_a_failure,
    a_status_settles_a_message_in_doubt,
    a_late_status_takes_a_message_put_back_out_of_the_queue,
    a_failed_status_flags_the_contact,
    what_a_failure_means_for_a_template_is_told_apart,
);

async fn a_status_reveals_the_user_id_of_a_contact_who_has_none(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (ana, ben) = (scene.opted_in(1).await, scene.opted_in(2).await);
    let lease = scene.lane("node").await;
    scene.sent(&lease, ana, "w1").await;
    scene.sent(&lease, ben, "w2").await;
    let told = |wamid: &str, bsuid: &str| {
        let recipient = Identity { phone: None, bsuid: Some(bsuid.into()) };
        Change::Status(StatusReport { recipient, ..scene.status(wamid, Status::Delivered, at(50)) })
    };
    let bsuid = async |contact| scene.bench.read_contact(scene.tenant, contact).await.identity.bsuid;
    scene.project(vec![told("w1", "US.1"), told("w2", "US.1")]).await;
    assert_eq!((bsuid(ana).await.as_deref(), bsuid(ben).await), (Some("US.1"), None), "it is one person's");
    scene.project(vec![told("w1", "US.2"), told("w2", "US.1")]).await;
    assert_eq!((bsuid(ana).await.as_deref(), bsuid(ben).await), (Some("US.1"), None), "and stays so");
    scene.project(vec![told("w2", "US.3"), told("w2", "US.4")]).await;
    assert!(bsuid(ben).await.is_some_and(|bsuid| bsuid == "US.3" || bsuid == "US.4"));
}

async fn statuses_in_every_order_end_the_same(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let steps = [(Status::Sent, 41), (Status::Delivered, 42), (Status::Read, 43)];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (round, order) in orders.into_iter().enumerate() {
        for together in [false, true] {
            let wamid = format!("wamid.{round}.{together}");
            let id = scene.sent(&lease, contact, &wamid).await;
            let changes: Vec<Change> = order
                .iter()
                .map(|step| Change::Status(scene.status(&wamid, steps[*step].0, at(steps[*step].1))))
                .collect();
            if together {
                assert_eq!(scene.project(changes).await.moved, [(id, Status::Read)]);
            } else {
                for change in changes {
                    scene.project(vec![change]).await;
                }
            }
            let message = scene.message(id).await;
            assert_eq!(message.status, Status::Read, "{order:?}");
            let times = (message.sent_at, message.delivered_at, message.read_at);
            assert_eq!(times.0, Some(at(40)), "{order:?}");
            assert!(times.1.is_some() && times.2 == Some(at(43)), "{order:?}: {times:?}");
        }
    }
}

async fn a_repeated_status_leaves_no_trace(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let id = scene.sent(&lease, contact, "wamid.1").await;
    let mut status = scene.status("wamid.1", Status::Delivered, at(50));
    status.pricing_category = Some("utility".into());
    let change = Change::Status(status);
    assert_eq!(scene.project(vec![change.clone(), change.clone()]).await.moved, [(id, Status::Delivered)]);
    assert_eq!(scene.project(vec![change]).await.moved, []);
    assert_eq!(scene.life(id).await, ["queued", "sending", "sent", "delivered"]);
    assert_eq!(scene.message(id).await.pricing_category.as_deref(), Some("utility"));
}

async fn a_failure_after_delivery_changes_nothing_and_a_delivery_undoes_a_failure(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let id = scene.sent(&lease, contact, "wamid.1").await;
    scene.report("wamid.1", Status::Delivered, at(50)).await;
    scene.report("wamid.1", Status::Failed, at(51)).await;
    let message = scene.message(id).await;
    assert_eq!((message.status, message.failure), (Status::Delivered, None));
    let other = scene.sent(&lease, contact, "wamid.2").await;
    scene.report("wamid.2", Status::Failed, at(51)).await;
    assert_eq!(scene.message(other).await.failure.unwrap().meta_error_code, Some(131_000));
    scene.report("wamid.2", Status::Delivered, at(52)).await;
    assert_eq!(scene.message(other).await.status, Status::Delivered);
}

async fn a_status_settles_a_message_in_doubt(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    scene.settle(&lease, &claimed, Settlement::InDoubt { why: failure("SEND_OUTCOME_UNKNOWN", 0) }).await;
    let mut status = scene.status("wamid.1", Status::Sent, at(50));
    status.message_id = Some(claimed.message_id);
    let projected = scene.project(vec![Change::Status(status)]).await;
    assert_eq!(projected.moved, [(claimed.message_id, Status::Sent)]);
    let ruled = scene.store().rule_on_doubts(at(10_000_000), 10).await.unwrap();
    assert_eq!(ruled, [], "it is in doubt no more");
    scene.report("wamid.1", Status::Read, at(60)).await;
    assert_eq!(scene.message(claimed.message_id).await.status, Status::Read);
}

async fn a_late_status_takes_a_message_put_back_out_of_the_queue(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    scene.settle(&lease, &claimed, Settlement::InDoubt { why: failure("SEND_OUTCOME_UNKNOWN", 0) }).await;
    scene.store().requeue_message(scene.tenant, claimed.message_id, true, at(45)).await.unwrap();
    let mut status = scene.status("wamid.1", Status::Delivered, at(50));
    status.message_id = Some(claimed.message_id);
    scene.project(vec![Change::Status(status)]).await;
    let claim = ports::lanes::LaneStore::claim_due(scene.store(), &lease, 10, at(60)).await.unwrap();
    assert_eq!(claim.claimed, [], "it had left: sending it again would send it twice");
    assert_eq!(scene.message(claimed.message_id).await.status, Status::Delivered);
}

async fn a_failed_status_flags_the_contact(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let id = scene.sent(&lease, contact, "wamid.1").await;
    let mut status = scene.status("wamid.1", Status::Failed, at(50));
    status.flag = Some(131_026);
    scene.project(vec![Change::Status(status)]).await;
    assert_eq!(scene.message(id).await.status, Status::Failed);
    assert_eq!(
        scene.bench.read_contact(scene.tenant, contact).await.review.unwrap().meta_error_code,
        131_026
    );
}

async fn what_a_failure_means_for_a_template_is_told_apart(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    scene.project(vec![Change::Inbound(scene.inbound(1, "wamid.in"))]).await;
    let lease = scene.lane("node").await;
    let template = scene.sent(&lease, contact, "wamid.1").await;
    let words = scene.send(AcceptJob { at: at(95), ..scene.text(contact) }).await.message_id;
    let claim = ports::lanes::LaneStore::claim_due(scene.store(), &lease, 10, at(95)).await.unwrap();
    let sent = Settlement::Sent { wamid: "wamid.2".into(), held: false };
    scene.settle(&lease, &claim.claimed[0], sent).await;
    for (id, wamid) in [(template, "wamid.1"), (words, "wamid.2")] {
        let mut status = scene.status(wamid, Status::Failed, at(96));
        status.message_id = Some(id);
        status.failure = Some(failure("CONVERSATION_EXPIRED", 131_047));
        status.if_template = Some((failure("RECIPIENT_NOT_ON_WHATSAPP", 131_047), 131_047));
        scene.project(vec![Change::Status(status)]).await;
    }
    assert_eq!(scene.message(template).await.failure.unwrap().code, "RECIPIENT_NOT_ON_WHATSAPP");
    assert_eq!(scene.message(words).await.failure.unwrap().code, "CONVERSATION_EXPIRED");
    assert_eq!(
        scene.bench.read_contact(scene.tenant, contact).await.review.unwrap().meta_error_code,
        131_047
    );
}
