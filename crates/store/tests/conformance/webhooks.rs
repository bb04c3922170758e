//! The inbox, and what its items do.

use std::collections::HashSet;

use domain::connections::ConnectionState;
use domain::consent::ConsentKind;
use domain::consent::words::Word;
use domain::contacts::Identity;
use domain::messages::content::MediaSource;
use domain::messages::{Content, Direction, Status};
use domain::{InboxId, MediaId};
use ports::connections::{Broken, ConnectionPatch, ConnectionStore};
use ports::consent::ConsentStore;
use ports::contacts::{ContactStore, NewContact};
use ports::conversations::{ConversationFilter, ConversationStore};
use ports::lanes::Settlement;
use ports::media::MediaStore;
use ports::messages::{AcceptJob, MessageFilter, MessageStore};
use ports::operator::OperatorStore;
use ports::templates::TemplateStore;
use ports::webhooks::{
    AsideReason, Change, ConnectionEvent, IdentityChange, Inbound, InboundMedia, MarketingPreference,
    Projection, RawWebhook, SetAside, Source, StatusReport, TemplateEvent, Verdict, WebhookStore,
};

use crate::samples::{WABA, at_once, identity, new_contact, phone};
use crate::scene::{GOODBYE, Scene, failure, source, words};
use crate::support::{Bench, at};

on_each_engine!(
    a_status_reveals_the_user_id_of_a_contact_who_has_none,
    a_body_is_kept_byte_for_byte_and_taken_once,
    a_body_whose_taker_died_is_given_out_again,
    two_takers_never_get_the_same_body,
    a_body_is_done_with_its_changes,
    statuses_in_every_order_end_the_same,
    a_repeated_status_leaves_no_trace,
    a_failure_after_delivery_changes_nothing_and_a_delivery_undoes_a_failure,
    a_status_settles_a_message_in_doubt,
    a_late_status_takes_a_message_put_back_out_of_the_queue,
    a_failed_status_flags_the_contact,
    what_a_failure_means_for_a_template_is_told_apart,
    a_message_from_a_stranger_makes_contact_conversation_and_window,
    a_repeated_message_changes_nothing,
    the_same_message_at_once_on_two_nodes_is_kept_once,
    strangers_who_write_at_once_on_two_nodes_are_each_made_once,
    messages_of_one_contact_in_one_batch_are_applied_in_order,
    a_second_stop_sends_no_second_confirmation,
    fifty_stops_at_once_on_two_nodes_leave_one_record_and_one_confirmation,
    a_confirmation_is_claimed_although_the_contact_opted_out,
    start_opts_in_again_with_one_confirmation,
    a_system_message_opens_no_window,
    a_file_is_to_be_fetched_and_asked_for_here,
    two_contacts_that_turn_out_to_be_one_are_joined,
    a_number_that_has_a_new_owner_moves_to_the_new_contact,
    a_customer_with_a_new_number_keeps_the_thread,
    a_marketing_preference_counts_for_a_stranger_too,
    a_template_event_moves_its_template,
    an_account_event_breaks_the_connection_once,
    a_failure_breaks_its_number_unless_that_was_repaired_since,
    items_set_aside_are_kept_once_and_settled,
    a_failing_change_applies_nothing,
    a_tenant_sees_nothing_of_anothers_inbox,
);

async fn a_failure_breaks_its_number_unless_that_was_repaired_since(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (ana, ben) = (scene.opted_in(1).await, scene.opted_in(2).await);
    let lease = scene.lane("node").await;
    scene.sent(&lease, ana, "w1").await;
    scene.sent(&lease, ben, "w2").await;
    let failed = |wamid: &str| {
        let verdict = Some(Verdict::Broken(Broken::because("Meta wants to be paid")));
        Change::Status(StatusReport { verdict, ..scene.status(wamid, Status::Failed, at(60)) })
    };
    let projected = scene.project(vec![failed("w1"), failed("w1")]).await;
    assert_eq!(projected.broken, [scene.connection]);
    let state =
        async || scene.store().connection(scene.tenant, scene.connection).await.unwrap().unwrap().state;
    assert_eq!(state().await, ConnectionState::Error);
    let repaired = ConnectionPatch { state: Some((ConnectionState::Active, None)), ..Default::default() };
    scene.store().update_connection(scene.tenant, scene.connection, repaired, at(110)).await.unwrap();
    // A repeat, and a failure that was on its way when the number was repaired.
    let projected = scene.project(vec![failed("w1"), failed("w2")]).await;
    assert_eq!((projected.broken, projected.moved.len()), (Vec::new(), 1));
    assert_eq!(state().await, ConnectionState::Active);
}

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

fn raw(scene: &Scene, body: &'static [u8]) -> RawWebhook {
    RawWebhook {
        tenant_id: scene.tenant,
        connection_id: Some(scene.connection),
        body: bytes::Bytes::from_static(body),
        at: at(0),
    }
}

async fn a_body_is_kept_byte_for_byte_and_taken_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let bodies = [&b""[..], b"{\"a\":\"\xff\x00\"}", b"", b"{}"].map(|body| raw(&scene, body));
    let alone = scene.store().ingest(bodies[..1].to_vec()).await.unwrap();
    let together = scene.store().ingest(bodies[1..].to_vec()).await.unwrap();
    let ids = [alone, together].concat();
    assert_eq!(ids, [InboxId(1), InboxId(2), InboxId(3), InboxId(4)]);
    let first = scene.store().take_webhooks("node", 2, at(1), at(30)).await.unwrap();
    let second = scene.store().take_webhooks("node", 9, at(1), at(30)).await.unwrap();
    assert_eq!((first.len(), second.len()), (2, 2));
    let taken: Vec<_> = first.into_iter().chain(second).collect();
    for (pending, (id, body)) in taken.iter().zip(ids.iter().zip(&bodies)) {
        assert_eq!((pending.id, &pending.webhook), (*id, body));
    }
    assert_eq!(scene.store().take_webhooks("node", 9, at(1), at(30)).await.unwrap(), []);
}

async fn a_body_whose_taker_died_is_given_out_again(bench: Bench) {
    let scene = Scene::of(bench).await;
    let ids = scene.store().ingest(vec![raw(&scene, b"{}")]).await.unwrap();
    assert_eq!(scene.store().take_webhooks("a", 9, at(1), at(30)).await.unwrap().len(), 1);
    assert_eq!(scene.store().take_webhooks("b", 9, at(29), at(60)).await.unwrap(), []);
    assert_eq!(scene.store().take_webhooks("b", 9, at(30), at(60)).await.unwrap()[0].id, ids[0]);
}

async fn two_takers_never_get_the_same_body(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.store().ingest((0..100).map(|_| raw(&scene, b"{}")).collect()).await.unwrap();
    let taken = at_once(scene.store(), 10, |store, number| async move {
        store.take_webhooks(&format!("node {number}"), 10, at(1), at(30)).await.unwrap()
    })
    .await;
    let ids: Vec<_> = taken.iter().flatten().map(|one| one.id).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    let rest = scene.store().take_webhooks("last", 100, at(1), at(30)).await.unwrap();
    assert_eq!(ids.len() + rest.len(), 100);
}

async fn a_body_is_done_with_its_changes(bench: Bench) {
    let scene = Scene::of(bench).await;
    let done = scene.store().ingest(vec![raw(&scene, b"{}"), raw(&scene, b"{}")]).await.unwrap();
    assert_eq!(scene.store().inbox_stats(scene.tenant).await.unwrap().pending, 2);
    let projection = Projection {
        tenant_id: scene.tenant,
        done: vec![done[0]],
        changes: vec![Change::Inbound(scene.inbound(1, "wamid.in"))],
        at: at(100),
    };
    scene.store().project(projection).await.unwrap();
    assert_eq!(scene.store().inbox_stats(scene.tenant).await.unwrap().pending, 1);
    let rest = scene.store().take_webhooks("node", 9, at(1), at(2)).await.unwrap();
    assert_eq!(rest[0].id, done[1]);
    let connection = scene.bench.read_connection(scene.tenant, scene.connection).await;
    assert_eq!(connection.last_webhook_at, Some(at(100)));
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

async fn a_message_from_a_stranger_makes_contact_conversation_and_window(bench: Bench) {
    let scene = Scene::of(bench).await;
    let projected = scene.project(vec![Change::Inbound(scene.inbound(1, "wamid.in"))]).await;
    let [(message, contact, conversation)] = projected.inbound[..] else { panic!("{projected:?}") };
    assert_eq!(contact.0, 1);
    let person = scene.bench.read_contact(scene.tenant, contact).await;
    assert_eq!((person.name.as_deref(), person.last_inbound_at), (Some("Ana"), Some(at(90))));
    assert!(!person.consent.opted_in);
    let thread = scene.store().conversation(scene.tenant, conversation).await.unwrap().unwrap();
    assert_eq!((thread.unread, thread.window_expires_at), (1, Some(at(90 + 24 * 3600))));
    assert_eq!(thread.last_message_preview.as_deref(), Some("hi"));
    let message = scene.message(message).await;
    assert_eq!((message.direction, message.status), (Direction::Inbound, Status::Received));
    assert_eq!((message.created_at, message.wamid.as_deref()), (at(90), Some("wamid.in")));
    assert_eq!(scene.life(message.id).await, ["received"]);
}

async fn a_repeated_message_changes_nothing(bench: Bench) {
    let scene = Scene::of(bench).await;
    let change = Change::Inbound(scene.stop(1, "wamid.in"));
    scene.project(vec![change.clone(), change.clone()]).await;
    let again = scene.project(vec![change]).await;
    assert_eq!(again, Default::default());
    let threads =
        scene.store().conversations(scene.tenant, &ConversationFilter::default(), &Default::default()).await;
    assert_eq!(threads.unwrap().items[0].unread, 1);
    assert_eq!(scene.listed(MessageFilter::default()).await.len(), 2, "the message and its confirmation");
}

async fn the_same_message_at_once_on_two_nodes_is_kept_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let other = scene.bench.another_node().await;
    for round in 0..10 {
        let change = || vec![Change::Inbound(scene.inbound(round, &format!("wamid.{round}")))];
        let (one, two) =
            tokio::join!(scene.project_on(scene.store(), change()), scene.project_on(&other, change()));
        assert_eq!(one.inbound.len() + two.inbound.len(), 1);
    }
    assert_eq!(scene.listed(MessageFilter::default()).await.len(), 10);
}

async fn strangers_who_write_at_once_on_two_nodes_are_each_made_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let other = scene.bench.another_node().await;
    let changes = |node: &str| -> Vec<Change> {
        (0..30)
            .map(|number| Change::Inbound(scene.inbound(number, &format!("wamid.{node}.{number}"))))
            .collect()
    };
    let mut backwards = changes("b");
    backwards.reverse();
    let (one, two) =
        tokio::join!(scene.project_on(scene.store(), changes("a")), scene.project_on(&other, backwards));
    assert_eq!((one.inbound.len(), two.inbound.len()), (30, 30));
    let contacts =
        scene.store().contacts(scene.tenant, &Default::default(), &Default::default()).await.unwrap();
    assert_eq!(contacts.total, 30);
    let threads =
        scene.store().conversations(scene.tenant, &ConversationFilter::default(), &Default::default()).await;
    let threads = threads.unwrap();
    assert_eq!(threads.total, 30);
    assert!(threads.items.iter().all(|thread| thread.unread == 2));
}

async fn messages_of_one_contact_in_one_batch_are_applied_in_order(bench: Bench) {
    let scene = Scene::of(bench).await;
    let then = |second, inbound: Inbound| Change::Inbound(Inbound { at: at(second), ..inbound });
    let start = Inbound { word: Some(Word::OptIn), confirmation: None, ..scene.inbound(1, "wamid.2") };
    let projected = scene
        .project(vec![
            then(90, scene.stop(1, "wamid.1")),
            then(91, start),
            then(92, scene.stop(1, "wamid.3")),
            then(93, scene.inbound(1, "wamid.4")),
        ])
        .await;
    let contact = projected.inbound[0].1;
    let kinds: Vec<_> = projected.consents.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds, [ConsentKind::OptOut, ConsentKind::OptIn, ConsentKind::OptOut]);
    let person = scene.bench.read_contact(scene.tenant, contact).await;
    assert!(person.consent.explicitly_out() && person.consent.wrote_after_opt_out);
    let ledger = scene.store().consent_records(scene.tenant, contact, &Default::default()).await.unwrap();
    let newest_first: Vec<_> = ledger.items.iter().map(|one| one.kind).collect();
    assert_eq!(newest_first, [ConsentKind::OptOut, ConsentKind::OptIn, ConsentKind::OptOut]);
    let thread = scene.store().conversation(scene.tenant, projected.inbound[0].2).await.unwrap().unwrap();
    assert_eq!((thread.unread, thread.last_inbound_at), (4, Some(at(93))));
}

async fn a_second_stop_sends_no_second_confirmation(bench: Bench) {
    let scene = Scene::of(bench).await;
    let first = scene.project(vec![Change::Inbound(scene.stop(1, "wamid.1"))]).await;
    assert_eq!(first.wake, [scene.connection]);
    let second = scene.project(vec![Change::Inbound(scene.stop(1, "wamid.2"))]).await;
    assert_eq!((second.wake, second.consents), (vec![], vec![]));
    assert_eq!(confirmations(&scene).await, 1);
}

async fn confirmations(scene: &Scene) -> usize {
    let outbound = MessageFilter { direction: Some(Direction::Outbound), ..Default::default() };
    scene.listed(outbound).await.iter().filter(|message| message.content == words(GOODBYE)).count()
}

async fn fifty_stops_at_once_on_two_nodes_leave_one_record_and_one_confirmation(bench: Bench) {
    let scene = Scene::of(bench).await;
    let other = scene.bench.another_node().await;
    let nodes = [scene.store().clone(), other];
    let (tenant, connection) = (scene.tenant, scene.connection);
    let stops: Vec<Inbound> = (0..50).map(|number| scene.stop(1, &format!("wamid.{number}"))).collect();
    let projected = at_once(scene.store(), 50, |_, number| {
        let (node, stop) = (nodes[number as usize % 2].clone(), stops[number as usize].clone());
        async move {
            let changes = vec![Change::Inbound(stop)];
            let projection = Projection { tenant_id: tenant, done: Vec::new(), changes, at: at(100) };
            node.project(projection).await.expect("projected")
        }
    })
    .await;
    assert!(projected.iter().all(|one| one.inbound.len() == 1), "every message is kept");
    assert_eq!(projected.iter().filter(|one| one.wake == [connection]).count(), 1);
    let contact = projected[0].inbound[0].1;
    let ledger = scene.store().consent_records(scene.tenant, contact, &Default::default()).await.unwrap();
    assert_eq!((ledger.total, ledger.items[0].kind), (1, ConsentKind::OptOut));
    assert_eq!(ledger.items[0].evidence["text"], "STOP");
    assert_eq!(confirmations(&scene).await, 1);
}

async fn a_confirmation_is_claimed_although_the_contact_opted_out(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.project(vec![Change::Inbound(scene.stop(1, "wamid.1"))]).await;
    let lease = scene.lane("node").await;
    let claim = ports::lanes::LaneStore::claim_due(scene.store(), &lease, 10, at(101)).await.unwrap();
    assert_eq!(claim.claimed.len(), 1);
    assert_eq!(claim.claimed[0].content, words(GOODBYE));
    let contact = claim.claimed[0].contact_id;
    let answer = AcceptJob { at: at(101), ..scene.text(contact) };
    let refused = scene.accept(vec![answer]).await.remove(0);
    assert!(matches!(refused, ports::messages::AcceptOutcome::Refused(_)), "{refused:?}");
}

async fn start_opts_in_again_with_one_confirmation(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.project(vec![Change::Inbound(scene.stop(1, "wamid.1"))]).await;
    let start = |wamid: &str| {
        let inbound = scene.inbound(1, wamid);
        let confirmation = Some("welcome".to_owned());
        Change::Inbound(Inbound { word: Some(Word::OptIn), confirmation, at: at(95), ..inbound })
    };
    scene.project(vec![start("wamid.2"), start("wamid.3")]).await;
    let welcomes = scene.listed(MessageFilter::default()).await;
    let welcomes: Vec<_> = welcomes.iter().filter(|one| one.content == words("welcome")).collect();
    assert_eq!(welcomes.len(), 1);
    let person = scene.bench.read_contact(scene.tenant, welcomes[0].contact_id).await;
    assert!(person.consent.opted_in);
    scene.send(scene.job(person.id)).await;
}

async fn a_system_message_opens_no_window(bench: Bench) {
    let scene = Scene::of(bench).await;
    let system = Inbound { opens_window: false, ..scene.inbound(1, "wamid.1") };
    let projected = scene.project(vec![Change::Inbound(system)]).await;
    let thread = scene.store().conversation(scene.tenant, projected.inbound[0].2).await.unwrap().unwrap();
    assert_eq!((thread.window_expires_at, thread.unread), (None, 0));
    assert_eq!(scene.bench.read_contact(scene.tenant, projected.inbound[0].1).await.last_inbound_at, None);
}

async fn a_file_is_to_be_fetched_and_asked_for_here(bench: Bench) {
    let scene = Scene::of(bench).await;
    let content: Content = serde_json::from_value(
        serde_json::json!({ "type": "media", "kind": "image", "source": { "id": "meta-77" }, "caption": "look" }),
    )
    .unwrap();
    let media = InboundMedia {
        meta_id: "meta-77".into(),
        mime_type: "image/jpeg".into(),
        filename: None,
        sha256: None,
        expires_at: at(7 * 86_400),
    };
    let inbound = Inbound { content, media: Some(media), ..scene.inbound(1, "wamid.1") };
    let projected = scene.project(vec![Change::Inbound(inbound)]).await;
    assert_eq!(projected.media, [MediaId(1)]);
    let message = scene.message(projected.inbound[0].0).await;
    let Content::Media(file) = &message.content else { panic!("{message:?}") };
    assert_eq!(file.source, MediaSource::Ours(MediaId(1)));
    let pending = scene.store().take_pending_media(10, at(100), at(130)).await.unwrap();
    assert_eq!((pending[0].media.id, pending[0].attempts), (MediaId(1), 1));
    assert_eq!(pending[0].media.meta_id.as_deref(), Some("meta-77"));
    assert_eq!(scene.store().take_pending_media(10, at(129), at(160)).await.unwrap(), []);
    assert_eq!(scene.store().take_pending_media(10, at(130), at(160)).await.unwrap().len(), 1);
    scene.store().set_media_fetched(scene.tenant, MediaId(1), "a/b", 3, "00").await.unwrap();
    assert_eq!(scene.store().take_pending_media(10, at(900), at(960)).await.unwrap(), []);
}

fn named(number: Option<u32>, bsuid: Option<&str>) -> Identity {
    Identity { phone: number.map(phone), bsuid: bsuid.map(str::to_owned) }
}

async fn two_contacts_that_turn_out_to_be_one_are_joined(bench: Bench) {
    let scene = Scene::of(bench).await;
    let by_phone = scene.opted_in(1).await;
    let sent = scene.send(scene.job(by_phone)).await;
    let hidden = Inbound { from: named(None, Some("US.7")), ..scene.stop(1, "wamid.1") };
    let by_bsuid = scene.project(vec![Change::Inbound(hidden)]).await.inbound[0].1;
    assert_ne!(by_phone, by_bsuid);
    let before = Inbound { at: at(91), ..scene.inbound(2, "wamid.2") };
    let revealing = Inbound { from: named(Some(1), Some("US.7")), at: at(92), ..scene.inbound(1, "wamid.3") };
    let after = Inbound { at: at(93), ..scene.inbound(2, "wamid.4") };
    let projected =
        scene.project([before, revealing, after].into_iter().map(Change::Inbound).collect()).await;
    assert_eq!(projected.inbound.len(), 3);
    assert_eq!(projected.inbound[1].1, by_phone);
    let person = scene.bench.read_contact(scene.tenant, by_bsuid).await;
    assert_eq!((person.id, &person.identity), (by_phone, &named(Some(1), Some("US.7"))));
    assert!(person.consent.explicitly_out(), "the stricter consent survives");
    let ledger = scene.store().consent_records(scene.tenant, by_phone, &Default::default()).await.unwrap();
    assert_eq!(ledger.total, 2, "both ledgers are read");
    let thread = sent.conversation_id.unwrap();
    let in_thread = scene.listed(MessageFilter { conversation_id: Some(thread), ..Default::default() }).await;
    assert_eq!(in_thread.len(), 4, "sent, STOP, its confirmation, the revealing one");
    assert!(in_thread.iter().all(|message| message.contact_id == by_phone));
    let kept = scene.store().conversation(scene.tenant, thread).await.unwrap().unwrap();
    assert_eq!((kept.unread, kept.last_inbound_at), (2, Some(at(92))));
    let contacts =
        scene.store().contacts(scene.tenant, &Default::default(), &Default::default()).await.unwrap();
    assert_eq!(contacts.total, 2);
}

async fn a_number_that_has_a_new_owner_moves_to_the_new_contact(bench: Bench) {
    let scene = Scene::of(bench).await;
    let from = |identity, wamid: &str| Change::Inbound(Inbound { from: identity, ..scene.inbound(1, wamid) });
    let first = scene.project(vec![from(named(Some(1), Some("US.1")), "wamid.1")]).await.inbound[0].1;
    let second = scene.project(vec![from(named(Some(2), Some("US.2")), "wamid.2")]).await.inbound[0].1;
    let later = scene.project(vec![from(named(Some(1), Some("US.2")), "wamid.3")]).await.inbound[0].1;
    assert_eq!(later, second);
    assert_eq!(scene.bench.read_contact(scene.tenant, first).await.identity, named(None, Some("US.1")));
    assert_eq!(scene.bench.read_contact(scene.tenant, second).await.identity, named(Some(1), Some("US.2")));
}

async fn a_customer_with_a_new_number_keeps_the_thread(bench: Bench) {
    let scene = Scene::of(bench).await;
    let before = scene.project(vec![Change::Inbound(scene.inbound(1, "wamid.1"))]).await.inbound[0];
    let change = IdentityChange { source: source(), old: identity(1), new: identity(2), at: at(95) };
    let after = scene
        .project(vec![Change::Identity(change.clone()), Change::Inbound(scene.inbound(2, "wamid.2"))])
        .await
        .inbound[0];
    assert_eq!((before.1, before.2), (after.1, after.2));
    assert_eq!(scene.bench.read_contact(scene.tenant, before.1).await.identity, identity(2));
    scene.project(vec![Change::Identity(change)]).await;
    let stranger = IdentityChange { source: source(), old: identity(8), new: identity(9), at: at(95) };
    scene.project(vec![Change::Identity(stranger)]).await;
    let contacts =
        scene.store().contacts(scene.tenant, &Default::default(), &Default::default()).await.unwrap();
    assert_eq!(contacts.total, 1);
}

async fn a_marketing_preference_counts_for_a_stranger_too(bench: Bench) {
    let scene = Scene::of(bench).await;
    let choice = |stop| {
        Change::Preference(MarketingPreference {
            source: source(),
            connection_id: scene.connection,
            who: identity(1),
            stop,
            at: at(95),
        })
    };
    let projected = scene.project(vec![choice(true), choice(true)]).await;
    assert_eq!(projected.consents.len(), 1);
    let contact = projected.consents[0].0;
    assert!(scene.bench.read_contact(scene.tenant, contact).await.consent.marketing_stopped);
    scene.project(vec![choice(false)]).await;
    assert!(!scene.bench.read_contact(scene.tenant, contact).await.consent.marketing_stopped);
}

async fn a_template_event_moves_its_template(bench: Bench) {
    let scene = Scene::of(bench).await;
    let event = TemplateEvent {
        source: source(),
        waba_id: WABA.into(),
        meta_id: None,
        name: "order_shipped".into(),
        language: "en-US".into(),
        status: Some(domain::templates::Status::Rejected),
        rejection_reason: Some("INVALID_FORMAT".into()),
        quality: Some("RED".into()),
        category: None,
        at: at(95),
    };
    let unknown = TemplateEvent { name: "elsewhere".into(), ..event.clone() };
    let projected = scene.project(vec![Change::Template(event.clone()), Change::Template(unknown)]).await;
    assert_eq!(projected.templates, [scene.template]);
    let template = scene.store().template(scene.tenant, scene.template).await.unwrap().unwrap();
    assert_eq!(template.status, domain::templates::Status::Rejected);
    assert_eq!(template.rejection_reason.as_deref(), Some("INVALID_FORMAT"));
    assert_eq!((template.quality.as_deref(), template.version), (Some("RED"), 2));
    let approved = TemplateEvent {
        meta_id: Some("meta-order_shipped".into()),
        name: "renamed".into(),
        status: Some(domain::templates::Status::Approved),
        rejection_reason: None,
        ..event
    };
    scene.project(vec![Change::Template(approved)]).await;
    let template = scene.store().template(scene.tenant, scene.template).await.unwrap().unwrap();
    assert_eq!((template.status, template.rejection_reason), (domain::templates::Status::Approved, None));
}

async fn an_account_event_breaks_the_connection_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let event = ConnectionEvent {
        source: source(),
        connection_id: scene.connection,
        quality_rating: Some("YELLOW".into()),
        messaging_limit: Some("TIER_10K".into()),
        rate_count: Some(1_000),
        verified_name: None,
        broken: Some(ports::connections::Broken::because("account restricted")),
    };
    let version = scene.store().connections_version().await.unwrap();
    let projected = scene.project(vec![Change::Connection(event.clone()), Change::Connection(event)]).await;
    assert_eq!(projected.broken, [scene.connection]);
    let connection = scene.store().connection(scene.tenant, scene.connection).await.unwrap().unwrap();
    assert_eq!(connection.state, domain::connections::ConnectionState::Error);
    assert_eq!((connection.rate.count, connection.quality_rating.as_deref()), (1_000, Some("YELLOW")));
    assert!(scene.store().connections_version().await.unwrap() > version);
}

async fn items_set_aside_are_kept_once_and_settled(bench: Bench) {
    let scene = Scene::of(bench).await;
    let item = |pointer: &str, reason| {
        Change::Aside(SetAside {
            source: Source { inbox_id: InboxId(4), pointer: pointer.into() },
            connection_id: Some(scene.connection),
            field: "flows".into(),
            reason,
            why: "not known".into(),
            raw: serde_json::json!({ "b": 1, "a": "\0" }),
            at: at(95),
        })
    };
    for _ in 0..2 {
        scene.project(vec![item("/0", AsideReason::Unrecognised), item("/1", AsideReason::Poison)]).await;
    }
    let stats = scene.store().inbox_stats(scene.tenant).await.unwrap();
    assert_eq!((stats.unrecognised, stats.poison), (1, 1));
    let poison = scene.store().unresolved_aside(scene.tenant, AsideReason::Poison, 10).await.unwrap();
    let [(poison, connection)] = &poison[..] else { panic!("{poison:?}") };
    assert_eq!((poison.pointer.as_str(), *connection, poison.attempts), ("/1", Some(scene.connection), 1));
    scene.store().settle_aside(scene.tenant, poison.id, false, "again", at(96)).await.unwrap();
    scene.store().settle_aside(scene.tenant, poison.id, true, "applied", at(97)).await.unwrap();
    assert_eq!(scene.store().unresolved_aside(scene.tenant, AsideReason::Poison, 10).await.unwrap(), []);
    let listed = scene
        .store()
        .aside_items(scene.tenant, Some(AsideReason::Poison), &Default::default())
        .await
        .unwrap();
    assert_eq!((listed.items[0].attempts, listed.items[0].resolved_at), (3, Some(at(97))));
    assert_eq!(scene.store().aside_items(scene.tenant, None, &Default::default()).await.unwrap().total, 2);
}

async fn a_failing_change_applies_nothing(bench: Bench) {
    let scene = Scene::of(bench).await;
    let nobody = Inbound { from: Identity::default(), ..scene.inbound(1, "wamid.2") };
    let changes = vec![Change::Inbound(scene.inbound(1, "wamid.1")), Change::Inbound(nobody)];
    let projection = Projection { tenant_id: scene.tenant, done: Vec::new(), changes, at: at(100) };
    let failed = scene.store().project(projection).await;
    assert!(matches!(failed, Err(ports::StoreError::Internal(_))), "{failed:?}");
    assert_eq!(scene.listed(MessageFilter::default()).await, []);
    let contacts =
        scene.store().contacts(scene.tenant, &Default::default(), &Default::default()).await.unwrap();
    assert_eq!(contacts.total, 0);
}

async fn a_tenant_sees_nothing_of_anothers_inbox(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let id = scene.sent(&lease, contact, "wamid.1").await;
    scene.store().ingest(vec![raw(&scene, b"{}")]).await.unwrap();
    let aside = SetAside {
        source: source(),
        connection_id: None,
        field: "x".into(),
        reason: AsideReason::Poison,
        why: String::new(),
        raw: serde_json::json!(1),
        at: at(95),
    };
    scene.project(vec![Change::Aside(aside)]).await;
    let stranger = scene.bench.tenant().await;
    let store = scene.store();
    assert_eq!(store.inbox_stats(stranger).await.unwrap(), Default::default());
    assert_eq!(store.aside_items(stranger, None, &Default::default()).await.unwrap().total, 0);
    assert_eq!(store.unresolved_aside(stranger, AsideReason::Poison, 10).await.unwrap(), []);
    let mut theirs = scene.status("wamid.1", Status::Read, at(96));
    theirs.message_id = Some(id);
    let projection = Projection {
        tenant_id: stranger,
        done: vec![InboxId(1)],
        changes: vec![Change::Status(theirs)],
        at: at(100),
    };
    assert_eq!(store.project(projection).await.unwrap().moved, []);
    assert_eq!(scene.message(id).await.status, Status::Sent);
    assert_eq!(
        store.inbox_stats(scene.tenant).await.unwrap().pending,
        1,
        "only its tenant is done with a body"
    );
    let same_number = NewContact { ..new_contact(1) };
    scene.bench.contact(stranger, same_number).await;
}
