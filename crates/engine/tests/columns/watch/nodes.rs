//! Several nodes: one watches for all of them, and another one when it dies.

use std::sync::Arc;

use domain::SignedDuration;
use engine::alerts::kinds;
use engine::{Deps, Engine, Settings};
use ports::alerts::{Alert, Happened};
use ports::connections::ConnectionPatch;

use crate::house::eventually;
use crate::post::{Post, run};

/// Another node over the same store.
async fn another(post: &Post) -> Engine {
    let settings = Settings { node: "another".into(), ..(*post.deps.settings).clone() };
    Engine::new(Deps { settings: Arc::new(settings), ..post.deps.clone() }).await.unwrap()
}

async fn rated(post: &Post, quality: &str) {
    let patch = ConnectionPatch { quality_rating: Some(quality.into()), ..Default::default() };
    let now = post.deps.clock.now();
    post.deps.store.update_connection(post.tenant, post.connection.id, patch, now).await.unwrap();
}

async fn told(post: &Post) -> Vec<Alert> {
    let mut all = post.alerts(None).await;
    all.retain(|alert| alert.kind == kinds::NUMBER_QUALITY_LOWERED);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_watches_for_all_until_it_dies() {
    let mut post = Post::open().await;
    // From here on the nodes look when they are told to.
    post.stop().await;
    let (one, two) = (post.engine.alerts.clone(), another(&post).await.alerts);
    rated(&post, "GREEN").await;
    assert!(one.turn().await.unwrap());
    for _ in 0..5 {
        post.clock.advance(SignedDuration::from_mins(1));
        assert!(!two.turn().await.unwrap());
        assert!(one.turn().await.unwrap(), "it goes on");
    }
    rated(&post, "YELLOW").await;
    assert!(!two.turn().await.unwrap());
    assert_eq!(told(&post).await.len(), 0, "the node that has the watch has not looked yet");
    assert!(one.turn().await.unwrap());
    assert_eq!(told(&post).await.len(), 1);
    // It dies: nothing is given back.
    rated(&post, "RED").await;
    post.clock.advance(SignedDuration::from_mins(2));
    assert!(!two.turn().await.unwrap(), "it may be slow alone");
    post.clock.advance(SignedDuration::from_mins(1));
    assert!(two.turn().await.unwrap());
    let now = told(&post).await;
    assert_eq!(now.len(), 2, "from yellow to red is worse, and told once: {now:#?}");
    assert!(!one.turn().await.unwrap(), "when it comes back, the other one has the watch");
    assert_eq!(told(&post).await, now);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_run_open_each_alert_once_and_the_one_that_stays_ends_it() {
    let mut post = Post::open().await;
    let other = another(&post).await;
    let running = run(&other);
    // The clock moves on until the watch has looked.
    eventually("what is, is known", || async {
        post.clock.advance(SignedDuration::from_mins(1));
        let marks = post.deps.store.marks(post.tenant).await.unwrap();
        marks.iter().any(|mark| mark.subject.ends_with("/quality") && mark.mark == "GREEN").then_some(())
    })
    .await;
    rated(&post, "RED").await;
    let opened = eventually("the alert", || async {
        post.clock.advance(SignedDuration::from_mins(1));
        told(&post).await.pop()
    })
    .await;
    assert_eq!(opened.count, 1);
    // One leaves, whichever has the watch; with it gone the other one looks.
    post.stop().await;
    rated(&post, "GREEN").await;
    let ended = eventually("the end of it", || async {
        post.clock.advance(SignedDuration::from_mins(1));
        told(&post).await.into_iter().find(|alert| alert.resolved_at.is_some())
    })
    .await;
    let (_, history) = post.engine.alerts.get(post.tenant, ended.id).await.unwrap();
    let history: Vec<Happened> = history.iter().map(|event| event.happened).collect();
    assert_eq!(history, [Happened::Opened, Happened::Resolved]);
    assert_eq!((told(&post).await.len(), ended.id), (1, opened.id));
    drop(running.0);
    running.1.await.unwrap();
}
