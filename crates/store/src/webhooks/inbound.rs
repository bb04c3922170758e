//! Messages from customers: who wrote, the thread and its window, the word and what it does, the file to fetch.

use std::collections::{BTreeSet, HashSet};

use domain::analytics::Metric;
use domain::consent::words::Word;
use domain::consent::{Change, ConsentKind, ConsentSource};
use domain::messages::{Content, Direction, Priority, Status};
use domain::{ContactId, ConversationId, MediaId, MessageId};
use ports::webhooks::Inbound;
use serde_json::json;

use super::files;
use super::project::Projecting;
use super::threads::Threads;
use crate::broadcasts::{self, Reply};
use crate::db::{self, Fault, Row, micros, to_json};
use crate::ids::{self, Ids, Kind};
use crate::messages::facts::{OPT_IN_CONFIRMATION, OPT_OUT_CONFIRMATION};
use crate::messages::write::{self, Event, NewMessage, Waiting};
use crate::people::{People, settle};
use crate::sets::{param, set};

/// Applies messages in their order; those that are known already change nothing.
pub(super) async fn apply(projecting: &mut Projecting<'_>, messages: &[&Inbound]) -> Result<(), Fault> {
    let mut rest = new_ones(projecting, messages).await?;
    while !rest.is_empty() {
        let froms = rest.iter().map(|message| &message.from);
        let mut people = People::of_identities(projecting.tx, projecting.tenant, froms).await?;
        rest.retain(|message| !people.wrote_before_erasure(&message.from, message.at));
        let (mut whose, mut two) = (Vec::with_capacity(rest.len()), None);
        for message in &rest {
            match people.resolve(&message.from)? {
                Ok(person) => whose.push(person),
                Err(pair) => {
                    two = Some(pair);
                    break;
                }
            }
        }
        let later = rest.split_off(whose.len());
        Arrival::of(&rest, &whose).apply(projecting, &mut people).await?;
        if let Some(two) = two {
            settle(&people, two, projecting.now).await?;
        }
        rest = later;
    }
    Ok(())
}

set! {
    Wamid { wamid: Text String }
}

async fn new_ones<'m>(
    projecting: &Projecting<'_>,
    messages: &[&'m Inbound],
) -> Result<Vec<&'m Inbound>, Fault> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Wamid> = messages.iter().map(|message| Wamid { wamid: message.wamid.clone() }).collect();
    let set = projecting.tx.dialect.set_in::<Wamid>(1, "r", 2);
    let sql = format!(
        "SELECT m.wamid AS wamid FROM {set} CROSS JOIN messages m WHERE m.tenant_id = r.tenant AND m.wamid = r.wamid"
    );
    let known = db::all(&**projecting.tx, &sql, [param(&rows)?, projecting.tenant.0.into()]).await?;
    let mut seen: HashSet<String> = known.iter().map(|row| row.get("wamid")).collect::<Result<_, _>>()?;
    Ok(messages.iter().copied().filter(|message| seen.insert(message.wamid.clone())).collect())
}

/// Messages of persons who are told apart.
struct Arrival<'a> {
    messages: &'a [&'a Inbound],
    whose: &'a [usize],
    changes: Vec<(ConsentKind, usize)>,
    confirmations: Vec<Confirmation<'a>>,
    rows: Vec<NewMessage>,
    files: Vec<files::FileRow>,
    events: Vec<Event>,
    waiting: Vec<Waiting>,
    replies: Vec<Reply>,
}

/// The one answer to a word.
struct Confirmation<'a> {
    to: usize,
    message: &'a Inbound,
    purpose: &'static str,
    text: &'a str,
}

impl<'a> Arrival<'a> {
    fn of(messages: &'a [&'a Inbound], whose: &'a [usize]) -> Self {
        Self {
            messages,
            whose,
            changes: Vec::new(),
            confirmations: Vec::new(),
            rows: Vec::new(),
            files: Vec::new(),
            events: Vec::new(),
            waiting: Vec::new(),
            replies: Vec::new(),
        }
    }

    async fn apply(&mut self, projecting: &mut Projecting<'_>, people: &mut People<'_>) -> Result<(), Fault> {
        for (message, person) in self.messages.iter().zip(self.whose) {
            self.hear(people, message, *person);
        }
        let tx = projecting.tx;
        let [mut contact_ids] = ids::take(tx, [(Kind::Contact, people.strangers())]).await?;
        people.name_strangers(&mut contact_ids)?;
        for (kind, person) in std::mem::take(&mut self.changes) {
            projecting.done.consents.push((people.contact(person)?, kind));
        }
        let mut threads = Threads::of_pairs(tx, projecting.tenant, &self.pairs(people)?).await?;
        let files = self.messages.iter().filter(|message| message.media.is_some()).count();
        let [mut records, mut thread_ids, mut message_ids, mut event_ids, mut file_ids] = ids::take(
            tx,
            [
                (Kind::ConsentRecord, people.decisions()),
                (Kind::Conversation, threads.new_ones()),
                (Kind::Message, self.messages.len() + self.confirmations.len()),
                (Kind::MessageEvent, self.confirmations.len()),
                (Kind::Media, files),
            ],
        )
        .await?;
        threads.name_new_ones(&mut thread_ids)?;
        self.write_messages(projecting, people, &mut threads, &mut message_ids, &mut file_ids)?;
        self.write_confirmations(projecting, people, &mut threads, &mut message_ids)?;
        people.save(&mut records, projecting.now).await?;
        threads.save(tx, projecting.now).await?;
        broadcasts::attribute(tx, projecting.tenant, &self.replies).await?;
        files::keep(projecting, &self.files).await?;
        write::messages(tx, &self.rows).await?;
        write::outbox(tx, &self.waiting).await?;
        write::events(tx, &mut self.events, &mut event_ids).await
    }

    /// What a message does to the person.
    fn hear(&mut self, people: &mut People<'_>, message: &'a Inbound, person: usize) {
        let known = people.get(person);
        let new_name = known.name.is_none() && message.profile_name.is_some();
        let new_username = message.username.is_some() && known.username != message.username;
        if new_name || new_username || message.opens_window {
            let known = people.change(person);
            known.name = known.name.take().or_else(|| message.profile_name.clone());
            known.username = message.username.clone().or_else(|| known.username.take());
        }
        if !message.opens_window {
            return;
        }
        let known = people.change(person);
        known.last_inbound_at = known.last_inbound_at.max(Some(message.at));
        // Writing in proves that the number is on WhatsApp.
        known.review.take_if(|review| review.at <= message.at);
        match message.word {
            Some(word) => self.obey(people, message, person, word),
            None => {
                people.change(person).consent.wrote(message.at);
            }
        }
    }

    fn obey(&mut self, people: &mut People<'_>, message: &'a Inbound, person: usize, word: Word) {
        let (kind, purpose) = match word {
            Word::OptOut => (ConsentKind::OptOut, OPT_OUT_CONFIRMATION),
            Word::OptIn => (ConsentKind::OptIn, OPT_IN_CONFIRMATION),
        };
        let evidence = json!({
            "wamid": message.wamid,
            "text": message.content.preview(),
            "connection_id": message.connection_id,
        });
        let change = people.decide(person, kind, ConsentSource::Keyword, message.at, evidence);
        if word == Word::OptIn {
            people.change(person).consent.wrote(message.at);
        }
        if !matches!(change, Change::OptedIn | Change::OptedOut) {
            return;
        }
        self.changes.push((kind, person));
        if let Some(text) = message.confirmation.as_deref() {
            self.confirmations.push(Confirmation { to: person, message, purpose, text });
        }
    }

    fn pairs(&self, people: &People<'_>) -> Result<BTreeSet<(i64, i64)>, Fault> {
        let pair = |(message, person): (&&Inbound, &usize)| {
            Ok((people.contact(*person)?.0, message.connection_id.0))
        };
        self.messages.iter().zip(self.whose).map(pair).collect()
    }

    fn write_messages(
        &mut self,
        projecting: &mut Projecting<'_>,
        people: &People<'_>,
        threads: &mut Threads,
        message_ids: &mut Ids,
        file_ids: &mut Ids,
    ) -> Result<(), Fault> {
        for (message, person) in self.messages.iter().zip(self.whose) {
            let (id, contact) = (message_ids.next()?, people.contact(*person)?);
            let thread = threads.get(contact.0, message.connection_id.0)?;
            if message.opens_window && thread.waits_for_an_answer() {
                projecting.tx.figures.add(projecting.tenant, Metric::Replied, 0, message.at, 1);
            }
            thread.received(message, id, message.content.preview());
            if let Some(broadcast) = thread.broadcast.filter(|_| message.opens_window) {
                let opts_out = message.word == Some(Word::OptOut);
                self.replies.push(Reply { broadcast, contact, at: message.at, opts_out });
            }
            let conversation = thread.id.ok_or_else(|| Fault::internal("a new conversation has no id"))?;
            let mut content = message.content.clone();
            if let Some(file) = &message.media {
                let media = file_ids.next()?;
                files::ask_here(&mut content, media);
                self.files.push(files::row(file, media, message));
                projecting.done.media.push(MediaId(media));
            }
            self.rows.push(received(projecting, message, id, contact, conversation, &content)?);
            projecting.done.inbound.push((MessageId(id), contact, ConversationId(conversation)));
        }
        Ok(())
    }

    fn write_confirmations(
        &mut self,
        projecting: &mut Projecting<'_>,
        people: &People<'_>,
        threads: &mut Threads,
        message_ids: &mut Ids,
    ) -> Result<(), Fault> {
        for one in &self.confirmations {
            let (id, contact) = (message_ids.next()?, people.contact(one.to)?);
            let connection = one.message.connection_id;
            let thread = threads.get(contact.0, connection.0)?;
            let content = Content::Text { body: one.text.to_owned(), preview_url: false };
            thread.latest(projecting.now, id, content.preview());
            let conversation = thread.id.ok_or_else(|| Fault::internal("a new conversation has no id"))?;
            let mut row = received(projecting, one.message, id, contact, conversation, &content)?;
            row.direction = Direction::Outbound.as_str();
            row.status = Status::Queued.as_str();
            row.purpose = Some(one.purpose);
            (row.wamid, row.reply_to) = (None, None);
            row.created_at = micros(projecting.now);
            self.waiting.push(Waiting {
                t: row.t,
                id,
                connection: connection.0,
                contact: contact.0,
                priority: row.priority,
                due_at: row.created_at,
                scheduled: false,
                broadcast: None,
                held: false,
            });
            let details = json!({ "confirms": one.message.wamid });
            self.events.push(Event::new(
                projecting.tenant,
                id,
                Status::Queued.as_str(),
                projecting.now,
                &details,
            ));
            self.rows.push(row);
            if !projecting.done.wake.contains(&connection) {
                projecting.done.wake.push(connection);
            }
        }
        Ok(())
    }
}

fn received(
    projecting: &Projecting<'_>,
    message: &Inbound,
    id: i64,
    contact: ContactId,
    conversation: i64,
    content: &Content,
) -> Result<NewMessage, Fault> {
    Ok(NewMessage {
        t: projecting.tenant.0,
        id,
        contact: contact.0,
        conversation,
        connection: message.connection_id.0,
        direction: Direction::Inbound.as_str(),
        status: Status::Received.as_str(),
        priority: Priority::Reply as i64,
        purpose: None,
        content: to_json(content)?,
        template: None,
        wamid: Some(message.wamid.clone()),
        reply_to: message.reply_to.clone(),
        retry_of: None,
        broadcast: None,
        recipient: None,
        created_by: None,
        created_at: micros(message.at),
        send_at: None,
    })
}
