//! Lists: a page of a SELECT by number or by cursor, with the total.
//!
//! A cursor holds the sort key of the last row given, so that the next page begins by an index and not by counting
//! rows off; and the total as it was when the first page was read, so that a deep walk counts once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ports::{Page, Paging};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Order, SelectStatement};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::db::{Fault, Row, clean};
use crate::dialect::{As, Dialect};

/// A list: what it selects, and in which order.
pub(crate) struct List {
    /// `FROM` and `WHERE`, no columns and no order yet.
    pub(crate) from: SelectStatement,
    /// The columns, as written in SQL.
    pub(crate) columns: &'static str,
    /// The sort key; together unique, none of them NULL.
    pub(crate) keys: &'static [(&'static str, As)],
    /// The direction of all of them.
    pub(crate) order: Order,
}

/// How many rows a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) count: u64,
    /// Not counted just now.
    pub(crate) is_estimate: bool,
}

impl Total {
    pub(crate) fn exact(count: u64) -> Self {
        Self { count, is_estimate: false }
    }

    /// What a page tells of an estimate: the last page shows where the list ends, any other that it goes on behind it. A
    /// page behind the end tells nothing.
    fn seen(self, offset: u64, rows: u64, more: bool) -> Self {
        let until = offset.saturating_add(rows);
        match (self.is_estimate, more) {
            (true, false) if rows > 0 || offset == 0 => Self::exact(until),
            (true, true) => Self { count: Ord::max(self.count, until.saturating_add(1)), is_estimate: true },
            _ => self,
        }
    }
}

/// Names of the sort key's columns in the result.
const KEYS: [&str; 3] = ["key_0", "key_1", "key_2"];

/// Reads a page.
pub(crate) async fn page<C: ConnectionTrait, T>(
    on: &C,
    list: List,
    paging: &Paging,
    read: impl Fn(&QueryResult) -> Result<T, Fault>,
) -> Result<Page<T>, Fault> {
    page_of(on, list, None, paging, read).await
}

/// The same, where the caller may know the total.
pub(crate) async fn page_of<C: ConnectionTrait, T>(
    on: &C,
    list: List,
    total: Option<Total>,
    paging: &Paging,
    read: impl Fn(&QueryResult) -> Result<T, Fault>,
) -> Result<Page<T>, Fault> {
    let cursor = match paging.cursor.as_deref().map(|text| Cursor::read(text, list.keys)) {
        None => None,
        Some(Some(cursor)) => Some(cursor),
        Some(None) => {
            return Ok(nothing(true));
        }
    };
    let total = match (&cursor, total) {
        (Some(cursor), _) => cursor.total,
        (None, Some(total)) => total,
        (None, None) => Total::exact(count(on, &list.from).await?),
    };
    let size = Ord::max(paging.page_size, 1);
    let mut rows = on.query_all(&list.select(cursor.as_ref(), paging.offset(), size)).await?;
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let total = if cursor.is_none() { total.seen(paging.offset(), rows.len() as u64, more) } else { total };
    let next_cursor = match rows.last() {
        Some(last) if more => Some(Cursor::after(total, last, list.keys)?.write()),
        _ => None,
    };
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    let Total { count: total, is_estimate: total_is_estimate } = total;
    Ok(Page { items, total, total_is_estimate, next_cursor, foreign_cursor: false })
}

/// A page of a list whose rows are known by their ids, sorted as the list is. `bare` selects by its only key and sifts
/// nothing: what changed meanwhile is shown as it is now, and what is gone is left out.
pub(crate) async fn page_among<C: ConnectionTrait, T>(
    on: &C,
    mut bare: List,
    ids: &[i64],
    paging: &Paging,
    read: impl Fn(&QueryResult) -> Result<T, Fault>,
) -> Result<Page<T>, Fault> {
    let total = Total::exact(ids.len() as u64);
    // One more than a page, so that it shows whether another follows.
    let wanted = ids.iter().skip(usize::try_from(paging.offset()).unwrap_or(usize::MAX));
    let wanted: Vec<i64> = wanted.take(Ord::max(paging.page_size, 1) as usize + 1).copied().collect();
    if wanted.is_empty() {
        return Ok(Page { total: total.count, ..nothing(false) });
    }
    let (key, _) = *bare.keys.first().ok_or_else(|| Fault::internal("a list without a key"))?;
    let dialect = Dialect::of(on.get_database_backend());
    let (condition, wanted) = dialect.is_one_of(key, &wanted);
    bare.from.and_where(bound(dialect, &condition, &[wanted]));
    let first = Paging { page: 1, ..paging.clone() };
    page_of(on, bare, Some(total), &first, read).await
}

/// A page of a list that is empty, or of which the cursor is not.
pub(crate) fn nothing<T>(foreign_cursor: bool) -> Page<T> {
    Page { items: Vec::new(), total: 0, total_is_estimate: false, next_cursor: None, foreign_cursor }
}

/// All of them.
pub(crate) async fn count<C: ConnectionTrait>(on: &C, from: &SelectStatement) -> Result<u64, Fault> {
    let mut select = from.clone();
    select.expr_as(Expr::cust("COUNT(*)"), "total");
    let row = on.query_one(&select).await?.ok_or_else(|| Fault::internal("a count gave no row"))?;
    u64::try_from(row.get::<i64>("total")?).map_err(Fault::internal)
}

impl List {
    /// One row more than a page, so that it shows whether another page follows.
    fn select(&self, cursor: Option<&Cursor>, offset: u64, size: u32) -> SelectStatement {
        let mut select = self.from.clone();
        select.expr(Expr::cust(self.columns));
        for ((key, _), name) in self.keys.iter().zip(KEYS) {
            select.expr_as(Expr::cust(*key), name).order_by_expr(Expr::cust(*key), self.order.clone());
        }
        match cursor {
            Some(cursor) => select.and_where(self.behind(cursor)),
            None => select.offset(offset),
        };
        select.limit(u64::from(size) + 1);
        select
    }

    /// The first key alone comes before all keys together: SQLite enters an index on an expression by it only.
    fn behind(&self, cursor: &Cursor) -> Expr {
        let keys = Expr::tuple(self.keys.iter().map(|(key, _)| Expr::cust(*key)));
        let last = Expr::tuple(cursor.keys.iter().cloned().map(Expr::val));
        let first = self.keys.iter().zip(&cursor.keys).next().map(|((key, _), value)| match self.order {
            Order::Desc => Expr::cust(*key).lte(value.clone()),
            _ => Expr::cust(*key).gte(value.clone()),
        });
        let behind = match self.order {
            Order::Desc => keys.lt(last),
            _ => keys.gt(last),
        };
        first.map_or(behind.clone(), |first| first.and(behind))
    }
}

/// Where a page ended.
#[derive(Debug, PartialEq)]
struct Cursor {
    total: Total,
    keys: Vec<Value>,
}

impl Cursor {
    fn after(total: Total, last: &QueryResult, keys: &[(&str, As)]) -> Result<Self, Fault> {
        let keys = keys.iter().zip(KEYS).map(|((_, kind), name)| {
            Ok(match kind {
                As::Text => Value::from(last.get::<String>(name)?),
                As::Int | As::Bool => Value::from(last.get::<i64>(name)?),
            })
        });
        Ok(Self { total, keys: keys.collect::<Result<_, Fault>>()? })
    }

    fn write(&self) -> String {
        let keys = self.keys.iter().map(|key| match key {
            Value::String(text) => text.as_deref().unwrap_or_default().into(),
            Value::BigInt(number) => (*number).into(),
            _ => serde_json::Value::Null,
        });
        let total = [self.total.count.into(), self.total.is_estimate.into()];
        let members: Vec<serde_json::Value> = total.into_iter().chain(keys).collect();
        URL_SAFE_NO_PAD.encode(serde_json::Value::from(members).to_string())
    }

    /// `None` for anything that is not a cursor of a list with these keys.
    fn read(text: &str, keys: &[(&str, As)]) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let members: Vec<serde_json::Value> = serde_json::from_slice(&bytes).ok()?;
        let ([count, is_estimate], values) = members.split_first_chunk()?;
        if values.len() != keys.len() {
            return None;
        }
        let values = values.iter().zip(keys).map(|(value, (_, kind))| match kind {
            As::Text => value.as_str().map(|text| Value::from(clean(text).into_owned())),
            As::Int | As::Bool => value.as_i64().map(Value::from),
        });
        let total = Total { count: count.as_u64()?, is_estimate: is_estimate.as_bool()? };
        Some(Self { total, keys: values.collect::<Option<_>>()? })
    }
}

/// A condition with its values `$1 …` for a statement that is built: the builder numbers them anew, and knows numbers
/// on PostgreSQL alone.
pub(crate) fn bound(dialect: Dialect, condition: &str, values: &[Value]) -> Expr {
    let mut pieces = condition.split('$');
    let mut sql = pieces.next().unwrap_or_default().to_owned();
    let mut used = Vec::new();
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let value =
            piece[..digits].parse::<usize>().ok().and_then(|number| values.get(number.checked_sub(1)?));
        match value {
            Some(value) => {
                used.push(value.clone());
                sql.push_str(&dialect.placeholder(used.len()));
                sql.push_str(&piece[digits..]);
            }
            // A `$` of the statement itself.
            None => {
                sql.push('$');
                sql.push_str(piece);
            }
        }
    }
    Expr::cust_with_values(sql, used)
}

/// Longest text that is searched for, in characters.
const LONGEST_SEARCH: usize = 200;

/// Whether `column`, kept in lower case, holds `text`.
pub(crate) fn holds(column: &'static str, text: &str) -> Expr {
    use sea_orm::sea_query::LikeExpr;
    let mut pattern = String::from("%");
    for letter in clean(text).to_lowercase().chars().take(LONGEST_SEARCH) {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    Expr::cust(column).like(LikeExpr::new(pattern).escape('!'))
}

/// Whether it holds one of these texts.
pub(crate) fn any_holds(column: &'static str, texts: &[String]) -> Condition {
    texts.iter().fold(Condition::any(), |any, text| any.add(holds(column, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [(&str, As); 2] = [("name", As::Text), ("id", As::Int)];

    #[test]
    fn a_cursor_is_read_back() {
        let total = Total { count: 7, is_estimate: true };
        let cursor = Cursor { total, keys: vec!["größe".into(), 12i64.into()] };
        assert_eq!(Cursor::read(&cursor.write(), &KEYS), Some(cursor));
    }

    #[test]
    fn a_page_corrects_an_estimate_by_what_it_shows() {
        let estimate = |count| Total { count, is_estimate: true };
        assert_eq!(estimate(0).seen(0, 1, false), Total::exact(1));
        assert_eq!(estimate(90).seen(0, 0, false), Total::exact(0));
        assert_eq!(estimate(90).seen(100, 7, false), Total::exact(107));
        assert_eq!(estimate(90).seen(100, 0, false), estimate(90), "behind the end");
        assert_eq!(estimate(0).seen(0, 50, true), estimate(51));
        assert_eq!(estimate(900).seen(0, 50, true), estimate(900));
        assert_eq!(Total::exact(60).seen(0, 50, true), Total::exact(60));
    }

    #[test]
    fn what_is_no_cursor_of_this_list_is_none() {
        let other = Cursor { total: Total::exact(7), keys: vec![12i64.into(), 12i64.into()] }.write();
        for text in ["", "%%%", "W10", "bm90IGpzb24", other.as_str(), &other[..5]] {
            assert_eq!(Cursor::read(text, &KEYS), None, "{text}");
        }
    }
}
