//! Alerts are told on every channel: to a real mail server, and to a real receiver of webhooks.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::SignedDuration;
use engine::alerts::Condition;
use engine::alerts::channels::{ChannelError, ChannelWanted};
use ports::alerts::Severity;
use ports::alerts::channels::ChannelKind;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use test_smtp::MailServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{House, eventually};

/// A request as it came.
#[derive(Debug, Clone)]
struct Got {
    path: String,
    headers: HashMap<String, String>,
    body: String,
}

/// How a receiver answers.
#[derive(Debug, Clone, Copy)]
enum Does {
    Answers(u16),
    HangsUp,
}

/// A receiver of webhooks.
#[derive(Clone, Default)]
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
    /// What it does next; when nothing is said, it takes everything.
    next: Arc<Mutex<VecDeque<Does>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self { url, ..Self::default() };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        receiver
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut bytes = Vec::new();
        let (head, start) = loop {
            let mut part = [0_u8; 4096];
            let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
            bytes.extend_from_slice(&part[..length]);
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break (String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 4);
            }
        };
        let headers: HashMap<String, String> = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let wanted = start + headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        while bytes.len() < wanted {
            let mut part = [0_u8; 4096];
            let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
            bytes.extend_from_slice(&part[..length]);
        }
        let path = head.split(' ').nth(1)?.to_owned();
        let body = String::from_utf8_lossy(&bytes[start..]).into_owned();
        self.got.lock().unwrap().push(Got { path, headers, body });
        let does = self.next.lock().unwrap().pop_front().unwrap_or(Does::Answers(200));
        if let Does::Answers(status) = does {
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
        Some(())
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    fn will(&self, does: impl IntoIterator<Item = Does>) {
        self.next.lock().unwrap().extend(does);
    }
}

fn channel(kind: ChannelKind, url: Option<String>) -> ChannelWanted {
    ChannelWanted {
        name: "Ops".into(),
        kind,
        to: (kind == ChannelKind::Email).then(|| vec!["ops@example.com".into(), "ada@example.com".into()]),
        url,
        min_severity: Severity::Warning,
        kinds: Vec::new(),
        enabled: true,
    }
}

async fn raise(house: &House, subject: &str, message: &str) {
    let condition = Condition {
        kind: "broadcast_stopped",
        subject: subject.into(),
        severity: Severity::Critical,
        message: message.into(),
        details: json!({ "number": "+15551234567" }),
    };
    house.engine.alerts.raise(house.tenant, condition).await.unwrap();
}

fn pass(house: &House, seconds: i64) {
    house.clock.advance(SignedDuration::from_secs(seconds));
}

/// Checks the signature as the specification says, and answers the body.
fn verified(got: &Got, secret: &str) -> Value {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{}", got.headers["webhook-id"], got.headers["webhook-timestamp"], got.body);
    let tag = STANDARD.decode(got.headers["webhook-signature"].strip_prefix("v1,").unwrap()).unwrap();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &tag).unwrap();
    serde_json::from_str(&got.body).unwrap()
}

#[tokio::test]
async fn a_signed_webhook_carries_the_alert_and_then_its_end() {
    let (house, receiver) = (House::build().await, Receiver::start().await);
    let url = format!("{}/hook?token=t", receiver.url);
    let wanted = channel(ChannelKind::Webhook, Some(url));
    let (made, secret) = house.engine.alerts.create_channel(house.tenant, wanted).await.unwrap();
    assert!(!made.shown.contains("token=t"), "{}", made.shown);
    let secret = secret.unwrap().expose_secret().to_owned();
    raise(&house, "broadcast:1", "to +15551234567").await;
    assert_eq!(house.engine.alerts.tell_due().await.unwrap(), 0, "half a minute is waited for more");
    pass(&house, 31);
    assert_eq!(house.engine.alerts.tell_due().await.unwrap(), 1);
    house.engine.alerts.resolve(house.tenant, "broadcast_stopped", "broadcast:1").await.unwrap();
    pass(&house, 31);
    assert_eq!(house.engine.alerts.tell_due().await.unwrap(), 1);
    let got = receiver.got();
    let bodies: Vec<Value> = got.iter().map(|got| verified(got, &secret)).collect();
    assert_eq!(got[0].path, "/hook?token=t");
    assert_eq!(bodies[0]["data"]["events"][0]["event"], "opened");
    assert_eq!(bodies[0]["data"]["events"][0]["alert"]["severity"], "critical");
    assert_eq!(bodies[1]["data"]["events"][0]["event"], "resolved");
    assert_ne!(got[0].headers["webhook-id"], got[1].headers["webhook-id"]);
    assert!(got.iter().all(|got| !got.body.contains("5551234567")), "a whole number left the house");
}

#[tokio::test]
async fn slack_gets_one_text_for_all_that_happened_together() {
    let (house, receiver) = (House::build().await, Receiver::start().await);
    let wanted = channel(ChannelKind::Slack, Some(format!("{}/services/T/B/secret", receiver.url)));
    let (made, secret) = house.engine.alerts.create_channel(house.tenant, wanted).await.unwrap();
    assert!(secret.is_none() && !made.shown.contains("secret"), "{}", made.shown);
    for number in 0..20 {
        raise(&house, &format!("broadcast:{number}"), "<b> & more").await;
    }
    pass(&house, 31);
    assert_eq!(house.engine.alerts.tell_due().await.unwrap(), 1);
    let got = receiver.got();
    assert_eq!(got.len(), 1);
    let body: Value = serde_json::from_str(&got[0].body).unwrap();
    assert_eq!(body["text"].as_str().unwrap().matches("[critical] &lt;b&gt; &amp; more").count(), 20);
}

#[tokio::test]
async fn a_thousand_bad_signatures_are_one_alert_with_a_count_and_one_mail() {
    let mail = MailServer::start();
    let house = House::with_mail(&mail).await;
    house.engine.alerts.create_channel(house.tenant, channel(ChannelKind::Email, None)).await.unwrap();
    let connection = house.linked().await;
    for _ in 0..1_000 {
        let body = bytes::Bytes::from_static(b"{}");
        let received =
            house.engine.webhooks.receive(Some(connection.id), Some(b"sha256=00"), body, None).await;
        assert!(received.is_err());
    }
    pass(&house, 31);
    house.engine.alerts.tell_due().await.unwrap();
    pass(&house, 3_600);
    house.engine.alerts.tell_due().await.unwrap();
    let open = house.alerts(Some(true)).await;
    let alert = open.iter().find(|alert| alert.kind == "webhook_signature_invalid").unwrap();
    assert_eq!(alert.count, 1_000);
    let letters = mail.letters();
    let to: Vec<&str> = letters.iter().map(|letter| letter.to[0].as_str()).collect();
    assert_eq!(to, ["ops@example.com", "ada@example.com"], "one letter to each");
    assert!(letters[0].subject().starts_with("[warning] Webhook requests"), "{}", letters[0].subject());
    assert!(letters[0].text().contains("1000 times"), "{}", letters[0].text());
}

#[tokio::test]
async fn what_is_not_taken_is_told_again_until_it_is_and_under_the_same_id() {
    let (house, receiver) = (House::build().await, Receiver::start().await);
    let wanted = channel(ChannelKind::Webhook, Some(receiver.url.clone()));
    let (made, _) = house.engine.alerts.create_channel(house.tenant, wanted).await.unwrap();
    receiver.will([Does::Answers(500), Does::HangsUp, Does::Answers(302)]);
    raise(&house, "broadcast:1", "bad").await;
    pass(&house, 31);
    for (wait, tries) in [(31, 1), (61, 2), (121, 3), (241, 4)] {
        house.engine.alerts.tell_due().await.unwrap();
        assert_eq!(receiver.got().len(), tries);
        let kept = house.engine.alerts.channel(house.tenant, made.id).await.unwrap();
        assert_eq!(kept.error.is_some(), tries < 4, "{kept:?}");
        house.engine.alerts.tell_due().await.unwrap();
        assert_eq!(receiver.got().len(), tries, "it is waited in between");
        pass(&house, wait);
    }
    house.engine.alerts.tell_due().await.unwrap();
    let ids: Vec<String> = receiver.got().iter().map(|got| got.headers["webhook-id"].clone()).collect();
    assert_eq!(ids.len(), 4, "taken once");
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn a_channel_that_never_answers_is_given_up_after_a_day_and_keeps_nobody_else() {
    let (house, receiver) = (House::build().await, Receiver::start().await);
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let dead = channel(ChannelKind::Slack, Some(format!("http://{gone}/")));
    house.engine.alerts.create_channel(house.tenant, dead).await.unwrap();
    let alive = channel(ChannelKind::Slack, Some(receiver.url.clone()));
    house.engine.alerts.create_channel(house.tenant, alive).await.unwrap();
    raise(&house, "broadcast:1", "bad").await;
    let mut told = 0;
    for _ in 0..60 {
        pass(&house, 3_601);
        told += house.engine.alerts.tell_due().await.unwrap();
    }
    assert_eq!(receiver.got().len(), 1);
    assert!((10..=26).contains(&told), "{told} tries");
    assert_eq!(house.deps.store.next_parcel().await.unwrap(), None, "nothing is left to tell");
}

#[tokio::test]
async fn a_channel_is_tried_at_once_and_says_why_it_does_not_work() {
    let (house, receiver) = (House::build().await, Receiver::start().await);
    let wanted = channel(ChannelKind::Slack, Some(receiver.url.clone()));
    let (made, _) = house.engine.alerts.create_channel(house.tenant, wanted).await.unwrap();
    let test = || house.engine.alerts.test_channel(house.tenant, made.id);
    assert_eq!(test().await.unwrap(), Ok(()));
    receiver.will([Does::Answers(403)]);
    assert_eq!(test().await.unwrap(), Err("answered with status 403".to_owned()));
    assert!(receiver.got()[0].body.contains("Nothing is wrong"));
    assert_eq!(house.alerts(None).await, [], "a test is no alert");
    let mail =
        house.engine.alerts.create_channel(house.tenant, channel(ChannelKind::Email, None)).await.unwrap().0;
    let told = house.engine.alerts.test_channel(house.tenant, mail.id).await.unwrap();
    assert_eq!(told, Err("no mail server is configured".to_owned()));
}

#[tokio::test]
async fn every_fault_of_a_channel_is_told_at_once() {
    let house = House::build().await;
    let wanted = ChannelWanted {
        name: " ".into(),
        to: Some(vec!["ada@example.com".into(), "nobody".into(), "a@b\r\nBcc: c@d".into()]),
        kinds: vec!["no_such_kind".into()],
        ..channel(ChannelKind::Email, None)
    };
    let error = house.engine.alerts.create_channel(house.tenant, wanted).await.unwrap_err();
    let ChannelError::Invalid(faults) = error else { panic!("{error}") };
    let pointers: Vec<&str> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/to/1", "/to/2", "/name", "/kinds/0"]);
    for url in ["ftp://example.com", "example.com", "javascript:1"] {
        let wanted = channel(ChannelKind::Slack, Some(url.into()));
        assert!(house.engine.alerts.create_channel(house.tenant, wanted).await.is_err(), "{url}");
    }
    eventually("nothing was made", || async {
        let made = house.engine.alerts.channels(house.tenant, &crate::house::page()).await.unwrap();
        (made.total == 0).then_some(())
    })
    .await;
}
