//! Lists in and out by the command.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::{Database, Stack, eventually_within};
use serde_json::json;

use crate::{imported, large, total};

#[test]
fn lists_go_in_and_out_by_the_command_line() {
    let stack = Stack::start(Database::sqlite());
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("list.csv");
    std::fs::write(&list, "Kontakt,Name\n+15550000001,Ann\n+1555,Bob\n").expect("written");
    let waxwing = |arguments: &[&str]| {
        let output = Command::new(binary())
            .args(arguments)
            .envs(stack.env.iter().filter(|(name, _)| name.starts_with("WAXWING_")))
            .output()
            .expect("the command runs");
        let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), told(&output.stdout), told(&output.stderr))
    };
    let place = |path: &Path| path.display().to_string();
    let errors = folder.path().join("errors.csv");
    let trial = waxwing(&["contacts", "import", &place(&list), "--map", "Kontakt=phone", "--dry-run"]);
    assert!(trial.0 && trial.1.contains("Kontakt → phone"), "{trial:?}");
    assert_eq!(total(&stack.api, ""), 0);
    let (good, told, progress) = waxwing(&[
        "contacts",
        "import",
        &place(&list),
        "--map",
        "Kontakt=phone",
        "--errors",
        &place(&errors),
        "--tag",
        "fair",
    ]);
    assert!(good, "{told} {progress}");
    assert!(told.contains("2 rows: 1 imported, 0 updated, 0 duplicates, 1 errors"), "{told}");
    assert!(told.contains("row 3\t+1555\tInvalid phone format"), "{told}");
    assert!(!progress.contains('\r'), "no bar where nobody sees it: {progress:?}");
    let kept = std::fs::read_to_string(&errors).expect("written");
    assert_eq!(kept, "Kontakt,Name,row,error\r\n+1555,Bob,3,Invalid phone format\r\n");
    let out = folder.path().join("out.csv");
    let exported = waxwing(&["contacts", "export", "--tag", "fair", "--out", &place(&out)]);
    assert!(exported.0, "{exported:?}");
    let text = std::fs::read_to_string(&out).expect("written");
    assert!(
        text.lines().nth(1).is_some_and(|line| line.starts_with("+15550000001,Ann,,,fair,no,")),
        "{text}"
    );
    // JSON is JSON however it comes; what is said beside the file goes before what stands in it.
    let list = folder.path().join("list.json");
    let json = json!({"contacts": [{"phone": "0151 23456789", "name": "Cid"}], "tags": ["own"], "default_opted_in": true});
    std::fs::write(&list, format!("\u{feff}{json}")).expect("written");
    let json = ["contacts", "import", &place(&list), "--default-country", "DE"];
    let tried = waxwing(&[&json[..], &["--dry-run"]].concat());
    assert!(tried.0 && tried.1.contains("1 imported"), "{tried:?}");
    let done = waxwing(&[&json[..], &["--tag", "expo"]].concat());
    assert!(done.0 && done.1.contains("1 imported"), "{done:?}");
    let cid = stack.api.get("/contacts?search=cid").expect(200)["items"][0].clone();
    assert_eq!((&cid["phone"], &cid["tags"]), (&json!("+4915123456789"), &json!(["expo"])));
    assert_eq!(total(&stack.api, "&opted_in=true"), 1);
    let refused = waxwing(&["contacts", "import", &place(&list), "--map", "phone=name"]);
    assert!(!refused.0 && refused.2.contains("the members of JSON have their meaning"), "{refused:?}");
    let refused = waxwing(&["contacts", "import", "/nowhere.csv"]);
    assert!(!refused.0 && refused.2.contains("/nowhere.csv"), "{refused:?}");
}

/// Runs the command with the environment of the demo; answers how it ended and what it printed.
fn waxwing(stack: &Stack, arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut child = command(stack, arguments).spawn().expect("the command runs");
    // A command that does not read it may be gone.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    let output = child.wait_with_output().expect("the command ends");
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), told(&output.stdout), told(&output.stderr))
}

fn command(stack: &Stack, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .envs(stack.env.iter().filter(|(name, _)| name.starts_with("WAXWING_")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn the_command_reads_a_pipe_keeps_commas_in_tags_and_leaves_the_list_alone() {
    let stack = Stack::start(Database::sqlite());
    let list = b"phone,opted_in\n+15550000001,yes\n+15550000002,unsubscribed\n+1555,no\n";
    let arguments = ["contacts", "import", "-", "--tag", "Rome, Italy", "--tag", "vip"];
    let (code, told, errors) = waxwing(&stack, &arguments, list);
    assert_eq!(code, Some(0), "{told} {errors}");
    assert!(told.contains("3 rows: 2 imported") && told.contains("opted out by the list: 1"), "{told}");
    let contact = stack.api.get("/contacts?tags=vip&opted_in=true").expect(200)["items"][0].clone();
    assert_eq!(contact["tags"], json!(["Rome, Italy", "vip"]));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.csv").display().to_string();
    std::fs::write(&file, list).expect("written");
    let (code, _, errors) = waxwing(&stack, &["contacts", "import", &file, "--errors", &file], b"");
    assert!(code == Some(1) && errors.contains("is the list itself"), "{errors}");
    let nowhere = folder.path().join("no/errors.csv").display().to_string();
    let (code, _, errors) = waxwing(&stack, &["contacts", "import", &file, "--errors", &nowhere], b"");
    assert!(code == Some(1) && errors.contains("cannot be written"), "{errors}");
    assert_eq!(std::fs::read(&file).expect("still there"), list);
    assert_eq!(stack.api.get("/contacts/imports").expect(200)["total"], 1, "nothing was begun");
    let (code, told, errors) = waxwing(&stack, &["contacts", "imports"], b"");
    assert_eq!((code, told.as_str()), (Some(0), "1\tcompleted\t3 rows\tstdin\n"), "{errors}");
    let (code, _, errors) = waxwing(&stack, &["contacts", "import-cancel", "1"], b"");
    assert!(code == Some(1) && errors.contains("INVALID_STATE"), "{errors}");
}

#[test]
fn an_export_whose_reader_has_seen_enough_ends_quietly() {
    let stack = Stack::start(Database::sqlite());
    imported(&stack.api, "list.csv", &large(20_000), &[]);
    let mut child = command(&stack, &["contacts", "export"]).spawn().expect("the command runs");
    let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    out.read_line(&mut first).expect("a line");
    assert!(first.starts_with("phone,"), "{first}");
    drop(out);
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn whoever_stops_looking_is_told_how_to_stop_the_import() {
    let stack = Stack::start(Database::sqlite());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("big.csv").display().to_string();
    std::fs::write(&file, large(300_000)).expect("written");
    let child = command(&stack, &["contacts", "import", &file]).spawn().expect("the command runs");
    let report = eventually_within(Duration::from_secs(60), "the import is watched", || {
        let report = stack.api.get("/contacts/imports").expect(200)["items"][0].clone();
        (report["processed"].as_u64()? > 0).then_some(report)
    });
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(told.is_ok_and(|told| told.success()));
    let output = child.wait_with_output().expect("the command ends");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{errors}");
    let id = &report["import_id"];
    let says = format!("waxwing contacts import-cancel {id} --tenant {}", stack.api.tenant);
    if errors.contains("goes on at the server") {
        assert!(errors.contains(&says), "{errors}");
    } else {
        assert!(errors.contains("waxwing contacts imports"), "{errors}");
    }
    let (code, told, errors) = waxwing(&stack, &["contacts", "import-cancel", &id.to_string()], b"");
    assert!(code == Some(0) && told.starts_with(&format!("{id}\tcancelled\t")), "{told} {errors}");
}

fn binary() -> PathBuf {
    if let Some(given) = std::env::var_os("WAXWING_BINARY") {
        return given.into();
    }
    let test = std::env::current_exe().expect("a running test has a path");
    test.ancestors().nth(2).expect("a test lies in target/<profile>/deps").join("waxwing")
}
