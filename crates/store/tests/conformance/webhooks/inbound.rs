//! Messages of customers, and the files that come with them.

use domain::MediaId;
use domain::consent::ConsentKind;
use domain::consent::words::Word;
use domain::messages::content::MediaSource;
use domain::messages::{Content, Direction, Status};
use ports::consent::ConsentStore;
use ports::contacts::ContactStore;
use ports::conversations::{ConversationFilter, ConversationStore};
use ports::media::MediaStore;
use ports::messages::MessageFilter;
use ports::operator::OperatorStore;
use ports::webhooks::{Change, Inbound, InboundMedia};

use crate::scene::Scene;
use crate::support::{Bench, at};

on_each_engine!(
    a_message_from_a_stranger_makes_contact_conversation_and_window,
    a_repeated_message_changes_nothing,
    the_same_message_at_once_on_two_nodes_is_kept_once,
    strangers_who_write_at_once_on_two_nodes_are_each_made_once,
    messages_of_one_contact_in_one_batch_are_applied_in_order,
    a_system_message_opens_no_window,
    a_file_is_to_be_fetched_and_asked_for_here,
);

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
