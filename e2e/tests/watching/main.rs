//! Watching a server: its health, whether it is ready, its metrics, its traces and its log.

#![allow(clippy::unwrap_used, reason = "helpers of tests, though they are no test functions themselves")]

mod otlp;
mod proxy;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::{Database, Pair, Stack, eventually, free_address, on_each_engine};
use otlp::Collector;
use proxy::Proxy;
use serde_json::{Value, json};

const PHONE: &str = "+12025550142";
const TEXT: &str = "Your parcel waits at the lighthouse";
const TOKEN: &str = "a-token-for-metrics";

/// A template that may be sent, and a contact to send it to.
fn ready_to_send(pair: &Pair) -> i64 {
    pair.sim.template(json!({
        "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{ "type": "BODY", "text": "Hello {{1}}.", "example": { "body_text": [["Ann"]] } }],
    }));
    pair.api(0).post("/templates/sync", json!({})).expect(200);
    pair.sim.customer(PHONE, json!({ "reads": true }));
    pair.api(0).opted_in_contact(PHONE)
}

/// The main job: a template out, read, answered, replied to, stopped.
fn main_job(pair: &Pair) -> i64 {
    let api = pair.api(0);
    let contact = ready_to_send(pair);
    let body = json!({ "contact_id": contact, "template_name": "hello", "template_params": [TEXT] });
    let message = api.post("/messages", body).expect(201)["message_id"].as_i64().unwrap();
    let path = format!("/messages/{message}");
    eventually("the message is read", || (api.get(&path).expect(200)["status"] == "read").then_some(()));
    pair.sim.writes(PHONE, TEXT);
    let conversation = eventually("the customer is heard", || {
        let list = api.get("/conversations?unread=true").expect(200);
        list["items"].as_array()?.first()?["id"].as_i64()
    });
    api.post(&format!("/conversations/{conversation}/messages"), json!({ "content": TEXT })).expect(201);
    pair.sim.writes(PHONE, "stop");
    eventually("the customer is left alone", || {
        let contact = api.get(&format!("/contacts/{contact}")).expect(200);
        (contact["opted_in"] == false).then_some(())
    });
    message
}

#[test]
fn health_names_what_is_wrong_and_what_to_do_until_it_is_repaired() {
    on_each_engine(|database| {
        let stack = Stack::start(database);
        stack.hello();
        let health = || stack.api.get("/health").expect(200);
        let well = eventually("the handshake is known", || {
            let health = health();
            (health["status"] == "healthy").then_some(health)
        });
        let checks = &well["checks"];
        assert_eq!(checks["connection"]["numbers"][0]["connection_id"], stack.connection(), "{well:#}");
        assert_eq!(checks["rate_limit"]["numbers"][0]["period"], "1 second", "{well:#}");
        assert_eq!(checks["pending_messages"], 0);
        assert_eq!(checks["failed_messages_24h"], 0);
        let templates = json!({ "approved": 1, "pending": 0, "rejected": 0, "paused": 0, "disabled": 0 });
        assert_eq!(checks["templates"], templates);

        stack.sim.call("POST", "/tokens/expire", None);
        let contact = stack.api.opted_in_contact(PHONE);
        let message = json!({ "contact_id": contact, "template_name": "hello" });
        stack.api.post("/messages", message).refused(401, "TOKEN_EXPIRED");
        let ill = eventually("the broken number is told", || {
            let health = health();
            (health["status"] == "unhealthy").then_some(health)
        });
        let reason = &ill["reasons"][0];
        assert_eq!((&reason["check"], &reason["severity"]), (&json!("connection"), &json!("critical")));
        assert!(reason["what_to_do"].as_str().unwrap().contains("reconnect"), "{ill:#}");
        assert_eq!(ill["checks"]["connection"]["status"], "unhealthy");
        assert_eq!(ill["checks"]["pending_messages"], 1, "it waits: {ill:#}");

        let token = stack.sim.call("POST", "/tokens/issue", None);
        let token = json!({ "access_token": token["access_token"].as_str().or(token["token"].as_str()) });
        stack.api.post(&format!("/connections/{}/reconnect", stack.connection()), token).expect(200);
        eventually("all is well again", || {
            let health = health();
            let well = health["status"] == "healthy" && health["checks"]["pending_messages"] == 0;
            well.then_some(())
        });
    });
}

#[test]
fn a_database_that_hangs_makes_the_server_unready_at_once_and_ready_again_when_it_goes_on() {
    let database = Database::postgres();
    let url = database.environment()[0].1.to_owned();
    let (proxy, through) = Proxy::to(&url);
    let pair = Pair::start_with(database, 1, &[("WAXWING_DATABASE_URL", &through)]);
    let api = pair.api(0);
    let ready = || {
        api.plain("/readyz")
            .map(|answer| (answer.status, answer.body.as_str().unwrap_or_default().to_owned()))
    };
    assert_eq!(ready().unwrap(), (200, "ready\nstore: ok\nmigrations: ok\nlanes: ok\n".to_owned()));
    proxy.hang(true);
    let (status, text) = ready().unwrap();
    assert_eq!(status, 503, "{text}");
    assert!(text.starts_with("not ready\nstore: no answer within 2 seconds\n"), "{text}");
    assert_eq!(api.plain("/livez").unwrap().status, 200);
    proxy.hang(false);
    eventually("it is ready again", || ready().filter(|(status, _)| *status == 200));
}

#[test]
fn metrics_are_for_who_has_the_token_well_formed_and_name_nobody() {
    let settings = [("WAXWING_METRICS_TOKEN", TOKEN)];
    let pair = Pair::start_with(Database::sqlite(), 1, &settings);
    main_job(&pair);
    let api = pair.api(0);
    assert_eq!(api.plain("/metrics").unwrap().status, 401);
    let client = reqwest::blocking::Client::new();
    let url = format!("{}/metrics", api.url);
    let wrong = client.get(&url).bearer_auth(&api.key).send().unwrap();
    assert_eq!(wrong.status(), 401);
    let page = client.get(&url).bearer_auth(TOKEN).send().unwrap();
    assert_eq!(page.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let page = page.text().unwrap();
    for series in [
        "waxwing_http_request_duration_seconds_count{route=\"/api/v1/tenant/{tenant_id}/whatsapp/messages\",method=\"POST\",status=\"2xx\"} 1",
        "waxwing_meta_call_duration_seconds_count{call=\"send\",outcome=\"ok\"} 3",
        "waxwing_statuses_projected_total{status=\"read\"} ",
        "waxwing_queue_due_messages{priority=\"reply\"} 0",
        "waxwing_lanes_held 1",
        "waxwing_store_up 1",
    ] {
        assert!(page.contains(series), "{series} is missing in\n{page}");
    }
    for secret in [PHONE, PHONE.trim_start_matches('+'), TEXT, TOKEN, api.key.as_str()] {
        assert!(!page.contains(secret), "{secret} stands in\n{page}");
    }
    promtool(&["check", "metrics"], Some(&page));
    uses_only_what_is_there(&page);
}

#[test]
fn without_a_setting_there_are_no_metrics_and_their_own_address_needs_no_token() {
    let closed = Pair::start(Database::sqlite(), 1);
    assert_eq!(closed.api(0).plain("/metrics").unwrap().status, 404);
    let address = free_address();
    let open = Pair::start_with(Database::sqlite(), 1, &[("WAXWING_METRICS_LISTEN", &address)]);
    assert_eq!(open.api(0).plain("/metrics").unwrap().status, 404);
    let page = reqwest::blocking::get(format!("http://{address}/metrics")).unwrap().text().unwrap();
    assert!(page.contains("process_resident_memory_bytes "), "{page}");
    let other = reqwest::blocking::get(format!("http://{address}/readyz")).unwrap();
    assert_eq!(other.status(), 404);
}

#[test]
fn the_rules_and_their_tests_are_good() {
    let rules = deploy().join("prometheus/waxwing.rules.yml");
    let tests = deploy().join("prometheus/waxwing.rules.test.yml");
    promtool(&["check", "rules", &rules.display().to_string()], None);
    promtool(&["test", "rules", &tests.display().to_string()], None);
    let told = std::fs::read_to_string(&rules).unwrap();
    let tested = std::fs::read_to_string(&tests).unwrap();
    for alert in told.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tested.contains(&format!("alertname: {alert}")), "no test tells {alert}");
    }
}

#[test]
fn a_message_is_one_trace_from_the_send_to_its_statuses_also_over_a_restart() {
    let collector = Collector::start();
    let mut pair = Pair::start_with(Database::sqlite(), 1, &[("WAXWING_OTLP_ENDPOINT", &collector.url)]);
    let message = main_job(&pair);
    let steps = ["api.send", "lane.wait", "message", "meta.send", "webhook.status"];
    let spans = eventually("all steps of the message arrived", || {
        let spans = collector.of_message(message);
        let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        names.is_superset(&BTreeSet::from(steps)).then_some(spans)
    });
    let root = spans.iter().find(|span| span.name == "message").unwrap();
    assert_eq!(root.parent, "");
    for span in &spans {
        assert_eq!(span.trace, root.trace, "{span:?}");
        assert!(span.start <= span.end && span.start > 0, "{span:?}");
        assert!(span.name == "message" || span.parent == root.id, "{span:?}");
        assert_eq!(span.service, "waxwing");
    }
    let kinds: BTreeSet<(&str, u64)> = spans.iter().map(|span| (span.name.as_str(), span.kind)).collect();
    // Server 2, client 3, consumer 5 (OTLP's SpanKind).
    for kind in [("api.send", 2), ("meta.send", 3), ("webhook.status", 5)] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    for secret in [PHONE.trim_start_matches('+'), TEXT, &pair.key] {
        assert!(!collector.holds(secret), "{secret} was sent to the collector");
    }

    // A status that comes to another process stands in the same trace.
    let known = spans.len();
    assert!(pair.terminate(0));
    pair.boot(0);
    let wamid = pair.api(0).get(&format!("/messages/{message}")).expect(200)["wamid"].clone();
    let late = late_status(&pair, wamid.as_str().unwrap(), message);
    let signature = graph::signature::sign(pair.app_secret.as_bytes(), late.as_bytes());
    let answer =
        pair.api(0).webhook("/webhooks/whatsapp", late.as_bytes(), Some(signature.as_bytes())).unwrap();
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    let more = eventually("the late status arrived", || {
        let spans = collector.of_message(message);
        (spans.len() > known).then_some(spans)
    });
    assert!(more.iter().all(|span| span.trace == root.trace), "{more:?}");
}

/// A status as Meta posts it, with our id in it.
fn late_status(pair: &Pair, wamid: &str, message: i64) -> String {
    let accounts = pair.sim.call("GET", "/state", None)["accounts"].clone();
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": accounts["wabas"][0]["id"], "changes": [{ "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "1", "phone_number_id": accounts["phones"][0]["id"] },
            "statuses": [{
                "id": wamid, "status": "delivered", "timestamp": "1800000000",
                "recipient_id": PHONE.trim_start_matches('+'),
                "biz_opaque_callback_data": format!("wxw1.{}.{message}.1", pair.tenant),
            }],
        } }] }],
    })
    .to_string()
}

#[test]
fn the_log_is_json_and_holds_no_number_no_text_and_no_secret() {
    let settings = [("WAXWING_LOG_FORMAT", "json"), ("WAXWING_LOG", "debug")];
    let mut pair = Pair::start_with(Database::sqlite(), 1, &settings);
    main_job(&pair);
    // What is refused is told too.
    pair.api(0)
        .post("/messages", json!({ "to": PHONE, "content": TEXT }))
        .refused(400, "CONTACT_NOT_OPTED_IN");
    pair.api(0)
        .post("/messages", json!({ "to": "+1202555", "content": TEXT }))
        .refused(400, "INVALID_PHONE_FORMAT");
    let forged = late_status(&pair, "wamid.forged", 1);
    pair.api(0).webhook("/webhooks/whatsapp", forged.as_bytes(), Some(b"sha256=00")).unwrap();
    let key = pair.key.clone();
    assert!(pair.terminate(0));
    let log = pair.log();
    // The simulator beside it writes as for a person.
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(lines.len() > 5, "{log}");
    for line in &lines {
        for member in ["timestamp", "level", "target"] {
            assert!(line[member].is_string(), "{line}");
        }
    }
    let digits = PHONE.trim_start_matches('+');
    for secret in [digits, TEXT, &key, "EAAPAIRTOKEN", pair.app_secret, "pair-verify-token"] {
        let line = lines.iter().find(|line| line.to_string().contains(secret));
        assert!(line.is_none(), "{secret} stands in the log: {line:?}");
    }
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// Every metric that the dashboard and the rules name is on the page, or comes from Prometheus itself.
fn uses_only_what_is_there(page: &str) {
    let dashboard = std::fs::read_to_string(deploy().join("grafana/waxwing.json")).unwrap();
    let _: Value = serde_json::from_str(&dashboard).unwrap();
    let rules = std::fs::read_to_string(deploy().join("prometheus/waxwing.rules.yml")).unwrap();
    let mut named = BTreeSet::new();
    for text in [&dashboard, &rules] {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        named.extend(words.filter(|word| word.starts_with("waxwing_") || word.starts_with("process_")));
    }
    assert!(named.len() > 20, "{named:?}");
    for metric in named {
        let base =
            ["_bucket", "_count", "_sum"].iter().find_map(|part| metric.strip_suffix(part)).unwrap_or(metric);
        assert!(page.contains(&format!("# TYPE {base} ")), "{metric} is not on the page:\n{page}");
    }
}

/// Runs promtool, out of Debian's package `prometheus`.
///
/// # Panics
/// When it is not installed, or finds a fault.
fn promtool(arguments: &[&str], input: Option<&str>) {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("promtool: {error}; type: apt-get install --yes --no-install-recommends prometheus")
    });
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.unwrap_or_default().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}
