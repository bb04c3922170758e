//! Retention: what goes on which day, in which steps, and what stays.

use std::collections::BTreeMap;

use domain::broadcasts::Step;
use domain::messages::{Content, Direction, Status};
use domain::retention::{Class, Periods};
use domain::{MediaId, SignedDuration, TenantId, Timestamp};
use ports::broadcasts::{BroadcastStore, RecipientFilter};
use ports::conversations::ConversationStore;
use ports::media::{MediaStore, NewMedia};
use ports::messages::{AcceptJob, AcceptOutcome, MessageStore, Moved, ReplyTo};
use ports::retention::{PurgeProgress, PurgeRun, RetentionStore};
use ports::webhooks::{Change, Inbound, InboundMedia, Projection, RawWebhook, WebhookStore};
use ports::{Page, Paging};
use store::SqlStore;

use crate::broadcasts::campaign::Campaign;
use crate::samples::{identity, inbound, run, texts};
use crate::scene::{Scene, words};
use crate::support::{Bench, at};

on_each_engine!(
    the_content_goes_after_90_days_and_not_a_day_before,
    the_log_goes_after_a_year_and_not_a_day_before,
    what_is_still_to_be_sent_is_kept_and_goes_once_it_was_sent,
    a_message_that_comes_late_is_purged_all_the_same,
    a_purge_goes_on_from_its_last_commit_on_another_node,
    each_tenant_has_its_own_periods,
    counts_of_a_broadcast_stay_when_its_rows_go,
    files_go_with_their_messages_and_files_in_use_stay,
    raw_webhooks_go_after_their_days_but_not_one_that_waits,
    an_emptied_message_is_neither_sent_again_nor_answered,
    a_forecast_tells_what_the_purge_then_removes,
    a_purged_text_is_in_no_backup_and_in_no_file,
    settings_are_kept_and_make_the_purge_due,
);

/// The day of this number, a minute after its beginning.
fn day(number: i64) -> Timestamp {
    at(number * 86_400 + 60)
}

fn a_minute_after(now: Timestamp) -> Timestamp {
    now + SignedDuration::from_mins(1)
}

/// Purges all who are due; answers the reports.
pub(crate) async fn purge(store: &SqlStore, now: Timestamp) -> BTreeMap<TenantId, PurgeRun> {
    let mut reports = BTreeMap::new();
    while let Some(tenant) = store.take_purge("node", now, a_minute_after(now)).await.unwrap() {
        loop {
            match store.purge_batch(tenant, "node", 3, now, a_minute_after(now)).await.unwrap() {
                PurgeProgress::More { .. } => {}
                PurgeProgress::Done(run) => {
                    assert_eq!(run.finished_at, Some(now));
                    reports.insert(tenant, run);
                    break;
                }
                PurgeProgress::Lost => panic!("nobody else purges"),
            }
        }
    }
    reports
}

/// Rows by class.
fn rows(run: &PurgeRun) -> Vec<(Class, i64)> {
    run.removed.iter().map(|(class, amount)| (*class, amount.rows)).collect()
}

/// What the purge of this day removes of the scene's tenant.
async fn removed(scene: &Scene, on: i64) -> Vec<(Class, i64)> {
    rows(&purge(scene.store(), day(on)).await[&scene.tenant])
}

async fn the_content_goes_after_90_days_and_not_a_day_before(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("a").await;
    let sent = scene.sent(&lease, contact, "w.1").await;
    let written = scene.project(vec![Change::Inbound(scene.inbound(1, "w.2"))]).await.inbound[0];
    scene.store().add_note(scene.tenant, written.2, "ana", "a note", at(2)).await.unwrap().unwrap();
    let before = (scene.message(sent).await, scene.message(written.0).await);

    assert_eq!(removed(&scene, 89).await, []);
    assert_eq!((scene.message(sent).await, scene.message(written.0).await), before);

    let gone = removed(&scene, 91).await;
    assert_eq!(gone, [(Class::MessageContent, 2), (Class::Notes, 1)]);
    let after = scene.message(written.0).await;
    assert_eq!(after.content, Content::Text { body: String::new(), preview_url: false });
    assert_eq!(after.content_purged_at, Some(day(91)));
    assert_eq!((after.status, after.wamid, after.created_at), (Status::Received, before.1.wamid, at(90)));
    let after = scene.message(sent).await;
    assert_eq!((after.status, after.wamid, after.sent_at), (Status::Sent, before.0.wamid, before.0.sent_at));
    assert_eq!(after.content.message_type(), "template");
    assert_eq!(scene.life(sent).await, ["queued", "sending", "sent"]);
    let thread = scene.store().conversation(scene.tenant, written.2).await.unwrap().unwrap();
    assert_eq!((thread.last_message_preview, thread.last_message_id), (None, Some(written.0)));
    assert!(scene.store().notes(scene.tenant, written.2).await.unwrap().is_empty());
    assert_eq!(removed(&scene, 92).await, [], "once");
}

async fn the_log_goes_after_a_year_and_not_a_day_before(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("a").await;
    let sent = scene.sent(&lease, contact, "w.1").await;
    let conversation = scene.message(sent).await.conversation_id.unwrap();
    removed(&scene, 364).await;
    assert_eq!(scene.message(sent).await.status, Status::Sent);
    assert_eq!(removed(&scene, 366).await, [(Class::Deliveries, 1)]);
    assert_eq!(scene.store().message(scene.tenant, sent).await.unwrap(), None);
    assert_eq!(scene.store().message_events(scene.tenant, sent).await.unwrap(), None);
    let left = texts(&scene.bench, "SELECT CAST(id AS TEXT) AS text FROM message_events").await;
    assert_eq!(left, [""; 0]);
    let thread = scene.store().conversation(scene.tenant, conversation).await.unwrap().unwrap();
    assert_eq!(thread.last_message_id, None);
}

async fn what_is_still_to_be_sent_is_kept_and_goes_once_it_was_sent(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let job = AcceptJob { send_at: Some(day(400)), ..scene.job(contact) };
    let scheduled = scene.send(job).await.message_id;
    assert_eq!(removed(&scene, 91).await, []);
    assert_eq!(removed(&scene, 380).await, []);
    let kept = scene.message(scheduled).await;
    assert_eq!((kept.status, kept.content_purged_at), (Status::Queued, None));
    let cancelled = scene.store().cancel_message(scene.tenant, scheduled, day(381)).await.unwrap();
    assert!(matches!(cancelled, Moved::Done(_)));
    let gone = removed(&scene, 382).await;
    assert_eq!(gone, [(Class::MessageContent, 1), (Class::Deliveries, 1)]);
}

async fn a_message_that_comes_late_is_purged_all_the_same(bench: Bench) {
    let scene = Scene::of(bench).await;
    let periods = Periods { message_content_days: 1, ..Periods::default() };
    scene.store().set_retention(scene.tenant, periods, at(0)).await.unwrap().unwrap();
    scene.project(vec![Change::Inbound(scene.inbound(1, "w.1"))]).await;
    assert_eq!(removed(&scene, 3).await, [(Class::MessageContent, 1)]);
    scene.project(vec![Change::Inbound(Inbound { at: at(80), ..scene.inbound(1, "w.0") })]).await;
    assert_eq!(removed(&scene, 5).await, [(Class::MessageContent, 1)]);
}

async fn a_purge_goes_on_from_its_last_commit_on_another_node(bench: Bench) {
    let scene = Scene::of(bench).await;
    for number in 0..10 {
        scene.project(vec![Change::Inbound(scene.inbound(1, &format!("w.{number}")))]).await;
    }
    let (store, tenant, now) = (scene.store(), scene.tenant, day(91));
    let other = scene.bench.another_node().await;
    assert_eq!(store.take_purge("a", now, a_minute_after(now)).await.unwrap(), Some(tenant));
    assert_eq!(other.take_purge("b", now, a_minute_after(now)).await.unwrap(), None, "a has it");
    for _ in 0..2 {
        let progress = store.purge_batch(tenant, "a", 2, now, a_minute_after(now)).await.unwrap();
        assert!(matches!(progress, PurgeProgress::More { waiting: 0 }), "{progress:?}");
    }
    let running = store.retention(tenant).await.unwrap().unwrap().running.unwrap();
    assert_eq!(rows(&running), [(Class::MessageContent, 4)]);
    // `a` is not heard of again.
    let later = now + SignedDuration::from_mins(2);
    assert_eq!(other.take_purge("b", later, a_minute_after(later)).await.unwrap(), Some(tenant));
    let lost = store.purge_batch(tenant, "a", 2, later, a_minute_after(later)).await.unwrap();
    assert_eq!(lost, PurgeProgress::Lost);
    let report = loop {
        match other.purge_batch(tenant, "b", 2, later, a_minute_after(later)).await.unwrap() {
            PurgeProgress::More { .. } => {}
            PurgeProgress::Done(run) => break run,
            PurgeProgress::Lost => panic!("b has it"),
        }
    };
    assert_eq!(rows(&report), [(Class::MessageContent, 10)]);
    let kept = store.retention(tenant).await.unwrap().unwrap();
    assert_eq!((kept.running, kept.last_run), (None, Some(report)));
    assert_eq!(kept.next_run_at, now + SignedDuration::from_hours(24));
}

async fn each_tenant_has_its_own_periods(bench: Bench) {
    let (one, two) = (bench.tenant().await, bench.tenant().await);
    for tenant in [one, two] {
        let number = format!("number {tenant}");
        let connection = bench.connect(tenant, crate::samples::new_connection(&number)).await.id;
        bench.receive(tenant, inbound(connection, identity(1), &format!("w.{tenant}"), 1)).await;
    }
    let longer = Periods { message_content_days: 200, ..Periods::default() };
    bench.store.set_retention(two, longer, at(0)).await.unwrap().unwrap();
    let reports = purge(&bench.store, day(91)).await;
    assert_eq!(rows(&reports[&one]), [(Class::MessageContent, 1)]);
    assert_eq!(rows(&reports[&two]), []);
    let kept = list(&bench.store, two).await.items;
    assert_eq!(
        (kept[0].content.clone(), kept[0].content_purged_at),
        (words(&format!("Hello from w.{two}")), None)
    );
    assert_eq!(bench.store.retention(TenantId(999)).await.unwrap(), None);
    assert_eq!(bench.store.set_retention(TenantId(999), longer, at(0)).await.unwrap(), None);
}

async fn list(store: &SqlStore, tenant: TenantId) -> Page<ports::messages::Message> {
    store.messages(tenant, &Default::default(), &Paging::default()).await.unwrap()
}

async fn counts_of_a_broadcast_stay_when_its_rows_go(bench: Bench) {
    let campaign = Campaign::frozen(bench, 5).await;
    let lease = campaign.scene.lane("a").await;
    campaign.feed(3).await;
    campaign.deliver(&lease).await;
    campaign.step(Step::Cancel).await;
    campaign.check().await;
    let before = campaign.counts().await;
    let results = campaign.scene.store().broadcast_results(campaign.scene.tenant, campaign.id).await.unwrap();
    let gone = removed(&campaign.scene, 91).await;
    assert_eq!(gone, [(Class::MessageContent, 3)]);
    assert_eq!(campaign.recipients(RecipientFilter::default()).await.len(), 5);
    let gone = removed(&campaign.scene, 366).await;
    assert_eq!(gone, [(Class::Deliveries, 3), (Class::Recipients, 2)]);
    assert_eq!(campaign.counts().await, before);
    let after = campaign.scene.store().broadcast_results(campaign.scene.tenant, campaign.id).await.unwrap();
    assert_eq!(after, results);
    let left = texts(&campaign.scene.bench, "SELECT CAST(id AS TEXT) AS text FROM recipients").await;
    assert_eq!(left, [""; 0]);
}

fn outbound(scene: &Scene, path: &str) -> NewMedia {
    NewMedia {
        connection_id: scene.connection,
        direction: Direction::Outbound,
        mime_type: "image/png".into(),
        filename: None,
        size: 100,
        sha256: None,
        meta_id: None,
        meta_expires_at: None,
        path: Some(format!("{}/{path}", scene.tenant)),
        at: at(0),
    }
}

async fn files_go_with_their_messages_and_files_in_use_stay(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (store, tenant) = (scene.store(), scene.tenant);
    let file = InboundMedia {
        meta_id: "m".into(),
        mime_type: "image/png".into(),
        filename: Some("passport.png".into()),
        sha256: None,
        expires_at: at(1_000),
    };
    let picture = Inbound { media: Some(file), ..scene.inbound(1, "w.1") };
    let received = scene.project(vec![Change::Inbound(picture)]).await.media[0];
    store.set_media_fetched(tenant, received, &format!("{tenant}/in"), 50, "00").await.unwrap();
    let once = store.create_media(tenant, outbound(&scene, "once")).await.unwrap().id;
    let used = store.create_media(tenant, outbound(&scene, "used")).await.unwrap().id;
    store.touch_media(tenant, used, day(30)).await.unwrap();
    let planned = store.create_media(tenant, outbound(&scene, "planned")).await.unwrap().id;
    let contact = scene.opted_in(2).await;
    let params = serde_json::json!({"header": {"image": {"media_id": planned.0}}});
    let content = serde_json::json!({"type": "template", "name": "a", "language": "en", "params": params});
    let content = serde_json::from_value(content).unwrap();
    scene.send(AcceptJob { content, send_at: Some(day(400)), ..scene.job(contact) }).await;

    let gone = removed(&scene, 91).await;
    assert_eq!(gone, [(Class::MessageContent, 1), (Class::Media, 2)]);
    let there = async |media: MediaId| store.media(tenant, media).await.unwrap().is_some();
    assert!(!there(received).await && !there(once).await);
    assert!(there(used).await && there(planned).await);
    let mut files = store.leftover_files(10).await.unwrap();
    files.sort();
    assert_eq!(files, [(tenant, format!("{tenant}/in")), (tenant, format!("{tenant}/once"))]);
    store.forget_leftover_file(tenant, &format!("{tenant}/in")).await.unwrap();
    let paths: Vec<String> = ["in", "once", "used"].map(|name| format!("{tenant}/{name}")).into();
    let unknown = store.unknown_files(tenant, &paths).await.unwrap();
    assert_eq!(unknown, [format!("{tenant}/in")], "one has a row, one is still to be removed");
    assert_eq!(removed(&scene, 121).await, [(Class::Media, 1)], "90 days after it was used");
    assert!(!there(used).await && there(planned).await);
}

async fn raw_webhooks_go_after_their_days_but_not_one_that_waits(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (store, tenant) = (scene.store(), scene.tenant);
    let raw = |body: &'static str| RawWebhook {
        tenant_id: tenant,
        connection_id: None,
        body: bytes::Bytes::from_static(body.as_bytes()),
        at: at(0),
    };
    let ids = store.ingest(vec![raw("first"), raw("second")]).await.unwrap();
    let done = Projection { tenant_id: tenant, done: vec![ids[1]], changes: vec![], at: at(1) };
    store.project(done).await.unwrap();
    let periods = Periods { webhook_days: 3, ..Periods::default() };
    store.set_retention(tenant, periods, at(0)).await.unwrap().unwrap();
    assert_eq!(removed(&scene, 2).await, []);
    assert_eq!(removed(&scene, 4).await, [(Class::Webhooks, 1)]);
    let waiting = store.take_webhooks("node", 9, day(5), day(6)).await.unwrap();
    assert_eq!(waiting.len(), 1);
}

async fn an_emptied_message_is_neither_sent_again_nor_answered(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("a").await;
    let sent = scene.sent(&lease, contact, "w.1").await;
    scene.report("w.1", Status::Failed, at(95)).await;
    removed(&scene, 91).await;
    let again = scene.store().requeue_message(scene.tenant, sent, false, day(91)).await.unwrap();
    assert_eq!(again, Moved::ContentPurged);
    assert_eq!(scene.message(sent).await.status, Status::Failed);
    let reply = AcceptJob { reply_to: Some(ReplyTo::Message(sent)), ..scene.job(contact) };
    assert_eq!(scene.accept(vec![reply]).await, [AcceptOutcome::ReplyToPurged]);
}

async fn a_forecast_tells_what_the_purge_then_removes(bench: Bench) {
    let scene = Scene::of(bench).await;
    for number in 0..4 {
        let message = Inbound { at: day(number * 20), ..scene.inbound(1, &format!("w.{number}")) };
        scene.project(vec![Change::Inbound(message)]).await;
    }
    let cutoffs = Periods::default().cutoffs(day(150));
    let forecast = scene.store().forecast_purge(scene.tenant, &cutoffs).await.unwrap();
    assert_eq!(forecast.len(), 1, "{forecast:?}");
    assert_eq!((forecast[0].class, forecast[0].total.rows), (Class::MessageContent, 3));
    let by_month: Vec<i64> = forecast[0].months.iter().map(|(_, amount)| amount.rows).collect();
    assert_eq!(by_month.iter().sum::<i64>(), 3);
    assert!(by_month.len() > 1, "{forecast:?}");
    let report = &purge(scene.store(), day(150)).await[&scene.tenant];
    assert_eq!(report.removed[&Class::MessageContent], forecast[0].total);
    assert_eq!(scene.store().forecast_purge(scene.tenant, &cutoffs).await.unwrap(), []);
}

/// Long enough to lie on a page of its own.
const SECRET: &str = "the moon is made of green cheese";

async fn a_purged_text_is_in_no_backup_and_in_no_file(bench: Bench) {
    let scene = Scene::of(bench).await;
    for (number, repeats) in [(1, 1), (2, 300), (3, 20)] {
        let content = words(&SECRET.repeat(repeats));
        let message = Inbound { content, ..scene.inbound(number, &format!("w.{number}")) };
        scene.project(vec![Change::Inbound(message)]).await;
    }
    let file = || std::fs::read(scene.bench.url()).unwrap();
    let holds = |bytes: &[u8]| bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
    if !scene.bench.is_postgres() {
        run(&scene.bench, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        assert!(holds(&file()), "it was there");
    }
    assert!(holds(&crate::backup::everything(scene.store()).await), "it was there");
    assert_eq!(removed(&scene, 91).await, [(Class::MessageContent, 3)]);
    assert!(!holds(&crate::backup::everything(scene.store()).await));
    if !scene.bench.is_postgres() {
        run(&scene.bench, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        assert!(!holds(&file()));
    }
}

async fn settings_are_kept_and_make_the_purge_due(bench: Bench) {
    let tenant = bench.tenant().await;
    let first = bench.store.retention(tenant).await.unwrap().unwrap();
    assert_eq!((first.periods, first.next_run_at), (Periods::default(), at(0)));
    purge(&bench.store, day(1)).await;
    assert_eq!(bench.store.take_purge("node", day(1), day(2)).await.unwrap(), None, "not before tomorrow");
    let periods = Periods { message_content_days: 30, delivery_log_days: 60, webhook_days: 2 };
    let kept = bench.store.set_retention(tenant, periods, day(1)).await.unwrap().unwrap();
    assert_eq!((kept.periods, kept.next_run_at), (periods, day(1)));
    assert_eq!(bench.store.retention(tenant).await.unwrap().unwrap().periods, periods);
    assert_eq!(purge(&bench.store, day(1)).await.len(), 1);
}
