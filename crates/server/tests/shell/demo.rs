//! `waxwing demo`, from the first start to the second.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::process::{Server, complaint, eventually, get, printed, run, waxwing};

const HANDLES: [&str; 10] = [
    "WAXWING_URL",
    "WAXWING_TENANT",
    "WAXWING_API_KEY",
    "WAXWING_CONNECTION",
    "WAXWING_APP_SECRET",
    "WAXWING_VERIFY_TOKEN",
    "SIM_URL",
    "SIM_PHONE_NUMBER_ID",
    "SIM_WABA_ID",
    "SIM_ACCESS_TOKEN",
];

type Handles = HashMap<String, String>;

fn start(data: &Path, more: &[&str]) -> (Server, Handles) {
    let arguments = [&["demo", "--listen", "127.0.0.1:0", "--sim-listen", "127.0.0.1:0"], more].concat();
    let mut server = Server::start(waxwing(&arguments, data));
    let text = eventually("the handles of the demo", || {
        assert!(server.runs(), "the demo ended by itself");
        std::fs::read_to_string(data.join("demo.env")).ok()
    });
    let pairs = text.lines().map(|line| line.split_once('=').expect("NAME=value"));
    (server, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn total(handles: &Handles, list: &str) -> i64 {
    let path = format!("/api/v1/tenant/{}/whatsapp/{list}", handles["WAXWING_TENANT"]);
    get(&handles["WAXWING_URL"], &path, &handles["WAXWING_API_KEY"])["total"].as_i64().expect("a list")
}

#[test]
fn the_demo_is_seeded_once_and_goes_on_at_its_second_start() {
    let folder = tempfile::tempdir().unwrap();
    let (server, first) = start(folder.path(), &[]);
    assert_eq!(first.len(), HANDLES.len());
    assert!(HANDLES.iter().all(|name| !first[*name].is_empty()), "{first:?}");
    let expected = [
        ("contacts", 50),
        ("contacts?opted_in=true", 36),
        ("contacts?needs_review=true", 3),
        ("conversations", 11),
        ("templates?status=approved", 6),
        ("templates?status=pending", 2),
        ("templates?status=rejected", 1),
        ("templates?status=paused", 1),
        ("templates?status=disabled", 1),
    ];
    assert_eq!(expected.map(|(list, _)| (list, total(&first, list))), expected);
    assert!(server.stop(), "SIGTERM ends it well");
    assert!(!folder.path().join("demo.env").exists(), "nothing answers any more");

    let (server, second) = start(folder.path(), &[]);
    for name in ["WAXWING_TENANT", "WAXWING_API_KEY", "WAXWING_CONNECTION"] {
        assert_eq!(second[name], first[name]);
    }
    assert_eq!(total(&second, "contacts"), 50);
    assert!(server.stop());
}

#[test]
fn an_empty_demo_has_a_connection_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (server, handles) = start(folder.path(), &["--empty"]);
    assert_eq!((total(&handles, "contacts"), total(&handles, "templates")), (0, 0));
    let path = format!(
        "/api/v1/tenant/{}/whatsapp/connections/{}",
        handles["WAXWING_TENANT"], handles["WAXWING_CONNECTION"]
    );
    let connection = get(&handles["WAXWING_URL"], &path, &handles["WAXWING_API_KEY"]);
    assert_eq!(connection["state"], "active");
    assert!(connection["handshake_at"].is_string(), "Meta's handshake was answered: {connection}");
    assert!(server.stop());
}

#[test]
fn secrets_open_after_the_key_was_renewed_and_not_with_another() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = start(folder.path(), &["--empty"]);
    let early = run(&["key", "rotate-secrets", "--new"], folder.path());
    assert!(complaint(&early).contains("another server is at work"), "{}", complaint(&early));
    assert!(server.stop());
    let renewed = run(&["key", "rotate-secrets", "--new"], folder.path());
    assert!(renewed.status.success(), "{}", complaint(&renewed));
    // Three of the connection, and the key of the audit trail.
    assert_eq!(
        String::from_utf8_lossy(&renewed.stdout),
        "4 secrets were sealed anew; the rest had been already\n"
    );
    let (server, _) = start(folder.path(), &["--empty"]);
    assert!(server.stop());

    std::fs::write(folder.path().join("secret.key"), format!("{}\n", "ab".repeat(32))).unwrap();
    let output = run(&["doctor", "--offline"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(report.contains("FAILED   secrets: they do not open with this key"), "{report}");
}

/// Every file below a folder, with its permissions.
fn permissions(folder: &Path) -> HashMap<String, u32> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => permissions(&path).into_iter().collect::<Vec<_>>(),
            // The name of a draft may be gone by now.
            false => path
                .metadata()
                .map(|found| {
                    (path.file_name().unwrap_or_default().display().to_string(), found.mode() & 0o777)
                })
                .into_iter()
                .collect(),
        })
        .collect()
}

#[test]
fn every_file_that_is_written_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let trail = folder.path().join("trail.jsonl");
    let (server, handles) = start(&data, &["--empty"]);
    printed(&["backup", backup.to_str().unwrap()], &data);
    let tenant = &handles["WAXWING_TENANT"];
    printed(&["audit", "export", "--tenant", tenant, "--out", trail.to_str().unwrap()], &data);
    let found = permissions(folder.path());
    for name in ["waxwing.db", "waxwing.db-wal", "waxwing.db-shm", "serving.lock", "trail.jsonl"] {
        assert!(found.contains_key(name), "no {name} among {found:?}");
    }
    assert!(permissions(&backup).len() > 2, "{found:?}");
    let open: Vec<_> = found.into_iter().filter(|(_, mode)| *mode != 0o600).collect();
    assert!(open.is_empty(), "{open:?}");
    assert!(server.stop());
}
