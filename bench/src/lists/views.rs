//! The views: what a console shows of a large business.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Caller;

/// A list as somebody looks at it.
pub(super) struct View {
    pub(super) name: String,
    pub(super) path: String,
}

/// Pages that a deep view lies behind: it is entered by its number, and gone on from by its cursor.
const DEEP: u64 = 100;

pub(super) async fn all(caller: &Caller) -> Result<Vec<View>> {
    let plain = [
        ("contacts", "/contacts?page_size=50"),
        ("contacts, opted in", "/contacts?opted_in=true"),
        ("contacts, not opted in", "/contacts?opted_in=false"),
        ("contacts, needs review", "/contacts?needs_review=true"),
        ("contacts, a common tag", "/contacts?tags=customer"),
        ("contacts, a tag of 1 in 50", "/contacts?tags=vip"),
        ("contacts, a rare tag", "/contacts?tags=pilot"),
        ("contacts, two tags", "/contacts?tags=berlin,vip"),
        ("contacts, two common tags", "/contacts?tags=customer,berlin"),
        ("contacts, a tag, not opted in", "/contacts?tags=vip&opted_in=false"),
        ("contacts, an unknown tag", "/contacts?tags=nobody"),
        ("contacts, search a name", "/contacts?search=fatima"),
        ("contacts, search one person", "/contacts?search=4242"),
        ("contacts, search a number", "/contacts?search=%2B4915110000"),
        ("contacts, search a number without plus", "/contacts?search=15110000"),
        ("contacts, search a whole name", "/contacts?search=fatima%20kumar"),
        ("contacts, search nobody", "/contacts?search=zzyzx"),
        ("messages", "/messages?page_size=50"),
        ("messages, inbound", "/messages?direction=inbound"),
        ("messages, outbound", "/messages?direction=outbound"),
        ("messages, queued", "/messages?status=queued"),
        ("messages, sending", "/messages?status=sending"),
        ("messages, sent", "/messages?status=sent"),
        ("messages, read", "/messages?status=read"),
        ("messages, failed", "/messages?status=failed"),
        ("messages, in doubt", "/messages?status=in_doubt"),
        ("messages, cancelled", "/messages?status=cancelled"),
        ("messages of a contact", "/messages?contact_id=2"),
        ("messages of a talker", "/messages?contact_id=1"),
        ("messages of a talker, failed", "/messages?contact_id=1&status=failed"),
        ("messages of a talker, sent", "/messages?contact_id=1&status=sent"),
        ("messages of a talker, read", "/messages?contact_id=1&status=read"),
        ("messages of a talker, inbound", "/messages?contact_id=1&direction=inbound"),
        ("messages of a broadcast", "/messages?broadcast_id=1"),
        ("messages of a broadcast, failed", "/messages?broadcast_id=1&status=failed"),
        ("conversations", "/conversations?page_size=50"),
        ("conversations, open", "/conversations?status=open"),
        ("conversations, unread", "/conversations?unread=true"),
        ("conversations, assigned", "/conversations?assignee=ada"),
        ("conversations, a label", "/conversations?label=billing"),
        ("conversations, a rare label", "/conversations?label=legal"),
        ("messages of a conversation", "/conversations/2/messages"),
        ("messages of a long conversation", "/conversations/1/messages"),
        ("broadcasts", "/broadcasts?page_size=50"),
        ("broadcasts, completed", "/broadcasts?status=completed"),
        ("broadcasts, search", "/broadcasts?search=campaign%207"),
        ("results of a broadcast", "/broadcasts/1/results"),
        ("recipients", "/broadcasts/1/recipients?page_size=50"),
        ("recipients, sent", "/broadcasts/1/recipients?state=sent"),
        ("recipients, read", "/broadcasts/1/recipients?state=read"),
        ("recipients, failed", "/broadcasts/1/recipients?state=failed"),
        ("recipients, in doubt", "/broadcasts/1/recipients?state=in_doubt"),
        ("recipients, queued", "/broadcasts/1/recipients?state=queued"),
        ("recipients, left out", "/broadcasts/1/recipients?state=left_out"),
        ("templates", "/templates"),
        ("alerts", "/alerts"),
        ("alerts, open", "/alerts?open=true"),
    ];
    let mut views: Vec<View> =
        plain.into_iter().map(|(name, path)| View { name: name.into(), path: path.into() }).collect();
    for (name, ago) in [("an hour", 3_600), ("a week", 7 * 86_400), ("a quarter", 90 * 86_400)] {
        let since = crate::clock::unix_seconds().saturating_sub(ago);
        let path = format!("/messages?since={}", rfc3339(since));
        views.push(View { name: format!("messages since {name} ago"), path });
    }
    views.extend(segments(caller).await?);
    for path in [
        "/contacts?page_size=100",
        "/contacts?page_size=100&tags=customer",
        "/messages?page_size=100",
        "/messages?page_size=100&status=failed",
        "/messages?page_size=100&broadcast_id=1",
        "/conversations?page_size=100",
        "/broadcasts/1/recipients?page_size=100",
        "/broadcasts/1/recipients?page_size=100&state=delivered",
    ] {
        views.extend(deep(caller, path).await);
    }
    Ok(views)
}

/// Contacts of a large and of a small segment.
async fn segments(caller: &Caller) -> Result<Vec<View>> {
    let rules = [
        ("large", json!({ "all": [{ "field": "opted_in", "op": "is", "value": true }] })),
        ("small", json!({ "all": [{ "field": "tags", "op": "has", "value": "pilot" }] })),
    ];
    let mut views = Vec::new();
    for (size, rule) in rules {
        let name = format!("bench {size}");
        match caller.segment(&name, rule).await {
            Ok(id) => views.push(View {
                name: format!("contacts of a {size} segment"),
                path: format!("/contacts?segment={id}"),
            }),
            Err(error) => println!("  no {size} segment: {error:#}"),
        }
    }
    Ok(views)
}

/// A page deep in the list, entered by its cursor; nothing when the list is not so long.
async fn deep(caller: &Caller, path: &str) -> Option<View> {
    let page = caller.get(&format!("{path}&page={DEEP}")).await.ok()?;
    let cursor = page["next_cursor"].as_str()?;
    Some(View { name: format!("{path}, behind page {DEEP}"), path: format!("{path}&cursor={cursor}") })
}

impl Caller {
    /// The id of a segment with this rule, made when it is missing.
    async fn segment(&self, name: &str, rule: Value) -> Result<i64> {
        let list = self.get("/segments?page_size=100").await?;
        let items = list["items"].as_array().or_else(|| list.as_array()).cloned().unwrap_or_default();
        if let Some(found) = items.iter().find(|item| item["name"] == name) {
            return found["id"].as_i64().context("a segment without id");
        }
        let url = format!("{}/segments", self.base);
        let body = json!({ "name": name, "rule": rule });
        let answer = self.client.post(url).bearer_auth(&self.key).json(&body).send().await?;
        let made: Value = answer.json().await?;
        made["data"]["id"].as_i64().with_context(|| format!("not made: {made}"))
    }
}

/// Seconds since 1970 as a client writes them (the civil calendar of Howard Hinnant's "chrono-compatible algorithms").
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (date, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_clients_write_them() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(rfc3339(1_790_000_000), "2026-09-21T14:13:20Z");
    }
}
