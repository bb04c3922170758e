//! What is done to an account, told to each tenant that it opens.

use domain::audit::{Action, Actor, NewEntry};
use domain::{AccountId, TenantId, Timestamp};

use crate::db::{self, Fault, Row, Tx};

/// Notes that the owner of an account did something to it: by the member that the account is in each tenant.
pub(crate) async fn note(
    tx: &Tx,
    account: AccountId,
    action: Action,
    at: Option<Timestamp>,
) -> Result<(), Fault> {
    let sql = "SELECT m.tenant_id AS tenant_id, m.id AS id, m.name AS name FROM members m \
               WHERE m.account_id = $1 AND m.state = 'active' ORDER BY m.tenant_id";
    for row in db::all(&**tx, sql, [account.0.into()]).await? {
        let (id, name): (i64, Option<String>) = (row.get("id")?, row.get("name")?);
        let around = ports::audit::current();
        let actor = Actor { name, ..Actor::member(id, "") };
        let actor = actor.from_address(around.address).in_request(around.request_id);
        let entry = NewEntry { at, ..NewEntry::about(action, "member", id).by(actor) };
        tx.note(TenantId(row.get("tenant_id")?), entry);
    }
    Ok(())
}
