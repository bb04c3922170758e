//! Lists: a part of something longer.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::read::{FromQuery, QueryFields};

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    pub items: Vec<T>,
    /// How many there are in all. Of a list too long to be counted at once it may be an estimate, out of an earlier count
    /// or of the latest items: then `total_is_estimate` is there.
    pub total: u64,
    /// True when `total` is an estimate; absent when it was counted.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    #[schema(required = false)]
    pub total_is_estimate: bool,
    /// The page that was asked for, from 1.
    pub page: u32,
    pub page_size: u32,
    /// Give it as `cursor` to get the next part; absent at the end and where a list knows no cursors.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PagingQuery {
    /// From 1.
    #[param(default = 1, minimum = 1, required = false)]
    pub page: u32,
    /// Items per page.
    #[param(default = 20, minimum = 1, maximum = 100, required = false)]
    pub page_size: u32,
    /// The `next_cursor` of an earlier part; outranks `page`.
    pub cursor: Option<String>,
}

impl Default for PagingQuery {
    fn default() -> Self {
        Self { page: 1, page_size: 20, cursor: None }
    }
}

/// Longer cursors were not made here.
const CURSOR_LIMIT: usize = 500;

impl FromQuery for PagingQuery {
    fn from_query(fields: &mut QueryFields<'_>) -> Option<Self> {
        let page = fields.checked("page", 1, |page: &u32| (*page < 1).then_some("must be at least 1"));
        let page_size = fields.checked("page_size", 20, |size: &u32| {
            (!(1..=100).contains(size)).then_some("must be from 1 to 100")
        });
        let cursor = fields.take::<Option<String>>("cursor");
        if cursor.iter().flatten().any(|cursor| cursor.len() > CURSOR_LIMIT) {
            fields.fault("cursor", "is not a cursor of this list");
        }
        // An empty one is how some clients ask for the first part.
        let cursor = cursor?.filter(|cursor| !cursor.is_empty());
        Some(Self { page: page?, page_size: page_size?, cursor })
    }
}
