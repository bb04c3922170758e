//! The macros with which requests are written down.

/// A request body: the struct, its OpenAPI schema (unknown members refused) and its reader, from one text.
///
/// A field of type `Option<…>` may be absent or `null`; of type [`Change`](crate::read::Change) absent, `null` or a
/// value; any other must be there. `[min, max]` behind a type bounds the characters of a text (or, behind a list of
/// texts, the characters of each).
#[macro_export]
macro_rules! request {
    (
        $(#[$meta:meta])*
        $name:ident {
            $(
                $(#[$field_meta:meta])*
                $field:ident : $type:ty $([$min:tt, $max:tt])?
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize, ::utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                $(#[schema(min_length = $min, max_length = $max)])?
                pub $field: $type,
            )*
        }

        impl $crate::read::FromJson for $name {
            fn from_json(
                value: ::serde_json::Value,
                place: &$crate::place::Place<'_>,
                faults: &mut $crate::faults::Faults,
            ) -> Option<Self> {
                let mut fields = $crate::read::Fields::of(value, place, faults)?;
                $(
                    let $field: Option<$type> = fields.take(stringify!($field).trim_start_matches("r#"));
                    $(let $field = fields.measured(stringify!($field), $field, $min, $max);)?
                )*
                fields.finish();
                Some(Self { $($field: $field?),* })
            }
        }
    };
}

/// A query string: the struct, its OpenAPI parameters and its reader. Every field is an `Option` of something that is
/// [read from a text](crate::read::FromText).
#[macro_export]
macro_rules! query {
    (
        $(#[$meta:meta])*
        $name:ident {
            $(
                $(#[$field_meta:meta])*
                $field:ident : $type:ty
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, ::utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                pub $field: $type,
            )*
        }

        impl $crate::read::FromQuery for $name {
            fn from_query(fields: &mut $crate::read::QueryFields<'_>) -> Option<Self> {
                $(let $field: Option<$type> = fields.take(stringify!($field).trim_start_matches("r#"));)*
                Some(Self { $($field: $field?),* })
            }
        }
    };
}

// A word is taken as a token: a literal would reach the derives in a group of its own, which they do not look into, and
// the document would name the variants instead of the words.
/// A closed set of words on the wire. With `= domain::…` behind the name it is the wire's face of that type (variants of
/// the same names) and converts both ways.
#[macro_export]
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$word_meta:meta])* $variant:ident = $word:tt),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ::serde::Serialize, ::serde::Deserialize, ::utoipa::ToSchema)]
        pub enum $name {
            $($(#[$word_meta])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(concat!("must be one of: ", $crate::words!(@list $($word),+)).to_owned()),
                }
            }
        }

        $crate::read_by_word!($name);
    };
    (
        $(#[$meta:meta])*
        $name:ident = $domain:ty { $($(#[$word_meta:meta])* $variant:ident = $word:tt),+ $(,)? }
    ) => {
        $crate::words! { $(#[$meta])* $name { $($(#[$word_meta])* $variant = $word),+ } }

        impl From<$domain> for $name {
            fn from(known: $domain) -> Self {
                match known { $(<$domain>::$variant => Self::$variant),+ }
            }
        }

        impl From<$name> for $domain {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => <$domain>::$variant),+ }
            }
        }
    };
    (@list $first:literal $(, $rest:literal)*) => { concat!($first $(, ", ", $rest)*) };
}

/// Makes a type that is known by a word ([`FromStr`](std::str::FromStr), its error a sentence) readable from a body
/// and from a query string.
#[macro_export]
macro_rules! read_by_word {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::read::FromJson for $name {
            fn from_json(
                value: ::serde_json::Value,
                place: &$crate::place::Place<'_>,
                faults: &mut $crate::faults::Faults,
            ) -> Option<Self> {
                let word = <String as $crate::read::FromJson>::from_json(value, place, faults)?;
                word.parse().map_err(|problem| faults.add(place, format!("{problem}"))).ok()
            }
        }

        impl $crate::read::FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|problem| format!("{problem}"))
            }
        }
    )+};
}
