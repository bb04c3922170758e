//! What a broadcast sends, to whom and when: from a request to a plan.

use domain::broadcasts::breaker::Limits;
use domain::broadcasts::plan::{Audience, TemplateChoice};
use domain::broadcasts::recipe::Recipe;
use domain::broadcasts::schedule::Schedule;
use domain::broadcasts::{Plan, reasons};
use domain::{BroadcastId, ConnectionId};
use jiff::Timestamp;
use serde_json::Value;

use super::{AudienceInput, RecipientInput, ScheduleInput};
use crate::faults::Faults;
use crate::read::Change;

words! {
    /// A way of failing, as `failure_breakdown` names it.
    FailureReason = reasons::FailedBy {
        NotOnWhatsapp = "not_on_whatsapp",
        InvalidNumber = "invalid_number",
        /// Given up because of a limit.
        RateLimited = "rate_limited",
        /// The contact opted out between the freezing and the sending.
        NoConsent = "no_consent",
        Template = "template",
        /// Token, account or payment.
        Connection = "connection",
        Unreachable = "meta_unavailable",
        /// Nobody knows whether WhatsApp took it.
        OutcomeUnknown = "outcome_unknown",
        Media = "media",
        /// Anything else that WhatsApp refused.
        Rejected = "rejected",
    }
}

request! {
    /// When it stops by itself. What is absent is as usual: 50 failures in a row, half of the last 200.
    #[derive(Copy)]
    BreakerInput {
        /// So many failures one after the other; 0: never.
        consecutive_failures: Option<u32>,
        /// This share (0 to 1) of the last `window` outcomes failed; 0: never.
        #[schema(minimum = 0, maximum = 1)]
        failure_share: Option<f64>,
        /// Outcomes looked at for the share.
        #[schema(maximum = 100_000)]
        window: Option<u32>,
    }
}

/// The members that creating, changing and trying out have in common, behind what each has of its own.
macro_rules! plan_request {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$own_meta:meta])* $own:ident : $own_type:ty $([$min:tt, $max:tt])?,)*
    }) => {
        request! {
            $(#[$meta])*
            $name {
                $($(#[$own_meta])* $own: $own_type $([$min, $max])?,)*
                /// Absent: the contact's own language, where the template has it.
                #[serde(default, skip_serializing_if = "Change::is_keep")]
                #[schema(value_type = Option<String>, required = false, example = "en_US")]
                template_language: Change<String> [2, 20],
                /// For contacts whose own language the template does not have: the first of these that it has. Empty:
                /// the tenant's order.
                fallback_languages: Option<Vec<String>> [2, 20],
                /// As in a message; every text may hold places: `{{contact.name}}`, `{{contact.phone}}`,
                /// `{{contact.language}}`, `{{contact.username}}`, `{{contact.fields.city}}`, `{{row.coupon}}` (a
                /// column of the list). Behind a bar stands what is used when it is empty:
                /// `{{contact.name|friend}}`; without it such a recipient is left out.
                #[schema(value_type = Option<Value>, example = json!(["{{contact.name|friend}}", "{{row.coupon}}"]))]
                template_params: Option<Value>,
                audience: Option<AudienceInput>,
                /// A short list; a long one is uploaded by `PUT …/list`.
                recipients: Option<Vec<RecipientInput>>,
                /// The number to send from; absent: the tenant's default.
                #[schema(value_type = Option<i64>)]
                connection_id: Option<ConnectionId>,
                /// Several numbers that share the work.
                #[schema(value_type = Option<Vec<i64>>)]
                connection_ids: Option<Vec<ConnectionId>>,
                /// Absent or `null`: when somebody says so by `POST …/send`.
                #[serde(default, skip_serializing_if = "Change::is_keep")]
                #[schema(value_type = Option<ScheduleInput>, required = false)]
                schedule: Change<ScheduleInput>,
                /// Short for `schedule` with `send_at` alone.
                send_at: Option<Timestamp>,
                breaker: Option<BreakerInput>,
            }
        }

        impl $name {
            /// What it says of the plan; its own members are left in place.
            pub fn take_given(&mut self, template_name: Option<String>) -> Given {
                Given {
                    template_name,
                    template_language: std::mem::take(&mut self.template_language),
                    fallback_languages: self.fallback_languages.take(),
                    template_params: self.template_params.take(),
                    audience: self.audience.take(),
                    recipients: self.recipients.take(),
                    connection_id: self.connection_id.take(),
                    connection_ids: self.connection_ids.take(),
                    schedule: std::mem::take(&mut self.schedule),
                    send_at: self.send_at.take(),
                    breaker: self.breaker.take(),
                }
            }
        }
    };
}

plan_request! {
    /// A broadcast to be made: a draft, until somebody sends it.
    CreateBroadcast {
        #[schema(example = "Spring sale")]
        name: String [1, 200],
        #[schema(example = "spring_sale")]
        template_name: String [1, 512],
    }
}

plan_request! {
    /// What to change in a draft or a scheduled broadcast; an absent member stays as it is.
    UpdateBroadcast {
        name: Option<String> [1, 200],
        template_name: Option<String> [1, 512],
    }
}

plan_request! {
    /// A plan to be tried out: as in creating; or `broadcast_id` for one that exists, with what would be changed in it.
    PreviewBroadcast {
        #[schema(value_type = Option<i64>)]
        broadcast_id: Option<BroadcastId>,
        /// Not looked at.
        name: Option<String>,
        template_name: Option<String> [1, 512],
    }
}

request! {
    /// When to send it, if not as its plan says.
    SendBroadcast {
        /// `null`: now, whatever the plan says.
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<ScheduleInput>, required = false)]
        schedule: Change<ScheduleInput>,
        /// Short for `schedule` with `send_at` alone.
        send_at: Option<Timestamp>,
    }
}

request! {
    /// Which recipients get another attempt.
    RetryFailed {
        /// Those that failed in one of these ways, at least one; absent: all but `outcome_unknown`.
        reasons: Option<Vec<FailureReason>>,
        /// Also send again to those whose reason is `outcome_unknown`, when it is named, knowing that it may arrive twice.
        accept_duplicate: Option<bool>,
    }
}

/// What a request says of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Given {
    template_name: Option<String>,
    template_language: Change<String>,
    fallback_languages: Option<Vec<String>>,
    template_params: Option<Value>,
    audience: Option<AudienceInput>,
    recipients: Option<Vec<RecipientInput>>,
    connection_id: Option<ConnectionId>,
    connection_ids: Option<Vec<ConnectionId>>,
    schedule: Change<ScheduleInput>,
    send_at: Option<Timestamp>,
    breaker: Option<BreakerInput>,
}

/// A plan, and the rows that came with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub plan: Plan,
    /// Rows that take the place of those of the list.
    pub recipients: Option<Vec<RecipientInput>>,
}

/// Numbers that can share one broadcast.
const CONNECTIONS: usize = 50;
/// Outcomes that the breaker looks at.
const WINDOW: u32 = 100_000;

impl SendBroadcast {
    /// What it changes in the plan.
    pub fn take_given(&mut self) -> Given {
        let schedule = std::mem::take(&mut self.schedule);
        Given { schedule, send_at: self.send_at.take(), ..Given::default() }
    }
}

impl Given {
    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The rows that come along.
    pub fn recipients(&self) -> Option<&Vec<RecipientInput>> {
        self.recipients.as_ref()
    }

    /// The plan; what is not given is taken from `base`, the plan as it was.
    ///
    /// # Errors
    /// Every fault, with pointers into the request.
    pub fn onto(mut self, base: Option<Plan>) -> Result<Wanted, Faults> {
        let mut faults = Faults::default();
        let recipients = self.recipients.take();
        let plan = self.plan(base, recipients.is_some(), &mut faults);
        match plan {
            Some(plan) if faults.is_empty() => Ok(Wanted { plan, recipients }),
            _ => Err(faults),
        }
    }

    fn plan(self, base: Option<Plan>, with_rows: bool, faults: &mut Faults) -> Option<Plan> {
        let schedule = schedule(self.schedule, self.send_at, faults);
        let connections = connections(self.connection_id, self.connection_ids, faults);
        let base_breaker = base.as_ref().map(|plan| plan.breaker).unwrap_or_default();
        let breaker = self.breaker.map_or(base_breaker, |breaker| limits(breaker, base_breaker, faults));
        if let Some(params) = &self.template_params
            && let Err(found) = Recipe::read(params)
        {
            for fault in found {
                faults.add_at(format!("/template_params{}", fault.pointer), fault.problem);
            }
        }
        let base_audience = base.as_ref().map(|plan| plan.audience.clone());
        let audience = audience(self.audience, base_audience, with_rows, faults);
        if self.template_name.is_none() && base.is_none() {
            faults.add_at("/template_name", "is missing");
        }
        let was = base.as_ref().map(|plan| &plan.template);
        let template = TemplateChoice {
            name: self.template_name.or_else(|| was.map(|was| was.name.clone())).unwrap_or_default(),
            language: match self.template_language {
                Change::Keep => was.and_then(|was| was.language.clone()),
                Change::Clear => None,
                Change::Set(language) => Some(language),
            },
            fallback: self
                .fallback_languages
                .or_else(|| was.map(|was| was.fallback.clone()))
                .unwrap_or_default(),
        };
        Some(Plan {
            template,
            params: self
                .template_params
                .or_else(|| base.as_ref().map(|p| p.params.clone()))
                .unwrap_or_default(),
            audience: audience?,
            connections: connections
                .or_else(|| base.as_ref().map(|plan| plan.connections.clone()))
                .unwrap_or_default(),
            schedule: schedule.or_else(|| base.map(|plan| plan.schedule)).unwrap_or_default(),
            breaker,
        })
    }
}

fn schedule(
    given: Change<ScheduleInput>,
    send_at: Option<Timestamp>,
    faults: &mut Faults,
) -> Option<Schedule> {
    match (given, send_at) {
        (Change::Keep, None) => None,
        (Change::Keep, Some(at)) => Some(Schedule::At { at }),
        (Change::Clear, None) => Some(Schedule::Now),
        (Change::Set(schedule), None) => schedule.read("/schedule", faults),
        (_, Some(_)) => {
            faults.add_at("/send_at", "does not go together with schedule");
            None
        }
    }
}

fn connections(
    one: Option<ConnectionId>,
    several: Option<Vec<ConnectionId>>,
    faults: &mut Faults,
) -> Option<Vec<ConnectionId>> {
    match (one, several) {
        (None, several) => {
            let several = several?;
            let mut seen = std::collections::HashSet::new();
            if several.len() > CONNECTIONS || !several.iter().all(|id| seen.insert(*id)) {
                let problem = format!("must name at most {CONNECTIONS} connections, each once");
                faults.add_at("/connection_ids", problem);
            }
            Some(several)
        }
        (Some(one), None) => Some(vec![one]),
        (Some(_), Some(_)) => {
            faults.add_at("/connection_ids", "does not go together with connection_id");
            None
        }
    }
}

fn limits(given: BreakerInput, was: Limits, faults: &mut Faults) -> Limits {
    let limits = Limits {
        consecutive_failures: given.consecutive_failures.unwrap_or(was.consecutive_failures),
        failure_share: given.failure_share.unwrap_or(was.failure_share),
        window: given.window.unwrap_or(was.window),
    };
    if !(0.0..=1.0).contains(&limits.failure_share) {
        faults.add_at("/breaker/failure_share", "must be from 0 to 1");
    }
    if limits.window > WINDOW {
        faults.add_at("/breaker/window", format!("must be at most {WINDOW}"));
    }
    limits
}

/// Rows that come along make the audience a list.
fn audience(
    given: Option<AudienceInput>,
    was: Option<Audience>,
    with_rows: bool,
    faults: &mut Faults,
) -> Option<Audience> {
    let Some(mut input) = given.or_else(|| with_rows.then(AudienceInput::default)) else {
        if was.is_none() {
            faults.add_at("/audience", "is missing; give it or recipients");
        }
        return was;
    };
    if with_rows {
        input.list.get_or_insert(true);
    }
    let before = faults.len();
    let rule = input.rule(with_rows, faults);
    // An input is made of texts, numbers and JSON: it can always be written.
    let asked = serde_json::to_value(&input).unwrap_or_default();
    (faults.len() == before).then(|| Audience { list: input.list == Some(true), rule, asked })
}

impl From<Limits> for BreakerInput {
    fn from(limits: Limits) -> Self {
        Self {
            consecutive_failures: Some(limits.consecutive_failures),
            failure_share: Some(limits.failure_share),
            window: Some(limits.window),
        }
    }
}
