//! Operating a server: backup and restore, TLS, addresses that are not called, proxies, stopping, keys, doctor.

#![allow(clippy::unwrap_used, reason = "helpers of tests, though they are no test functions themselves")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Api, Database, Pair, Process, eventually, run};
use serde_json::{Value, json};

/// A template that may be sent, known on both sides.
fn hello(pair: &Pair) {
    pair.sim.template(json!({
        "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{ "type": "BODY", "text": "Hello from us." }],
    }));
    pair.api(0).post("/templates/sync", json!({})).expect(200);
}

fn send(api: &Api, contact: i64) -> Option<i64> {
    let body = json!({ "contact_id": contact, "template_name": "hello" });
    let answer = api.try_call("POST", "/messages", Some(&body), &[("Prefer", "respond-async")])?;
    (answer.status == 202).then(|| answer.body["data"]["message_id"].as_i64()).flatten()
}

fn status(api: &Api, message: i64) -> String {
    let found = api.get(&format!("/messages/{message}")).expect(200);
    let found = found.get("message").unwrap_or(&found);
    found["status"].as_str().unwrap_or_default().to_owned()
}

fn phone(number: usize) -> String {
    format!("+1202555{number:04}")
}

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Sends without a pause until told to stop; tells every id that was acknowledged.
fn while_sending<T>(pair: &Pair, contacts: &[i64], work: impl FnOnce(&Mutex<Vec<i64>>) -> T) -> T {
    let (stop, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let api = pair.api(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for contact in contacts.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(id) = send(&api, *contact) {
                    acknowledged.lock().unwrap().push(id);
                }
            }
        });
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&acknowledged)));
        stop.store(true, Ordering::Relaxed);
        worked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Backup while sends run, everything destroyed, restored somewhere else.
fn comes_back(from: Database, to: Database) {
    let mut pair = Pair::start(from, 1);
    hello(&pair);
    let api = pair.api(0);
    let contacts: Vec<i64> = (100..120).map(|number| api.opted_in_contact(&phone(number))).collect();
    let file = Path::new(&pair.database.data()).join("media/1/0f/picture");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, b"bytes of a picture").unwrap();
    let kept = tempfile::tempdir().unwrap();
    let backup = kept.path().join("backup").display().to_string();

    let before = while_sending(&pair, &contacts, |acknowledged| {
        eventually("sends run", || (acknowledged.lock().unwrap().len() >= 50).then_some(()));
        let before = acknowledged.lock().unwrap().clone();
        pair.command(&["backup", &backup]);
        let now = acknowledged.lock().unwrap().len();
        eventually("sends went on meanwhile", || (acknowledged.lock().unwrap().len() > now).then_some(()));
        before
    });
    assert!(pair.command(&["restore", &backup, "--check"]).contains("is whole"));
    pair.kill(0);

    std::fs::create_dir_all(to.data()).unwrap();
    let key = |data: String| Path::new(&data).join("secret.key");
    std::fs::copy(key(pair.database.data()), key(to.data())).unwrap();
    let old = std::mem::replace(&mut pair.database, to);
    std::fs::remove_dir_all(old.data()).unwrap();
    let told = pair.command(&["restore", &backup]);
    assert!(told.contains("holds"), "{told}");
    let restored = Path::new(&pair.database.data()).join("media/1/0f/picture");
    assert_eq!(std::fs::read(restored).unwrap(), b"bytes of a picture");

    pair.boot(0);
    let api = pair.api(0);
    for message in &before {
        let now = status(&api, *message);
        assert!(!now.is_empty() && now != "failed", "message {message} is {now:?}");
    }
    assert_eq!(api.get("/contacts?page_size=1").expect(200)["total"], 20);
    let fresh =
        api.post("/messages", json!({ "contact_id": contacts[0], "template_name": "hello" })).expect(201);
    assert_eq!(fresh["status"], "sent");
    assert!(fresh["message_id"].as_i64().unwrap() > *before.last().unwrap());
    eventually("nothing waits", || {
        let queued = api.get("/messages?status=queued&page_size=1").expect(200);
        queued["items"].as_array().is_some_and(Vec::is_empty).then_some(())
    });
    let mut sent: Vec<String> =
        pair.sim.ledger().iter().map(|entry| entry["callback_data"].to_string()).collect();
    let all = sent.len();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), all, "nothing is sent twice, and no id means two messages");
    drop(pair);
    drop(old);
}

#[test]
fn a_backup_of_sqlite_comes_back_in_sqlite() {
    comes_back(Database::sqlite(), Database::sqlite());
}

#[test]
fn a_backup_of_postgresql_comes_back_in_postgresql() {
    comes_back(Database::postgres(), Database::postgres());
}

#[test]
fn a_backup_of_sqlite_moves_to_postgresql() {
    comes_back(Database::sqlite(), Database::postgres());
}

#[test]
fn a_backup_of_postgresql_moves_to_sqlite() {
    comes_back(Database::postgres(), Database::sqlite());
}

#[test]
fn a_backup_that_was_changed_or_does_not_fit_is_refused() {
    let pair = Pair::start(Database::sqlite(), 1);
    pair.api(0).opted_in_contact(&phone(100));
    let kept = tempfile::tempdir().unwrap();
    let backup = kept.path().join("backup");
    let name = backup.display().to_string();
    pair.command(&["backup", &name]);
    let over = pair.try_command(&["backup", &name]).unwrap_err();
    assert!(over.contains("is there already"), "{over}");

    let refused = pair.try_command(&["restore", &name]).unwrap_err();
    assert!(refused.contains("another server is at work"), "{refused}");

    let fresh = kept.path().join("fresh");
    let data = fresh.display().to_string();
    let restore = || run(&["restore", &name, "--data", &data], &[]);
    let refused = said(&restore());
    assert!(refused.contains("there is no key"), "{refused}");
    std::fs::create_dir_all(&fresh).unwrap();
    std::fs::write(fresh.join("secret.key"), format!("{}\n", "0a".repeat(32))).unwrap();
    let refused = said(&restore());
    assert!(refused.contains("the backup needs the key with the fingerprint"), "{refused}");
    std::fs::copy(Path::new(&pair.database.data()).join("secret.key"), fresh.join("secret.key")).unwrap();

    for file in ["tables/contacts.jsonl.gz", "tables/messages.jsonl.gz", "files.jsonl.gz", "manifest.json"] {
        let path = backup.join(file);
        let whole = std::fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        let output = restore();
        assert!(!output.status.success(), "{file} was changed");
        std::fs::remove_file(&path).unwrap();
        assert!(!restore().status.success(), "{file} is missing");
        std::fs::write(&path, &whole).unwrap();
    }
    let manifest = backup.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"rows\": 1", "\"rows\": 2", 1)).unwrap();
    let refused = said(&restore());
    assert!(refused.contains("was changed after it was made"), "{refused}");
    std::fs::write(&manifest, &text).unwrap();

    let output = restore();
    assert!(output.status.success(), "{}", said(&output));
    let refused = said(&restore());
    assert!(refused.contains("the store is not empty"), "{refused}");
}

#[test]
fn the_server_speaks_tls_and_takes_up_a_renewed_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let renew = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
        made.cert.pem()
    };
    let first = renew();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (listen, cert, key, data) = (format!("127.0.0.1:{port}"), at("cert.pem"), at("key.pem"), at("data"));
    let arguments = ["serve", "--listen", &listen, "--data", &data, "--tls-cert", &cert, "--tls-key", &key];
    let server = Process::start(&arguments, &[], Path::new(&at("log")));
    let live = |trusted: &str| {
        let trusted = reqwest::Certificate::from_pem(trusted.as_bytes()).unwrap();
        let client = reqwest::blocking::Client::builder().tls_certs_only([trusted]).build().unwrap();
        let answer = client.get(format!("https://localhost:{port}/livez")).send();
        answer.ok().filter(|answer| answer.status() == 200).map(drop)
    };
    eventually("it answers over TLS", || live(&first));
    let second = renew();
    server.hang_up();
    eventually("the renewed certificate is used", || live(&second));
    assert!(live(&first).is_none());
    let plain = reqwest::blocking::get(format!("http://localhost:{port}/livez"));
    assert!(plain.is_err(), "no plain HTTP on a TLS port");
}

#[test]
fn no_tenant_makes_the_server_call_into_its_own_network() {
    let pair = Pair::start(Database::sqlite(), 1);
    let api = pair.api(0);
    let wanted = |url: &str| {
        json!({ "name": "x", "phone_number_id": "7700", "waba_id": "1", "access_token": "t", "app_secret": "s",
            "graph_url": url })
    };
    for url in [
        "http://169.254.169.254/latest",
        "http://10.0.0.1",
        "https://192.168.1.1",
        "http://[::ffff:10.0.0.1]",
        "http://[fd00:ec2::254]",
        "http://0x0a.1",
        "http://[2002:a00:1::]",
    ] {
        let refused = api.post("/connections", wanted(url)).refused(400, "VALIDATION_FAILED");
        assert_eq!(refused["details"]["faults"][0]["pointer"], "/graph_url", "{url}: {refused:#}");
        let path = format!("/connections/{}", pair.connection);
        let refused =
            api.call("PATCH", &path, Some(&json!({ "graph_url": url }))).refused(400, "VALIDATION_FAILED");
        assert!(refused.to_string().contains("allow_networks"), "{url}: {refused:#}");
    }
}

fn knock(pair: &Pair, forwarded: &str) -> u16 {
    let client = reqwest::blocking::Client::new();
    let url = format!("{}/webhooks/whatsapp/{}", pair.nodes[0].url, pair.connection);
    let request = client.post(url).header("x-forwarded-for", forwarded).body("{}");
    request.send().unwrap().status().as_u16()
}

fn seen_at(pair: &Pair, address: &str) -> Option<Value> {
    let events = pair.api(0).get("/security-events").expect(200);
    events["items"].as_array()?.iter().find(|event| event["address"] == address).cloned()
}

#[test]
fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let trusting =
        Pair::start_with(Database::sqlite(), 1, &[("WAXWING_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")]);
    assert_eq!(knock(&trusting, "192.0.2.66, 198.51.100.7, 10.0.0.3"), 401);
    eventually("the client is noted", || seen_at(&trusting, "198.51.100.7"));
    assert!(seen_at(&trusting, "192.0.2.66").is_none(), "what the client wrote itself");
    let wary = Pair::start(Database::sqlite(), 1);
    assert_eq!(knock(&wary, "198.51.100.7"), 401);
    eventually("the peer is noted", || seen_at(&wary, "127.0.0.1"));
    assert!(seen_at(&wary, "198.51.100.7").is_none());
}

#[test]
fn webhooks_come_only_from_the_networks_that_may_deliver_them() {
    let settings = [("WAXWING_TRUSTED_PROXIES", "127.0.0.1"), ("WAXWING_WEBHOOK_NETWORKS", "203.0.113.0/24")];
    let pair = Pair::start_with(Database::sqlite(), 1, &settings);
    assert_eq!(knock(&pair, "198.51.100.7"), 403);
    eventually("the stranger is noted", || seen_at(&pair, "198.51.100.7"));
    assert_eq!(knock(&pair, "203.0.113.9"), 401, "let in as far as the signature");
}

#[test]
fn a_stop_lets_calls_in_flight_end() {
    let mut pair = Pair::start(Database::sqlite(), 1);
    hello(&pair);
    let api = pair.api(0);
    let contacts: Vec<i64> = (100..105).map(|number| api.opted_in_contact(&phone(number))).collect();
    // Without statuses, which would come before the answers and tell that they were sent.
    pair.sim.faults(json!({ "latency_ms": 5_000, "statuses": false }));
    let messages: Vec<i64> = contacts.iter().filter_map(|contact| send(&api, *contact)).collect();
    assert_eq!(messages.len(), 5);
    for message in &messages {
        eventually("it is on its way", || (status(&api, *message) == "sending").then_some(()));
    }
    // What was claimed may wait for its turn still; it would go back to the queue. Meta notes a message before it answers.
    eventually("all are at Meta", || (pair.sim.ledger().len() == 5).then_some(()));
    assert!(pair.terminate(0), "the server ends well");
    pair.boot(0);
    let api = pair.api(0);
    for message in &messages {
        let now = status(&api, *message);
        assert!(["sent", "delivered", "read"].contains(&now.as_str()), "{now}");
    }
    assert_eq!(pair.sim.ledger().len(), 5);
}

#[allow(clippy::disallowed_methods, reason = "a deadline of the test run itself")]
#[test]
fn a_stop_waits_no_longer_than_its_limit() {
    let mut pair = Pair::start_with(Database::sqlite(), 1, &[("WAXWING_SHUTDOWN_SECONDS", "1")]);
    hello(&pair);
    let api = pair.api(0);
    let contact = api.opted_in_contact(&phone(100));
    // Without statuses, which would come long before the answer and tell that it was sent.
    pair.sim.faults(json!({ "latency_ms": 25_000, "statuses": false }));
    let message = send(&api, contact).expect("acknowledged");
    eventually("it is on its way", || (status(&api, message) == "sending").then_some(()));
    let stopping = std::time::Instant::now();
    assert!(pair.terminate(0), "the server ends well");
    assert!(stopping.elapsed() < Duration::from_secs(15));
    pair.sim.faults(json!({ "latency_ms": 0, "statuses": false }));
    pair.boot(0);
    let api = pair.api(0);
    eventually("nobody knows whether it left", || (status(&api, message) == "in_doubt").then_some(()));
    assert_eq!(pair.sim.ledger().len(), 1, "it is not sent again");
}

#[test]
fn after_a_new_key_everything_opens_and_the_old_key_opens_nothing() {
    let mut pair = Pair::start(Database::sqlite(), 1);
    hello(&pair);
    let contact = pair.api(0).opted_in_contact(&phone(100));
    let file: PathBuf = Path::new(&pair.database.data()).join("secret.key");
    let old = std::fs::read_to_string(&file).unwrap();
    let busy = pair.try_command(&["key", "rotate-secrets", "--new"]).unwrap_err();
    assert!(busy.contains("another server is at work"), "{busy}");
    assert!(pair.terminate(0));
    pair.command(&["key", "rotate-secrets", "--new"]);
    assert_ne!(std::fs::read_to_string(&file).unwrap(), old);
    pair.boot(0);
    pair.api(0).post("/messages", json!({ "contact_id": contact, "template_name": "hello" })).expect(201);
    assert!(pair.terminate(0));
    std::fs::write(&file, old).unwrap();
    let output = run(&["doctor", "--offline", "--json", "--data", &pair.database.data()], &[]);
    assert!(!output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(finding(&report, "secrets")["verdict"], "failed", "{report:#}");
}

fn finding(report: &Value, what: &str) -> Value {
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let found = findings.into_iter().find(|finding| finding["what"] == what);
    found.unwrap_or_else(|| panic!("nothing about {what} in {report:#}"))
}

#[cfg(unix)]
#[test]
fn the_doctor_tells_what_is_wrong_and_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let pair = Pair::start(Database::sqlite(), 1);
    let data = pair.database.data();
    let listen = pair.nodes[0].url.trim_start_matches("http://").to_owned();
    let doctor = || {
        let output = run(&["doctor", "--offline", "--json", "--data", &data], &[("WAXWING_LISTEN", &listen)]);
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        assert_eq!(report["healthy"], output.status.success());
        report
    };
    let report = doctor();
    assert_eq!(report["healthy"], true, "{report:#}");
    for what in ["data folder", "disk", "sealing key", "port", "store", "integrity", "secrets"] {
        assert_eq!(finding(&report, what)["verdict"], "good", "{what}");
    }
    let key = Path::new(&data).join("secret.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let report = doctor();
    assert_eq!(report["healthy"], false);
    let told = finding(&report, "sealing key");
    assert_eq!(told["verdict"], "failed");
    assert!(told["advice"].as_str().unwrap().contains("chmod 600"), "{told}");
}
