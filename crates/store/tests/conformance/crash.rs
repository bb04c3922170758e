//! What was answered survives a kill.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use domain::messages::Status;
use domain::{ConnectionId, ContactId, InboxId, MessageId, TemplateId, TenantId};
use ports::messages::{AcceptOutcome, MessageStore};
use ports::webhooks::{RawWebhook, WebhookStore};
use store::{SqlStore, StoreConfig};

use crate::scene::{Scene, job_of};
use crate::support::{Bench, KEY, at};

on_each_engine!(what_was_answered_is_there_after_a_kill);

/// Answers that the other process gives before it is killed.
const ANSWERS: usize = 200;

async fn what_was_answered_is_there_after_a_kill(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let place = [
        scene.bench.url().to_owned(),
        scene.tenant.to_string(),
        scene.connection.to_string(),
        scene.template.to_string(),
        contact.to_string(),
    ]
    .join(" ");
    let answered = tokio::task::spawn_blocking(move || answers_until_killed(&place)).await.expect("no panic");
    let store = scene.bench.another_node().await;
    for id in &answered.messages {
        let message = store.message(scene.tenant, MessageId(*id)).await.unwrap().expect("answered, so kept");
        assert_eq!(message.status, Status::Queued);
    }
    let bodies = store.take_webhooks("node", 10_000, at(50), at(60)).await.unwrap();
    let kept: Vec<i64> = bodies.iter().map(|one| one.id.0).collect();
    assert!(answered.bodies.iter().all(|id| kept.contains(id)), "answered, so kept");
    assert_eq!(scene.send(scene.job(contact)).await.contact_id, contact, "the store goes on");
}

struct Answered {
    messages: Vec<i64>,
    bodies: Vec<i64>,
}

/// Runs [`the_process_that_is_killed`] and kills it in the midst of its work.
fn answers_until_killed(place: &str) -> Answered {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "crash::the_process_that_is_killed", "--nocapture", "--test-threads=1"])
        .env("WAXWING_CRASH_PLACE", place)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let mut answered = Answered { messages: Vec::new(), bodies: Vec::new() };
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for line in lines.map_while(Result::ok) {
        let mut words = line.split(' ');
        match (words.next(), words.next().and_then(|id| id.parse().ok())) {
            (Some("message"), Some(id)) => answered.messages.push(id),
            (Some("body"), Some(id)) => answered.bodies.push(id),
            _ => {}
        }
        if answered.messages.len() + answered.bodies.len() >= ANSWERS {
            break;
        }
    }
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert!(answered.messages.len() > 10 && answered.bodies.len() > 10, "it died too early");
    answered
}

/// Does nothing unless the test above starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_process_that_is_killed() {
    let Ok(place) = std::env::var("WAXWING_CRASH_PLACE") else { return };
    let words: Vec<&str> = place.split(' ').collect();
    let id = |index: usize| words[index].parse::<i64>().expect("an id");
    let store = SqlStore::connect(StoreConfig::new(words[0], KEY)).await.expect("opened");
    let (tenant, connection, template, contact) =
        (TenantId(id(1)), ConnectionId(id(2)), TemplateId(id(3)), ContactId(id(4)));
    let workers = (0..4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let outcomes = store
                    .accept(vec![job_of(tenant, connection, template, contact)])
                    .await
                    .expect("accepted");
                if let AcceptOutcome::Accepted(accepted) = &outcomes[0] {
                    say("message", accepted.message_id.0);
                }
                let raw = RawWebhook {
                    tenant_id: tenant,
                    connection_id: Some(connection),
                    body: bytes::Bytes::from_static(b"{}"),
                    at: at(1),
                };
                for InboxId(body) in store.ingest(vec![raw]).await.expect("kept") {
                    say("body", body);
                }
            }
        })
    });
    futures::future::join_all(workers).await;
}

fn say(what: &str, id: i64) {
    let mut out = std::io::stdout().lock();
    // Nobody hears the last words of a process that is being killed.
    let _ = writeln!(out, "{what} {id}").and_then(|()| out.flush());
}
