//! One node's use cases with everything real around them.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::addresses::Networks;
use domain::{Clock, MovableClock, SignedDuration, SystemEntropy, TenantId};
use engine::connections::{CreateConnection, Made};
use engine::tenants::SettingsPatch;
use engine::{Deps, Engine, Settings};
use gateway_meta::{MetaClient, Patience};
use notifier::{HttpPoster, SmtpMailer};
use ports::Paging;
use ports::alerts::Alert;
use ports::connections::Connection;
use serde_json::Value;
use simulator::{AccountConfig, RunningSimulator, SimClock, SimConfig, Simulator};
use store::{SqlStore, StoreConfig};
use tempfile::TempDir;
use test_smtp::MailServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) deps: Deps,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) sim: RunningSimulator,
    pub(crate) tenant: TenantId,
    /// Dropped last.
    _folder: TempDir,
}

impl House {
    pub(crate) async fn build() -> Self {
        Self::with(|_, _| {}).await
    }

    /// With other settings of node and simulator.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings, &mut SimConfig)) -> Self {
        let patience = Patience { connect: Duration::from_secs(2), ..Patience::default() };
        Self::with_patience(patience, change).await
    }

    /// With another patience for Meta, too.
    pub(crate) async fn with_patience(
        patience: Patience,
        change: impl FnOnce(&mut Settings, &mut SimConfig),
    ) -> Self {
        Self::on(None, patience, change).await
    }

    /// On another database than a SQLite file.
    pub(crate) async fn on(
        database: Option<String>,
        patience: Patience,
        change: impl FnOnce(&mut Settings, &mut SimConfig),
    ) -> Self {
        let clock = Arc::new(MovableClock::default());
        let (read, moved) = (clock.clone(), clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            media_dir: folder.path().join("media"),
            imports_dir: folder.path().join("imports"),
            ..Settings::default()
        };
        let sim_clock = SimClock::new(move || read.now(), move |by| moved.advance(by));
        let mut config = SimConfig { clock: sim_clock, ..SimConfig::default() };
        change(&mut settings, &mut config);
        let sim = Simulator::start(config).await.unwrap();
        let file = folder.path().join("store.db").to_string_lossy().into_owned();
        let url = database.unwrap_or(file);
        let store = SqlStore::connect(StoreConfig::new(url, [7; 32])).await.unwrap();
        store.migrate().await.unwrap();
        let deps = Deps {
            store: Arc::new(store),
            gateway: Arc::new(MetaClient::with_patience(patience, Networks::loopback()).unwrap()),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            mailer: Arc::new(ports::mail::NoMail),
            poster: Arc::new(HttpPoster::new(Networks::loopback()).expect("a poster")),
            settings: Arc::new(settings),
        };
        let engine = Engine::new(deps.clone()).await.unwrap();
        let tenant = engine.tenants.create("Shop", SettingsPatch::default()).await.unwrap().id;
        Self { engine, deps, clock, sim, tenant, _folder: folder }
    }

    /// With a mail server.
    pub(crate) async fn with_mail(mail: &MailServer) -> Self {
        let mut house = Self::build().await;
        house.deps.mailer = Arc::new(SmtpMailer::new(&mail.url(), "Waxwing <alerts@example.com>").unwrap());
        house.engine = Engine::new(house.deps.clone()).await.unwrap();
        house
    }

    /// A second tenant.
    pub(crate) async fn stranger(&self) -> TenantId {
        self.engine.tenants.create("Other", SettingsPatch::default()).await.unwrap().id
    }

    /// What links the simulator's number.
    pub(crate) fn link(&self) -> CreateConnection {
        let account = AccountConfig::default();
        CreateConnection {
            name: "Main".into(),
            phone_number_id: account.phones[0].id.clone(),
            waba_id: account.waba_id,
            app_id: None,
            access_token: account.token.into(),
            app_secret: account.app_secret.into(),
            verify_token: Some(account.verify_token.into()),
            rate: None,
            graph_url: Some(self.sim.url()),
            is_default: true,
        }
    }

    /// The simulator's number, linked.
    pub(crate) async fn linked(&self) -> Connection {
        let Made { connection, warnings, .. } =
            self.engine.connections.create(self.tenant, self.link()).await.unwrap();
        assert_eq!(warnings, [""; 0]);
        connection
    }

    pub(crate) fn advance(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }

    /// A handle of the simulator.
    pub(crate) async fn handle(&self, method: &str, path: &str, body: Value) -> Value {
        let address = self.sim.address();
        let body = body.to_string();
        let request = format!(
            "{method} /_sim{path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap()
    }

    pub(crate) async fn alerts(&self, open: Option<bool>) -> Vec<Alert> {
        self.engine.alerts.list(self.tenant, open, &page()).await.unwrap().items
    }

    /// Runs a task of a column until the guard is dropped.
    pub(crate) fn run<F: Future<Output = ()> + Send + 'static>(
        task: impl FnOnce(CancellationToken) -> F,
    ) -> DropGuard {
        let stop = CancellationToken::new();
        tokio::spawn(task(stop.clone()));
        stop.drop_guard()
    }

    /// Answers Meta's handshakes as the webhook route does: notes them for the connection and gives the challenge
    /// back. Answers its address.
    pub(crate) async fn answer_handshakes(
        listener: TcpListener,
        asked: Arc<Mutex<Vec<String>>>,
        deps: Deps,
        tenant: TenantId,
    ) {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0u8; 8192];
            let length = stream.read(&mut buffer).await.unwrap();
            let head = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let target = head.split(' ').nth(1).unwrap().to_owned();
            let url: url::Url = format!("http://here{target}").parse().unwrap();
            let challenge =
                url.query_pairs().find(|(name, _)| name == "hub.challenge").unwrap().1.into_owned();
            let id = url.path().rsplit('/').next().and_then(|id| id.parse().ok()).map(domain::ConnectionId);
            if let Some(id) = id {
                deps.store.note_handshake(tenant, id, deps.clock.now()).await.unwrap();
            }
            asked.lock().unwrap().push(url.path().to_owned());
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{challenge}",
                challenge.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

/// The first hundred.
pub(crate) fn page() -> Paging {
    Paging { page: 1, page_size: 100, cursor: None }
}

/// Waits up to 20 s until `look` finds something.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}
