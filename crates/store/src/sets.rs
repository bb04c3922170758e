//! Sets of rows on their way into a statement: a struct per set, one JSON array parameter for all of its rows. Where rows
//! come by the thousand, PostgreSQL takes them column by column, and reads them in half the time ([`Dialect::bulk`]).

use sea_orm::Value;
use serde::Serialize;

use crate::db::Fault;
use crate::dialect::{As, Dialect};

/// A row of a set. Made by [`set!`].
pub(crate) trait SetRow: Serialize {
    /// The members and how they are typed.
    const COLUMNS: &'static [(&'static str, As)];

    /// Adds each member to its column; there are as many as [`Self::COLUMNS`].
    fn spread(&self, columns: &mut [Column]);
}

/// The values of one member of all rows, as PostgreSQL writes arrays.
#[derive(Debug)]
pub(crate) struct Column(String);

impl Column {
    /// An empty one, for so many bytes.
    fn with_capacity(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self(text)
    }

    pub(crate) fn add(&mut self, cell: &impl Cell) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        cell.write(&mut self.0);
    }

    fn into_value(mut self) -> Value {
        self.0.push('}');
        self.0.into()
    }
}

/// A member of a row.
pub(crate) trait Cell {
    /// As an element of PostgreSQL's arrays.
    fn write(&self, to: &mut String);
}

impl Cell for i64 {
    fn write(&self, to: &mut String) {
        use std::fmt::Write;
        // Writing to a text does not fail.
        let _ = write!(to, "{self}");
    }
}

impl Cell for bool {
    fn write(&self, to: &mut String) {
        to.push(if *self { 't' } else { 'f' });
    }
}

impl Cell for &str {
    /// PostgreSQL keeps no NUL in text.
    fn write(&self, to: &mut String) {
        to.push('"');
        // Most have nothing to escape, and looking at bytes is much faster than at letters.
        if !self.bytes().any(|byte| matches!(byte, b'"' | b'\\' | b'\0')) {
            to.push_str(self);
            to.push('"');
            return;
        }
        let mut rest = *self;
        while let Some(at) = rest.find(['"', '\\', '\0']) {
            to.push_str(&rest[..at]);
            if !rest[at..].starts_with('\0') {
                to.push('\\');
                to.push_str(&rest[at..=at]);
            }
            rest = &rest[at + 1..];
        }
        to.push_str(rest);
        to.push('"');
    }
}

impl Cell for String {
    fn write(&self, to: &mut String) {
        self.as_str().write(to);
    }
}

impl<T: Cell> Cell for Option<T> {
    fn write(&self, to: &mut String) {
        match self {
            Some(cell) => cell.write(to),
            None => to.push_str("NULL"),
        }
    }
}

/// A struct whose members are columns of a set.
macro_rules! set {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? { $($(#[$member:meta])* $field:ident: $kind:ident $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, serde::Serialize)]
        pub(crate) struct $name $(<$life>)? {
            $($(#[$member])* pub(crate) $field: $type,)+
        }

        impl $(<$life>)? $crate::sets::SetRow for $name $(<$life>)? {
            const COLUMNS: &'static [(&'static str, $crate::dialect::As)] =
                &[$((stringify!($field), $crate::dialect::As::$kind)),+];

            fn spread(&self, columns: &mut [$crate::sets::Column]) {
                let mut columns = columns.iter_mut();
                $(if let Some(column) = columns.next() { column.add(&self.$field); })+
            }
        }
    };
}
pub(crate) use set;

impl Dialect {
    /// The relation `alias` out of parameter `$number`, which [`param`] makes.
    pub(crate) fn set<R: SetRow>(self, number: u8, alias: &str) -> String {
        self.rows(number, R::COLUMNS, alias)
    }

    /// The same with one more column, `tenant`: parameter `$tenant` in each row. What is joined to the set takes its tenant from
    /// there: of a tenant that is named by itself PostgreSQL believes, until it has statistics, that it has few rows, goes
    /// through all of them for every set, and takes seconds for a set where a table has grown by some ten thousand rows.
    pub(crate) fn set_in<R: SetRow>(self, number: u8, alias: &str, tenant: u8) -> String {
        self.with(&self.set::<R>(number, alias), alias, &[("tenant", tenant)])
    }

    /// The relation `alias` of many rows, and its values: parameters `$first …`, behind which the statement has none.
    pub(crate) fn bulk<R: SetRow>(
        self,
        first: u8,
        alias: &str,
        rows: &[R],
    ) -> Result<(String, Vec<Value>), Fault> {
        let Some(relation) = self.columns(first, R::COLUMNS, alias) else {
            return Ok((self.set::<R>(first, alias), vec![param(rows)?]));
        };
        let mut columns: Vec<Column> =
            R::COLUMNS.iter().map(|_| Column::with_capacity(16 * rows.len())).collect();
        for row in rows {
            row.spread(&mut columns);
        }
        Ok((relation, columns.into_iter().map(Column::into_value).collect()))
    }

    /// The same with the column `tenant`, as of [`set_in`](Self::set_in).
    pub(crate) fn bulk_in<R: SetRow>(
        self,
        first: u8,
        alias: &str,
        rows: &[R],
        tenant: u8,
    ) -> Result<(String, Vec<Value>), Fault> {
        let (relation, values) = self.bulk(first, alias, rows)?;
        Ok((self.with(&relation, alias, &[("tenant", tenant)]), values))
    }
}

/// All rows as one parameter.
pub(crate) fn param<R: SetRow>(rows: &[R]) -> Result<Value, Fault> {
    let json = serde_json::to_string(rows).map_err(Fault::internal)?;
    Ok(without_nul(json).into())
}

/// Takes `\u0000` out of JSON: PostgreSQL keeps no NUL in text.
fn without_nul(json: String) -> String {
    if !json.contains("\\u0000") {
        return json;
    }
    let mut clean = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some(index) = rest.find('\\') {
        clean.push_str(&rest[..index]);
        rest = &rest[index..];
        if let Some(behind) = rest.strip_prefix("\\u0000") {
            rest = behind;
        } else {
            // The escape and the character that it escapes, which may be a backslash itself.
            let end = rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end);
            clean.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    set! {
        Sample<'a> {
            id: Int i64,
            name: Text Option<&'a str>,
            said: Text String,
            is_new: Bool bool,
        }
    }

    #[test]
    fn many_rows_go_column_by_column_to_postgresql_and_as_one_text_to_sqlite() {
        let rows = [
            Sample { id: -7, name: Some("Zoë \"Z\""), said: "a\0\\,{}".into(), is_new: true },
            Sample { id: 8, name: None, said: String::new(), is_new: false },
            Sample { id: 9, name: Some("NULL"), said: "\n".into(), is_new: false },
        ];
        let (relation, values) = Dialect::Postgres.bulk(3, "r", &rows).unwrap();
        assert_eq!(
            relation,
            "unnest(CAST($3::text AS bigint[]), CAST($4::text AS text[]), CAST($5::text AS text[]), \
             CAST($6::text AS boolean[])) AS r(id, name, said, is_new)"
        );
        let wanted =
            ["{-7,8,9}", "{\"Zoë \\\"Z\\\"\",NULL,\"NULL\"}", "{\"a\\\\,{}\",\"\",\"\n\"}", "{t,f,f}"];
        assert_eq!(values, wanted.map(Value::from));
        let (relation, values) = Dialect::Sqlite.bulk(3, "r", &rows).unwrap();
        assert_eq!((relation, values.len()), (Dialect::Sqlite.set::<Sample<'_>>(3, "r"), 1));
    }

    #[test]
    fn nul_is_taken_out_and_an_escaped_backslash_before_u0000_is_not() {
        for text in ["a\0b\0", "\\u0000", "\\\0", "\\\\u0000\0é\"", "\0\\", "plain"] {
            let json = without_nul(serde_json::to_string(text).unwrap());
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.replace('\0', ""));
        }
    }
}
