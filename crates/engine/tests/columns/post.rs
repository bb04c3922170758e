//! A house whose lanes and projector run, with a number, a template, contacts and Meta's webhooks coming in.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::consent::ConsentSource;
use domain::contacts::Identity;
use domain::messages::{Content, Priority, Status};
use domain::phone::PhoneNumber;
use domain::templates::Params;
use domain::{ConnectionId, ContactId, MessageId, TenantId};
use engine::messages::{Body, SendCommand, SendError, Sent};
use engine::{Deps, Engine, Settings};
use gateway_meta::Patience;
use ports::connections::Connection;
use ports::contacts::{CreatedContact, NewContact};
use ports::gateway::{
    AcceptedByMeta, Access, ByteStream, GatewayError, MediaLocation, MetaGateway, MetaTemplatePage,
    NumberFacts, Outgoing, Submitted, TemplateSubmission, TokenFacts,
};
use ports::messages::{Addressee, Message, MessageFilter};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::{LedgerEntry, SimConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::house::{House, eventually, page};

pub(crate) struct Post {
    pub(crate) house: House,
    pub(crate) connection: Connection,
    running: Option<(DropGuard, tokio::task::JoinHandle<()>)>,
    _hooks: DropGuard,
}

impl Deref for Post {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

/// What the simulator does at once, so that tests need not wait.
pub(crate) fn quick(config: &mut SimConfig) {
    config.faults.sent_ms = 5;
    config.faults.delivered_ms = 5;
    config.faults.read_ms = 5;
    config.faults.webhook_batch_ms = 5;
    config.faults.webhook_retry_base_ms = 50;
    config.faults.review.delay_ms = Some(1);
    config.faults = config.faults.clone().with_pair_limit(0, 6.0);
    config.templates = vec![json!({
        "name": "note",
        "components": [{"type": "BODY", "text": "Hello {{1}}, there is news for you.", "example": {"body_text": [["Ann"]]}}],
    })];
}

impl Post {
    pub(crate) async fn open() -> Self {
        Self::with(Patience::default(), |_, _| {}).await
    }

    pub(crate) async fn with(patience: Patience, change: impl FnOnce(&mut Settings, &mut SimConfig)) -> Self {
        let house = House::with_patience(patience, |settings, config| {
            quick(config);
            change(settings, config);
        })
        .await;
        Self::of(house).await
    }

    /// On PostgreSQL.
    pub(crate) async fn on(database: &str) -> Self {
        Self::of(House::on(Some(database.to_owned()), Patience::default(), |_, config| quick(config)).await)
            .await
    }

    async fn of(house: House) -> Self {
        let connection = house.linked().await;
        let synced = house.engine.templates.sync(house.tenant, None).await.unwrap();
        assert_eq!(synced.counts.added, 1);
        let hooks = deliver_to(&house, None).await;
        let running = Some(run(&house.engine));
        Self { house, connection, running, _hooks: hooks }
    }

    /// Stops the node that runs.
    pub(crate) async fn stop(&mut self) {
        if let Some((running, task)) = self.running.take() {
            drop(running);
            task.await.unwrap();
        }
    }

    /// Stops the node that runs, and runs another over the same store.
    pub(crate) async fn replace_node(&mut self, deps: Deps) -> Engine {
        self.stop().await;
        let engine = Engine::new(deps).await.unwrap();
        self.running = Some(run(&engine));
        self.house.engine = engine.clone();
        engine
    }

    /// A contact who opted in.
    pub(crate) async fn contact(&self, phone: &str) -> ContactId {
        contact(&self.deps, self.tenant, phone).await
    }

    pub(crate) fn note(&self, to: ContactId) -> SendCommand {
        SendCommand {
            to: Addressee::Contact(to),
            connection: Some(self.connection.id),
            body: Body::Template { name: "note".into(), language: None, params: ann() },
            reply_to: None,
            send_at: None,
            created_by: None,
            key: None,
            wait: Duration::ZERO,
            priority: None,
        }
    }

    pub(crate) fn text(&self, to: ContactId, text: &str) -> SendCommand {
        SendCommand { body: Body::FreeForm(Content::text(text)), ..self.note(to) }
    }

    pub(crate) async fn send(&self, command: SendCommand) -> Sent {
        self.try_send(command).await.unwrap()
    }

    pub(crate) async fn try_send(&self, command: SendCommand) -> Result<Sent, SendError> {
        self.engine.messages.send(self.tenant, command).await
    }

    /// Many notes, queued together.
    pub(crate) async fn notes(&self, to: &[ContactId], count: usize) -> Vec<MessageId> {
        let sends = (0..count).map(|n| self.send(self.note(to[n % to.len()])));
        futures::future::join_all(sends).await.into_iter().map(|sent| sent.message_id).collect()
    }

    /// The contact writes, so that a window is open.
    pub(crate) async fn hears(&self, phone: &str, text: &str) -> ContactId {
        self.sim.customer_says(&self.connection.phone_number_id, phone, text).unwrap();
        let filter = MessageFilter::default();
        eventually("the words", || async {
            let page = self.engine.messages.list(self.tenant, &filter, &page()).await.unwrap();
            let heard = page
                .items
                .into_iter()
                .find(|message| matches!(&message.content, Content::Text { body, .. } if body == text));
            heard.map(|message| message.contact_id)
        })
        .await
    }

    pub(crate) async fn message(&self, id: MessageId) -> Message {
        self.deps.store.message(self.tenant, id).await.unwrap().unwrap()
    }

    /// Waits until a message stands so.
    pub(crate) async fn becomes(&self, id: MessageId, status: Status) -> Message {
        let what = format!("{id} {status}");
        eventually(&what, || async {
            Some(self.message(id).await).filter(|message| message.status == status)
        })
        .await
    }

    /// Waits until Meta has this many of ours.
    pub(crate) async fn ledger(&self, count: usize) -> Vec<LedgerEntry> {
        eventually(&format!("{count} in the ledger"), || async {
            let ledger = self.sim.ledger(0);
            (ledger.len() >= count).then_some(ledger)
        })
        .await
    }

    /// Waits until nothing is queued or being sent.
    pub(crate) async fn empty_queue(&self) {
        let (tenant, connection) = (self.tenant, self.connection.id);
        eventually("an empty queue", || async {
            let stats = self.deps.store.queue_stats(tenant, connection, self.deps.clock.now()).await.unwrap();
            (stats.queued + stats.sending + stats.scheduled == 0).then_some(())
        })
        .await;
    }

    pub(crate) async fn faults(&self, faults: Value) {
        self.handle("PATCH", "/faults", faults).await;
    }
}

/// Every message is in the ledger once, by its callback data.
pub(crate) fn each_once(ledger: &[LedgerEntry], messages: &[MessageId]) {
    let mut seen: Vec<String> = ledger.iter().filter_map(message_of).collect();
    seen.sort_unstable();
    let mut wanted: Vec<String> = messages.iter().map(ToString::to_string).collect();
    wanted.sort_unstable();
    assert_eq!(seen, wanted);
}

/// The message id out of the callback data.
pub(crate) fn message_of(entry: &LedgerEntry) -> Option<String> {
    entry.callback_data.as_deref()?.split('.').nth(2).map(str::to_owned)
}

pub(crate) async fn contact(deps: &Deps, tenant: TenantId, phone: &str) -> ContactId {
    let contact = NewContact {
        identity: Identity { phone: Some(PhoneNumber::parse(phone, None).unwrap()), bsuid: None },
        name: None,
        language: None,
        time_zone: None,
        tags: Vec::new(),
        fields: Default::default(),
        opt_in: Some((ConsentSource::Api, json!({}))),
    };
    match deps.store.create_contact(tenant, contact, deps.clock.now()).await.unwrap() {
        CreatedContact::Created(contact) => contact.id,
        CreatedContact::Exists(id) => id,
    }
}

pub(crate) fn run(engine: &Engine) -> (DropGuard, tokio::task::JoinHandle<()>) {
    let (engine, stop) = (engine.clone(), CancellationToken::new());
    let stopped = stop.clone();
    let task = tokio::spawn(async move { engine.run(stopped).await });
    (stop.drop_guard(), task)
}

/// Takes the simulator's webhooks in, as the route does.
pub(crate) async fn deliver_to(house: &House, path: Option<ConnectionId>) -> DropGuard {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    house.sim.set_callback_url(&format!("http://{}/", listener.local_addr().unwrap()));
    let engine = house.engine.clone();
    House::run(|stop| async move {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else { return };
            tokio::spawn(take_in(engine.clone(), path, stream));
        }
    })
}

async fn take_in(engine: Engine, path: Option<ConnectionId>, mut stream: TcpStream) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut part = [0u8; 16 * 1024];
        let Ok(length @ 1..) = stream.read(&mut part).await else { return };
        bytes.extend_from_slice(&part[..length]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length: usize = header(&head, "content-length").unwrap_or("0").parse().unwrap();
        if bytes.len() >= end + 4 + length {
            break (head, Bytes::copy_from_slice(&bytes[end + 4..end + 4 + length]));
        }
    };
    let signature = header(&head, "x-hub-signature-256").map(str::as_bytes);
    let status = match engine.webhooks.receive(path, signature, body, None).await {
        Ok(()) => "200 OK",
        Err(_) => "500 Internal Server Error",
    };
    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// As if Meta had posted this change to the simulator's account.
pub(crate) async fn posted(engine: &Engine, secret: &str, path: Option<ConnectionId>, body: &Value) {
    let body = body.to_string();
    let signature = graph_signature(secret, &body);
    engine.webhooks.receive(path, Some(signature.as_bytes()), body.into(), None).await.unwrap();
}

fn graph_signature(secret: &str, body: &str) -> String {
    graph::signature::sign(secret.as_bytes(), body.as_bytes())
}

pub(crate) fn envelope(waba: &str, changes: Vec<Value>) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": waba, "changes": changes}]})
}

pub(crate) fn value_of_messages(number: &str, mut value: Value) -> Value {
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({"display_phone_number": "15550783881", "phone_number_id": number});
    json!({"field": "messages", "value": value})
}

pub(crate) fn priority(command: SendCommand, priority: Priority) -> SendCommand {
    SendCommand { priority: Some(priority), ..command }
}

/// The parameter of the note.
pub(crate) fn ann() -> Params {
    serde_json::from_value(json!(["Ann"])).unwrap()
}

/// The client for Meta, whose answers to sends can be held back or replaced.
#[derive(Debug)]
pub(crate) struct Between {
    real: Arc<dyn MetaGateway>,
    /// Answers wait for a permit.
    pub(crate) answers: Semaphore,
    /// Wamid that the next answer gives instead of Meta's.
    pub(crate) wamid: std::sync::Mutex<Option<String>>,
}

impl Between {
    pub(crate) fn of(deps: &Deps, answers: usize) -> Arc<Self> {
        Arc::new(Self {
            real: deps.gateway.clone(),
            answers: Semaphore::new(answers),
            wamid: std::sync::Mutex::default(),
        })
    }
}

#[async_trait]
impl MetaGateway for Between {
    async fn refused_address(&self, graph_url: &str) -> Option<String> {
        self.real.refused_address(graph_url).await
    }
    async fn send(&self, access: &Access, message: &Outgoing) -> Result<AcceptedByMeta, GatewayError> {
        let answer = self.real.send(access, message).await;
        self.answers.acquire().await.unwrap().forget();
        let wamid = self.wamid.lock().unwrap().take();
        answer.map(|accepted| match wamid {
            Some(wamid) => AcceptedByMeta { wamid, ..accepted },
            None => accepted,
        })
    }
    async fn mark_read(&self, access: &Access, wamid: &str, typing: bool) -> Result<(), GatewayError> {
        self.real.mark_read(access, wamid, typing).await
    }
    async fn create_template(
        &self,
        access: &Access,
        template: &TemplateSubmission,
    ) -> Result<Submitted, GatewayError> {
        self.real.create_template(access, template).await
    }
    async fn edit_template(
        &self,
        access: &Access,
        meta_id: &str,
        template: &TemplateSubmission,
    ) -> Result<(), GatewayError> {
        self.real.edit_template(access, meta_id, template).await
    }
    async fn delete_template(&self, access: &Access, meta_id: &str, name: &str) -> Result<(), GatewayError> {
        self.real.delete_template(access, meta_id, name).await
    }
    async fn list_templates(
        &self,
        access: &Access,
        after: Option<&str>,
    ) -> Result<MetaTemplatePage, GatewayError> {
        self.real.list_templates(access, after).await
    }
    async fn upload_media(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        size: u64,
        bytes: ByteStream,
    ) -> Result<String, GatewayError> {
        self.real.upload_media(access, mime_type, filename, size, bytes).await
    }
    async fn upload_sample(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        bytes: Bytes,
    ) -> Result<String, GatewayError> {
        self.real.upload_sample(access, mime_type, filename, bytes).await
    }
    async fn locate_media(&self, access: &Access, meta_id: &str) -> Result<MediaLocation, GatewayError> {
        self.real.locate_media(access, meta_id).await
    }
    async fn fetch_media(
        &self,
        access: &Access,
        location: &MediaLocation,
    ) -> Result<ByteStream, GatewayError> {
        self.real.fetch_media(access, location).await
    }
    async fn debug_token(&self, access: &Access) -> Result<TokenFacts, GatewayError> {
        self.real.debug_token(access).await
    }
    async fn number(&self, access: &Access) -> Result<NumberFacts, GatewayError> {
        self.real.number(access).await
    }
    async fn account_numbers(&self, access: &Access) -> Result<Vec<String>, GatewayError> {
        self.real.account_numbers(access).await
    }
    async fn subscribed_apps(&self, access: &Access) -> Result<Vec<String>, GatewayError> {
        self.real.subscribed_apps(access).await
    }
    async fn subscribe_app(
        &self,
        access: &Access,
        callback: Option<(&str, &SecretString)>,
    ) -> Result<(), GatewayError> {
        self.real.subscribe_app(access, callback).await
    }
}
