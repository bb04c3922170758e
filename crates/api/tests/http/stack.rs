//! A whole API in a test: engine on a SQLite file, router without a listener, two tenants with a key each.

use std::sync::Arc;
use std::time::Duration;

use api::Settings;
use api::limits::CallRate;
use axum::Router;
use axum::body::Body;
use domain::access::Scope;
use domain::access::permissions::Permissions;
use domain::addresses::Networks;
use domain::pacing::Rate;
use domain::{MovableClock, SystemEntropy, TenantId};
use engine::access::CreateKey;
use engine::tenants::SettingsPatch;
use engine::{Deps, Engine};
use gateway_meta::MetaClient;
use http::{HeaderMap, Method, Request, StatusCode};
use notifier::HttpPoster;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulator::{RunningSimulator, SimClock, SimConfig, Simulator};
use store::{SqlStore, StoreConfig};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A whole API.
pub(crate) struct Stack {
    pub(crate) engine: Engine,
    pub(crate) router: Router,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) sim: RunningSimulator,
    /// The tenant that calls unless told.
    pub(crate) tenant: TenantId,
    /// Its key with all scopes.
    pub(crate) key: String,
    pub(crate) other_tenant: TenantId,
    stop: CancellationToken,
    _dir: TempDir,
}

/// An answer, its body read.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body as JSON; null when it is none.
    pub(crate) body: Value,
}

impl Answered {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The code of a failure, its envelope checked.
    pub(crate) fn code(&self) -> &str {
        assert_eq!(self.body["success"], false, "{self:?}");
        assert!(self.body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        assert!(self.body["error"]["details"].is_object(), "{self:?}");
        assert_eq!(self.body["error"]["request_id"], self.header("x-request-id"), "{self:?}");
        self.body["error"]["code"].as_str().expect("a code")
    }

    /// The details of a failure.
    pub(crate) fn details(&self) -> &Value {
        &self.body["error"]["details"]
    }

    /// The data of a success, its status checked.
    pub(crate) fn data(&self, status: u16) -> &Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.body["success"], true, "{self:?}");
        &self.body["data"]
    }

    /// Pointers of all faults.
    pub(crate) fn faults(&self) -> Vec<&str> {
        assert_eq!(self.code(), "VALIDATION_FAILED", "{self:?}");
        assert_eq!(self.status, StatusCode::BAD_REQUEST);
        let faults = self.details()["faults"].as_array().expect("faults");
        faults.iter().map(|fault| fault["pointer"].as_str().expect("a pointer")).collect()
    }
}

/// The phone number id of the simulator's second number.
const SECOND: &str = "106540352242923";

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::with(Settings { call_rate: None, ..Settings::default() }).await
    }

    pub(crate) async fn limited(rate: CallRate) -> Self {
        Self::with(Settings { call_rate: Some(rate), ..Settings::default() }).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("waxwing.db");
        let store =
            SqlStore::connect(StoreConfig::new(path.to_string_lossy(), [7; 32])).await.expect("a store");
        store.migrate().await.expect("a schema");
        let clock = Arc::new(MovableClock::default());
        let (ours, its) = (Arc::clone(&clock), SimClock::system());
        let deps = Deps {
            store: Arc::new(store),
            gateway: Arc::new(MetaClient::new(Networks::loopback()).expect("a client")),
            clock: ours,
            entropy: Arc::new(SystemEntropy),
            mailer: Arc::new(ports::mail::NoMail),
            poster: Arc::new(HttpPoster::new(Networks::loopback()).expect("a poster")),
            settings: Arc::new(engine::Settings {
                media_dir: dir.path().join("media"),
                imports_dir: dir.path().join("imports"),
                ..engine::Settings::default()
            }),
        };
        let engine = Engine::new(deps).await.expect("an engine");
        let stop = CancellationToken::new();
        let (running, until) = (engine.clone(), stop.clone());
        tokio::spawn(async move { running.run(until).await });
        let mut config = SimConfig { clock: its, ..SimConfig::default() };
        config.accounts[0].phones.push(simulator::PhoneConfig {
            id: SECOND.into(),
            display_phone_number: "+1 555-078-3882".into(),
            ..simulator::PhoneConfig::default()
        });
        let sim = Simulator::start(config).await.expect("a simulator");
        let tenant = make_tenant(&engine, "Ours").await;
        let other_tenant = make_tenant(&engine, "Theirs").await;
        let key = make_key(&engine, tenant, &Scope::ALL).await;
        let router = api::router(engine.clone(), settings);
        Self { engine, router, clock, sim, tenant, key, other_tenant, stop, _dir: dir }
    }

    /// A key of our tenant with these scopes.
    pub(crate) async fn key_with(&self, scopes: &[Scope]) -> String {
        make_key(&self.engine, self.tenant, scopes).await
    }

    /// A key of the other tenant.
    pub(crate) async fn other_key(&self) -> String {
        make_key(&self.engine, self.other_tenant, &Scope::ALL).await
    }

    /// A path of our tenant.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("/api/v1/tenant/{}/whatsapp{below}", self.tenant)
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answered { status: parts.status, headers: parts.headers, text, body }
    }

    /// Looks at a path of our tenant, with our key.
    pub(crate) async fn get(&self, below: &str) -> Answered {
        self.send(self.request(Method::GET, below, Body::empty())).await
    }

    /// Posts JSON to a path of our tenant, with our key.
    pub(crate) async fn post(&self, below: &str, body: Value) -> Answered {
        self.post_with(below, body, &[]).await
    }

    /// The same with more headers.
    pub(crate) async fn post_with(
        &self,
        below: &str,
        body: Value,
        headers: &[(&'static str, &str)],
    ) -> Answered {
        let mut request = self.request(Method::POST, below, Body::from(body.to_string()));
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        self.send(request).await
    }

    /// A request of our tenant with our key.
    pub(crate) fn request(&self, method: Method, below: &str, body: Body) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(self.path(below))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(body)
            .expect("a request")
    }

    /// Links the simulator's number; answers the connection's id.
    pub(crate) async fn link_number(&self) -> i64 {
        self.link(self.sim.url(), None).await
    }

    /// Links the simulator's number at this address, with this rate.
    pub(crate) async fn link(&self, graph_url: String, rate: Option<Rate>) -> i64 {
        let first = simulator::PhoneConfig::default().id;
        self.link_as("Main", first, graph_url, rate).await
    }

    /// Links the simulator's second number.
    pub(crate) async fn link_second(&self, rate: Option<Rate>) -> i64 {
        self.link_as("Second", SECOND.into(), self.sim.url(), rate).await
    }

    async fn link_as(&self, name: &str, number: String, graph_url: String, rate: Option<Rate>) -> i64 {
        let account = simulator::AccountConfig::default();
        let wanted = engine::connections::CreateConnection {
            name: name.into(),
            phone_number_id: number,
            waba_id: account.waba_id,
            app_id: Some(account.app_id),
            access_token: account.token.into(),
            app_secret: account.app_secret.into(),
            verify_token: Some(account.verify_token.into()),
            rate,
            graph_url: Some(graph_url),
            is_default: name == "Main",
        };
        let made = self.engine.connections.create(self.tenant, wanted).await.expect("a connection");
        self.engine.directory.refresh().await.expect("a directory");
        made.connection.id.0
    }

    /// A contact who opted in.
    pub(crate) async fn contact(&self, phone: &str) -> i64 {
        let wanted = engine::contacts::CreateContact {
            phone: Some(phone.into()),
            opt_in: Some(engine::consent::Testimony {
                source: domain::consent::ConsentSource::Api,
                api_key: None,
                evidence: None,
            }),
            ..Default::default()
        };
        self.engine.contacts.create(self.tenant, wanted).await.expect("a contact").id.0
    }

    /// Waits for a condition, at most ten seconds.
    pub(crate) async fn until<F, T>(&self, what: &str, condition: impl Fn() -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        let wait = async {
            loop {
                if let Some(met) = condition().await {
                    return met;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .unwrap_or_else(|_| panic!("{what} never came"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn make_tenant(engine: &Engine, name: &str) -> TenantId {
    engine.tenants.create(name, SettingsPatch::default()).await.expect("a tenant").id
}

async fn make_key(engine: &Engine, tenant: TenantId, scopes: &[Scope]) -> String {
    let wanted =
        CreateKey { name: "test".into(), scopes: scopes.to_vec(), expires_at: None, networks: Vec::new() };
    let made = engine.access.create_key(tenant, wanted, Permissions::all()).await.expect("a key");
    made.secret.expose_secret().to_owned()
}

/// A text message to `to`.
pub(crate) fn text_to(to: &str) -> Value {
    json!({"to": to, "content": "hello"})
}
