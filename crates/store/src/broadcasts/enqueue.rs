//! Recipients on their way into a queue: a page in one commit, the same number of statements for one as for all.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::broadcasts::{LeftOut, State};
use domain::messages::{Direction, Priority, Status};
use ports::broadcasts::{EnqueueBatch, Enqueued, Turn};
use ports::operator::Wake;
use sea_orm::QueryResult;

use super::freeze::reason_of;
use super::{cap, counts, duplicates, earlier, row};
use crate::audit::tell;
use crate::db::{self, Fault, Row, SqlStore, Tx, micros, to_json};
use crate::ids::{self, Kind};
use crate::messages::state;
use crate::messages::write::{self, NewMessage, Touched, Waiting};
use crate::sets::{param, set};

/// Makes messages, leaves out, lets wait.
pub(super) async fn enqueue(store: &SqlStore, batch: &EnqueueBatch) -> Result<Enqueued, Fault> {
    let tx = store.begin().await?;
    let standing = row::share(&tx, batch.tenant_id, batch.broadcast_id).await?;
    let Some(standing) = standing.filter(|standing| standing.state == State::Sending) else {
        return Ok(Enqueued { stopped: true, ..Enqueued::default() });
    };
    // Nobody would ever claim from a queue whose connection is gone.
    if !connection_is_there(&tx, batch).await? {
        return Ok(Enqueued { stopped: true, ..Enqueued::default() });
    }
    if batch.cap.is_some() {
        cap::lock(&tx, batch.tenant_id).await?;
    }
    let mut enqueuing =
        Enqueuing { tx: &tx, batch, created_by: standing.created_by, done: Enqueued::default() };
    enqueuing.work().await?;
    let done = enqueuing.done;
    tx.commit().await?;
    if done.queued > 0 {
        store.wakes_hub().tell([Wake::Lane(batch.connection_id)]);
    }
    Ok(done)
}

async fn connection_is_there(tx: &Tx, batch: &EnqueueBatch) -> Result<bool, Fault> {
    // It stays until the commit: whoever removes it empties its queue first.
    let lock = tx.dialect.for_share("k");
    let sql = format!("SELECT k.id AS id FROM connections k WHERE k.tenant_id = $1 AND k.id = $2{lock}");
    let values = [batch.tenant_id.0.into(), batch.connection_id.0.into()];
    Ok(db::one(&**tx, &sql, values).await?.is_some())
}

/// Whether the recipient of this alias waits, asked in a way that leads to no index: each is found by its id, and the index of
/// those who wait, read from its beginning to its end, looks cheaper to a planner without statistics.
pub(super) fn pending(alias: &str) -> String {
    format!("CASE WHEN {alias}.message_id IS NULL AND {alias}.reason IS NULL THEN 1 ELSE 0 END = 1")
}

struct Enqueuing<'a> {
    tx: &'a Tx,
    batch: &'a EnqueueBatch,
    created_by: Option<i64>,
    done: Enqueued,
}

set! {
    ById {
        i: Int i64,
        id: Int i64,
        template: Int i64,
    }
}

set! {
    LeftOutRow {
        id: Int i64,
        reason: Text &'static str,
        detail: Text Option<String>,
    }
}

set! {
    Later {
        id: Int i64,
        due_at: Int i64,
    }
}

set! {
    Queued {
        id: Int i64,
        message: Int i64,
    }
}

/// A recipient that gets its message.
struct Found {
    turn: usize,
    id: i64,
    retry_of: Option<i64>,
    contact: i64,
    conversation: Option<i64>,
    window_is_open: bool,
}

fn again(id: i64) -> LeftOutRow {
    let detail = Some(duplicates::WHY.to_owned());
    LeftOutRow { id, reason: LeftOut::Duplicate.as_str(), detail }
}

impl Enqueuing<'_> {
    async fn work(&mut self) -> Result<(), Fault> {
        let (mut wanted, mut left_out, mut later) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for (i, (id, turn)) in self.batch.turns.iter().enumerate().filter(|(_, (id, _))| seen.insert(*id)) {
            match turn {
                Turn::Send { template_id, .. } => {
                    wanted.push(ById { i: i as i64, id: *id, template: template_id.0 });
                }
                Turn::LeaveOut { reason, detail } => {
                    left_out.push(LeftOutRow { id: *id, reason: reason.as_str(), detail: detail.clone() });
                }
                Turn::Wait { until } => later.push(Later { id: *id, due_at: micros(*until) }),
            }
        }
        let (found, late) = self.find(&wanted).await?;
        left_out.extend(late);
        self.leave_out(&left_out).await?;
        self.wait(&later).await?;
        self.write(&found).await
    }

    /// Those that have no message yet, locked; and those that must be left out after all: their contact has a message
    /// already, because two became one, or has had its marketing by now.
    async fn find(&self, wanted: &[ById]) -> Result<(Vec<Found>, Vec<LeftOutRow>), Fault> {
        if wanted.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let dialect = self.tx.dialect;
        let set = dialect.with(&dialect.set::<ById>(1, "x"), "x", &[("tenant", 2), ("broadcast", 3)]);
        let lock = self.tx.dialect.for_share("c") + &self.tx.dialect.for_update("r");
        let has_one = duplicates::stands(self.tx.dialect, "m");
        let sql = format!(
            "SELECT x.i AS i, r.id AS id, r.retry_of AS retry_of, c.id AS contact, v.id AS conversation, \
             v.window_expires_at AS window_expires_at, EXISTS (SELECT 1 FROM messages m WHERE m.tenant_id = c.tenant_id \
             AND m.broadcast_id = x.broadcast AND m.contact_id = c.id AND {has_one}) AS has_one, \
             CAST({had} AS BIGINT) AS had \
             FROM {set} CROSS JOIN recipients r CROSS JOIN contacts asked CROSS JOIN contacts c \
             LEFT JOIN conversations v ON v.tenant_id = c.tenant_id AND v.contact_id = c.id AND v.connection_id = $4 \
             WHERE r.tenant_id = x.tenant AND r.broadcast_id = x.broadcast AND r.id = x.id AND {} \
             AND asked.tenant_id = x.tenant AND asked.id = r.id \
             AND c.tenant_id = x.tenant AND c.id = COALESCE(asked.merged_into, asked.id) ORDER BY r.id{lock}",
            pending("r"),
            had = cap::had("$2", self.batch.cap, self.batch.at, "x.template", "c.id"),
        );
        let most = self.batch.cap.map_or(i64::MAX, |cap| i64::from(cap.messages));
        let values = [
            param(wanted)?,
            self.batch.tenant_id.0.into(),
            self.batch.broadcast_id.0.into(),
            self.batch.connection_id.0.into(),
        ];
        let (mut found, mut late, mut contacts) = (Vec::new(), Vec::new(), HashSet::new());
        for row in db::all(&**self.tx, &sql, values).await? {
            let one = self.found(&row)?;
            if row.get::<bool>("has_one")? || !contacts.insert(one.contact) {
                late.push(again(one.id));
            } else if row.get::<i64>("had")? >= most {
                late.push(LeftOutRow { id: one.id, reason: LeftOut::FrequencyCap.as_str(), detail: None });
            } else {
                found.push(one);
            }
        }
        // Messages are made, and sent, in the order of the turns.
        found.sort_by_key(|one| one.turn);
        Ok((found, late))
    }

    fn found(&self, row: &QueryResult) -> Result<Found, Fault> {
        Ok(Found {
            turn: usize::try_from(row.get::<i64>("i")?).map_err(Fault::internal)?,
            id: row.get("id")?,
            retry_of: row.get("retry_of")?,
            contact: row.get("contact")?,
            conversation: row.get("conversation")?,
            window_is_open: row.time_opt("window_expires_at")?.is_some_and(|end| self.batch.at < end),
        })
    }

    fn count(&self, name: impl Into<std::borrow::Cow<'static, str>>, by: i64) {
        self.tx.tally.add(self.batch.tenant_id, self.batch.broadcast_id, self.batch.at, name, by);
    }

    async fn leave_out(&mut self, rows: &[LeftOutRow]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let set = self.tx.dialect.set_in::<LeftOutRow>(1, "x", 2);
        let sql = format!(
            "UPDATE recipients SET reason = x.reason, detail = x.detail FROM {set} WHERE recipients.tenant_id = x.tenant \
             AND recipients.broadcast_id = $3 AND recipients.id = x.id AND {} \
             RETURNING recipients.id AS id, recipients.reason AS reason, recipients.detail AS detail, \
             recipients.retry_of AS retry_of",
            pending("recipients")
        );
        let values = [param(rows)?, self.batch.tenant_id.0.into(), self.batch.broadcast_id.0.into()];
        let left_out = db::all(&**self.tx, &sql, values).await?;
        let before = self.before(&left_out).await?;
        let mut again = Vec::new();
        for row in left_out {
            let Some(reason) = reason_of(&row)? else { continue };
            let (id, why): (i64, Option<String>) = (row.get("id")?, row.get("detail")?);
            self.count(counts::PENDING, -1);
            match before.get(&id).and_then(|before| before.instead(reason, why.as_deref())) {
                Some(instead) => again.push(instead),
                None => self.count(counts::left_out(reason), 1),
            }
            self.done.left_out += 1;
        }
        earlier::fall_back(self.tx, self.batch.tenant_id, &again, self.batch.at).await
    }

    /// The attempts before, of those who are left out of a new one.
    async fn before(&self, left_out: &[QueryResult]) -> Result<HashMap<i64, earlier::Before>, Fault> {
        let mut anew = Vec::new();
        for row in left_out {
            if row.get::<Option<i64>>("retry_of")?.is_some() {
                anew.push(state::ById { id: row.get("id")? });
            }
        }
        earlier::of_recipients(self.tx, self.batch.tenant_id, self.batch.broadcast_id, &anew).await
    }

    async fn wait(&mut self, rows: &[Later]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let set = self.tx.dialect.set_in::<Later>(1, "x", 2);
        let sql = format!(
            "UPDATE recipients SET due_at = x.due_at FROM {set} WHERE recipients.tenant_id = x.tenant \
             AND recipients.broadcast_id = $3 AND recipients.id = x.id AND {}",
            pending("recipients")
        );
        let values = [param(rows)?, self.batch.tenant_id.0.into(), self.batch.broadcast_id.0.into()];
        let waiting = db::run(&**self.tx, &sql, values).await?;
        self.done.waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        Ok(())
    }

    async fn write(&mut self, found: &[Found]) -> Result<(), Fault> {
        if found.is_empty() {
            return Ok(());
        }
        let missing = found.iter().filter(|one| one.conversation.is_none()).count();
        let wants = [(Kind::Message, found.len()), (Kind::Conversation, missing)];
        let [mut message_ids, mut conversation_ids] = ids::take(self.tx, wants).await?;
        let ids: Vec<i64> = found.iter().map(|_| message_ids.next()).collect::<Result<_, _>>()?;
        let mut touched = BTreeMap::new();
        for (one, message) in found.iter().zip(&ids) {
            let conversation = one.conversation.map_or_else(|| conversation_ids.next(), Ok)?;
            touched.insert(one.contact, self.touch(one, *message, conversation));
        }
        let touched: Vec<Touched> = touched.into_values().collect();
        let conversations = write::touch_conversations(self.tx, &touched).await?;
        let (mut messages, mut waiting, mut queued) = (Vec::new(), Vec::new(), Vec::new());
        for (one, message) in found.iter().zip(ids) {
            messages.push(self.message(one, message, &conversations)?);
            waiting.push(self.waiting(one, message));
            queued.push(Queued { id: one.id, message });
        }
        write::messages(self.tx, &messages).await?;
        self.tx.note(self.batch.tenant_id, tell::enqueued(self.batch, &messages));
        write::outbox(self.tx, &waiting).await?;
        self.name_messages(&queued).await?;
        let count = i64::try_from(queued.len()).map_err(Fault::internal)?;
        self.count(counts::PENDING, -count);
        self.count(counts::QUEUED, count);
        self.done.queued = u32::try_from(count).map_err(Fault::internal)?;
        Ok(())
    }

    fn touch(&self, one: &Found, message: i64, conversation: i64) -> Touched {
        let at = micros(self.batch.at);
        let preview = match &self.batch.turns[one.turn].1 {
            Turn::Send { content, .. } => content.preview(),
            _ => String::new(),
        };
        Touched {
            t: self.batch.tenant_id.0,
            id: conversation,
            contact: one.contact,
            connection: self.batch.connection_id.0,
            at,
            message,
            preview,
            initiated: (!one.window_is_open).then_some(at),
            broadcast: Some(self.batch.broadcast_id.0),
        }
    }

    fn message(
        &self,
        one: &Found,
        id: i64,
        conversations: &HashMap<(i64, i64, i64), i64>,
    ) -> Result<NewMessage, Fault> {
        let Turn::Send { content, template_id } = &self.batch.turns[one.turn].1 else {
            return Err(Fault::internal("a turn without a message"));
        };
        let (t, connection) = (self.batch.tenant_id.0, self.batch.connection_id.0);
        let conversation = *conversations
            .get(&(t, one.contact, connection))
            .ok_or_else(|| Fault::internal("a conversation went missing"))?;
        Ok(NewMessage {
            t,
            id,
            contact: one.contact,
            conversation,
            connection,
            direction: Direction::Outbound.as_str(),
            status: Status::Queued.as_str(),
            priority: Priority::Bulk as i64,
            purpose: None,
            content: to_json(content)?,
            template: Some(template_id.0),
            wamid: None,
            reply_to: None,
            retry_of: one.retry_of,
            broadcast: Some(self.batch.broadcast_id.0),
            recipient: Some(one.id),
            created_by: self.created_by,
            created_at: micros(self.batch.at),
            send_at: None,
        })
    }

    fn waiting(&self, one: &Found, id: i64) -> Waiting {
        Waiting {
            t: self.batch.tenant_id.0,
            id,
            connection: self.batch.connection_id.0,
            contact: one.contact,
            priority: Priority::Bulk as i64,
            due_at: micros(self.batch.at),
            scheduled: false,
            broadcast: Some(self.batch.broadcast_id.0),
            held: false,
        }
    }

    async fn name_messages(&self, rows: &[Queued]) -> Result<(), Fault> {
        let set = self.tx.dialect.set_in::<Queued>(1, "x", 2);
        let sql = format!(
            "UPDATE recipients SET message_id = x.message FROM {set} WHERE recipients.tenant_id = x.tenant \
             AND recipients.broadcast_id = $3 AND recipients.id = x.id"
        );
        let values = [param(rows)?, self.batch.tenant_id.0.into(), self.batch.broadcast_id.0.into()];
        db::run(&**self.tx, &sql, values).await?;
        Ok(())
    }
}
