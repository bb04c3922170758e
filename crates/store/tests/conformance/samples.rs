//! Things to fill a store with.

use std::future::Future;

use domain::contacts::Identity;
use domain::pacing::Rate;
use domain::phone::PhoneNumber;
use domain::templates::{Category, ParameterFormat, Status};
use domain::{ConnectionId, ContactId, TenantId};
use ports::connections::{Connection, ConnectionSecrets, ConnectionStore, CreatedConnection, NewConnection};
use ports::contacts::{Contact, ContactStore, CreatedContact, NewContact};
use ports::templates::{CreatedTemplate, NewTemplate, Template, TemplateStore};
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

/// Asks the engine itself, past the store: one text per row.
pub(crate) async fn texts(bench: &Bench, sql: &str) -> Vec<String> {
    use sea_orm::{ConnectionTrait, Database, Statement};
    let url = if bench.is_postgres() { bench.url().to_owned() } else { format!("sqlite://{}", bench.url()) };
    let database = Database::connect(url).await.expect("opened");
    let statement = Statement::from_string(database.get_database_backend(), sql);
    let rows = database.query_all_raw(statement).await.expect("rows");
    rows.iter().map(|row| row.try_get_by("text").expect("a text")).collect()
}
