//! Things to fill a store with.

use std::future::Future;

use domain::contacts::Identity;
use domain::messages::Content;
use domain::pacing::Rate;
use domain::phone::PhoneNumber;
use domain::templates::{Category, ParameterFormat, Status};
use domain::{ConnectionId, ContactId, ConversationId, InboxId, MessageId, TenantId};
use ports::connections::{Connection, ConnectionSecrets, ConnectionStore, CreatedConnection, NewConnection};
use ports::contacts::{Contact, ContactStore, CreatedContact, NewContact};
use ports::messages::{AcceptJob, AcceptOutcome, Addressee, MessageStore};
use ports::templates::{CreatedTemplate, NewTemplate, Template, TemplateStore};
use ports::webhooks::{Change, Inbound, Projected, Projection, Source, WebhookStore};
use ports::{Page, Paging};
use store::SqlStore;

use crate::support::{Bench, at};

/// The secrets of every sample connection.
pub(crate) const TOKEN: &str = "EAAG-very-secret-access-token";
pub(crate) const APP_SECRET: &str = "5f4dcc3b5aa765d61d8327deb882cf99";
pub(crate) const VERIFY_TOKEN: &str = "a-verify-token-of-our-own";

/// The account of every sample connection.
pub(crate) const WABA: &str = "102290129340398";

pub(crate) fn new_connection(phone_number_id: &str) -> NewConnection {
    NewConnection {
        name: "Shop".into(),
        phone_number_id: phone_number_id.into(),
        waba_id: WABA.into(),
        app_id: None,
        display_phone_number: None,
        secrets: ConnectionSecrets {
            access_token: TOKEN.into(),
            app_secret: APP_SECRET.into(),
            verify_token: VERIFY_TOKEN.into(),
        },
        rate: Rate::default(),
        graph_url: "https://graph.facebook.com".into(),
        token_expires_at: None,
        is_default: false,
        at: at(0),
    }
}

pub(crate) fn phone(number: u32) -> PhoneNumber {
    PhoneNumber::from_e164(&format!("+1555{number:07}")).expect("E.164")
}

pub(crate) fn identity(number: u32) -> Identity {
    Identity::of_phone(phone(number))
}

pub(crate) fn new_contact(number: u32) -> NewContact {
    NewContact { identity: identity(number), ..NewContact::default() }
}

pub(crate) fn new_template(name: &str) -> NewTemplate {
    NewTemplate {
        waba_id: WABA.into(),
        name: name.into(),
        language: "en_US".into(),
        category: Category::Utility,
        status: Status::Approved,
        rejection_reason: None,
        quality: None,
        meta_id: Some(format!("meta-{name}")),
        parameter_format: ParameterFormat::Positional,
        components: serde_json::json!([{ "type": "BODY", "text": "Hello {{1}}!" }]),
        param_names: Vec::new(),
    }
}

impl Bench {
    /// A connection with a phone number id of its own.
    pub(crate) async fn connection(&self, tenant: TenantId) -> Connection {
        let number =
            format!("1065{}{}", tenant.0, self.store.connections(tenant).await.expect("a list").len());
        self.connect(tenant, new_connection(&number)).await
    }

    pub(crate) async fn connect(&self, tenant: TenantId, new: NewConnection) -> Connection {
        match self.store.create_connection(tenant, new).await.expect("made") {
            CreatedConnection::Created(connection) => connection,
            CreatedConnection::Exists(id) => panic!("there is one already: {id:?}"),
        }
    }

    pub(crate) async fn contact(&self, tenant: TenantId, new: NewContact) -> Contact {
        match self.store.create_contact(tenant, new, at(0)).await.expect("made") {
            CreatedContact::Created(contact) => contact,
            CreatedContact::Exists(id) => panic!("there is one already: {id}"),
        }
    }

    pub(crate) async fn template(&self, tenant: TenantId, new: NewTemplate) -> Template {
        match self.store.create_template(tenant, new, at(0)).await.expect("made") {
            CreatedTemplate::Created(template) => template,
            CreatedTemplate::Exists(id) => panic!("there is one already: {id}"),
        }
    }

    pub(crate) async fn read_contact(&self, tenant: TenantId, contact: ContactId) -> Contact {
        self.store.contact(tenant, contact).await.expect("read").expect("there")
    }

    pub(crate) async fn read_connection(&self, tenant: TenantId, connection: ConnectionId) -> Connection {
        self.store.connection(tenant, connection).await.expect("read").expect("there")
    }
}

/// Starts `count` calls together and gives their answers.
pub(crate) async fn at_once<T, F, Fut>(store: &SqlStore, count: u32, call: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn(SqlStore, u32) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let calls: Vec<_> = (0..count).map(|number| tokio::spawn(call(store.clone(), number))).collect();
    let mut answers = Vec::with_capacity(calls.len());
    for call in calls {
        answers.push(call.await.expect("no panic"));
    }
    answers
}

/// A page by number.
pub(crate) fn by_page(page: u32, page_size: u32) -> Paging {
    Paging { page, page_size, cursor: None }
}

/// Reads a list to its end by cursors.
pub(crate) async fn walk<T, F, Fut>(page_size: u32, read: F) -> Vec<T>
where
    F: Fn(Paging) -> Fut,
    Fut: Future<Output = Page<T>>,
{
    let mut all = Vec::new();
    let mut paging = by_page(1, page_size);
    loop {
        let page = read(paging.clone()).await;
        assert!(page.items.len() <= page_size as usize);
        all.extend(page.items);
        match page.next_cursor {
            Some(cursor) => paging.cursor = Some(cursor),
            None => return all,
        }
    }
}

/// Tells the engine itself, past the store.
pub(crate) async fn run(bench: &Bench, sql: &str) {
    use sea_orm::ConnectionTrait;
    database(bench).await.execute_unprepared(sql).await.expect("done");
}

async fn database(bench: &Bench) -> sea_orm::DatabaseConnection {
    let url = if bench.is_postgres() { bench.url().to_owned() } else { format!("sqlite://{}", bench.url()) };
    // With a timeout or a lifetime the pool has a task that looks after it, and that may count its connections wrong and
    // go round for ever.
    let mut options = sea_orm::ConnectOptions::new(url);
    options
        .max_connections(1)
        .idle_timeout(None::<std::time::Duration>)
        .max_lifetime(None::<std::time::Duration>);
    sea_orm::Database::connect(options).await.expect("opened")
}

/// Asks the engine itself, past the store: one text per row.
pub(crate) async fn texts(bench: &Bench, sql: &str) -> Vec<String> {
    use sea_orm::{ConnectionTrait, Statement};
    let database = database(bench).await;
    let statement = Statement::from_string(database.get_database_backend(), sql);
    let rows = database.query_all_raw(statement).await.expect("rows");
    rows.iter().map(|row| row.try_get_by("text").expect("a text")).collect()
}

/// A text from a customer, as it came to a connection.
pub(crate) fn inbound(connection: ConnectionId, from: Identity, wamid: &str, second: i64) -> Inbound {
    Inbound {
        source: Source { inbox_id: InboxId(1), pointer: format!("/{wamid}") },
        connection_id: connection,
        wamid: wamid.into(),
        from,
        username: None,
        profile_name: Some("Pat".into()),
        at: at(second),
        content: text(&format!("Hello from {wamid}")),
        reply_to: None,
        opens_window: true,
        word: None,
        confirmation: None,
        media: None,
    }
}

pub(crate) fn text(body: &str) -> Content {
    Content::Text { body: body.into(), preview_url: false }
}

/// A reply to be sent.
pub(crate) fn job(tenant: TenantId, connection: ConnectionId, to: Addressee) -> AcceptJob {
    AcceptJob {
        tenant_id: tenant,
        to,
        connection_id: connection,
        content: text("Hello back"),
        template_id: None,
        priority: None,
        reply_to: None,
        send_at: None,
        retry_of: None,
        created_by: None,
        actor: Default::default(),
        key: None,
        at: at(10),
    }
}

impl Bench {
    /// Applies changes as the projector does.
    pub(crate) async fn apply(&self, tenant: TenantId, changes: Vec<Change>) -> Projected {
        let projection = Projection { tenant_id: tenant, done: Vec::new(), changes, at: at(0) };
        self.store.project(projection).await.expect("projected")
    }

    /// A customer writes; answers whose conversation it is.
    pub(crate) async fn receive(&self, tenant: TenantId, inbound: Inbound) -> (ContactId, ConversationId) {
        let projected = self.apply(tenant, vec![Change::Inbound(inbound)]).await;
        let (_, contact, conversation) = projected.inbound[0];
        (contact, conversation)
    }

    /// Accepts one message.
    pub(crate) async fn send(&self, job: AcceptJob) -> MessageId {
        match self.store.accept(vec![job]).await.expect("answered").remove(0) {
            AcceptOutcome::Accepted(accepted) => accepted.message_id,
            other => panic!("not accepted: {other:?}"),
        }
    }
}
