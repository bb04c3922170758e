//! A tenant with a number, a template and contacts, and the words to send, receive and report with.

use domain::consent::ConsentSource;
use domain::consent::words::Word;
use domain::contacts::Identity;
use domain::messages::{Content, Direction, Status};
use domain::{ConnectionId, ContactId, InboxId, MessageId, TemplateId, TenantId, Timestamp};
use ports::Paging;
use ports::contacts::NewContact;
use ports::lanes::{Claim, Claimed, LaneStore, Lease, Outcome, Settlement};
use ports::media::{Media, MediaStore, NewMedia};
use ports::messages::{
    AcceptJob, AcceptOutcome, Accepted, Addressee, Failure, Message, MessageEvent, MessageFilter,
    MessageStore,
};
use ports::webhooks::{Change, Inbound, Projected, Projection, Source, StatusReport, WebhookStore};
use store::SqlStore;

use crate::samples::{identity, new_contact, new_template};
use crate::support::{Bench, at};

/// The confirmation that every sample STOP asks for.
pub(crate) const GOODBYE: &str = "You are unsubscribed.";

pub(crate) struct Scene {
    pub(crate) bench: Bench,
    pub(crate) tenant: TenantId,
    pub(crate) connection: ConnectionId,
    pub(crate) template: TemplateId,
}

impl Scene {
    pub(crate) async fn of(bench: Bench) -> Self {
        let tenant = bench.tenant().await;
        let connection = bench.connection(tenant).await.id;
        let template = bench.template(tenant, new_template("order_shipped")).await.id;
        Self { bench, tenant, connection, template }
    }

    pub(crate) fn store(&self) -> &SqlStore {
        &self.bench.store
    }

    /// A contact who opted in.
    pub(crate) async fn opted_in(&self, number: u32) -> ContactId {
        let consent = Some((ConsentSource::Api, serde_json::json!({})));
        self.bench.contact(self.tenant, NewContact { opt_in: consent, ..new_contact(number) }).await.id
    }

    /// A template to a contact.
    pub(crate) fn job(&self, to: ContactId) -> AcceptJob {
        job_of(self.tenant, self.connection, self.template, to)
    }

    /// Words to a contact.
    pub(crate) fn text(&self, to: ContactId) -> AcceptJob {
        AcceptJob { content: words("hello"), template_id: None, ..self.job(to) }
    }

    pub(crate) async fn accept(&self, jobs: Vec<AcceptJob>) -> Vec<AcceptOutcome> {
        self.store().accept(jobs).await.expect("answered")
    }

    /// Accepts one that must pass.
    pub(crate) async fn send(&self, job: AcceptJob) -> Accepted {
        match self.accept(vec![job]).await.remove(0) {
            AcceptOutcome::Accepted(accepted) => accepted,
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Takes the lane as `holder` for a minute.
    pub(crate) async fn lane(&self, holder: &str) -> Lease {
        let taken = self.store().take_lane(self.tenant, self.connection, holder, at(20), at(80)).await;
        taken.expect("answered").expect("the lane is free").lease
    }

    pub(crate) async fn claim(&self, lease: &Lease) -> Claim {
        self.store().claim_due(lease, 100, at(30)).await.expect("claimed")
    }

    /// Accepts and claims one.
    pub(crate) async fn sending(&self, lease: &Lease, contact: ContactId) -> Claimed {
        let id = self.send(self.job(contact)).await.message_id;
        let mut claimed = self.claim(lease).await.claimed;
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].message_id, id);
        claimed.remove(0)
    }

    pub(crate) async fn settle(&self, lease: &Lease, claimed: &Claimed, settlement: Settlement) -> Status {
        let outcome = Outcome {
            message_id: claimed.message_id,
            contact_id: claimed.contact_id,
            settlement,
            at: at(40),
        };
        let settled = self.store().record_outcomes(lease, vec![outcome]).await.expect("recorded");
        assert_eq!(settled[0].0, claimed.message_id);
        settled[0].1
    }

    /// Sends one until Meta has it.
    pub(crate) async fn sent(&self, lease: &Lease, contact: ContactId, wamid: &str) -> MessageId {
        let claimed = self.sending(lease, contact).await;
        let settlement = Settlement::Sent { wamid: wamid.into(), held: false };
        assert_eq!(self.settle(lease, &claimed, settlement).await, Status::Sent);
        claimed.message_id
    }

    /// A picture of ours, made at this second.
    pub(crate) async fn picture(&self, name: &str, second: i64) -> Media {
        let new = NewMedia {
            connection_id: self.connection,
            direction: Direction::Outbound,
            mime_type: "image/png".into(),
            filename: None,
            size: 1,
            sha256: None,
            meta_id: None,
            meta_expires_at: None,
            path: Some(format!("{}/{name}", self.tenant)),
            at: at(second),
        };
        self.store().create_media(self.tenant, new).await.unwrap()
    }

    pub(crate) async fn message(&self, id: MessageId) -> Message {
        self.store().message(self.tenant, id).await.expect("read").expect("there")
    }

    pub(crate) async fn events(&self, id: MessageId) -> Vec<MessageEvent> {
        self.store().message_events(self.tenant, id).await.expect("read").expect("there")
    }

    /// The steps of a message's life, in words.
    pub(crate) async fn life(&self, id: MessageId) -> Vec<String> {
        self.events(id).await.into_iter().map(|event| event.status).collect()
    }

    /// All messages that fit, newest first.
    pub(crate) async fn listed(&self, filter: MessageFilter) -> Vec<Message> {
        let paging = Paging { page_size: 100, ..Paging::default() };
        self.store().messages(self.tenant, &filter, &paging).await.expect("listed").items
    }

    pub(crate) async fn project(&self, changes: Vec<Change>) -> Projected {
        self.project_on(self.store(), changes).await
    }

    pub(crate) async fn project_on(&self, store: &SqlStore, changes: Vec<Change>) -> Projected {
        let projection = Projection { tenant_id: self.tenant, done: Vec::new(), changes, at: at(100) };
        store.project(projection).await.expect("projected")
    }

    /// A message from the customer with this number.
    pub(crate) fn inbound(&self, number: u32, wamid: &str) -> Inbound {
        Inbound {
            source: source(),
            connection_id: self.connection,
            wamid: wamid.into(),
            from: identity(number),
            username: None,
            profile_name: Some("Ana".into()),
            at: at(90),
            content: words("hi"),
            reply_to: None,
            opens_window: true,
            word: None,
            confirmation: None,
            media: None,
        }
    }

    /// STOP from the customer with this number.
    pub(crate) fn stop(&self, number: u32, wamid: &str) -> Inbound {
        Inbound {
            content: words("STOP"),
            word: Some(Word::OptOut),
            confirmation: Some(GOODBYE.into()),
            ..self.inbound(number, wamid)
        }
    }

    pub(crate) fn status(&self, wamid: &str, status: Status, when: Timestamp) -> StatusReport {
        StatusReport {
            source: source(),
            connection_id: self.connection,
            wamid: wamid.into(),
            status,
            at: when,
            message_id: None,
            recipient: Identity::default(),
            failure: (status == Status::Failed).then(|| failure("META_REJECTED", 131_000)),
            flag: None,
            if_template: None,
            marketing_stop: false,
            verdict: None,
            pricing_category: None,
        }
    }

    pub(crate) async fn report(&self, wamid: &str, status: Status, when: Timestamp) -> Projected {
        self.project(vec![Change::Status(self.status(wamid, status, when))]).await
    }
}

/// A template to a contact.
pub(crate) fn job_of(
    tenant: TenantId,
    connection: ConnectionId,
    template: TemplateId,
    to: ContactId,
) -> AcceptJob {
    AcceptJob {
        tenant_id: tenant,
        to: Addressee::Contact(to),
        connection_id: connection,
        content: Content::Template {
            name: "order_shipped".into(),
            language: "en_US".into(),
            params: Default::default(),
        },
        template_id: Some(template),
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

pub(crate) fn words(text: &str) -> Content {
    Content::Text { body: text.into(), preview_url: false }
}

pub(crate) fn source() -> Source {
    Source { inbox_id: InboxId(1), pointer: "/entry/0/changes/0".into() }
}

pub(crate) fn failure(code: &str, meta: i64) -> Failure {
    Failure {
        code: code.into(),
        message: "Meta said no".into(),
        meta_error_code: Some(meta),
        meta_message: None,
        fbtrace_id: None,
        advice: None,
        not_before: None,
    }
}
