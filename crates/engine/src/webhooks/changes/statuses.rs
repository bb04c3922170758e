//! What became of a message.

use domain::messages::Status;
use domain::messages::retry::{FailureKind, ThrottleScope};
use domain::{ConnectionId, Timestamp};
use graph::errors::classify;
use graph::webhook::{DeliveryStatus, Item, StatusUpdate, WebhookError};
use ports::gateway::failure_kind;
use ports::messages::Failure;
use ports::webhooks::{AsideReason, Change, Source, StatusReport, Verdict};

use super::Reader;
use super::people::identity;
use crate::connections::{Breakdown, restrained};
use crate::messages::callback::CallbackData;
use crate::messages::failure;

impl Reader<'_> {
    pub(super) fn status(
        &self,
        item: &Item,
        source: &Source,
        connection: ConnectionId,
        update: &StatusUpdate,
    ) -> Option<Change> {
        let status = match &update.status {
            DeliveryStatus::Sent => Status::Sent,
            DeliveryStatus::Delivered => Status::Delivered,
            DeliveryStatus::Read | DeliveryStatus::Played => Status::Read,
            DeliveryStatus::Failed => Status::Failed,
            DeliveryStatus::Deleted | DeliveryStatus::Warning => return None,
            DeliveryStatus::Other(word) => {
                let why = format!("the status \"{word}\" is not known");
                return Some(self.aside(
                    item,
                    source.clone(),
                    Some(connection),
                    AsideReason::Unrecognised,
                    &why,
                ));
            }
        };
        let at = self.at(update.timestamp);
        let ours = update
            .biz_opaque_callback_data
            .as_deref()
            .and_then(|data| data.parse::<CallbackData>().ok())
            .filter(|data| data.tenant == self.tenant);
        let failed = if status == Status::Failed { failed(update, at) } else { Failed::default() };
        Some(Change::Status(StatusReport {
            source: source.clone(),
            connection_id: connection,
            wamid: update.wamid.clone(),
            status,
            at,
            message_id: ours.map(|data| data.message),
            recipient: identity(update.recipient_id.as_deref(), update.recipient_user_id.as_deref()),
            verdict: self.verdict(connection, failed.kind, failed.failure.as_ref()),
            failure: failed.failure,
            flag: failed.flag,
            if_template: failed.if_template,
            marketing_stop: failed.marketing_stop,
            pricing_category: update.pricing.as_ref().and_then(|pricing| pricing.category.clone()),
        }))
    }

    /// Troubles of token, account and payment may be told at once or in a status: they mean the same. Source: Meta,
    /// "Error codes".
    fn verdict(
        &self,
        connection: ConnectionId,
        kind: Option<FailureKind>,
        why: Option<&Failure>,
    ) -> Option<Verdict> {
        let entry = self.listing.of_tenant(self.tenant, connection)?;
        match kind? {
            FailureKind::ConnectionBroken | FailureKind::AccountRestricted | FailureKind::PaymentRequired => {
                let breakdown = Breakdown::of_failure(&entry.connection, why?);
                Some(Verdict::Broken(breakdown.broken(&entry.connection, self.now)))
            }
            FailureKind::Throttled { scope: ThrottleScope::Account } => {
                let condition = restrained(&entry.connection, why?);
                Some(Verdict::Restrained(condition.alert(self.tenant, self.now)))
            }
            _ => None,
        }
    }
}

/// What a failed status says.
#[derive(Default)]
struct Failed {
    kind: Option<FailureKind>,
    failure: Option<Failure>,
    flag: Option<i64>,
    if_template: Option<(Failure, i64)>,
    marketing_stop: bool,
}

fn failed(update: &StatusUpdate, at: Timestamp) -> Failed {
    let Some(error) = update.errors.first() else {
        let advice = "Meta gave no reason; send it again later.";
        let why = failure::plain("META_REJECTED", "Meta reports a failure without a reason", None, advice);
        return Failed { failure: Some(why), ..Failed::default() };
    };
    let facts = classify(error.code, None, None);
    let kind = failure_kind(facts.kind);
    let flag = |is_template| failure::flag(kind, error.code, is_template);
    // Whether it was a template is not in the webhook; the store knows its message.
    let differs = flag(true) != flag(false);
    Failed {
        kind: Some(kind),
        failure: Some(told(error, kind, facts.advice, false, at)),
        flag: flag(false),
        if_template: flag(true)
            .filter(|_| differs)
            .map(|code| (told(error, kind, facts.advice, true, at), code)),
        marketing_stop: kind == FailureKind::MarketingStopped,
    }
}

fn told(error: &WebhookError, kind: FailureKind, advice: &str, is_template: bool, at: Timestamp) -> Failure {
    let text = error.message.clone().or_else(|| error.title.clone()).unwrap_or_default();
    Failure {
        code: failure::code_of(kind, error.code, is_template, error.details.as_deref()).into(),
        message: failure::headline(kind, error.code, is_template).into(),
        meta_error_code: Some(error.code),
        meta_message: Some(match &error.details {
            Some(details) => format!("{text}: {details}"),
            None => text,
        }),
        fbtrace_id: None,
        advice: Some(advice.into()),
        not_before: failure::wait_before_retry(kind).and_then(|wait| at.saturating_add(wait).ok()),
    }
}
