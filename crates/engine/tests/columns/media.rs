use bytes::Bytes;
use domain::messages::Direction;
use domain::templates::Params;
use domain::{MediaId, SignedDuration};
use engine::connections::CreateConnection;
use engine::media::{MediaError, Upload};
use engine::messages::{Body, SendCommand, SendError};
use futures::{StreamExt, TryStreamExt};
use ports::gateway::ByteStream;
use ports::media::{Media, NewMedia};
use ports::messages::Addressee;
use serde_json::json;
use simulator::AccountConfig;

use crate::house::{House, eventually};
use crate::post::contact;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";

fn upload(mime_type: &str) -> Upload {
    Upload { connection_id: None, mime_type: mime_type.into(), filename: Some("../../logo.png".into()) }
}

fn bytes(bytes: &'static [u8]) -> ByteStream {
    futures::stream::iter(bytes.chunks(7).map(Bytes::from_static).map(Ok)).boxed()
}

fn zeros(size: usize) -> ByteStream {
    let part = Bytes::from(vec![0u8; 64 * 1024]);
    futures::stream::repeat(part).take(size.div_ceil(64 * 1024)).map(Ok).boxed()
}

async fn read(house: &House, media: MediaId) -> Vec<u8> {
    let (_, bytes) = house.engine.media.open(house.tenant, media).await.unwrap();
    bytes
        .try_fold(Vec::new(), async |mut all, part| {
            all.extend_from_slice(&part);
            Ok(all)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_file_is_kept_and_brought_to_meta() {
    let house = House::build().await;
    let connection = house.linked().await;
    let done = house.engine.media.upload(house.tenant, upload("image/png"), bytes(PNG)).await.unwrap();
    assert_eq!(done.problem, None);
    let media = done.media;
    assert_eq!((media.size, media.filename.as_deref()), (PNG.len() as i64, Some("logo.png")));
    assert!(media.meta_id.is_some() && media.sha256.is_some());
    assert_eq!(read(&house, media.id).await, PNG);
    let sent = house.engine.media.meta_id_for(house.tenant, media.id, connection.id).await.unwrap();
    assert_eq!(Some(sent), media.meta_id);
    let stranger = house.stranger().await;
    assert!(matches!(house.engine.media.open(stranger, media.id).await, Err(MediaError::NotFound)));
}

#[tokio::test]
async fn what_whatsapp_does_not_take_is_refused_before_any_call() {
    let house = House::build().await;
    house.linked().await;
    let media = &house.engine.media;
    let html = media.upload(house.tenant, upload("text/html"), bytes(b"<html>")).await;
    assert!(matches!(html, Err(MediaError::UnsupportedType(_))), "{html:?}");
    let large = media.upload(house.tenant, upload("image/png"), zeros(5 * 1024 * 1024 + 1)).await;
    assert!(matches!(large, Err(MediaError::TooLarge { limit: 5_242_880 })), "{large:?}");
    let sticker = media.upload(house.tenant, upload("image/webp"), zeros(101 * 1024)).await;
    assert!(matches!(sticker, Err(MediaError::TooLarge { limit: 102_400 })), "{sticker:?}");
    let disguised = media.upload(house.tenant, upload("image/jpeg"), bytes(PNG)).await;
    assert!(matches!(disguised, Err(MediaError::Invalid(_))), "{disguised:?}");
    let empty = media.upload(house.tenant, upload("image/png"), bytes(b"")).await;
    assert!(matches!(empty, Err(MediaError::Invalid(_))), "{empty:?}");
    let folder = std::fs::read_dir(&house.deps.settings.media_dir).unwrap();
    let kept = folder.flatten().flat_map(|entry| std::fs::read_dir(entry.path()).unwrap()).count();
    assert_eq!(kept, 0, "nothing is left of them");
}

#[tokio::test]
async fn a_file_is_kept_although_meta_cannot_be_reached_and_uploaded_when_it_is_sent() {
    let house = House::build().await;
    let connection = house.linked().await;
    let nowhere = engine::connections::PatchConnection {
        graph_url: Some("http://127.0.0.1:1".into()),
        ..Default::default()
    };
    house.engine.connections.patch(house.tenant, connection.id, nowhere).await.unwrap();
    let done = house.engine.media.upload(house.tenant, upload("image/png"), bytes(PNG)).await.unwrap();
    assert!(done.problem.is_some() && done.media.meta_id.is_none());
    let back =
        engine::connections::PatchConnection { graph_url: Some(house.sim.url()), ..Default::default() };
    house.engine.connections.patch(house.tenant, connection.id, back).await.unwrap();
    let id = house.engine.media.meta_id_for(house.tenant, done.media.id, connection.id).await.unwrap();
    let media = house.engine.media.get(house.tenant, done.media.id).await.unwrap();
    assert_eq!(media.meta_id, Some(id));
}

#[tokio::test]
async fn metas_copy_is_renewed_before_it_ends_and_made_for_each_number() {
    let house = House::build().await;
    let first = house.linked().await;
    let files = &house.engine.media;
    let media = files.upload(house.tenant, upload("image/png"), bytes(PNG)).await.unwrap().media;
    let old = media.meta_id.clone().unwrap();
    house.advance(24 * 28);
    assert_eq!(files.meta_id_for(house.tenant, media.id, first.id).await.unwrap(), old);
    house.advance(25);
    let many =
        futures::future::join_all((0..20).map(|_| files.meta_id_for(house.tenant, media.id, first.id))).await;
    let new = many[0].as_ref().unwrap().clone();
    assert_ne!(new, old);
    assert!(many.into_iter().all(|id| id.unwrap() == new), "twenty sends share one upload");
    let account: AccountConfig =
        serde_json::from_value(house.handle("POST", "/accounts", json!({})).await).unwrap();
    let second = CreateConnection {
        phone_number_id: account.phones[0].id.clone(),
        waba_id: account.waba_id,
        access_token: account.token.into(),
        is_default: false,
        ..house.link()
    };
    let second = house.engine.connections.create(house.tenant, second).await.unwrap().connection;
    let other = files.meta_id_for(house.tenant, media.id, second.id).await.unwrap();
    assert_ne!(other, new);
    assert_eq!(files.get(house.tenant, media.id).await.unwrap().meta_id, Some(new), "its own stays");
}

#[tokio::test]
async fn a_file_that_cannot_be_shown_in_a_header_is_refused_before_the_message_is_accepted() {
    let house = House::build().await;
    let connection = house.linked().await;
    house
        .sim
        .put_template(&json!({
            "name": "look",
            "components": [
                {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://example.com/a.png"]}},
                {"type": "BODY", "text": "Look at this."},
            ],
        }))
        .unwrap();
    house.engine.templates.sync(house.tenant, None).await.unwrap();
    let contact = contact(&house.deps, house.tenant, "+15550001111").await;
    let files = &house.engine.media;
    let picture = files.upload(house.tenant, upload("image/png"), bytes(PNG)).await.unwrap().media.id;
    let paper =
        files.upload(house.tenant, upload("application/pdf"), bytes(b"%PDF-1.7")).await.unwrap().media.id;
    let send = async |file: MediaId| {
        let params = Params::read(&json!({ "header": { "image": { "media_id": file } } })).unwrap();
        let body = Body::Template { name: "look".into(), language: None, params };
        let command = SendCommand {
            to: Addressee::Contact(contact),
            connection: Some(connection.id),
            body,
            reply_to: None,
            send_at: None,
            created_by: None,
            key: None,
            wait: std::time::Duration::ZERO,
            priority: None,
        };
        house.engine.messages.send(house.tenant, command).await
    };
    let Err(SendError::Faults(faults)) = send(paper).await else { panic!("accepted") };
    let told: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.problem.as_str())).collect();
    let problem = format!("file {paper} is application/pdf, which cannot be shown as image");
    assert_eq!(told, [("/template_params", problem.as_str())]);
    assert!(send(picture).await.is_ok());
}

async fn announced(house: &House, sha256: Option<String>, ends_in: SignedDuration) -> Media {
    let connection = house.linked().await;
    let given = json!({"mime_type": "image/png", "text": "a picture of a bird", "inbound": true});
    let registered = house.handle("POST", "/media", given).await;
    let now = house.deps.clock.now();
    let new = NewMedia {
        connection_id: connection.id,
        direction: Direction::Inbound,
        mime_type: "image/png".into(),
        filename: None,
        size: 0,
        sha256,
        meta_id: Some(registered["id"].as_str().unwrap().to_owned()),
        meta_expires_at: Some(now + ends_in),
        path: None,
        at: now,
    };
    house.deps.store.create_media(house.tenant, new).await.unwrap()
}

#[tokio::test]
async fn an_inbound_file_is_fetched_and_verified() {
    let house = House::build().await;
    let media = announced(&house, None, SignedDuration::from_hours(24 * 7)).await;
    let early = house.engine.media.open(house.tenant, media.id).await.err();
    assert!(matches!(early, Some(MediaError::NotFetched(None))));
    let _running = House::run(|stop| house.engine.media.clone().run(stop));
    let fetched = eventually("the file", || async {
        house.engine.media.get(house.tenant, media.id).await.ok().filter(|media| media.path.is_some())
    })
    .await;
    assert_eq!(fetched.size, 19);
    assert_eq!(read(&house, media.id).await, b"a picture of a bird");
}

#[tokio::test]
async fn an_inbound_file_is_tried_again_until_it_ends() {
    let house = House::build().await;
    let media = announced(&house, None, SignedDuration::from_hours(24 * 7)).await;
    let faults = json!({"error_rate": 1.0, "error_code": 131000, "error_on": "all"});
    house.handle("PATCH", "/faults", faults).await;
    let _running = House::run(|stop| house.engine.media.clone().run(stop));
    let failure = |house: House| async move {
        let failed = eventually("the failure", || async {
            house.engine.media.get(house.tenant, media.id).await.unwrap().failure
        })
        .await;
        (house, failed)
    };
    let (house, _) = failure(house).await;
    house.handle("DELETE", "/faults", json!({})).await;
    house.advance(1);
    let fetched = eventually("the file", || async {
        house.engine.media.get(house.tenant, media.id).await.ok().filter(|media| media.path.is_some())
    })
    .await;
    assert_eq!(fetched.size, 19);
}

#[tokio::test]
async fn an_inbound_file_that_ended_is_given_up() {
    let house = House::build().await;
    let media = announced(&house, None, SignedDuration::from_hours(1)).await;
    house.advance(2);
    let _running = House::run(|stop| house.engine.media.clone().run(stop));
    let why = eventually("the end", || async {
        house.engine.media.get(house.tenant, media.id).await.unwrap().failure
    })
    .await;
    assert!(why.contains("7 days"), "{why}");
}
