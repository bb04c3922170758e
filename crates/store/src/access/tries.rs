//! Tries at passwords and letters, counted before it is known whether they are good.

use domain::Timestamp;
use domain::access::throttle::Tries;
use ports::access::accounts::{Guessed, Paused};

use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, clean, micros};

pub(super) async fn admit(
    store: &SqlStore,
    subjects: &[Guessed],
    now: Timestamp,
) -> Result<Option<Paused>, Fault> {
    let tx = store.begin().await?;
    let (mut next, mut paused) = (Vec::new(), None::<Paused>);
    for one in in_order(subjects) {
        match Tries::admit(of(&tx, one).await?, &one.rule, now) {
            Ok(tries) => next.push((one, tries)),
            Err(until) if paused.as_ref().is_none_or(|longest| longest.until < until) => {
                paused = Some(Paused { subject: one.subject.clone(), until });
            }
            Err(_) => {}
        }
    }
    if paused.is_some() {
        return Ok(paused);
    }
    for (one, tries) in next {
        write(&tx, one, tries).await?;
    }
    tx.commit().await?;
    Ok(None)
}

pub(super) async fn forgive(store: &SqlStore, subjects: &[Guessed], clear: bool) -> Result<(), Fault> {
    let tx = store.begin().await?;
    for one in in_order(subjects) {
        let Some(tries) = of(&tx, one).await? else { continue };
        if clear && Some(one) == subjects.first() {
            db::run(&*tx, "DELETE FROM login_tries WHERE subject = $1", [subject(one).into()]).await?;
        } else {
            write(&tx, one, tries.forgive(&one.rule)).await?;
        }
    }
    tx.commit().await
}

/// Two who count the same subjects do not wait for each other crosswise.
fn in_order(subjects: &[Guessed]) -> Vec<&Guessed> {
    let mut order: Vec<&Guessed> = subjects.iter().collect();
    order.sort_by(|left, right| left.subject.cmp(&right.subject));
    order
}

fn subject(one: &Guessed) -> String {
    clean(&one.subject).into_owned()
}

/// The tries so far; nobody else counts this subject until the commit.
async fn of(tx: &Tx, one: &Guessed) -> Result<Option<Tries>, Fault> {
    tx.dialect.own_lock(tx, &format!("login_tries/{}", subject(one))).await?;
    let sql = "SELECT tries, last_at, blocked_until FROM login_tries WHERE subject = $1";
    let Some(row) = db::one(&**tx, sql, [subject(one).into()]).await? else { return Ok(None) };
    Ok(Some(Tries {
        count: u32::try_from(row.get::<i64>("tries")?).unwrap_or(u32::MAX),
        last_at: row.time("last_at")?,
        blocked_until: row.time_opt("blocked_until")?,
    }))
}

async fn write(tx: &Tx, one: &Guessed, tries: Tries) -> Result<(), Fault> {
    let sql = "INSERT INTO login_tries (subject, tries, last_at, blocked_until) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (subject) DO UPDATE SET tries = excluded.tries, last_at = excluded.last_at, \
               blocked_until = excluded.blocked_until";
    let values = [
        subject(one).into(),
        i64::from(tries.count).into(),
        micros(tries.last_at).into(),
        tries.blocked_until.map(micros).into(),
    ];
    db::run(&**tx, sql, values).await?;
    Ok(())
}
