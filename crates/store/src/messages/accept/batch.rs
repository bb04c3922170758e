//! A batch of jobs in one transaction: the same number of statements for one job as for a thousand.

use std::collections::{BTreeMap, HashMap};

use domain::audit::{Action, NewEntry};
use domain::messages::gate::{Refusal, check};
use domain::messages::{Direction, Priority, Status};
use domain::{ConnectionId, ContactId, ConversationId, MessageId};
use ports::messages::{AcceptJob, AcceptOutcome, Accepted, Addressee};
use serde_json::json;

use super::keys;
use super::lookup::{Found, RepliedTo, addressees, replied_to};
use crate::db::{Fault, SqlStore, micros, to_json};
use crate::ids::{self, Kind};
use crate::messages::write::{self, Event, NewMessage, Touched, Waiting};

/// A job that passed.
struct Passed<'a> {
    index: usize,
    job: &'a AcceptJob,
    contact: ContactId,
    connection: ConnectionId,
    conversation: Option<ConversationId>,
    priority: Priority,
    reply_to: Option<String>,
    /// A template outside a window.
    initiates: bool,
}

/// Accepts what passes; one commit, answers in the order of the jobs.
pub(super) async fn accept(store: &SqlStore, jobs: &[&AcceptJob]) -> Result<Vec<AcceptOutcome>, Fault> {
    let tx = store.begin_shared().await?;
    let mut outcomes = keys::used(&tx, jobs).await?;
    let mut found = addressees(&tx, jobs).await?;
    let mut wamids = replied_to(&tx, jobs).await?;
    let mut passed = Vec::with_capacity(jobs.len());
    for (index, job) in jobs.iter().enumerate() {
        if outcomes.contains_key(&index) {
            continue;
        }
        match examine(index, job, found.remove(&index), wamids.remove(&index)) {
            Ok(one) => passed.push(one),
            Err(outcome) => {
                outcomes.insert(index, outcome);
            }
        }
    }
    if !passed.is_empty() {
        let written = write(&tx, &passed).await?;
        note(&tx, &passed, &written);
        for (index, accepted) in written {
            outcomes.insert(index, AcceptOutcome::Accepted(accepted));
        }
    }
    // Also when nothing was written: a replay or a refusal may stand on what others of the group have yet to commit.
    tx.commit().await?;
    Ok((0..jobs.len()).map(|index| outcomes.remove(&index).unwrap_or(AcceptOutcome::Failed)).collect())
}

/// One entry per sender, however many they are.
fn note(tx: &crate::db::Tx, passed: &[Passed<'_>], written: &[(usize, Accepted)]) {
    let mut senders: Vec<(&AcceptJob, Vec<serde_json::Value>)> = Vec::new();
    for (one, (_, accepted)) in passed.iter().zip(written) {
        let told = json!({
            "id": accepted.message_id,
            "contact": accepted.contact_id,
            "kind": one.job.content.message_type(),
            "template": one.job.template_id,
        });
        let same = |(job, _): &&mut (&AcceptJob, _)| {
            (job.tenant_id, &job.actor) == (one.job.tenant_id, &one.job.actor)
        };
        match senders.iter_mut().rev().find(same) {
            Some((_, messages)) => messages.push(told),
            None => senders.push((one.job, vec![told])),
        }
    }
    for (job, messages) in senders {
        let subject = match &messages[..] {
            [only] => format!("message:{}", only["id"]),
            _ => "messages".to_owned(),
        };
        let entry = NewEntry::new(Action::MessagesSent, subject).at(job.at).by(job.actor.clone());
        tx.note(job.tenant_id, entry.after(json!({ "messages": messages })));
    }
}

/// Whether the job may be written.
fn examine<'a>(
    index: usize,
    job: &'a AcceptJob,
    found: Option<Found>,
    answers: Option<RepliedTo>,
) -> Result<Passed<'a>, AcceptOutcome> {
    let found = found.ok_or_else(|| nobody(&job.to))?;
    let connection = found.connection.ok_or(AcceptOutcome::ConnectionNotFound)?;
    let reply_to = match (&job.reply_to, answers) {
        (_, Some(RepliedTo::Wamid(wamid))) => Some(wamid),
        (_, Some(RepliedTo::Purged)) => return Err(AcceptOutcome::ReplyToPurged),
        (Some(_), None) => return Err(AcceptOutcome::ReplyToNotFound),
        (None, None) => None,
    };
    check(&found.recipient, &found.intent, job.at).map_err(AcceptOutcome::Refused)?;
    let open = found.recipient.window_expires_at.is_some_and(|end| job.at < end);
    Ok(Passed {
        index,
        job,
        contact: found.recipient.contact_id,
        connection,
        conversation: found.recipient.conversation_id,
        priority: job.priority.unwrap_or(if open { Priority::Reply } else { Priority::Transactional }),
        reply_to,
        initiates: job.template_id.is_some() && !open,
    })
}

/// A number that nobody is known by has not opted in.
fn nobody(to: &Addressee) -> AcceptOutcome {
    match to {
        Addressee::Contact(_) => AcceptOutcome::ContactNotFound,
        Addressee::Conversation(_) => AcceptOutcome::ConversationNotFound,
        Addressee::Phone(_) | Addressee::Bsuid(_) => AcceptOutcome::Refused(Refusal::NotOptedIn {
            contact_id: None,
            opted_in: false,
            opted_out_at: None,
            marketing_stopped: false,
        }),
    }
}

impl Passed<'_> {
    fn thread(&self) -> (i64, i64, i64) {
        (self.job.tenant_id.0, self.contact.0, self.connection.0)
    }
}

async fn write(tx: &crate::db::Tx, passed: &[Passed<'_>]) -> Result<Vec<(usize, Accepted)>, Fault> {
    let missing: std::collections::HashSet<_> =
        passed.iter().filter(|one| one.conversation.is_none()).map(Passed::thread).collect();
    let count = passed.len();
    let wants = [(Kind::Message, count), (Kind::MessageEvent, count), (Kind::Conversation, missing.len())];
    let [mut message_ids, mut event_ids, mut conversation_ids] = ids::take(tx, wants).await?;
    let ids: Vec<i64> = passed.iter().map(|_| message_ids.next()).collect::<Result<_, _>>()?;

    let mut touched: BTreeMap<(i64, i64, i64), Touched> = BTreeMap::new();
    for (one, id) in passed.iter().zip(&ids) {
        let known = touched.get(&one.thread()).map(|touch| touch.id).or(one.conversation.map(|id| id.0));
        let conversation = match known {
            Some(id) => id,
            None => conversation_ids.next()?,
        };
        touched.insert(one.thread(), touch(one, *id, conversation));
    }
    let touched: Vec<Touched> = touched.into_values().collect();
    let conversations = write::touch_conversations(tx, &touched).await?;

    let mut rows = Rows::default();
    let mut accepted = Vec::with_capacity(count);
    for (one, id) in passed.iter().zip(ids) {
        accepted.push((one.index, rows.add(one, id, &conversations)?));
    }
    write::messages(tx, &rows.messages).await?;
    write::outbox(tx, &rows.waiting).await?;
    write::events(tx, &mut rows.events, &mut event_ids).await?;
    keys::keep(tx, &rows.keys).await?;
    Ok(accepted)
}

fn touch(one: &Passed<'_>, message: i64, conversation: i64) -> Touched {
    let (t, contact, connection) = one.thread();
    let (at, preview) = (micros(one.job.at), one.job.content.preview());
    let initiated = one.initiates.then_some(at);
    Touched { t, id: conversation, contact, connection, at, message, preview, initiated, broadcast: None }
}

#[derive(Default)]
struct Rows {
    messages: Vec<NewMessage>,
    waiting: Vec<Waiting>,
    events: Vec<Event>,
    keys: Vec<keys::Used>,
}

impl Rows {
    fn add(
        &mut self,
        one: &Passed<'_>,
        id: i64,
        conversations: &HashMap<(i64, i64, i64), i64>,
    ) -> Result<Accepted, Fault> {
        let job = one.job;
        let conversation = *conversations
            .get(&one.thread())
            .ok_or_else(|| Fault::internal("a conversation went missing"))?;
        self.messages.push(NewMessage {
            t: job.tenant_id.0,
            id,
            contact: one.contact.0,
            conversation,
            connection: one.connection.0,
            direction: Direction::Outbound.as_str(),
            status: Status::Queued.as_str(),
            priority: one.priority as i64,
            purpose: None,
            content: to_json(&job.content)?,
            template: job.template_id.map(|id| id.0),
            wamid: None,
            reply_to: one.reply_to.clone(),
            retry_of: job.retry_of.map(|id| id.0),
            broadcast: None,
            recipient: None,
            created_by: job.created_by.map(|id| id.0),
            created_at: micros(job.at),
            send_at: job.send_at.map(micros),
        });
        self.waiting.push(Waiting {
            t: job.tenant_id.0,
            id,
            connection: one.connection.0,
            contact: one.contact.0,
            priority: one.priority as i64,
            due_at: micros(job.send_at.map_or(job.at, |send_at| send_at.max(job.at))),
            scheduled: job.send_at.is_some(),
            broadcast: None,
            held: false,
        });
        let details = job.send_at.map_or(json!({}), |send_at| json!({ "send_at": send_at }));
        self.events.push(Event::new(job.tenant_id, id, Status::Queued.as_str(), job.at, &details));
        self.keys.extend(keys::row(job, id));
        Ok(Accepted {
            message_id: MessageId(id),
            contact_id: one.contact,
            conversation_id: Some(ConversationId(conversation)),
            connection_id: one.connection,
            status: Status::Queued,
        })
    }
}
