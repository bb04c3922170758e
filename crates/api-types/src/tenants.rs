//! Tenants and their settings.

use domain::broadcasts::schedule::{self, ThenQuiet};
use jiff::Timestamp;
use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::access::members::InvitedMember;
use crate::faults::Faults;
use crate::place::Place;
use crate::read::{Change, FromJson};

words! {
    /// What becomes of a message of which nobody ever heard again.
    InDoubtRuling {
        /// It counts as failed, and is not sent again.
        Fail = "fail",
        /// It waits for an operator.
        Wait = "wait",
    }
}

words! {
    /// What becomes of a recipient in quiet hours.
    InQuietHours = ThenQuiet {
        /// It waits for the end of them.
        Wait = "wait",
        /// It is left out.
        LeaveOut = "leave_out",
    }
}

/// A time of day, of whatever clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeOfDay(pub Time);

impl FromJson for TimeOfDay {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        let text = String::from_json(value, place, faults)?;
        match text.parse() {
            Ok(time) => Some(Self(time)),
            Err(_) => {
                faults.add(place, "must be a time of day, such as 21:30");
                None
            }
        }
    }
}

request! {
    /// When no marketing of broadcasts goes out, by each recipient's own clock.
    #[derive(Copy, Eq)]
    QuietHours {
        #[schema(value_type = String, example = "21:00:00")]
        from: TimeOfDay,
        /// Of the next day when it is earlier.
        #[schema(value_type = String, example = "08:00:00")]
        to: TimeOfDay,
        /// `wait` by default.
        then: Option<InQuietHours>,
    }
}

impl From<QuietHours> for schedule::QuietHours {
    fn from(hours: QuietHours) -> Self {
        let then = match hours.then {
            None | Some(InQuietHours::Wait) => ThenQuiet::Wait,
            Some(InQuietHours::LeaveOut) => ThenQuiet::LeaveOut,
        };
        Self { from: hours.from.0, to: hours.to.0, then }
    }
}

impl From<schedule::QuietHours> for QuietHours {
    fn from(hours: schedule::QuietHours) -> Self {
        Self { from: TimeOfDay(hours.from), to: TimeOfDay(hours.to), then: Some(hours.then.into()) }
    }
}

request! {
    /// How much marketing of broadcasts a contact gets at most.
    #[derive(Copy, Eq)]
    FrequencyCap {
        /// At most so many messages …
        #[schema(minimum = 1)]
        messages: u32,
        /// … in so many days.
        #[schema(minimum = 1, maximum = 365)]
        days: u32,
    }
}

impl From<FrequencyCap> for schedule::FrequencyCap {
    fn from(cap: FrequencyCap) -> Self {
        Self { messages: cap.messages, days: cap.days }
    }
}

impl From<schedule::FrequencyCap> for FrequencyCap {
    fn from(cap: schedule::FrequencyCap) -> Self {
        Self { messages: cap.messages, days: cap.days }
    }
}

request! {
    /// Who is to own a tenant.
    InviteOwner {
        #[schema(example = "ada@example.com")]
        email: String [1, 254],
        name: Option<String> [1, 100],
    }
}

request! {
    /// A tenant to be made.
    CreateTenant {
        name: String [1, 200],
        settings: Option<UpdateTenantSettings>,
        /// Is invited as its first owner.
        owner: Option<InviteOwner>,
    }
}

/// A tenant that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MadeTenant {
    #[serde(flatten)]
    pub tenant: Tenant,
    /// Who was invited to own it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<InvitedMember>,
}

/// One business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tenant {
    pub id: i64,
    pub name: String,
    pub settings: TenantSettings,
    pub created_at: Timestamp,
}

/// What a tenant may choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantSettings {
    /// Words that opt out; empty: the built-in ones.
    pub opt_out_words: Vec<String>,
    /// Words that opt in again; empty: the built-in ones.
    pub opt_in_words: Vec<String>,
    /// The one message that passes after an opt-out; `null` sends none.
    pub opt_out_confirmation: Option<String>,
    /// Sent after an opt-in by keyword; `null` sends none.
    pub opt_in_confirmation: Option<String>,
    /// Two letters (ISO 3166); helps to read numbers written without `+`.
    #[schema(example = "DE")]
    pub default_country: Option<String>,
    /// Seconds after which an `in_doubt` message that no webhook settled is ruled on.
    pub in_doubt_after_seconds: u32,
    pub in_doubt_ruling: InDoubtRuling,
    /// Languages of templates, the best first, for contacts whose own language a template does not have.
    pub languages: Vec<String>,
    /// IANA name, for broadcasts that recur; `null`: UTC.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    /// When no marketing of broadcasts goes out.
    pub quiet_hours: Option<QuietHours>,
    /// How much marketing of broadcasts a contact gets at most.
    pub frequency_cap: Option<FrequencyCap>,
}

request! {
    /// What to change; an absent member stays as it is.
    UpdateTenantSettings {
        /// Words that opt out; empty: the built-in ones.
        opt_out_words: Option<Vec<String>>,
        /// Words that opt in again; empty: the built-in ones.
        opt_in_words: Option<Vec<String>>,
        /// The one message that passes after an opt-out; `null` sends none.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        opt_out_confirmation: Change<String> [1, 1024],
        /// Sent after an opt-in by keyword; `null` sends none.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        opt_in_confirmation: Change<String> [1, 1024],
        /// Two letters (ISO 3166).
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false, example = "DE")]
        default_country: Change<String> [2, 2],
        /// From 10 to 2592000.
        in_doubt_after_seconds: Option<u32>,
        in_doubt_ruling: Option<InDoubtRuling>,
        /// Languages of templates, the best first, for contacts whose own language a template does not have.
        languages: Option<Vec<String>>,
        /// IANA name, for broadcasts that recur; `null`: UTC.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false, example = "Europe/Berlin")]
        time_zone: Change<String> [1, 64],
        /// When no marketing of broadcasts goes out, by each recipient's own clock; `null`: it may at any time.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<QuietHours>, required = false)]
        quiet_hours: Change<QuietHours>,
        /// How much marketing of broadcasts a contact gets at most; `null`: no limit.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<FrequencyCap>, required = false)]
        frequency_cap: Change<FrequencyCap>,
    }
}
