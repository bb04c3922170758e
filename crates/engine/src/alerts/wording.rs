//! How alerts are said: as a mail, to Slack, as a signed webhook.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use domain::alerts::Severity;
use domain::alerts::delivery::masked;
use ports::alerts::channels::Channel;
use ports::alerts::{Alert, AlertEvent, Happened};
use serde_json::{Value, json};

/// What every signing secret begins with, by the Standard Webhooks specification.
pub(super) const SECRET_MARK: &str = "whsec_";

type News = (AlertEvent, Alert);

/// One line for all of it.
pub(super) fn subject(news: &[News]) -> String {
    if let [(event, alert)] = news {
        return masked(&format!("[{}] {}", tag(event, alert), alert.message));
    }
    let opened = news.iter().filter(|(event, _)| event.happened == Happened::Opened).count();
    let worst = news.iter().map(|(_, alert)| alert.severity).max().unwrap_or(Severity::Info);
    let over = news.len() - opened;
    match (opened, over) {
        (0, over) => format!("[resolved] {over} alerts are over"),
        (opened, 0) => format!("[{}] {opened} alerts", worst.as_str()),
        (opened, over) => format!("[{}] {opened} alerts, {over} over", worst.as_str()),
    }
}

fn tag(event: &AlertEvent, alert: &Alert) -> &'static str {
    if event.happened == Happened::Resolved { "resolved" } else { alert.severity.as_str() }
}

/// A paragraph each.
pub(super) fn text(news: &[News]) -> String {
    let paragraphs: Vec<String> = news
        .iter()
        .map(|(event, alert)| {
            let times = if alert.count > 1 { format!(", {} times", alert.count) } else { String::new() };
            format!(
                "[{}] {}\n{} of {}, since {}{times}{}",
                tag(event, alert),
                alert.message,
                alert.kind,
                alert.subject,
                alert.opened_at,
                match alert.resolved_at {
                    Some(at) => format!(", over since {at}"),
                    None => String::new(),
                }
            )
        })
        .collect();
    masked(&paragraphs.join("\n\n"))
}

/// What Slack and those who imitate it take.
pub(super) fn slack(news: &[News]) -> String {
    let lines = text(news).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": lines }).to_string()
}

/// The body of a signed webhook.
pub(super) fn webhook(channel: &Channel, news: &[News], now: Timestamp) -> String {
    let events: Vec<Value> = news
        .iter()
        .map(|(event, alert)| {
            json!({
                "id": event.id, "event": event.happened.as_str(), "at": event.at,
                "alert": {
                    "id": alert.id, "kind": alert.kind, "subject": alert.subject,
                    "severity": alert.severity.as_str(), "message": alert.message, "details": alert.details,
                    "opened_at": alert.opened_at, "last_at": alert.last_at, "count": alert.count,
                    "acknowledged_at": alert.acknowledged_at, "resolved_at": alert.resolved_at,
                },
            })
        })
        .collect();
    let body = json!({
        "type": "alerts",
        "timestamp": now,
        "data": { "tenant_id": channel.tenant_id, "channel_id": channel.id, "events": events },
    });
    masked(&body.to_string())
}

/// The same id for the same news, however often they are told.
pub(super) fn message_id(channel: &Channel, news: &[News]) -> String {
    let ends = [news.first(), news.last()].map(|one| one.map_or(0, |(event, _)| event.id));
    format!("msg_{}_{}_{}_{}", channel.tenant_id, channel.id, ends[0], ends[1])
}

/// Headers of a signed webhook: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
/// See <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
pub(super) fn signed(secret: &str, id: &str, now: Timestamp, body: &str) -> Vec<(String, String)> {
    let bare = secret.strip_prefix(SECRET_MARK).unwrap_or(secret);
    let key = STANDARD.decode(bare).unwrap_or_else(|_| bare.as_bytes().to_vec());
    let second = now.as_second();
    let tag =
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), format!("{id}.{second}.{body}").as_bytes());
    vec![
        ("webhook-id".to_owned(), id.to_owned()),
        ("webhook-timestamp".to_owned(), second.to_string()),
        ("webhook-signature".to_owned(), format!("v1,{}", STANDARD.encode(tag))),
    ]
}

#[cfg(test)]
mod tests {
    use domain::AlertId;

    use super::*;

    fn news(happened: Happened, message: &str) -> News {
        let at = Timestamp::UNIX_EPOCH;
        let event = AlertEvent { id: 1, alert_id: AlertId(1), happened, at, by: None };
        let alert = Alert {
            id: AlertId(1),
            kind: "api_error_rate_high".into(),
            subject: "messages".into(),
            severity: Severity::Critical,
            message: message.into(),
            details: json!({ "display": "+15551234567" }),
            opened_at: at,
            last_at: at,
            count: 3,
            acknowledged_at: None,
            acknowledged_by: None,
            resolved_at: (happened == Happened::Resolved).then_some(at),
        };
        (event, alert)
    }

    /// The example of the specification's own libraries.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let now = Timestamp::from_second(1_614_265_330).unwrap();
        let headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", now, r#"{"test": 2432232314}"#);
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn several_are_one_message_that_tells_how_many() {
        let opened = || news(Happened::Opened, "bad");
        assert_eq!(subject(&[opened()]), "[critical] bad");
        assert_eq!(subject(&[opened(), opened()]), "[critical] 2 alerts");
        assert_eq!(subject(&[opened(), news(Happened::Resolved, "bad")]), "[critical] 1 alerts, 1 over");
        assert_eq!(text(&[opened(), opened()]).matches("[critical] bad").count(), 2);
    }

    #[test]
    fn no_whole_number_leaves_by_any_way() {
        let news = [news(Happened::Opened, "a <number> +15551234567 & more")];
        let channel = Channel {
            id: domain::AlertChannelId(1),
            tenant_id: domain::TenantId(1),
            name: "x".into(),
            kind: ports::alerts::channels::ChannelKind::Webhook,
            shown: String::new(),
            min_severity: Severity::Info,
            kinds: Vec::new(),
            enabled: true,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            delivered_at: None,
            error: None,
            error_at: None,
        };
        let bodies =
            [subject(&news), text(&news), slack(&news), webhook(&channel, &news, Timestamp::UNIX_EPOCH)];
        for said in bodies {
            assert!(!said.contains("5551234"), "{said}");
        }
        assert!(slack(&news).contains("&lt;number&gt;"));
    }
}
