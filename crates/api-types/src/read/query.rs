//! The parameters of a query string.

use jiff::Timestamp;

use crate::faults::Faults;
use crate::place::Place;

/// What can be read from one parameter.
pub trait FromText: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, in words that follow the parameter's name.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// What can be read from a set of parameters.
pub trait FromQuery: Sized {
    /// Takes its parameters; `None` after noting at least one fault.
    fn from_query(fields: &mut QueryFields<'_>) -> Option<Self>;
}

/// What can be read from all parameters of one name.
pub trait FromTexts: Sized {
    /// Reads them, in their order; none when the parameter is absent.
    ///
    /// # Errors
    /// What is wrong, in words that follow the parameter's name.
    fn from_texts(texts: &[String]) -> Result<Self, String>;
}

/// The parameters that were not taken yet.
#[derive(Debug)]
pub struct QueryFields<'f> {
    pairs: Vec<(String, String)>,
    faults: &'f mut Faults,
}

impl<'f> QueryFields<'f> {
    pub(super) fn of(pairs: Vec<(String, String)>, faults: &'f mut Faults) -> Self {
        Self { pairs, faults }
    }

    /// Takes every parameter of this name.
    pub fn take<T: FromTexts>(&mut self, name: &str) -> Option<T> {
        let texts: Vec<String> =
            self.pairs.extract_if(.., |pair| pair.0 == name).map(|(_, text)| text).collect();
        T::from_texts(&texts).map_err(|problem| self.fault(name, problem)).ok()
    }

    /// Takes a parameter that has a default, and checks it.
    pub fn checked<T>(
        &mut self,
        name: &str,
        default: T,
        fault: impl Fn(&T) -> Option<&'static str>,
    ) -> Option<T>
    where
        Option<T>: FromTexts,
    {
        let taken = self.take::<Option<T>>(name)?.unwrap_or(default);
        match fault(&taken) {
            None => Some(taken),
            Some(problem) => {
                self.fault(name, problem);
                None
            }
        }
    }

    /// Notes a fault at a parameter.
    pub fn fault(&mut self, name: &str, problem: impl Into<String>) {
        self.faults.add(&Place::Root.member(name), problem);
    }

    pub(super) fn finish(self) {
        for (name, _) in &self.pairs {
            self.faults.add(&Place::Root.member(name), "is not a known parameter");
        }
    }
}

impl<T: FromText> FromTexts for Option<T> {
    fn from_texts(texts: &[String]) -> Result<Self, String> {
        match texts {
            [] => Ok(None),
            [text] => T::from_text(text).map(Some),
            _ => Err("is given more than once".into()),
        }
    }
}

/// Repeated (`tags=a&tags=b`), or one with commas (`tags=a,b`).
impl<T: FromText> FromTexts for Vec<T> {
    fn from_texts(texts: &[String]) -> Result<Self, String> {
        texts
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(T::from_text)
            .collect()
    }
}

impl FromQuery for () {
    fn from_query(_: &mut QueryFields<'_>) -> Option<Self> {
        Some(())
    }
}

impl<A: FromQuery, B: FromQuery> FromQuery for (A, B) {
    fn from_query(fields: &mut QueryFields<'_>) -> Option<Self> {
        let (first, second) = (A::from_query(fields), B::from_query(fields));
        Some((first?, second?))
    }
}

impl FromText for String {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.contains('\0') {
            return Err("must not contain the character U+0000".into());
        }
        Ok(text.to_owned())
    }
}

impl FromText for bool {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err("must be true or false".into()),
        }
    }
}

impl FromText for u32 {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be a whole number".into())
    }
}

impl FromText for Timestamp {
    fn from_text(text: &str) -> Result<Self, String> {
        // A `+` in a query string is a space.
        text.replace(' ', "+")
            .parse()
            .map_err(|_| "must be a time such as 2026-11-22T10:00:00Z (RFC 3339)".into())
    }
}
