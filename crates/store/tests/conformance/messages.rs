//! Accepting, looking at, cancelling and putting back.

use domain::messages::gate::Refusal;
use domain::messages::{Priority, Status};
use domain::{ConnectionId, ContactId, ConversationId, MessageId};
use ports::conversations::ConversationStore;
use ports::idempotency::{IdempotencyStore, KeptAnswer, Reserved};
use ports::lanes::{LaneStore, Settlement};
use ports::messages::{
    AcceptJob, AcceptOutcome, Accepted, Addressee, MessageFilter, MessageStore, Moved, ReplyTo,
};
use ports::operator::OperatorStore;
use ports::webhooks::Change;

use crate::samples::{at_once, phone, walk};
use crate::scene::{Scene, failure, words};
use crate::support::{Bench, at};

on_each_engine!(
    a_template_to_a_contact_who_opted_in_is_queued_with_all_its_rows,
    a_refused_job_leaves_nothing_behind_and_does_not_touch_the_others,
    everybody_can_be_named_in_each_way,
    an_answer_quotes_a_message_that_is_known,
    what_is_missing_is_told_apart,
    a_repeat_under_a_key_writes_nothing_and_gets_the_first_answer,
    a_key_used_twice_in_one_batch_sends_once,
    a_hundred_at_once_under_one_key_send_once,
    a_repeat_is_answered_when_what_it_repeats_can_be_read,
    a_hundred_at_once_make_one_conversation_and_a_hundred_messages,
    a_key_is_free_again_after_a_day,
    a_key_of_another_call_is_not_a_sends_key,
    a_reply_goes_first_while_the_window_is_open,
    a_scheduled_message_waits_for_its_time,
    lists_know_filters_and_cursors,
    a_queued_message_is_cancelled_once_and_never_claimed,
    a_message_on_its_way_is_not_cancelled,
    a_failed_message_goes_back_into_its_queue,
    a_message_in_doubt_is_repeated_only_when_asked_for,
    a_message_whose_outcome_stays_unknown_is_repeated_only_when_asked_for,
    text_with_nul_is_kept_without_it,
    a_tenant_sees_no_message_of_another,
    accepted_messages_survive_a_reopening,
);

async fn a_template_to_a_contact_who_opted_in_is_queued_with_all_its_rows(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let accepted = scene.send(scene.job(contact)).await;
    assert_eq!((accepted.message_id, accepted.contact_id), (MessageId(1), contact));
    let message = scene.message(accepted.message_id).await;
    assert_eq!(message.status, Status::Queued);
    assert_eq!(message.priority, Priority::Transactional);
    assert_eq!(message.due_at, Some(at(10)));
    assert_eq!(message.content, scene.job(contact).content);
    assert_eq!(message.conversation_id, accepted.conversation_id);
    assert_eq!(scene.life(accepted.message_id).await, ["queued"]);
    let thread =
        scene.store().conversation(scene.tenant, accepted.conversation_id.unwrap()).await.unwrap().unwrap();
    assert_eq!((thread.window_expires_at, thread.last_message_id), (None, Some(accepted.message_id)));
}

async fn a_refused_job_leaves_nothing_behind_and_does_not_touch_the_others(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (good, stranger) =
        (scene.opted_in(1).await, scene.bench.contact(scene.tenant, crate::samples::new_contact(2)).await.id);
    let key = Some(("one".to_owned(), [1; 32]));
    let refused = AcceptJob { key: key.clone(), ..scene.job(stranger) };
    let outcomes = scene.accept(vec![refused.clone(), scene.job(good), scene.text(good)]).await;
    assert!(
        matches!(&outcomes[0], AcceptOutcome::Refused(Refusal::NotOptedIn { contact_id: Some(id), .. }) if *id == stranger)
    );
    assert!(matches!(&outcomes[1], AcceptOutcome::Accepted(_)));
    assert!(matches!(&outcomes[2], AcceptOutcome::Refused(Refusal::WindowExpired { .. })));
    assert_eq!(scene.listed(MessageFilter::default()).await.len(), 1);
    let again = scene.accept(vec![AcceptJob { key, ..scene.job(good) }]).await;
    assert!(
        matches!(again[0], AcceptOutcome::Accepted(_)),
        "a refused send does not use up its key: {again:?}"
    );
}

async fn everybody_can_be_named_in_each_way(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let first = scene.send(scene.job(contact)).await;
    let by_phone = AcceptJob { to: Addressee::Phone(phone(1)), ..scene.job(contact) };
    let other_number = ConnectionId(999);
    let by_thread = AcceptJob {
        to: Addressee::Conversation(first.conversation_id.unwrap()),
        connection_id: other_number,
        ..scene.job(contact)
    };
    for outcome in scene.accept(vec![by_phone, by_thread, scene.job(contact)]).await {
        let AcceptOutcome::Accepted(accepted) = outcome else { panic!("{outcome:?}") };
        assert_eq!((accepted.contact_id, accepted.conversation_id), (contact, first.conversation_id));
        assert_eq!(accepted.connection_id, scene.connection);
    }
}

async fn an_answer_quotes_a_message_that_is_known(bench: Bench) {
    let scene = Scene::of(bench).await;
    let ana = scene.opted_in(1).await;
    scene.project(vec![Change::Inbound(scene.inbound(1, "wamid.in"))]).await;
    let quoting = |wamid: &str| AcceptJob { reply_to: Some(ReplyTo::Wamid(wamid.into())), ..scene.text(ana) };
    let outcomes = scene.accept(vec![quoting("wamid.other"), quoting("wamid.in")]).await;
    assert_eq!(outcomes[0], AcceptOutcome::ReplyToNotFound);
    let AcceptOutcome::Accepted(accepted) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!(scene.message(accepted.message_id).await.reply_to.as_deref(), Some("wamid.in"));
}

async fn what_is_missing_is_told_apart(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let to = |to| AcceptJob { to, ..scene.job(contact) };
    let outcomes = scene
        .accept(vec![
            to(Addressee::Contact(ContactId(77))),
            to(Addressee::Conversation(ConversationId(77))),
            to(Addressee::Phone(phone(77))),
            AcceptJob { connection_id: ConnectionId(77), ..scene.job(contact) },
            AcceptJob { reply_to: Some(ReplyTo::Message(MessageId(77))), ..scene.job(contact) },
        ])
        .await;
    assert_eq!(outcomes[0], AcceptOutcome::ContactNotFound);
    assert_eq!(outcomes[1], AcceptOutcome::ConversationNotFound);
    assert!(matches!(outcomes[2], AcceptOutcome::Refused(Refusal::NotOptedIn { contact_id: None, .. })));
    assert_eq!(outcomes[3], AcceptOutcome::ConnectionNotFound);
    assert_eq!(outcomes[4], AcceptOutcome::ReplyToNotFound);
}

async fn a_repeat_under_a_key_writes_nothing_and_gets_the_first_answer(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let job = AcceptJob { key: Some(("k".into(), [1; 32])), ..scene.job(contact) };
    let first = scene.send(job.clone()).await.message_id;
    let repeat = scene.accept(vec![job.clone()]).await.remove(0);
    assert_eq!(repeat, AcceptOutcome::Replayed { message_id: first, answer: None });
    let answer = KeptAnswer { status: 201, body: b"{\"x\":1}".to_vec() };
    scene.store().keep_send_answers(vec![(scene.tenant, "k".into(), answer.clone())]).await.unwrap();
    let repeat = scene.accept(vec![job.clone()]).await.remove(0);
    assert_eq!(repeat, AcceptOutcome::Replayed { message_id: first, answer: Some(answer) });
    let other = AcceptJob { key: Some(("k".into(), [2; 32])), ..job };
    assert_eq!(scene.accept(vec![other]).await, [AcceptOutcome::KeyReused]);
    assert_eq!(scene.listed(MessageFilter::default()).await.len(), 1);
}

async fn a_key_used_twice_in_one_batch_sends_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let job = |request| AcceptJob { key: Some(("k".into(), [request; 32])), ..scene.job(contact) };
    let outcomes = scene.accept(vec![job(1), job(1), job(2), scene.job(contact)]).await;
    let AcceptOutcome::Accepted(first) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(outcomes[1], AcceptOutcome::Replayed { message_id: first.message_id, answer: None });
    assert_eq!(outcomes[2], AcceptOutcome::KeyReused);
    assert_eq!(scene.listed(MessageFilter::default()).await.len(), 2);
}

async fn a_hundred_at_once_under_one_key_send_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let job = AcceptJob { key: Some(("k".into(), [1; 32])), ..scene.job(contact) };
    let outcomes = at_once(scene.store(), 100, |store, _| {
        let job = job.clone();
        async move { store.accept(vec![job]).await.unwrap().remove(0) }
    })
    .await;
    let accepted = outcomes.iter().filter(|one| matches!(one, AcceptOutcome::Accepted(_))).count();
    let replayed = outcomes.iter().filter(|one| matches!(one, AcceptOutcome::Replayed { .. })).count();
    assert_eq!((accepted, replayed), (1, 99));
    assert_eq!(scene.listed(MessageFilter::default()).await.len(), 1);
}

async fn a_repeat_is_answered_when_what_it_repeats_can_be_read(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    for round in 0..20 {
        let job = AcceptJob { key: Some((format!("k{round}"), [1; 32])), ..scene.job(contact) };
        let tenant = scene.tenant;
        let readable = at_once(scene.store(), 20, |store, _| {
            let job = job.clone();
            async move {
                match store.accept(vec![job]).await.unwrap().remove(0) {
                    AcceptOutcome::Accepted(Accepted { message_id, .. })
                    | AcceptOutcome::Replayed { message_id, .. } => {
                        store.message(tenant, message_id).await.unwrap().is_some()
                    }
                    other => panic!("{other:?}"),
                }
            }
        })
        .await;
        assert_eq!(readable, vec![true; 20], "answered before the commit of what it names");
    }
}

async fn a_hundred_at_once_make_one_conversation_and_a_hundred_messages(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let job = scene.job(contact);
    let threads = at_once(scene.store(), 100, |store, _| {
        let job = job.clone();
        async move {
            match store.accept(vec![job]).await.unwrap().remove(0) {
                AcceptOutcome::Accepted(accepted) => accepted.conversation_id,
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    assert!(threads.iter().all(|thread| *thread == threads[0]));
    let stats = scene.store().queue_stats(scene.tenant, scene.connection, at(10)).await.unwrap();
    assert_eq!((stats.queued, stats.scheduled, stats.sending), (100, 0, 0));
}

async fn a_key_is_free_again_after_a_day(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let job = AcceptJob { key: Some(("k".into(), [1; 32])), ..scene.job(contact) };
    scene.send(job.clone()).await;
    let next_day = AcceptJob { key: Some(("k".into(), [2; 32])), at: at(10 + 24 * 3600), ..job };
    scene.send(next_day).await;
    assert_eq!(scene.listed(MessageFilter::default()).await.len(), 2);
}

async fn a_key_of_another_call_is_not_a_sends_key(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let reserved = scene.store().reserve_key(scene.tenant, "k", [1; 32], at(9)).await.unwrap();
    assert_eq!(reserved, Reserved::Fresh);
    let job = AcceptJob { key: Some(("k".into(), [1; 32])), ..scene.job(contact) };
    assert_eq!(scene.accept(vec![job]).await, [AcceptOutcome::KeyReused]);
}

async fn a_reply_goes_first_while_the_window_is_open(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.project(vec![Change::Inbound(scene.inbound(1, "wamid.in"))]).await;
    let question = scene.listed(MessageFilter::default()).await.remove(0);
    let answer = AcceptJob {
        to: Addressee::Conversation(question.conversation_id.unwrap()),
        reply_to: Some(ReplyTo::Message(question.id)),
        at: at(95),
        ..scene.text(question.contact_id)
    };
    let message = scene.message(scene.send(answer.clone()).await.message_id).await;
    assert_eq!(message.priority, Priority::Reply);
    assert_eq!(message.reply_to.as_deref(), Some("wamid.in"));
    let too_late = AcceptJob { at: at(90 + 24 * 3600), ..answer };
    let outcome = scene.accept(vec![too_late]).await.remove(0);
    let AcceptOutcome::Refused(Refusal::WindowExpired { expired_at, conversation_id }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((expired_at, conversation_id), (Some(at(90 + 24 * 3600)), question.conversation_id));
}

async fn a_scheduled_message_waits_for_its_time(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let later = scene.send(AcceptJob { send_at: Some(at(500)), ..scene.job(contact) }).await.message_id;
    let stats = scene.store().queue_stats(scene.tenant, scene.connection, at(30)).await.unwrap();
    assert_eq!((stats.queued, stats.scheduled), (0, 1));
    let lease = scene.lane("node").await;
    let claim = scene.claim(&lease).await;
    assert_eq!((claim.claimed.len(), claim.next_due), (0, Some(at(500))));
    let claim = scene.store().claim_due(&lease, 10, at(500)).await.unwrap();
    assert_eq!(claim.claimed[0].message_id, later);
}

async fn lists_know_filters_and_cursors(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (ana, ben) = (scene.opted_in(1).await, scene.opted_in(2).await);
    let jobs = (0..25).map(|n| scene.job(if n % 5 == 0 { ben } else { ana })).collect();
    scene.accept(jobs).await;
    let all = walk(10, |paging| {
        let (store, tenant) = (scene.store().clone(), scene.tenant);
        async move { store.messages(tenant, &MessageFilter::default(), &paging).await.unwrap() }
    })
    .await;
    let ids: Vec<i64> = all.iter().map(|message| message.id.0).collect();
    assert_eq!(ids, (1..=25).rev().collect::<Vec<i64>>());
    let of = |filter: MessageFilter| async { scene.listed(filter).await.len() };
    assert_eq!(of(MessageFilter { contact_id: Some(ben), ..Default::default() }).await, 5);
    assert_eq!(of(MessageFilter { status: Some(Status::Queued), ..Default::default() }).await, 25);
    assert_eq!(of(MessageFilter { status: Some(Status::Failed), ..Default::default() }).await, 0);
    assert_eq!(of(MessageFilter { since: Some(at(11)), ..Default::default() }).await, 0);
    assert_eq!(of(MessageFilter { conversation_id: all[0].conversation_id, ..Default::default() }).await, 20);
}

async fn a_queued_message_is_cancelled_once_and_never_claimed(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let id = scene.send(scene.job(contact)).await.message_id;
    let Moved::Done(message) = scene.store().cancel_message(scene.tenant, id, at(11)).await.unwrap() else {
        panic!("not cancelled")
    };
    assert_eq!((message.status, message.due_at), (Status::Cancelled, None));
    let again = scene.store().cancel_message(scene.tenant, id, at(12)).await.unwrap();
    assert_eq!(again, Moved::InvalidState(Status::Cancelled));
    let cancelled = MessageFilter { status: Some(Status::Cancelled), ..Default::default() };
    assert_eq!(scene.listed(cancelled).await.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
    let missing = scene.store().cancel_message(scene.tenant, MessageId(77), at(12)).await.unwrap();
    assert_eq!(missing, Moved::NotFound);
    let lease = scene.lane("node").await;
    assert_eq!(scene.claim(&lease).await.claimed, []);
    assert_eq!(scene.life(id).await, ["queued", "cancelled"]);
}

async fn a_message_on_its_way_is_not_cancelled(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    let refused = scene.store().cancel_message(scene.tenant, claimed.message_id, at(31)).await.unwrap();
    assert_eq!(refused, Moved::InvalidState(Status::Sending));
}

async fn a_failed_message_goes_back_into_its_queue(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    let settlement =
        Settlement::Failed { why: failure("META_REJECTED", 131_000), flag: None, marketing_stop: false };
    assert_eq!(scene.settle(&lease, &claimed, settlement).await, Status::Failed);
    let failed = scene.message(claimed.message_id).await;
    assert_eq!(failed.failure.unwrap().meta_error_code, Some(131_000));
    assert_eq!(failed.failed_at, Some(at(40)));
    let moved = scene.store().requeue_message(scene.tenant, claimed.message_id, false, at(50)).await.unwrap();
    let Moved::Done(queued) = moved else { panic!("{moved:?}") };
    assert_eq!((queued.status, queued.failure, queued.failed_at), (Status::Queued, None, None));
    let again = scene.store().claim_due(&lease, 10, at(50)).await.unwrap();
    assert_eq!(again.claimed[0].message_id, claimed.message_id);
    let kept = &scene.events(claimed.message_id).await[3];
    assert_eq!(kept.details["failure"]["meta_error_code"], 131_000);
}

async fn a_message_in_doubt_is_repeated_only_when_asked_for(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    let settlement = Settlement::InDoubt { why: failure("SEND_OUTCOME_UNKNOWN", 0) };
    assert_eq!(scene.settle(&lease, &claimed, settlement).await, Status::InDoubt);
    assert_eq!(scene.claim(&lease).await.claimed, []);
    let requeue = |twice| scene.store().requeue_message(scene.tenant, claimed.message_id, twice, at(50));
    assert_eq!(requeue(false).await.unwrap(), Moved::InvalidState(Status::InDoubt));
    assert!(matches!(requeue(true).await.unwrap(), Moved::Done(_)));
    let doubtful = MessageFilter { status: Some(Status::InDoubt), ..Default::default() };
    assert_eq!(scene.listed(doubtful).await, []);
}

async fn a_message_whose_outcome_stays_unknown_is_repeated_only_when_asked_for(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    let why = failure("SEND_OUTCOME_UNKNOWN", 0);
    let settlement = Settlement::Failed { why, flag: None, marketing_stop: false };
    assert_eq!(scene.settle(&lease, &claimed, settlement).await, Status::Failed);
    let requeue = |twice| scene.store().requeue_message(scene.tenant, claimed.message_id, twice, at(50));
    assert_eq!(requeue(false).await.unwrap(), Moved::MayHaveArrived);
    assert_eq!(scene.message(claimed.message_id).await.status, Status::Failed);
    assert!(matches!(requeue(true).await.unwrap(), Moved::Done(_)));
}

async fn text_with_nul_is_kept_without_it(bench: Bench) {
    let scene = Scene::of(bench).await;
    let inbound = ports::webhooks::Inbound {
        content: words("a\0b"),
        profile_name: Some("An\0a".into()),
        ..scene.inbound(1, "wamid.in")
    };
    scene.project(vec![Change::Inbound(inbound)]).await;
    let message = scene.listed(MessageFilter::default()).await.remove(0);
    assert!(
        matches!(&message.content, domain::messages::Content::Text { body, .. } if body.replace('\0', "") == "ab")
    );
    assert_eq!(scene.bench.read_contact(scene.tenant, message.contact_id).await.name.as_deref(), Some("Ana"));
}

async fn a_tenant_sees_no_message_of_another(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let accepted = scene.send(AcceptJob { key: Some(("k".into(), [1; 32])), ..scene.job(contact) }).await;
    let id = accepted.message_id;
    let stranger = scene.bench.tenant().await;
    let store = scene.store();
    assert_eq!(store.message(stranger, id).await.unwrap(), None);
    assert_eq!(store.message_events(stranger, id).await.unwrap(), None);
    assert_eq!(
        store.messages(stranger, &MessageFilter::default(), &Default::default()).await.unwrap().total,
        0
    );
    assert_eq!(store.cancel_message(stranger, id, at(11)).await.unwrap(), Moved::NotFound);
    assert_eq!(store.requeue_message(stranger, id, true, at(11)).await.unwrap(), Moved::NotFound);
    assert_eq!(store.queue_stats(stranger, scene.connection, at(11)).await.unwrap(), Default::default());
    let theirs = |to| AcceptJob { tenant_id: stranger, to, ..scene.job(contact) };
    let outcomes = scene
        .accept(vec![
            theirs(Addressee::Contact(contact)),
            theirs(Addressee::Conversation(accepted.conversation_id.unwrap())),
            theirs(Addressee::Phone(phone(1))),
        ])
        .await;
    assert_eq!(outcomes[0], AcceptOutcome::ContactNotFound);
    assert_eq!(outcomes[1], AcceptOutcome::ConversationNotFound);
    assert!(matches!(outcomes[2], AcceptOutcome::Refused(Refusal::NotOptedIn { contact_id: None, .. })));
}

async fn accepted_messages_survive_a_reopening(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let id = scene.send(scene.job(contact)).await.message_id;
    let other = scene.bench.another_node().await;
    scene.store().close().await.unwrap();
    assert_eq!(other.message(scene.tenant, id).await.unwrap().unwrap().status, Status::Queued);
    other.ping().await.unwrap();
}
