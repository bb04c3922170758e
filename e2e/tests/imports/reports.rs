//! What an import reports of its rows, and what becomes of a report that was mended.

use e2e::{Database, Stack, on_each_engine};
use serde_json::{Value, json};

use crate::{counts, details, import, imported, phone, text, total};

/// 250 rows of which 235 are good, 10 are duplicates and 5 are at fault, with the document's own three among them.
fn case_11() -> String {
    let mut list = String::from("phone,name,city\n");
    for line in 2..=251_u32 {
        let number = match line {
            45 => "+1555".to_owned(),
            89 => String::new(),
            156 => "+15551234567".to_owned(),
            200 => "not a number".to_owned(),
            201 => "+999123456789".to_owned(),
            202 => "12".to_owned(),
            // Numbers of earlier rows.
            210..=218 => phone(line - 150),
            10 => "+15551234567".to_owned(),
            line => phone(line),
        };
        list.push_str(&format!("{number},Person {line},Rome\n"));
    }
    list
}

#[test]
fn case_11_bulk_import_with_mixed_results() {
    on_each_engine(|database| {
        let stack = Stack::start(database);
        let answer = import(&stack.api, "list.csv", case_11().as_bytes(), &[]);
        assert_eq!(answer.status, 200, "{:#}", answer.body);
        assert_eq!(answer.body["success"], true);
        let report = &answer.body["data"];
        assert_eq!(counts(report), [250, 235, 0, 10, 5]);
        let details = details(report);
        assert_eq!(details.len(), 15);
        for expected in [
            json!({"row": 45, "phone": "+1555", "error": "Invalid phone format"}),
            json!({"row": 89, "phone": "", "error": "Phone number required"}),
            json!({"row": 156, "phone": "+15551234567", "error": "Duplicate number"}),
        ] {
            let found = report["error_details"].as_array().expect("details");
            assert!(found.contains(&expected), "{expected} is not in {found:?}");
        }
        assert_eq!(report["state"], "completed");
        assert_eq!(total(&stack.api, ""), 235);
        // The same file again imports nothing twice.
        let again = imported(&stack.api, "list.csv", case_11().as_bytes(), &[]);
        assert_eq!(counts(&again), [250, 0, 0, 245, 5]);
        assert_eq!(total(&stack.api, ""), 235);
    });
}

#[test]
fn the_document_of_the_api_as_json_and_a_dry_run() {
    let stack = Stack::start(Database::sqlite());
    let body = json!({
        "contacts": [
            {"phone": "+15550000001", "name": "Ann", "tags": ["vip"], "fields": {"city": "Rome"}},
            {"phone": "+1555"},
            {"name": "nobody"},
            {"phone": "+1 555 000 0001"},
            {"phone": "+15550000002", "opted_in": false},
            7
        ],
        "default_opted_in": true, "skip_duplicates": true, "tags": ["fair"]
    });
    let mut trial = body.clone();
    trial["dry_run"] = true.into();
    let tried = stack.api.post("/contacts/import", trial).expect(200);
    assert_eq!((&tried["dry_run"], counts(&tried)), (&json!(true), [6, 2, 0, 1, 3]));
    assert_eq!(total(&stack.api, ""), 0);
    let report = stack.api.post("/contacts/import", body).expect(200);
    assert_eq!(counts(&report), [6, 2, 0, 1, 3]);
    assert_eq!(
        details(&report).into_iter().map(|detail| (detail.0, detail.2)).collect::<Vec<_>>(),
        [
            (2, "Invalid phone format".to_owned()),
            (3, "Phone number required".to_owned()),
            (6, "Must be an object".to_owned()),
            (4, "Duplicate number".to_owned())
        ]
    );
    assert_eq!((total(&stack.api, "&opted_in=true"), total(&stack.api, "&tags=fair")), (1, 2));
    let contact = stack.api.get("/contacts?tags=vip").expect(200)["items"][0].clone();
    assert_eq!((&contact["tags"], &contact["fields"]), (&json!(["fair", "vip"]), &json!({"city": "Rome"})));
    let ledger = stack.api.get(&format!("/contacts/{}/consent", contact["id"])).expect(200);
    assert_eq!((&ledger["total"], &ledger["items"][0]["source"]), (&json!(1), &json!("import")));
    assert_eq!(ledger["items"][0]["evidence"]["row"], 1);
    let refused = stack.api.post("/contacts/import", json!({"contacts": [], "default_optin": 1}));
    assert_eq!(
        refused.refused(400, "VALIDATION_FAILED")["details"]["faults"][0]["pointer"],
        "/default_optin"
    );
}

#[test]
fn a_mended_report_is_sent_again_as_it_is() {
    let stack = Stack::start(Database::sqlite());
    let list =
        "Telefon;Vorname;Stadt\r\n0151 23456789;Ann;Köln\r\n01;\"Bob; \"\"der\"\"\";=1+1\r\n;Cid;Rom\r\n";
    let options = [("default_country", "DE"), ("default_opted_in", "true")];
    let latin =
        list.chars().map(|letter| u8::try_from(u32::from(letter)).expect("Latin-1")).collect::<Vec<u8>>();
    let report = imported(&stack.api, "liste.csv", &latin, &options);
    assert_eq!(counts(&report), [3, 1, 0, 0, 2]);
    assert_eq!(
        (&report["file"]["delimiter"], &report["file"]["encoding"]),
        (&json!(";"), &json!("windows-1252"))
    );
    let errors = text(&stack.api, &format!("/contacts/import/{}/errors.csv", report["import_id"]));
    assert_eq!(
        errors,
        "Telefon,Vorname,Stadt,row,error\r\n01,\"Bob; \"\"der\"\"\",'=1+1,3,Invalid phone format\r\n\
         ,Cid,Rom,4,Phone number required\r\n"
    );
    let mended = errors.replace("\n01,", "\n0151 23456780,").replace("\n,Cid", "\n0151 23456781,Cid");
    let report = imported(&stack.api, "mended.csv", mended.as_bytes(), &options);
    assert_eq!(counts(&report), [2, 2, 0, 0, 0]);
    let bob = stack.api.get("/contacts?search=bob").expect(200)["items"][0].clone();
    assert_eq!((&bob["phone"], &bob["name"]), (&json!("+4915123456780"), &json!("Bob; \"der\"")));
    assert_eq!(bob["fields"], json!({"Stadt": "=1+1"}));
    // And all of them out and in again.
    let export = text(&stack.api, "/contacts/export.csv");
    assert!(export.starts_with("phone,name,language,") && export.lines().count() == 4, "{export}");
    let again = imported(&stack.api, "export.csv", export.as_bytes(), &[("skip_duplicates", "false")]);
    assert_eq!(counts(&again), [3, 0, 3, 0, 0]);
    assert_eq!(
        stack.api.get("/contacts?search=bob").expect(200)["items"][0]["fields"],
        json!({"Stadt": "=1+1"})
    );
}

#[test]
fn nothing_of_a_row_is_lost_in_its_report() {
    let stack = Stack::start(Database::sqlite());
    let errors =
        |report: &Value| text(&stack.api, &format!("/contacts/import/{}/errors.csv", report["import_id"]));
    let list = "phone,name,=city\n+15550000001,Doe, Ann,Rome,=x\n+15550000002,Bob,Paris\n+15550000003,\"Cid,Oslo\n\
                +15550000004,Dan,Bern\n";
    let report = imported(&stack.api, "list.csv", list.as_bytes(), &[]);
    assert_eq!(counts(&report), [4, 2, 0, 0, 2]);
    let mended = errors(&report);
    assert_eq!(
        mended,
        "phone,name,'=city,row,error\r\n\
         +15550000001,Doe, Ann,2,\"The row has 5 cells, the heading has 3\",Rome,'=x\r\n\
         +15550000003,\"\"\"Cid\",Oslo,4,A quotation mark is not closed\r\n"
    );
    // As it is it is refused again, and mended it is not.
    let again = imported(&stack.api, "errors.csv", mended.as_bytes(), &[]);
    assert_eq!((counts(&again), details(&again)[0].0), ([2, 1, 0, 0, 1], 2));
    let mended = mended.replace("Doe, Ann,", "\"Doe, Ann\",Rome,").replace(",Rome,'=x", "");
    let again = imported(&stack.api, "errors.csv", mended.as_bytes(), &[]);
    assert_eq!(counts(&again), [2, 1, 0, 1, 0]);
    let ann = stack.api.get("/contacts?search=doe").expect(200)["items"][0].clone();
    assert_eq!((&ann["name"], &ann["fields"]), (&json!("Doe, Ann"), &json!({"=city": "Rome"})));
    // Columns of the file's own that are named as ours.
    let list = "phone,row,error\n+1555,A7,E_TIMEOUT\n+15550000005,A8,E_RATE\n";
    let report = imported(&stack.api, "log.csv", list.as_bytes(), &[]);
    let mended = errors(&report).replace("+1555,", "+15550000006,");
    assert_eq!(
        mended,
        "phone,row,error,import_row,import_error\r\n+15550000006,A7,E_TIMEOUT,2,Invalid phone format\r\n"
    );
    assert_eq!(counts(&imported(&stack.api, "errors.csv", mended.as_bytes(), &[])), [1, 1, 0, 0, 0]);
    let found = stack.api.get("/contacts?search=5550000006").expect(200)["items"][0].clone();
    assert_eq!(found["fields"], json!({"row": "A7", "error": "E_TIMEOUT"}));
    // One number of an export, broken and mended.
    let export = text(&stack.api, "/contacts/export.csv").replace("+15550000006,", "+1,");
    let report = imported(&stack.api, "export.csv", export.as_bytes(), &[("skip_duplicates", "false")]);
    assert_eq!(report["errors"], 1);
    let mended = errors(&report).replace("+1,", "+15550000007,");
    assert_eq!(counts(&imported(&stack.api, "errors.csv", mended.as_bytes(), &[])), [1, 1, 0, 0, 0]);
    let found = stack.api.get("/contacts?search=5550000007").expect(200)["items"][0].clone();
    assert_eq!(found["fields"], json!({"row": "A7", "error": "E_TIMEOUT"}));
}
