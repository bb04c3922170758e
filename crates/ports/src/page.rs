//! Lists: by page, or by cursor where a list can be deep.

use serde::{Deserialize, Serialize};

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paging {
    /// From 1.
    pub page: u32,
    /// 1 to 100.
    pub page_size: u32,
    /// The `next_cursor` of an earlier page; outranks `page`. Opaque to callers.
    pub cursor: Option<String>,
}

impl Default for Paging {
    fn default() -> Self {
        Self { page: 1, page_size: 20, cursor: None }
    }
}

impl Paging {
    /// Rows to skip when no cursor is given.
    pub fn offset(&self) -> u64 {
        u64::from(self.page.saturating_sub(1)) * u64::from(self.page_size)
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// That was not counted just now: the list is too long for it. Never with less than 1,000.
    pub total_is_estimate: bool,
    /// Where the next page starts, when there is one and the list knows cursors.
    pub next_cursor: Option<String>,
    /// The cursor that was given is none of this list: nothing was read.
    pub foreign_cursor: bool,
}

impl<T> Page<T> {
    /// The same page with each item turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            total: self.total,
            total_is_estimate: self.total_is_estimate,
            next_cursor: self.next_cursor,
            foreign_cursor: self.foreign_cursor,
        }
    }
}
