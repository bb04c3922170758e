use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::post;
use domain::access::Scope;
use domain::access::permissions::Permissions;
use domain::{ApiKeyId, MovableClock, SignedDuration};
use ports::operator::OperatorStore;
use store::{SqlStore, StoreConfig};
use tokio::sync::Notify;
use tower::ServiceExt;

use super::*;

/// A counter behind the layer: each call that reaches it makes something, once it is let go.
#[derive(Clone)]
struct Counter {
    made: Arc<AtomicU32>,
    reached: Arc<Notify>,
    go: Arc<Notify>,
    clock: Arc<MovableClock>,
    router: Router,
    _dir: Arc<tempfile::TempDir>,
}

impl Counter {
    async fn start(waits: bool, status: StatusCode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("waxwing.db");
        let store = SqlStore::connect(StoreConfig::new(path.to_string_lossy(), [7; 32])).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Arc::new(MovableClock::default());
        let tenant = store.create_tenant("Ours", &Default::default(), clock.now()).await.unwrap().id;
        let known = Authenticated {
            tenant_id: tenant,
            who: Who::Key { id: ApiKeyId(1), name: "test".into(), scopes: Scope::ALL.to_vec() },
            permissions: Permissions::all(),
            address: None,
            request_id: None,
        };
        let (made, reached, go) =
            (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (counter, at_work, gate) = (Arc::clone(&made), Arc::clone(&reached), Arc::clone(&go));
        let make = move || async move {
            at_work.notify_one();
            if waits {
                gate.notified().await;
            }
            (status, counter.fetch_add(1, Ordering::SeqCst).to_string())
        };
        let layer_clock: Arc<dyn Clock> = Arc::<MovableClock>::clone(&clock);
        let state: (Arc<dyn Store>, Arc<dyn Clock>) = (Arc::new(store), layer_clock);
        let router = Router::new().route("/", post(make)).layer(from_fn_with_state(state, once)).layer(
            from_fn(move |mut request: Request, next: Next| {
                request.extensions_mut().insert(known.clone());
                next.run(request)
            }),
        );
        Self { made, reached, go, clock, router, _dir: Arc::new(dir) }
    }

    async fn post(&self, key: &str) -> Response {
        let request = Request::post("/").header(KEY, key).body(Body::from("{}")).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }
}

#[tokio::test]
async fn two_at_once_under_one_key_do_it_once_and_the_later_is_told_to_wait() {
    let counter = Counter::start(true, StatusCode::CREATED).await;
    let first = tokio::spawn({
        let counter = counter.clone();
        async move { counter.post("k").await }
    });
    tokio::time::timeout(Duration::from_secs(10), counter.reached.notified()).await.unwrap();
    let second = counter.post("k").await;
    assert!(matches!(second.extensions().get::<Problem>(), Some(Problem::IdempotencyKeyInUse(_))));
    counter.go.notify_one();
    assert_eq!(first.await.unwrap().status(), StatusCode::CREATED);
    let third = counter.post("k").await;
    assert_eq!(third.headers()[REPLAYED], "true");
    assert_eq!(counter.made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day() {
    let counter = Counter::start(false, StatusCode::CREATED).await;
    counter.post("k").await;
    counter.clock.advance(SignedDuration::from_hours(23));
    counter.post("k").await;
    assert_eq!(counter.made.load(Ordering::SeqCst), 1);
    counter.clock.advance(SignedDuration::from_hours(2));
    counter.post("k").await;
    assert_eq!(counter.made.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_failed_is_done_anew() {
    let counter = Counter::start(false, StatusCode::SERVICE_UNAVAILABLE).await;
    counter.post("k").await;
    counter.post("k").await;
    assert_eq!(counter.made.load(Ordering::SeqCst), 2);
}
