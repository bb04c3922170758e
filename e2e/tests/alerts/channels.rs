//! A figure crosses its threshold, every channel hears of it, and of its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use e2e::{Stack, eventually, on_each_engine};
use serde_json::{Value, json};
use test_smtp::MailServer;

use crate::{open, set_rule};

const KIND: &str = "api_error_rate_high";

/// What came: path, headers and body of each.
type Posts = Arc<Mutex<Vec<(String, String, Value)>>>;

/// Takes every POST.
fn receiver() -> (String, Posts) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let got = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&got);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut out = stream.try_clone().expect("a second handle");
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                continue;
            }
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            keep.lock().expect("nobody panicked").push((path, head, body));
            let _ = out.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        }
    });
    (url, got)
}

#[test]
fn an_api_error_rate_is_told_on_every_channel_and_so_is_its_end() {
    on_each_engine(|database| {
        let mail = MailServer::start();
        let (url, got) = receiver();
        let stack = Stack::start_with(
            database,
            &[("WAXWING_SMTP_URL", &mail.url()), ("WAXWING_SMTP_FROM", "Waxwing <alerts@example.com>")],
        );
        stack.hello();
        for wanted in [
            json!({ "name": "Mail", "kind": "email", "to": ["ops@example.com"] }),
            json!({ "name": "Slack", "kind": "slack", "url": format!("{url}/slack") }),
            json!({ "name": "Hook", "kind": "webhook", "url": format!("{url}/hook") }),
        ] {
            stack.api.post("/alert-channels", wanted).expect(201);
        }
        set_rule(&stack, KIND, json!({ "minimum": 4 }));
        let send = |number: usize| {
            let contact = stack.api.opted_in_contact(&format!("+1555127{number:04}"));
            stack.api.post("/messages", json!({ "contact_id": contact, "template_name": "hello" }))
        };
        for number in 0..4 {
            let phone = format!("+1555127{number:04}");
            stack.sim.customer(&phone, json!({ "failure": 131_008, "failure_at": "once" }));
            send(number).refused(502, "META_REJECTED");
        }
        stack.sim.advance("2m");
        let alert = eventually("the alert", || open(&stack, KIND));
        assert_eq!(alert["details"]["rate"], 1.0, "{alert:#}");
        stack.sim.advance("31s");
        let told = |word: &str| {
            let got = got.lock().expect("nobody panicked").clone();
            let on =
                |path: &str| got.iter().any(|(at, _, body)| at == path && body.to_string().contains(word));
            let letters = mail.letters();
            (on("/slack") && on("/hook") && letters.iter().any(|one| one.text().contains(word))).then_some(())
        };
        eventually("every channel heard of it", || told("calls to Meta that send failed"));
        let signed =
            got.lock().expect("nobody panicked").iter().any(|(path, head, _)| {
                path == "/hook" && head.to_lowercase().contains("webhook-signature: v1,")
            });
        assert!(signed, "the webhook is not signed");
        stack.sim.advance("3h");
        for number in 10..14 {
            send(number).expect(201);
        }
        stack.sim.advance("2m");
        eventually("it is over", || open(&stack, KIND).is_none().then_some(()));
        stack.sim.advance("31s");
        eventually("every channel heard of its end", || told("resolved"));
        let overview = stack.api.get("/analytics/overview").expect(200);
        assert_eq!(overview["totals"]["api_errors"], 4, "{overview:#}");
        assert_eq!(overview["totals"]["sent"], 4, "{overview:#}");
    });
}
