//! How a broadcast went.

use api_types::broadcasts::{BroadcastResults, CaughtFailure, Funnel, HourResults, ResultNumbers};
use api_types::{ErrorCode, Success};
use axum::extract::State;
use domain::broadcasts::LeftOut;
use domain::broadcasts::reasons::FailedBy;
use domain::{BroadcastId, Timestamp};
use engine::broadcasts::{Broadcasts, Motion, Report};
use ports::broadcasts::{Counts, FailedGroup, Results};
use serde_json::{Map, Value};

use super::{bodies, failed};
use crate::answer::{Answer, Result, ok};
use crate::body::Id;
use crate::caller::{Caller, needs};
use crate::routing::{Routes, routes};

/// Always there, in the order of the product owner's document.
const ALWAYS: [FailedBy; 3] = [FailedBy::NotOnWhatsapp, FailedBy::InvalidNumber, FailedBy::RateLimited];

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(get_broadcast_results))
}

/// How a broadcast goes, or went.
///
/// `sent` are those that Meta took. `failed` are those that got a final refusal, and rows of the uploaded list whose
/// number cannot be one: they are counted as `invalid_number`, in `failed` and in `total`, though nothing was sent to
/// them (`left_out` lists them as well). While it is sending, and for messages in doubt, `sent` and `failed` do not
/// add up to `total` yet.
#[utoipa::path(get, path = "/broadcasts/{id}/results", tag = "broadcasts",
    responses((status = 200, body = Success<BroadcastResults>)),
    extensions(("x-required-permission" = json!("broadcasts_read")), ("x-error-codes" = json!(["BROADCAST_NOT_FOUND"]))))]
async fn get_broadcast_results(
    caller: Caller<needs::BroadcastsRead>,
    Id(id): Id<BroadcastId>,
    State(broadcasts): State<Broadcasts>,
) -> Result<Answer<BroadcastResults>> {
    Ok(ok(body(broadcasts.results(caller.tenant, id).await.map_err(failed(id))?)))
}

fn body(report: Report) -> BroadcastResults {
    let Report { broadcast, results, motion: Motion { rate_limit, progress, waiting_for } } = report;
    let counts = results.counts;
    BroadcastResults {
        broadcast_id: broadcast.id.0,
        name: broadcast.name,
        status: broadcast.state.into(),
        reason: broadcast.reason.map(bodies::reason),
        results: numbers(&results),
        failures: failures(&results),
        funnel: funnel(&counts),
        opt_outs: counts.opted_out,
        opt_out_rate: share(counts.opted_out, counts.sent),
        left_out: bodies::exclusions(results.left_out),
        by_hour: results.hours.into_iter().map(hour).collect(),
        counts: bodies::counts(&counts),
        progress: bodies::progress(&counts, progress),
        rate_limit: rate_limit.map(bodies::throttle),
        waiting_for: waiting_for.map(|waiting| waiting.what.as_str().to_owned()),
        started_at: broadcast.started_at,
        finished_at: broadcast.finished_at,
    }
}

fn bad_rows(results: &Results) -> i64 {
    let bad = results.left_out.iter().filter(|(reason, _)| *reason == LeftOut::InvalidNumber);
    bad.map(|(_, count)| count).sum()
}

/// The product owner's sums: a row of the list that cannot be a number was meant, too.
fn numbers(results: &Results) -> ResultNumbers {
    let bad_rows = bad_rows(results);
    let count_of = |reason: FailedBy| {
        let failed: i64 =
            results.failed.iter().filter(|group| group.failed_by == reason).map(|group| group.count).sum();
        if reason == FailedBy::InvalidNumber { failed + bad_rows } else { failed }
    };
    let mut failure_breakdown: Map<String, Value> = Map::new();
    let others = FailedBy::ALL.iter().copied().filter(|reason| !ALWAYS.contains(reason));
    for reason in ALWAYS.into_iter().chain(others) {
        let count = count_of(reason);
        if count > 0 || ALWAYS.contains(&reason) {
            failure_breakdown.insert(reason.as_str().to_owned(), count.into());
        }
    }
    ResultNumbers {
        total: results.counts.total() + bad_rows,
        sent: results.counts.sent,
        failed: results.counts.failed + bad_rows,
        failure_breakdown,
    }
}

/// What `failed` counts, the most frequent first: rows of the list that cannot be a number as well.
fn failures(results: &Results) -> Vec<CaughtFailure> {
    let mut failures: Vec<CaughtFailure> = results.failed.iter().cloned().map(failure).collect();
    let count = bad_rows(results);
    if count > 0 {
        failures.push(CaughtFailure {
            reason: FailedBy::InvalidNumber.as_str().to_owned(),
            code: ErrorCode::InvalidPhoneFormat.as_str().to_owned(),
            meta_error_code: None,
            title: Some("No phone number".to_owned()),
            advice: Some(
                "These rows of the list were sent nothing: correct their numbers (recipients?state=left_out&\
                 reason=invalid_number shows them), and send a broadcast to those."
                    .to_owned(),
            ),
            count,
        });
        failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
    }
    failures
}

fn failure(group: FailedGroup) -> CaughtFailure {
    let facts = group.meta_error_code.map(|code| graph::errors::classify(code, None, None));
    CaughtFailure {
        reason: group.failed_by.as_str().to_owned(),
        code: group.code,
        meta_error_code: group.meta_error_code,
        title: facts.map(|facts| facts.title.to_owned()),
        advice: facts.map(|facts| facts.advice.to_owned()),
        count: group.count,
    }
}

fn funnel(counts: &Counts) -> Funnel {
    Funnel {
        sent: counts.sent,
        delivered: counts.delivered,
        read: counts.read,
        replied: counts.replied,
        delivery_rate: share(counts.delivered, counts.sent),
        read_rate: share(counts.read, counts.delivered),
        reply_rate: share(counts.replied, counts.delivered),
    }
}

/// Four decimals tell enough.
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0)
}

fn hour((hour, counts): (Timestamp, Counts)) -> HourResults {
    HourResults {
        hour,
        sent: counts.sent,
        delivered: counts.delivered,
        read: counts.read,
        replied: counts.replied,
        failed: counts.failed,
        opted_out: counts.opted_out,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group(failed_by: FailedBy, count: i64) -> FailedGroup {
        FailedGroup { failed_by, code: "META_REJECTED".into(), meta_error_code: None, count }
    }

    /// Case 8 of the product owner's document.
    #[test]
    fn the_sums_are_those_of_the_document() {
        let results = Results {
            counts: Counts { sent: 945, failed: 40, left_out: 20, ..Counts::default() },
            left_out: vec![(LeftOut::InvalidNumber, 15), (LeftOut::NoConsent, 5)],
            failed: vec![group(FailedBy::NotOnWhatsapp, 32), group(FailedBy::RateLimited, 8)],
            hours: Vec::new(),
        };
        let numbers = serde_json::to_value(numbers(&results)).unwrap();
        assert_eq!(
            numbers,
            json!({
                "total": 1000, "sent": 945, "failed": 55,
                "failure_breakdown": {"not_on_whatsapp": 32, "invalid_number": 15, "rate_limited": 8}
            })
        );
        let members = numbers["failure_breakdown"].as_object().unwrap();
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        assert_eq!(names, ["not_on_whatsapp", "invalid_number", "rate_limited"]);
    }

    #[test]
    fn failures_add_up_to_the_failed_with_the_rows_that_are_no_number() {
        let results = Results {
            counts: Counts { failed: 2, left_out: 3, ..Counts::default() },
            left_out: vec![(LeftOut::InvalidNumber, 3)],
            failed: vec![group(FailedBy::NotOnWhatsapp, 2)],
            hours: Vec::new(),
        };
        let failures = failures(&results);
        let told: Vec<_> = failures
            .iter()
            .map(|failure| (failure.reason.as_str(), failure.code.as_str(), failure.count))
            .collect();
        let expected =
            [("invalid_number", "INVALID_PHONE_FORMAT", 3), ("not_on_whatsapp", "META_REJECTED", 2)];
        assert_eq!(told, expected);
        assert!(failures[0].advice.is_some() && failures[0].meta_error_code.is_none());
        assert_eq!(failures.iter().map(|failure| failure.count).sum::<i64>(), numbers(&results).failed);
    }

    #[test]
    fn reasons_beyond_the_documents_appear_only_when_they_occur() {
        let results = Results { failed: vec![group(FailedBy::Media, 2)], ..Results::default() };
        assert_eq!(
            Value::from(numbers(&results).failure_breakdown),
            json!({"not_on_whatsapp": 0, "invalid_number": 0, "rate_limited": 0, "media": 2})
        );
    }

    #[test]
    fn rates_of_nothing_are_not_told() {
        let funnel = funnel(&Counts { sent: 3, delivered: 2, ..Counts::default() });
        assert_eq!((funnel.delivery_rate, funnel.read_rate), (Some(0.6667), Some(0.0)));
        assert_eq!(share(0, 0), None);
    }

    #[test]
    fn a_failure_comes_with_advice_on_metas_code() {
        let caught =
            failure(FailedGroup { meta_error_code: Some(131_026), ..group(FailedBy::NotOnWhatsapp, 1) });
        assert!(caught.advice.is_some_and(|advice| !advice.is_empty()));
    }
}
