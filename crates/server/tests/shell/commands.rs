//! Commands that end.

use std::os::unix::fs::PermissionsExt;

use crate::process::{complaint, printed, run, waxwing};

#[test]
fn a_tenant_and_a_key_are_made_and_only_their_id_and_secret_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let tenant = printed(&["tenant", "create", "--name", "Acme"], data);
    assert_eq!(tenant, "1");
    let key =
        printed(&["key", "create", "--tenant", &tenant, "--name", "shop", "--scopes", "read,send"], data);
    assert!(key.starts_with("wxk_") && !key.contains(char::is_whitespace), "{key}");

    let listed = printed(&["key", "list", "--tenant", &tenant], data);
    assert!(!listed.contains(&key), "a key is shown once");
    assert!(listed.ends_with("read,send\tshop\tgood"), "{listed}");
    printed(&["key", "revoke", "--tenant", &tenant, "--key", "1"], data);
    assert!(printed(&["key", "list", "--tenant", &tenant], data).ends_with("revoked"));
}

#[test]
fn a_key_for_a_tenant_that_does_not_exist_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["key", "create", "--tenant", "7", "--name", "shop"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(complaint(&output).trim(), "waxwing: tenant 7: there is no such tenant");
}

#[test]
fn a_misspelt_setting_ends_the_command_and_names_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        waxwing(&["tenant", "list"], folder.path()).env("WAXWING_LISTNE", "127.0.0.1:1").output().unwrap();
    assert!(!output.status.success());
    assert!(complaint(&output).starts_with(
        "waxwing: there is no setting \"listne\" (environment variables); there are listen, data, database_url"
    ));
}

#[test]
fn the_key_file_is_for_its_owner_alone_and_holds_one_key_after_it_was_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    printed(&["migrate"], data);
    let file = data.join("secret.key");
    let before = std::fs::read_to_string(&file).unwrap();
    printed(&["key", "rotate-secrets", "--new"], data);
    let after = std::fs::read_to_string(&file).unwrap();
    assert_ne!(before, after);
    assert_eq!(after.lines().count(), 1);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_doctor_finds_nothing_in_the_way_of_a_fresh_start() {
    let folder = tempfile::tempdir().unwrap();
    printed(&["migrate"], folder.path());
    let report = printed(&["doctor", "--offline"], folder.path());
    assert!(report.ends_with("Nothing is in the way."), "{report}");
    assert!(!report.contains("FAILED"));
}

#[test]
fn the_doctor_fails_when_others_may_read_the_key() {
    let folder = tempfile::tempdir().unwrap();
    printed(&["migrate"], folder.path());
    let file = folder.path().join("secret.key");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = run(&["doctor", "--offline"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(report.contains("FAILED   sealing key: others may read"), "{report}");
    assert!(report.contains("chmod 600"), "{report}");
}

#[test]
fn the_openapi_document_is_printed_without_any_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("untouched");
    let text = printed(&["openapi"], &data);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(!data.exists());
}
