use std::io::Read as _;
use std::time::Duration;

use bytes::Bytes;
use domain::contacts::Identity;
use domain::messages::{Content, Direction, Status};
use domain::phone::PhoneNumber;
use domain::retention::Class;
use domain::{ContactId, InboxId, MediaId};
use engine::consent::Testimony;
use engine::contacts::CreateContact;
use engine::erasure::ErasureError;
use engine::media::{MediaError, Upload};
use engine::messages::RetryError;
use engine::retention::{RetentionError, RetentionPatch};
use futures::{StreamExt, TryStreamExt};
use ports::messages::MessageFilter;
use ports::webhooks::{Change, Inbound, InboundMedia, Projection, Source};
use serde_json::{Value, json};

use crate::house::{House, eventually, page};
use crate::post::Post;

const DAY: i64 = 24;
const PHONE: &str = "+15551234567";

/// Messages that were received now.
async fn received(
    house: &House,
    texts: impl Iterator<Item = String>,
    file: Option<InboundMedia>,
) -> Vec<ContactId> {
    let connection = house.engine.connections.list(house.tenant).await.unwrap()[0].id;
    let now = house.deps.clock.now();
    let change = |(number, text): (usize, String)| {
        Change::Inbound(Inbound {
            source: Source { inbox_id: InboxId(1), pointer: format!("/{text}") },
            connection_id: connection,
            wamid: format!("wamid.{text}"),
            from: Identity::of_phone(
                PhoneNumber::from_e164(&format!("+1555{:07}", 1_234_567 + number % 7)).unwrap(),
            ),
            username: None,
            profile_name: Some("Zebulon Quux".into()),
            at: now,
            content: match &file {
                None => Content::text(text),
                Some(_) => serde_json::from_value(
                    json!({"type": "media", "kind": "image", "source": {"id": "m"}, "caption": text}),
                )
                .unwrap(),
            },
            reply_to: None,
            opens_window: true,
            word: None,
            confirmation: None,
            media: file.clone(),
        })
    };
    let changes = texts.enumerate().map(change).collect();
    let projection = Projection { tenant_id: house.tenant, done: Vec::new(), changes, at: now };
    let projected = house.deps.store.project(projection).await.unwrap();
    projected.inbound.into_iter().map(|(_, contact, _)| contact).collect()
}

async fn purged(house: &House) -> Vec<(Class, i64)> {
    let now = house.deps.clock.now();
    let run = eventually("the purge", || async {
        let found = house.engine.retention.get(house.tenant).await.unwrap().last_run;
        found.filter(|run| run.finished_at.is_some() && run.started_at >= now)
    })
    .await;
    run.removed.into_iter().map(|(class, amount)| (class, amount.rows)).collect()
}

/// Files on the disk.
fn files(house: &House) -> Vec<String> {
    let folder = house.deps.settings.media_dir.join(house.tenant.to_string());
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    names.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

async fn uploaded(house: &House) -> MediaId {
    let upload =
        Upload { connection_id: None, mime_type: "text/plain".into(), filename: Some("a.txt".into()) };
    let bytes = futures::stream::once(async { Ok(Bytes::from_static(b"all that there is")) }).boxed();
    house.engine.media.upload(house.tenant, upload, bytes).await.unwrap().media.id
}

#[tokio::test]
async fn content_and_files_go_by_themselves_after_90_days() {
    let house = House::build().await;
    house.linked().await;
    received(&house, ["hello".to_owned()].into_iter(), None).await;
    let media = uploaded(&house).await;
    assert_eq!(files(&house).len(), 1);
    house.advance(89 * DAY);
    {
        let _running = House::run(|stop| house.engine.retention.clone().run(stop));
        assert_eq!(purged(&house).await, []);
    }
    assert_eq!(files(&house).len(), 1);
    house.advance(2 * DAY);
    let _running = House::run(|stop| house.engine.retention.clone().run(stop));
    assert_eq!(purged(&house).await, [(Class::MessageContent, 1), (Class::Media, 1)]);
    eventually("the disk", || async { files(&house).is_empty().then_some(()) }).await;
    assert!(matches!(house.engine.media.get(house.tenant, media).await, Err(MediaError::NotFound)));
    let message = house
        .engine
        .messages
        .list(house.tenant, &MessageFilter::default(), &page())
        .await
        .unwrap()
        .items
        .remove(0);
    assert!(message.content_purged_at.is_some());
}

#[tokio::test]
async fn a_file_that_nobody_names_is_removed_and_the_others_stay() {
    let house = House::build().await;
    house.linked().await;
    uploaded(&house).await;
    let folder = house.deps.settings.media_dir.join(house.tenant.to_string());
    let orphan = "0123456789abcdef0123456789abcdef";
    std::fs::write(folder.join(orphan), b"left by a crash").unwrap();
    {
        let _running = House::run(|stop| house.engine.retention.clone().run(stop));
        assert_eq!(purged(&house).await, []);
    }
    assert_eq!(files(&house).len(), 2, "it may be on its way in");
    house.advance(2 * DAY);
    let _running = House::run(|stop| house.engine.retention.clone().run(stop));
    let left = eventually("the sweep", || async { Some(files(&house)).filter(|left| left.len() == 1) }).await;
    assert_ne!(left, [orphan]);
}

#[tokio::test]
async fn sends_go_on_while_a_large_purge_runs() {
    let post = Post::open().await;
    for part in 0..20 {
        received(&post, (0..200).map(|number| format!("{part}.{number}")), None).await;
    }
    let contact = post.contact("+15557770001").await;
    post.advance(91 * DAY);
    let patch = RetentionPatch { webhook_days: Some(6), ..RetentionPatch::default() };
    post.engine.retention.patch(post.tenant, patch).await.unwrap();
    let sent = post.notes(&[contact], 40).await;
    for message in sent {
        eventually("the send", || async {
            let found = post.engine.messages.get(post.tenant, message).await.unwrap().unwrap();
            matches!(found.status, Status::Sent | Status::Delivered | Status::Read).then_some(())
        })
        .await;
    }
    // The first purge, on the day on which it all came, found nothing.
    let report = eventually("the purge", || async {
        let found = post.engine.retention.get(post.tenant).await.unwrap().last_run;
        found.filter(|run| !run.removed.is_empty())
    })
    .await;
    assert_eq!(report.removed[&Class::MessageContent].rows, 4_000);
    let now = MessageFilter { direction: Some(Direction::Outbound), ..MessageFilter::default() };
    let kept = post.engine.messages.list(post.tenant, &now, &page()).await.unwrap().items;
    assert!(kept.iter().all(|message| message.content_purged_at.is_none()), "those of today");
}

#[tokio::test]
async fn settings_have_bounds_and_a_message_without_content_is_not_sent_again() {
    let house = House::build().await;
    house.linked().await;
    let patch = RetentionPatch {
        message_content_days: Some(400),
        webhook_days: Some(8),
        ..RetentionPatch::default()
    };
    let Err(RetentionError::Invalid(faults)) = house.engine.retention.patch(house.tenant, patch).await else {
        panic!("refused");
    };
    let pointers: Vec<_> = faults.0.into_iter().map(|fault| fault.pointer).collect();
    assert_eq!(pointers, ["/webhook_days", "/delivery_log_days"]);
    let nobody = house.engine.retention.get(domain::TenantId(4_711)).await;
    assert!(matches!(nobody, Err(RetentionError::NotFound)));
    let (_, forecast) = house.engine.retention.forecast(house.tenant).await.unwrap();
    assert_eq!(forecast, []);
}

#[tokio::test]
async fn a_failed_message_whose_content_is_gone_cannot_be_tried_again() {
    let post = Post::open().await;
    let contact = post.contact(PHONE).await;
    post.handle("PUT", &format!("/customers/{PHONE}"), json!({"on_whatsapp": false})).await;
    let message = post.send(post.note(contact)).await.message_id;
    post.becomes(message, Status::Failed).await;
    post.advance(91 * DAY);
    let patch = RetentionPatch { webhook_days: Some(6), ..RetentionPatch::default() };
    post.engine.retention.patch(post.tenant, patch).await.unwrap();
    eventually("the purge", || async {
        post.engine.messages.get(post.tenant, message).await.unwrap().unwrap().content_purged_at
    })
    .await;
    let again = post.engine.messages.retry(post.tenant, message, false).await;
    assert!(matches!(again, Err(RetryError::ContentPurged)), "{again:?}");
}

async fn export(house: &House, contact: ContactId) -> Vec<(String, Vec<u8>)> {
    let bytes = house.engine.erasures.export(house.tenant, contact).await.unwrap();
    let bytes: Vec<u8> = bytes
        .try_fold(Vec::new(), async |mut all, part| {
            all.extend_from_slice(&part);
            Ok(all)
        })
        .await
        .unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        let name = file.name().unwrap().into_owned();
        files.push((name, content));
    }
    files
}

#[tokio::test]
async fn a_person_is_handed_out_whole_and_then_forgotten() {
    let house = House::build().await;
    house.linked().await;
    let registered = house
        .handle("POST", "/media", json!({"mime_type": "image/png", "text": "a picture", "inbound": true}))
        .await;
    let file = InboundMedia {
        meta_id: registered["id"].as_str().unwrap().to_owned(),
        mime_type: "image/png".into(),
        filename: Some("me.png".into()),
        sha256: None,
        expires_at: house.deps.clock.now() + domain::SignedDuration::from_hours(100),
    };
    let contact = received(&house, ["look at me".to_owned()].into_iter(), Some(file)).await[0];
    received(&house, ["and listen".to_owned()].into_iter(), None).await;
    let testimony = Testimony { source: domain::consent::ConsentSource::Api, api_key: None, evidence: None };
    house.engine.consent.opt_out(house.tenant, contact, testimony).await.unwrap();
    {
        let _fetching = House::run(|stop| house.engine.media.clone().run(stop));
        eventually("the file", || async { (files(&house).len() == 1).then_some(()) }).await;
        eventually("its row", || async {
            house.engine.media.get(house.tenant, MediaId(1)).await.unwrap().path.map(drop)
        })
        .await;
    }

    let files_of = export(&house, contact).await;
    let names: Vec<&str> = files_of.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "contact.json",
        "consent.json",
        "conversations.json",
        "messages.json",
        "broadcasts.json",
        "media.json",
        "media/1-me.png",
    ];
    assert_eq!(names, expected);
    let json: Vec<Value> =
        files_of[..6].iter().map(|(_, content)| serde_json::from_slice(content).unwrap()).collect();
    assert_eq!(json[0]["contact"]["name"], "Zebulon Quux");
    assert_eq!(json[1][0]["kind"], "opt_out");
    assert_eq!(json[2].as_array().unwrap().len(), 1);
    assert_eq!(json[3].as_array().unwrap().len(), 2);
    assert_eq!(files_of[6].1, b"a picture");

    let erasure = house.engine.erasures.erase(house.tenant, contact, Duration::from_secs(20)).await.unwrap();
    let (receipt, digest) = erasure.receipt.clone().expect("finished");
    assert_eq!((receipt.removed["messages"], receipt.removed["media"]), (2, 1));
    assert!(files(&house).is_empty());
    assert!(house.engine.erasures.is_genuine(house.tenant, &receipt, &digest).await.unwrap());
    assert_eq!(house.engine.erasures.get(house.tenant, erasure.id).await.unwrap(), erasure);
    let again = house.engine.erasures.erase(house.tenant, contact, Duration::from_secs(20)).await.unwrap();
    assert_eq!(again, erasure);
    let gone = house.engine.erasures.export(house.tenant, contact).await.err();
    assert!(matches!(gone, Some(ErasureError::ContactNotFound)));
    let back = CreateContact { phone: Some(PHONE.into()), ..CreateContact::default() };
    let back = house.engine.contacts.create(house.tenant, back).await.unwrap();
    assert!(back.consent.explicitly_out(), "the opt-out holds");
}

#[tokio::test]
async fn an_erasure_that_ran_out_of_patience_is_finished_in_the_background() {
    let house = House::build().await;
    house.linked().await;
    let contact = received(&house, ["hello".to_owned()].into_iter(), None).await[0];
    let begun = house.engine.erasures.erase(house.tenant, contact, Duration::ZERO).await.unwrap();
    assert!(begun.receipt.is_none());
    let _running = House::run(|stop| house.engine.retention.clone().run(stop));
    eventually("the receipt", || async {
        house.engine.erasures.get(house.tenant, begun.id).await.unwrap().receipt
    })
    .await;
}
