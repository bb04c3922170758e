//! Sets of rows on their way into a statement: a struct per set, one JSON array parameter for all of its rows.

use sea_orm::Value;
use serde::Serialize;

use crate::db::Fault;
use crate::dialect::{As, Dialect};

/// A row of a set. Made by [`set!`].
pub(crate) trait SetRow: Serialize {
    /// The members and how they are typed.
    const COLUMNS: &'static [(&'static str, As)];
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
        }
    };
}
pub(crate) use set;

impl Dialect {
    /// The relation `alias` out of parameter `$number`, which [`param`] makes.
    pub(crate) fn set<R: SetRow>(self, number: u8, alias: &str) -> String {
        self.rows(number, R::COLUMNS, alias)
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

    #[test]
    fn nul_is_taken_out_and_an_escaped_backslash_before_u0000_is_not() {
        for text in ["a\0b\0", "\\u0000", "\\\0", "\\\\u0000\0é\"", "\0\\", "plain"] {
            let json = without_nul(serde_json::to_string(text).unwrap());
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.replace('\0', ""));
        }
    }
}
