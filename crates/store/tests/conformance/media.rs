//! Media.

use domain::messages::Direction;
use domain::{ConnectionId, MediaId};
use ports::media::{MediaStore, NewMedia};

use crate::support::{Bench, at};

on_each_engine!(
    an_upload_keeps_metas_id_and_its_end,
    a_fetched_file_is_known_by_its_place,
    of_many_files_those_that_are_there_are_found_at_once,
    a_failed_fetch_keeps_its_reason_until_one_succeeds,
    changing_a_file_that_does_not_exist_does_nothing,
);

fn new_media(direction: Direction) -> NewMedia {
    NewMedia {
        connection_id: ConnectionId(1),
        direction,
        mime_type: "image/jpeg".into(),
        filename: Some("größe.jpg".into()),
        size: 0,
        sha256: None,
        meta_id: None,
        meta_expires_at: None,
        path: None,
        at: at(0),
    }
}

async fn an_upload_keeps_metas_id_and_its_end(bench: Bench) {
    let tenant = bench.tenant().await;
    let new = NewMedia {
        size: 1_234,
        sha256: Some("ab".repeat(32)),
        path: Some("1/a.jpg".into()),
        ..new_media(Direction::Outbound)
    };
    let media = bench.store.create_media(tenant, new).await.unwrap();
    assert_eq!((media.size, media.meta_id.clone(), media.created_at), (1_234, None, at(0)));
    bench.store.set_media_uploaded(tenant, media.id, "meta-1", at(100)).await.unwrap();
    let read = bench.store.media(tenant, media.id).await.unwrap().unwrap();
    assert_eq!((read.meta_id.as_deref(), read.meta_expires_at), (Some("meta-1"), Some(at(100))));
    assert_eq!((read.direction, read.filename, read.path), (media.direction, media.filename, media.path));
}

async fn a_fetched_file_is_known_by_its_place(bench: Bench) {
    let tenant = bench.tenant().await;
    let media = bench.store.create_media(tenant, new_media(Direction::Inbound)).await.unwrap();
    assert_eq!(media.path, None);
    bench.store.set_media_fetched(tenant, media.id, "1/b.jpg", 77, &"cd".repeat(32)).await.unwrap();
    let read = bench.store.media(tenant, media.id).await.unwrap().unwrap();
    assert_eq!((read.path.as_deref(), read.size), (Some("1/b.jpg"), 77));
    assert_eq!(read.sha256, Some("cd".repeat(32)));
}

async fn of_many_files_those_that_are_there_are_found_at_once(bench: Bench) {
    let (tenant, stranger) = (bench.tenant().await, bench.tenant().await);
    let one = bench.store.create_media(tenant, new_media(Direction::Inbound)).await.unwrap();
    let other = bench.store.create_media(tenant, new_media(Direction::Outbound)).await.unwrap();
    let asked = [other.id, MediaId(4_711), one.id, one.id];
    let mut found = bench.store.media_of(tenant, &asked).await.unwrap();
    found.sort_by_key(|file| file.id);
    assert_eq!(found, [one, other]);
    assert_eq!(bench.store.media_of(stranger, &asked).await.unwrap(), []);
    assert_eq!(bench.store.media_of(tenant, &[]).await.unwrap(), []);
}

async fn a_failed_fetch_keeps_its_reason_until_one_succeeds(bench: Bench) {
    let tenant = bench.tenant().await;
    let media = bench.store.create_media(tenant, new_media(Direction::Inbound)).await.unwrap();
    bench.store.set_media_failed(tenant, media.id, "gone at Meta", Some(at(60))).await.unwrap();
    let read = bench.store.media(tenant, media.id).await.unwrap().unwrap();
    assert_eq!((read.failure.as_deref(), read.path), (Some("gone at Meta"), None));
    bench.store.set_media_fetched(tenant, media.id, "1/b.jpg", 77, "00").await.unwrap();
    assert_eq!(bench.store.media(tenant, media.id).await.unwrap().unwrap().failure, None);
}

async fn changing_a_file_that_does_not_exist_does_nothing(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.store.set_media_uploaded(tenant, MediaId(9), "meta-1", at(1)).await.unwrap();
    bench.store.set_media_fetched(tenant, MediaId(9), "p", 1, "00").await.unwrap();
    bench.store.set_media_failed(tenant, MediaId(9), "why", None).await.unwrap();
    assert_eq!(bench.store.media(tenant, MediaId(9)).await.unwrap(), None);
}
