//! A broadcast in one line.

use serde_json::Value;

use crate::bar::{drawn, grouped, time};

/// For a list: tabs between what a script may want.
pub(super) fn listed(broadcast: &Value) -> String {
    let (done, total) = standing(broadcast);
    [
        broadcast["id"].to_string(),
        text(&broadcast["status"]).to_owned(),
        format!("{done}/{total}"),
        text(&broadcast["name"]).to_owned(),
    ]
    .join("\t")
}

/// For somebody who watches it.
pub(super) fn watched(broadcast: &Value) -> String {
    let (done, total) = standing(broadcast);
    let is_counted = total > 0 || is_over(broadcast);
    let mut parts = vec![if is_counted {
        format!("{} of {}", grouped(done), grouped(total))
    } else {
        "recipients are not counted yet".to_owned()
    }];
    let progress = &broadcast["progress"];
    if let Some(rate) = progress["per_second"].as_f64().filter(|rate| *rate > 0.0) {
        parts.push(if rate < 10.0 { format!("{rate:.1}/s") } else { format!("{}/s", grouped(rate as u64)) });
    }
    if let Some(seconds) = progress["seconds_left"].as_u64().filter(|_| done < total) {
        parts.push(format!("{} left", time(seconds)));
    }
    let failed = broadcast["counts"]["failed"].as_u64().unwrap_or_default();
    if failed > 0 {
        parts.push(format!("{} failed", grouped(failed)));
    }
    if let Some(limit) = broadcast["rate_limit"].as_object() {
        let again = limit.get("retry_after_seconds").and_then(Value::as_u64).unwrap_or_default();
        parts.push(format!("throttled by WhatsApp, on again in {}", time(again)));
    }
    if let Some(waiting) = broadcast["waiting_for"].as_str() {
        parts.push(format!("waits: {waiting}"));
    }
    if let Some(reason) = broadcast["reason"]["message"].as_str() {
        parts.push(reason.to_owned());
    }
    let bar = if is_counted { drawn(done, total) } else { drawn(0, 1) };
    format!("{:<9} {bar}  {}", text(&broadcast["status"]), parts.join(" · "))
}

/// Whether nothing happens any more.
pub(super) fn is_over(broadcast: &Value) -> bool {
    matches!(broadcast["status"].as_str(), Some("completed" | "failed" | "cancelled"))
}

/// How many have their end, of how many.
pub(super) fn standing(broadcast: &Value) -> (u64, u64) {
    let number = |name: &str| broadcast["progress"][name].as_u64().unwrap_or_default();
    (number("done"), number("total"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_broadcast_on_its_way_shows_rate_and_time_left() {
        let broadcast = json!({
            "id": 3, "name": "Spring", "status": "sending", "reason": null, "waiting_for": null,
            "counts": {"failed": 4}, "progress": {"done": 1500, "total": 6000, "per_second": 79.6, "seconds_left": 57},
            "rate_limit": null
        });
        assert_eq!(
            watched(&broadcast),
            "sending   [######------------------]  25 %  1,500 of 6,000 · 79/s · 57 s left · 4 failed"
        );
        assert_eq!(listed(&broadcast), "3\tsending\t1500/6000\tSpring");
    }

    #[test]
    fn nothing_is_done_before_anything_is_counted() {
        let of = |status: &str| {
            watched(&json!({"status": status, "counts": {}, "progress": {"done": 0, "total": 0}}))
        };
        assert_eq!(
            of("sending"),
            format!("sending   [{}]   0 %  recipients are not counted yet", "-".repeat(24))
        );
        assert!(of("completed").ends_with("100 %  0 of 0"), "{}", of("completed"));
    }

    #[test]
    fn a_broadcast_that_stands_still_says_why() {
        let broadcast = json!({
            "id": 3, "status": "paused", "reason": {"code": "by_user", "message": "Paused by ops"},
            "counts": {"failed": 0}, "progress": {"done": 0, "total": 10, "per_second": 0.0, "seconds_left": null},
            "rate_limit": {"retry_after_seconds": 45}
        });
        assert!(
            watched(&broadcast)
                .ends_with("0 of 10 · throttled by WhatsApp, on again in 45 s · Paused by ops")
        );
    }
}
