//! Finding the addressee of each job with all that the gate asks for.

use std::collections::HashMap;

use domain::ConnectionId;
use domain::messages::gate::{Intent, Recipient};
use ports::messages::{AcceptJob, Addressee, ReplyTo};
use sea_orm::QueryResult;

use crate::db::{self, Fault, Row, Tx};
use crate::messages::facts;
use crate::sets::{SetRow, param, set};

/// What was found for a job.
pub(super) struct Found {
    pub(super) recipient: Recipient,
    pub(super) intent: Intent,
    /// `None`: there is no such connection.
    pub(super) connection: Option<ConnectionId>,
}

set! {
    ByContact {
        i: Int i64,
        t: Int i64,
        contact: Int i64,
        connection: Int i64,
        template: Int Option<i64>,
    }
}

set! {
    ByName {
        i: Int i64,
        t: Int i64,
        name: Text String,
        connection: Int i64,
        template: Int Option<i64>,
    }
}

set! {
    ByConversation {
        i: Int i64,
        t: Int i64,
        conversation: Int i64,
        template: Int Option<i64>,
    }
}

const BY_CONTACT: &str = "CROSS JOIN contacts asked CROSS JOIN contacts c \
     LEFT JOIN conversations v ON v.tenant_id = r.t AND v.contact_id = c.id AND v.connection_id = r.connection \
     LEFT JOIN connections k ON k.tenant_id = r.t AND k.id = r.connection \
     LEFT JOIN templates t ON t.tenant_id = r.t AND t.id = r.template \
     WHERE asked.tenant_id = r.t AND asked.id = r.contact \
     AND c.tenant_id = r.t AND c.id = COALESCE(asked.merged_into, asked.id)";

const BY_NAME: &str = "CROSS JOIN contacts c \
     LEFT JOIN conversations v ON v.tenant_id = r.t AND v.contact_id = c.id AND v.connection_id = r.connection \
     LEFT JOIN connections k ON k.tenant_id = r.t AND k.id = r.connection \
     LEFT JOIN templates t ON t.tenant_id = r.t AND t.id = r.template \
     WHERE c.tenant_id = r.t AND ";

const BY_CONVERSATION: &str = "CROSS JOIN conversations v CROSS JOIN contacts c \
     LEFT JOIN connections k ON k.tenant_id = r.t AND k.id = v.connection_id \
     LEFT JOIN templates t ON t.tenant_id = r.t AND t.id = r.template \
     WHERE v.tenant_id = r.t AND v.id = r.conversation AND c.tenant_id = r.t AND c.id = v.contact_id";

/// The addressees by the job's index: one statement for each way of naming them that occurs.
pub(super) async fn addressees(tx: &Tx, jobs: &[&AcceptJob]) -> Result<HashMap<usize, Found>, Fault> {
    let mut by_contact = Vec::new();
    let (mut by_phone, mut by_bsuid) = (Vec::new(), Vec::new());
    let mut by_conversation = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let (i, t, connection) = (index as i64, job.tenant_id.0, job.connection_id.0);
        let template = job.template_id.map(|id| id.0);
        let named = |name: &str| ByName { i, t, name: name.to_owned(), connection, template };
        match &job.to {
            Addressee::Contact(id) => {
                by_contact.push(ByContact { i, t, contact: id.0, connection, template })
            }
            Addressee::Phone(phone) => by_phone.push(named(phone.as_str())),
            Addressee::Bsuid(bsuid) => by_bsuid.push(named(bsuid)),
            Addressee::Conversation(id) => {
                by_conversation.push(ByConversation { i, t, conversation: id.0, template });
            }
        }
    }
    let mut found = HashMap::with_capacity(jobs.len());
    read(tx, jobs, &by_contact, BY_CONTACT, &mut found).await?;
    read(tx, jobs, &by_phone, &format!("{BY_NAME} c.phone = r.name"), &mut found).await?;
    read(tx, jobs, &by_bsuid, &format!("{BY_NAME} c.bsuid = r.name"), &mut found).await?;
    read(tx, jobs, &by_conversation, BY_CONVERSATION, &mut found).await?;
    Ok(found)
}

async fn read<R: SetRow>(
    tx: &Tx,
    jobs: &[&AcceptJob],
    rows: &[R],
    joins: &str,
    found: &mut HashMap<usize, Found>,
) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<R>(1, "r");
    let sql = format!("SELECT r.i AS i, k.id AS connection_id, {} FROM {set} {joins}", facts::COLUMNS);
    for row in db::all(&**tx, &sql, [param(rows)?]).await? {
        let index = usize::try_from(row.get::<i64>("i")?).map_err(Fault::internal)?;
        found.insert(index, of_row(&row, jobs[index])?);
    }
    Ok(())
}

fn of_row(row: &QueryResult, job: &AcceptJob) -> Result<Found, Fault> {
    Ok(Found {
        recipient: facts::recipient(row)?,
        intent: facts::intent(row, &job.content, None)?,
        connection: row.get::<Option<i64>>("connection_id")?.map(ConnectionId),
    })
}

set! {
    Answered {
        i: Int i64,
        t: Int i64,
        message: Int i64,
    }
}

/// What a job answers.
pub(super) enum RepliedTo {
    Wamid(String),
    /// A message whose content is gone.
    Purged,
}

set! {
    Quoted<'a> {
        i: Int i64,
        t: Int i64,
        wamid: Text &'a str,
    }
}

/// What jobs answer, by the job's index. A message that is not known, or was not sent yet, is not there.
pub(super) async fn replied_to(tx: &Tx, jobs: &[&AcceptJob]) -> Result<HashMap<usize, RepliedTo>, Fault> {
    let (mut by_id, mut by_wamid) = (Vec::new(), Vec::new());
    for (index, job) in jobs.iter().enumerate() {
        let (i, t) = (index as i64, job.tenant_id.0);
        match &job.reply_to {
            Some(ReplyTo::Wamid(wamid)) => by_wamid.push(Quoted { i, t, wamid }),
            Some(ReplyTo::Message(id)) => by_id.push(Answered { i, t, message: id.0 }),
            None => {}
        }
    }
    let mut found = HashMap::new();
    read_answered(tx, &by_id, "m.id = r.message", &mut found).await?;
    read_answered(tx, &by_wamid, "m.wamid = r.wamid", &mut found).await?;
    Ok(found)
}

async fn read_answered<R: SetRow>(
    tx: &Tx,
    rows: &[R],
    on: &str,
    found: &mut HashMap<usize, RepliedTo>,
) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let set = tx.dialect.set::<R>(1, "r");
    let sql = format!(
        "SELECT r.i AS i, m.wamid AS wamid, m.content_purged_at AS content_purged_at FROM {set} CROSS JOIN messages m \
         WHERE m.tenant_id = r.t AND {on} AND m.wamid IS NOT NULL"
    );
    for row in db::all(&**tx, &sql, [param(rows)?]).await? {
        let index = usize::try_from(row.get::<i64>("i")?).map_err(Fault::internal)?;
        let purged = row.get::<Option<i64>>("content_purged_at")?.is_some();
        let known = if purged { RepliedTo::Purged } else { RepliedTo::Wamid(row.get("wamid")?) };
        found.insert(index, known);
    }
    Ok(())
}
