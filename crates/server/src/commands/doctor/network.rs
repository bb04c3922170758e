//! The way to Meta, the way from outside to us, and whether the clock is right.

use std::time::Duration;

use anyhow::{Context, Result};
use domain::{SignedDuration, Timestamp};
use jiff::fmt::rfc2822;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Finding;
use crate::config::Config;

const META: &str = "graph.facebook.com";
const PATIENCE: Duration = Duration::from_secs(5);
/// Windows, leases and tokens suffer beyond this.
const OFF_BY: SignedDuration = SignedDuration::from_secs(30);

/// `graph_urls`: where connections call; a simulator among them serves when Meta itself cannot be asked.
pub(super) async fn look(config: &Config, now: Timestamp, graph_urls: &[String]) -> Vec<Finding> {
    let (meta, clock, outside) =
        tokio::join!(meta(), clock(now, graph_urls), public(config.public_url.as_deref()));
    vec![meta, clock, outside]
}

async fn meta() -> Finding {
    match within(TcpStream::connect((META, 443))).await {
        Ok(_) => Finding::good("Meta", format!("{META} can be reached")),
        Err(error) => Finding::warning(
            "Meta",
            format!("{META} cannot be reached: {error:#}"),
            "Let this machine out to port 443 (fine when every number is at a simulator).",
        ),
    }
}

/// Against the date that Meta's web server prints: one line of plain HTTP, no secret in it.
async fn clock(now: Timestamp, graph_urls: &[String]) -> Finding {
    let mut found = date_of(META, &format!("{META}:80")).await;
    if found.is_err()
        && let Some(place) = graph_urls.iter().find_map(|url| url.strip_prefix("http://"))
    {
        let place = place.split('/').next().unwrap_or(place);
        found = date_of(place, place).await;
    }
    match found {
        Err(error) => Finding::warning(
            "clock",
            format!("it says {now:.0}; there was nothing to compare it with ({error:#})"),
            "Compare it with another clock.",
        ),
        Ok(theirs) => judged(now, theirs),
    }
}

fn judged(now: Timestamp, theirs: Timestamp) -> Finding {
    let off = now.duration_since(theirs).abs();
    if off > OFF_BY {
        let found = format!("it is off by {} seconds", off.as_secs());
        return Finding::failed("clock", found, "Switch time synchronisation on (timedatectl set-ntp true).");
    }
    Finding::good("clock", "it is right")
}

async fn date_of(host: &str, place: &str) -> Result<Timestamp> {
    let mut stream = within(TcpStream::connect(place)).await?;
    let request = format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    within(stream.write_all(request.as_bytes())).await?;
    let mut answer = vec![0; 4_096];
    let length = within(stream.read(&mut answer)).await?;
    date_in(&String::from_utf8_lossy(&answer[..length])).context("its answer holds no date")
}

fn date_in(answer: &str) -> Option<Timestamp> {
    let date = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then(|| value.trim())
    })?;
    rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

async fn public(url: Option<&str>) -> Finding {
    const WHAT: &str = "public address";
    let Some(url) = url else {
        return Finding::warning(
            WHAT,
            "not set",
            "Set WAXWING_PUBLIC_URL to where Meta reaches this server over https; without it no webhook is subscribed.",
        );
    };
    if url.starts_with("http://") {
        return Finding::warning(
            WHAT,
            format!("{url} is not https"),
            "Meta delivers webhooks to https only.",
        );
    }
    let advice = "Check its name, its certificate, the reverse proxy and the firewall.";
    match answer_of(url).await {
        Ok(200) => Finding::good(
            WHAT,
            format!("{url} is answered; whether from outside too, Meta's handshake tells"),
        ),
        Ok(status) => Finding::warning(
            WHAT,
            format!("{url} answers {status} where this server would say that it lives"),
            "Start the server, and let the reverse proxy pass everything to it.",
        ),
        Err(error) => Finding::failed(WHAT, format!("{url} cannot be reached from here: {error:#}"), advice),
    }
}

async fn answer_of(url: &str) -> Result<u16> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    Ok(client.get(format!("{}/livez", url.trim_end_matches('/'))).send().await?.status().as_u16())
}

async fn within<T>(attempt: impl Future<Output = std::io::Result<T>>) -> Result<T> {
    Ok(tokio::time::timeout(PATIENCE, attempt).await.context("no answer in time")??)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    #[test]
    fn the_date_of_an_answer_is_read() {
        let answer =
            "HTTP/1.1 302 Found\r\nLocation: https://x\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n\r\n";
        assert_eq!(date_in(answer), Some("2026-11-22T12:00:00Z".parse().unwrap()));
        assert_eq!(date_in("HTTP/1.1 200 OK\r\n\r\n"), None);
    }

    #[test]
    fn a_clock_that_is_off_by_a_minute_fails() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let verdict = |seconds| judged(now, now + SignedDuration::from_secs(seconds)).verdict;
        assert!(matches!(verdict(-20), Verdict::Good { .. }));
        assert!(matches!(verdict(60), Verdict::Failed { .. }));
        assert!(matches!(verdict(-60), Verdict::Failed { .. }));
    }
}
