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

pub(super) async fn look(config: &Config, now: Timestamp) -> Vec<Finding> {
    let (meta, clock, outside) = tokio::join!(meta(), clock(now), public(config.public_url.as_deref()));
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
async fn clock(now: Timestamp) -> Finding {
    match date_of(META).await {
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

async fn date_of(host: &str) -> Result<Timestamp> {
    let mut stream = within(TcpStream::connect((host, 80))).await?;
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
    match within(TcpStream::connect(host_and_port(url))).await {
        Ok(_) => Finding::good(
            WHAT,
            format!("{url} takes connections from here; whether from outside, Meta's handshake tells"),
        ),
        Err(error) => Finding::failed(
            WHAT,
            format!("{url} cannot be reached from here: {error:#}"),
            "Check its name, the reverse proxy and the firewall.",
        ),
    }
}

fn host_and_port(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:443") }
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
        assert!(matches!(verdict(-20), Verdict::Good(_)));
        assert!(matches!(verdict(60), Verdict::Failed { .. }));
        assert!(matches!(verdict(-60), Verdict::Failed { .. }));
    }

    #[test]
    fn the_port_of_a_url_is_its_own_or_that_of_https() {
        assert_eq!(host_and_port("https://wa.example.com/base"), "wa.example.com:443");
        assert_eq!(host_and_port("https://wa.example.com:8443"), "wa.example.com:8443");
        assert_eq!(host_and_port("https://[::1]"), "[::1]:443");
    }
}
