//! How many rows a large list has. Counting millions takes longer than anybody looks at a page, so a total is exact up
//! to [`EXACT`]; beyond, it is what was counted last (or, the first time, what the ids let expect), while another count
//! runs behind it. Counts never run side by side, and one list is counted again only after ten times as long as it took.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ports::Paging;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use crate::db::{self, Fault, Row, SqlStore};
use crate::lists::{List, Total};

/// Up to so many rows are counted on the spot.
const EXACT: u64 = 5_000;
/// Up to so many, where most of what is looked at is not wanted: those are kept by their ids, so that the page is found
/// without looking again.
const SIFTED: u64 = 1_000;
/// So many of the latest rows are looked at for a total that nobody counted yet.
const SAMPLE: u64 = 5_000;
/// A longer count is waited for so long.
const PATIENCE: Duration = Duration::from_millis(15);
/// A list is not counted again before so many times the time that counting it took.
const REST: u32 = 10;
/// Lists whose counts are remembered.
const REMEMBERED: usize = 1_000;

/// Counts of lists that are too long to be counted on the spot.
#[derive(Clone)]
pub(crate) struct Totals {
    known: Arc<Mutex<HashMap<String, Count>>>,
    /// One at a time.
    turn: Arc<Semaphore>,
}

impl Default for Totals {
    fn default() -> Self {
        Self { known: Arc::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

#[derive(Clone, Copy)]
struct Count {
    /// `None` until the first count is done.
    total: Option<u64>,
    /// `None` while it is being counted.
    again_at: Option<Instant>,
}

impl Totals {
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Count>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, and whether the caller is to count.
    fn ask(&self, key: &str, now: Instant) -> (Option<u64>, bool) {
        let mut known = self.known();
        if known.len() >= REMEMBERED && !known.contains_key(key) {
            // Filters that name a time are never asked for again.
            known.retain(|_, one| one.again_at.is_none());
        }
        let one = known.entry(key.to_owned()).or_insert(Count { total: None, again_at: Some(now) });
        let due = one.again_at.is_some_and(|at| at <= now);
        if due {
            one.again_at = None;
        }
        (one.total, due)
    }

    fn learn(&self, key: String, total: Option<u64>, begun: Instant, now: Instant) {
        let rest = Ord::max((now - begun) * REST, Duration::from_secs(1));
        let mut known = self.known();
        let before = known.get(&key).and_then(|one| one.total);
        known.insert(key, Count { total: total.or(before), again_at: Some(now + rest) });
    }
}

/// What a filter lets expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// An index leads to its rows: few rows are counted fast.
    Indexed,
    /// An index leads to rows of which not all are wanted: fewer are found on the spot. For lists with one number as
    /// their key.
    Sifted,
    /// The same, where the rows that it leads to are few already: all that are wanted of them are found on the spot.
    Few,
    /// The table is walked.
    Walked,
}

/// Where the rows of a list stand: the table, and the id that it is sorted by, in descending order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) table: &'static str,
    pub(crate) id: &'static str,
    pub(crate) reach: Reach,
}

/// What is known of a list before its page is read.
#[derive(Debug)]
pub(crate) enum Known {
    /// Its cursor knows the total.
    Later,
    /// How many there are.
    Counted(Total),
    /// All of them, in the order of the list.
    Found(Vec<i64>),
}

impl Known {
    /// The total of a list's first page; `None` for a later one, whose cursor knows it.
    pub(crate) fn total(&self) -> Option<Total> {
        match self {
            Self::Later => None,
            Self::Counted(total) => Some(*total),
            Self::Found(ids) => Some(Total::exact(ids.len() as u64)),
        }
    }
}

/// How many rows a list has, and which they are when they had to be looked at one by one.
pub(crate) async fn of(
    store: &SqlStore,
    list: &List,
    place: Place,
    tenant: i64,
    paging: &Paging,
) -> Result<Known, Fault> {
    if paging.cursor.is_some() {
        return Ok(Known::Later);
    }
    let walk = Walk { store, list, place, tenant };
    let least = match place.reach {
        Reach::Indexed => {
            let counted = walk.counted_to(EXACT).await?;
            if counted <= EXACT {
                return Ok(Known::Counted(Total::exact(counted)));
            }
            counted
        }
        Reach::Few => return Ok(Known::Found(walk.found(None).await?)),
        Reach::Sifted => {
            let found = walk.found(Some(SIFTED)).await?;
            if found.len() as u64 <= SIFTED {
                return Ok(Known::Found(found));
            }
            found.len() as u64
        }
        Reach::Walked if walk.is_small().await? => {
            let all = crate::lists::count(store.reader(), &list.from).await?;
            return Ok(Known::Counted(Total::exact(all)));
        }
        Reach::Walked => 0,
    };
    let key = store.reader().get_database_backend().build(&list.from).to_string();
    let (known, due) = store.totals().ask(&key, Instant::now());
    let counting = due.then(|| start(store, key, list.from.clone()));
    if let Some(counting) = counting
        && let Ok(Ok(total)) = tokio::time::timeout(PATIENCE, counting).await
    {
        return Ok(Known::Counted(Total::exact(total)));
    }
    let total = match known {
        Some(total) => total,
        None => walk.expected().await?,
    };
    Ok(Known::Counted(Total { count: Ord::max(total, least), is_estimate: true }))
}

fn start(store: &SqlStore, key: String, from: SelectStatement) -> oneshot::Receiver<u64> {
    let (tell, told) = oneshot::channel();
    let store = store.clone();
    tokio::spawn(async move {
        let totals = store.totals();
        let Ok(_turn) = totals.turn.acquire().await else { return };
        let begun = Instant::now();
        let counted = counted_aside(&store, &from).await;
        if let Err(why) = &counted {
            tracing::debug!(%why, "a list could not be counted");
        }
        let counted = counted.ok();
        totals.learn(key, counted, begun, Instant::now());
        if let Some(total) = counted {
            // Whoever asked may have gone.
            let _ = tell.send(total);
        }
    });
    told
}

async fn counted_aside(store: &SqlStore, from: &SelectStatement) -> Result<u64, Fault> {
    let tx = store.dialect().begin_aside(store.reader()).await?;
    let counted = crate::lists::count(&tx, from).await?;
    tx.commit().await?;
    Ok(counted)
}

struct Walk<'a> {
    store: &'a SqlStore,
    list: &'a List,
    place: Place,
    tenant: i64,
}

impl Walk<'_> {
    /// Counts at most one more than `most`.
    async fn counted_to(&self, most: u64) -> Result<u64, Fault> {
        let mut some = self.list.from.clone();
        some.expr_as(Expr::cust("1"), "one").limit(most + 1);
        let from = Query::select().from_subquery(some, "few").take();
        crate::lists::count(self.store.reader(), &from).await
    }

    /// All, or at most one more than `most`, in the order of the list. Sorted here: asked to, a planner might gather all of
    /// them first.
    async fn found(&self, most: Option<u64>) -> Result<Vec<i64>, Fault> {
        let (key, _) = self.list.keys.first().ok_or_else(|| Fault::internal("a list without a key"))?;
        let mut some = self.list.from.clone();
        some.expr_as(Expr::cust(*key), "id");
        if let Some(most) = most {
            some.limit(most + 1);
        }
        let rows = self.store.reader().query_all(&some).await?;
        let mut ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
        ids.sort_unstable();
        if self.list.order == Order::Desc {
            ids.reverse();
        }
        Ok(ids)
    }

    /// Whether the tenant has few rows, whatever the filter is.
    async fn is_small(&self) -> Result<bool, Fault> {
        let Place { table, .. } = self.place;
        let sql = format!(
            "SELECT COUNT(*) AS total FROM (SELECT 1 AS one FROM {table} WHERE tenant_id = $1 LIMIT {}) AS few",
            EXACT + 1
        );
        let row = db::one(self.store.reader(), &sql, [self.tenant.into()]).await?;
        let total = row.map(|row| row.get::<i64>("total")).transpose()?.unwrap_or_default();
        Ok(u64::try_from(total).map_err(Fault::internal)? <= EXACT)
    }

    /// As many as there are, if older rows are wanted as often as the latest ones are.
    async fn expected(&self) -> Result<u64, Fault> {
        let Place { table, id, .. } = self.place;
        let sql = format!(
            "SELECT (SELECT MIN({id}) FROM {table} WHERE tenant_id = $1) AS lowest, \
             (SELECT MAX({id}) FROM {table} WHERE tenant_id = $1) AS highest, \
             (SELECT {id} FROM {table} WHERE tenant_id = $1 ORDER BY {id} DESC LIMIT 1 OFFSET {SAMPLE}) AS last"
        );
        let Some(row) = db::one(self.store.reader(), &sql, [self.tenant.into()]).await? else { return Ok(0) };
        let id = |name: &str| row.get::<Option<i64>>(name).map(Option::unwrap_or_default);
        let (lowest, highest, last) = (id("lowest")?, id("highest")?, id("last")?);
        let key = self.list.keys.last().map_or("1", |(key, _)| *key);
        let mut latest = self.list.from.clone();
        latest.and_where(Expr::cust(key).gt(last));
        // In their order: else a planner might go by an index of the filter, through all that it lets pass.
        latest.expr_as(Expr::cust("1"), "one");
        latest.order_by_expr(Expr::cust(key), Order::Desc).limit(SAMPLE + 1);
        let latest = Query::select().from_subquery(latest, "latest").take();
        let found = crate::lists::count(self.store.reader(), &latest).await?;
        let share = (highest - lowest + 1) as f64 / Ord::max(highest - last, 1) as f64;
        Ok((found as f64 * share) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_counted_by_one_at_a_time_and_rests_ten_times_as_long_as_it_took() {
        let totals = Totals::default();
        let begun = Instant::now();
        let done = begun + Duration::from_secs(2);
        assert_eq!(totals.ask("a", begun), (None, true));
        assert_eq!(totals.ask("a", begun), (None, false), "somebody counts already");
        totals.learn("a".into(), Some(20_000), begun, done);
        assert_eq!(totals.ask("a", done + Duration::from_secs(19)), (Some(20_000), false));
        let later = done + Duration::from_secs(20);
        assert_eq!(totals.ask("a", later), (Some(20_000), true));
        totals.learn("a".into(), None, later, later);
        assert_eq!(totals.ask("a", later), (Some(20_000), false), "a count that failed forgets nothing");
    }

    #[test]
    fn what_is_never_asked_again_is_forgotten() {
        let totals = Totals::default();
        let now = Instant::now();
        for at in 0..5 * REMEMBERED {
            totals.ask(&at.to_string(), now);
            totals.learn(at.to_string(), Some(1), now, now);
        }
        assert!(totals.known().len() <= REMEMBERED);
    }
}
