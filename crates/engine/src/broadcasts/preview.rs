//! What a plan would do, were it sent now.

use domain::broadcasts::{LeftOut, Plan};
use domain::templates::{Category, Preview as Rendering};
use domain::{BroadcastId, ConnectionId, ContactId, TenantId, Timestamp};

use super::{BroadcastError, Broadcasts, later};

/// What would come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Everybody meant, left out or not.
    pub meant: i64,
    pub recipients: i64,
    pub left_out: Vec<(LeftOut, i64)>,
    /// The template's category, by which consent, cap and price go.
    pub category: Category,
    /// Recipients by the language that they get.
    pub languages: Vec<(String, i64)>,
    pub samples: Vec<Sample>,
    /// The numbers that would send.
    pub connections: Vec<ConnectionId>,
    /// What they may send together.
    pub per_second: f64,
    /// At that rate, with Meta's limit of new contacts left out of account.
    pub seconds_to_finish: i64,
    /// Meta's limit of new contacts in 24 hours; `None`: not known, or there is none.
    pub messaging_limit: Option<LimitForecast>,
    /// `None`: the operator loaded no rate card.
    pub cost: Option<Cost>,
    /// Recipients who would wait for the end of their quiet hours (of now, or of the plan's time).
    pub deferred_by_quiet_hours: i64,
    /// When the last of them would get it.
    pub deferred_until: Option<Timestamp>,
    /// What would keep it from being sent now, in words.
    pub warnings: Vec<String>,
}

/// Someone who would get it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub contact_id: ContactId,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub language: Option<String>,
    pub rendered: Rendered,
}

/// What a sample would get.
#[derive(Debug, Clone, PartialEq)]
pub enum Rendered {
    Message(Box<Rendering>),
    /// Nothing: why.
    Nothing {
        reason: LeftOut,
        detail: Option<String>,
    },
}

/// Meta's limit of new contacts in 24 hours, and what it does to the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitForecast {
    pub limit: i64,
    /// Reached within the last 24 hours.
    pub used: i64,
    pub headroom: i64,
    /// Recipients whom it counts.
    pub new_contacts: i64,
    /// Of these: who would have to wait for the next day, or a later one.
    pub overflow: i64,
    /// Days until the last of them gets it; 0: today.
    pub days: i64,
}

/// What Meta would charge.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// One for each currency of the rate card.
    pub totals: Vec<(String, f64)>,
    pub countries: Vec<CountryCost>,
    /// Recipients for whose country the rate card has no price, or whose country nobody knows.
    pub unpriced: i64,
}

/// The price of one country's recipients.
#[derive(Debug, Clone, PartialEq)]
pub struct CountryCost {
    /// Two letters.
    pub country: String,
    pub recipients: i64,
    pub currency: String,
    pub each: f64,
    pub total: f64,
}

impl Broadcasts {
    /// What the plan would do now: whom it would reach, whom not and why, how long it would take, what it would cost.
    /// `broadcast`: whose list the plan is about, when its audience is a list. Writes nothing.
    ///
    /// # Errors
    /// What is wrong with the plan, or the store's. A template that is not approved yet is a warning here.
    pub async fn preview(
        &self,
        tenant: TenantId,
        plan: &Plan,
        broadcast: Option<BroadcastId>,
    ) -> Result<Preview, BroadcastError> {
        let _ = (tenant, plan, broadcast);
        Err(later())
    }
}
