//! Lists of contacts, through the real binary: case 11 of the product owner's document, and what may happen to a list.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::{Answer, Api, Database, Pair, Stack, eventually_within, on_each_engine};
use serde_json::{Value, json};

/// Sends a file as a form; answers what the server said.
fn import(api: &Api, name: &str, bytes: &[u8], options: &[(&str, &str)]) -> Answer {
    let mut body = Vec::new();
    for (field, value) in options {
        body.extend_from_slice(
            format!("--limit\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    body.extend_from_slice(
        format!("--limit\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n")
            .as_bytes(),
    );
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--limit--\r\n");
    let url = format!("{}/api/v1/tenant/{}/whatsapp/contacts/import", api.url, api.tenant);
    let client =
        reqwest::blocking::Client::builder().timeout(Duration::from_secs(60)).build().expect("a client");
    let answer = client
        .post(url)
        .bearer_auth(&api.key)
        .header("content-type", "multipart/form-data; boundary=limit")
        .body(body)
        .send()
        .expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().expect("a body");
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// Imports it to its end; answers the report.
fn imported(api: &Api, name: &str, bytes: &[u8], options: &[(&str, &str)]) -> Value {
    let answer = import(api, name, bytes, options);
    assert!(answer.status < 300, "{:#}", answer.body);
    ended(api, &answer.body["data"])
}

fn ended(api: &Api, report: &Value) -> Value {
    let path = format!("/contacts/import/{}", report["import_id"]);
    eventually_within(Duration::from_secs(120), "the import ends", || {
        let report = api.get(&path).expect(200);
        (report["state"] != "running").then_some(report)
    })
}

fn counts(report: &Value) -> [u64; 5] {
    ["processed", "imported", "updated", "duplicates", "errors"]
        .map(|name| report[name].as_u64().expect("a number"))
}

fn details(report: &Value) -> Vec<(u64, String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let details = report["error_details"].as_array().expect("details");
    details
        .iter()
        .map(|detail| {
            (detail["row"].as_u64().expect("a row"), text(&detail["phone"]), text(&detail["error"]))
        })
        .collect()
}

fn total(api: &Api, query: &str) -> u64 {
    api.get(&format!("/contacts?page_size=1{query}")).expect(200)["total"].as_u64().expect("a total")
}

/// Of many the total is an estimate until they were counted behind the list.
fn comes_to(api: &Api, query: &str, expected: u32) {
    eventually_within(Duration::from_secs(60), "all are counted", || {
        (total(api, query) == u64::from(expected)).then_some(())
    });
}

fn phone(number: u32) -> String {
    format!("+1555{number:07}")
}

fn text(api: &Api, path: &str) -> String {
    api.get(path).body.as_str().expect("a text").to_owned()
}

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

#[test]
fn workbooks_and_utf_16_are_read_and_garbage_is_refused_in_words() {
    let stack = Stack::start(Database::sqlite());
    let utf16: Vec<u8> =
        "\u{feff}phone\tname\r\n+15550000001\tJürgen\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(counts(&imported(&stack.api, "a.txt", &utf16, &[])), [1, 1, 0, 0, 0]);
    assert_eq!(total(&stack.api, "&search=j%C3%BCrgen"), 1);
    let workbook = workbook(&[&["Mobile", "Name"], &["+15550000002", "Ann"], &["oops", "Bob"]]);
    let report = imported(&stack.api, "book.xlsx", &workbook, &[]);
    assert_eq!(counts(&report), [2, 1, 0, 0, 1]);
    assert_eq!(details(&report)[0].0, 3);
    let mut endless = b"phone,name\n+15550000003,Ann\n".to_vec();
    endless.resize(3_000_000, b'x');
    let report = imported(&stack.api, "endless.csv", &endless, &[]);
    assert_eq!((&report["state"], counts(&report)), (&json!("completed"), [2, 1, 0, 0, 1]));
    let wide = format!("phone,{}\n+15550000004\n", vec!["x"; 10_000].join(","));
    for (name, bytes, says) in [
        ("empty.csv", b"".to_vec(), "empty"),
        ("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".repeat(50), "neither text nor"),
        ("zeros.csv", vec![0; 10_000], "neither text nor"),
        ("broken.xlsx", b"PK\x03\x04 nothing".to_vec(), "no XLSX workbook"),
        ("bomb.xlsx", bomb(), "unpacks to more"),
        ("liar.xlsx", liar("100000000000000000"), "no column seems to hold phone numbers"),
        ("liar2.xlsx", liar("18446744073709551615"), "no column seems to hold phone numbers"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0".repeat(100), "take the password off"),
        (
            "order.xlsx",
            zipped(
                &[2, 3, 2].map(|row| format!("<row r=\"{row}\"><c t=\"str\"><v>x</v></c></row>")).concat(),
            ),
            "row 2 stands behind row 3",
        ),
        ("wide.csv", wide.into_bytes(), "more than 2000 columns"),
        ("prose.txt", b"Dear all,\nthis is no list.\n".to_vec(), "no column seems to hold phone numbers"),
    ] {
        let refused = import(&stack.api, name, &bytes, &[]).refused(400, "VALIDATION_FAILED");
        let problem = refused["details"]["faults"][0]["problem"].as_str().expect("a problem").to_owned();
        assert!(problem.contains(says), "{name}: {problem}");
    }
    let missing = stack.api.get("/contacts/import/4711");
    assert_eq!(missing.refused(404, "IMPORT_NOT_FOUND")["details"]["id"], 4711);
}

#[test]
fn hostile_workbooks_take_little_memory() {
    let stack = Stack::start(Database::sqlite());
    let good = workbook(&[&["Mobile", "Name"], &["+15550000002", "Ann"]]);
    let dry = [("dry_run", "true")];
    import(&stack.api, "book.xlsx", &good, &dry).expect(200);
    let before = stack.peak_memory();
    let texts = format!("<sst><si><t>phone</t></si><si><t>{}</t></si></sst>", "x".repeat(1_000_000));
    let head = "<row r=\"1\"><c t=\"s\"><v>0</v></c></row>";
    let named = "<c t=\"s\"><v>1</v></c>".repeat(1_000);
    let row = format!("{head}<row r=\"2\"><c t=\"str\"><v>+15550000003</v></c>{named}</row>");
    let names = format!("<row r=\"1\">{named}</row>");
    let font = format!("<fonts><font><name val=\"{}\"/></font></fonts>", "x".repeat(900_000));
    let styles =
        format!("<styleSheet>{font}<cellXfs>{}</cellXfs></styleSheet>", "<xf fontId=\"0\"/>".repeat(5_000));
    let rows = (2..2_000).map(|row| format!("<row r=\"{row}\"><c r=\"BXX{row}\"><v>1</v></c></row>"));
    let sparse = format!("{head}{}", rows.collect::<String>());
    let hostile = [
        zipped_with(&row, &[("xl/sharedStrings.xml", texts.clone())]),
        zipped_with(&names, &[("xl/sharedStrings.xml", texts.clone())]),
        zipped_with(
            &row.replace("<row r=\"2\">", "<row r=\"2\"><c s=\"4999\"><v>1</v></c>"),
            &[("xl/sharedStrings.xml", texts.clone()), ("xl/styles.xml", styles)],
        ),
        zipped_with(&sparse, &[("xl/sharedStrings.xml", texts)]),
        liar("100000000000000000"),
    ];
    std::thread::scope(|scope| {
        for (number, file) in hostile.iter().cycle().take(15).enumerate() {
            let (api, dry) = (&stack.api, &dry);
            scope.spawn(move || import(api, "book.xlsx", file, if number < 10 { &dry[..] } else { &[] }));
        }
    });
    import(&stack.api, "book.xlsx", &good, &dry).expect(200);
    let grown = (stack.peak_memory() - before) >> 20;
    assert!(grown < 200, "{grown} MB more");
}

fn large(rows: u32) -> Vec<u8> {
    let mut list = b"phone,name,city,opted_in\n".to_vec();
    for row in 0..rows {
        writeln!(list, "{},Person {row},Rome,yes", phone(row + 1)).expect("memory");
    }
    list
}

#[test]
fn an_import_that_is_killed_goes_on_at_its_cursor() {
    on_each_engine(|database| {
        const ROWS: u32 = 60_000;
        let mut pair = Pair::start(database, 1);
        let api = pair.api(0);
        let answer = import(&api, "big.csv", &large(ROWS), &[("skip_duplicates", "false")]);
        let id = answer.body["data"]["import_id"].clone();
        let path = format!("/contacts/import/{id}");
        let mut seen = 0;
        let mut kills = 0;
        for part in [0_u32, 12_000, 30_000, 45_000] {
            let now = eventually_within(Duration::from_secs(120), "rows are written", || {
                let report = api.get(&path).expect(200);
                let processed = report["processed"].as_u64().expect("a number");
                (processed > u64::from(part) || report["state"] != "running").then_some(report)
            });
            if now["state"] != "running" {
                break;
            }
            let processed = now["processed"].as_u64().expect("a number");
            assert!(processed >= seen, "the cursor went back from {seen} to {processed}");
            seen = processed;
            pair.kill(0);
            kills += 1;
            pair.boot(0);
        }
        assert!(kills > 0, "it was over before it could be killed");
        let report = ended(&api, &json!({"import_id": id}));
        assert_eq!(
            (&report["state"], counts(&report)),
            (&json!("completed"), [u64::from(ROWS), u64::from(ROWS), 0, 0, 0])
        );
        comes_to(&api, "", ROWS);
        comes_to(&api, "&opted_in=true", ROWS);
        let ledger = api.get("/contacts/77/consent").expect(200);
        assert_eq!(ledger["total"], 1);
    });
}

#[test]
fn a_cancelled_import_ends_and_keeps_what_it_made() {
    let stack = Stack::start(Database::sqlite());
    let answer = import(&stack.api, "big.csv", &large(150_000), &[]);
    assert_eq!(answer.status, 202, "{:#}", answer.body);
    let id = answer.body["data"]["import_id"].clone();
    eventually_within(Duration::from_secs(60), "rows are written", || {
        let report = stack.api.get(&format!("/contacts/import/{id}")).expect(200);
        (report["imported"] != 0).then_some(())
    });
    let cancelled = stack.api.post(&format!("/contacts/import/{id}/cancel"), json!({})).expect(200);
    assert_eq!(cancelled["state"], "cancelled");
    let imported = cancelled["imported"].as_u64().expect("a number");
    assert!(imported > 0 && imported < 150_000, "{imported}");
    assert_eq!(total(&stack.api, ""), imported);
    let again = stack.api.post(&format!("/contacts/import/{id}/cancel"), json!({}));
    assert_eq!(again.refused(409, "INVALID_STATE")["details"]["current"], "cancelled");
    let events = text(&stack.api, &format!("/contacts/import/{id}/events"));
    assert!(events.starts_with("event: progress\ndata: {"), "{events}");
    let list = stack.api.get("/contacts/imports").expect(200);
    assert_eq!((&list["total"], &list["items"][0]["import_id"]), (&json!(1), &id));
}

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

/// The lines of an export without its ids and times of making, in an order of their own.
fn comparable(export: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(export.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let rows = reader.records().map(|row| {
        let row = row.expect("a row");
        let cells = header.iter().zip(row.iter()).filter(|(name, _)| !matches!(*name, "id" | "created_at"));
        cells.map(|(name, cell)| format!("{name}={cell:?}")).collect::<Vec<_>>().join(" ")
    });
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

#[test]
fn an_export_goes_into_another_tenant_as_it_came_out_of_the_first() {
    on_each_engine(|database| {
        let pair = Pair::start(database, 1);
        let api = pair.api(0);
        let second = pair.command(&["tenant", "create", "--name", "Second"]);
        let key = pair.command(&["key", "create", "--tenant", &second, "--name", "test"]);
        let other = Api::new(&pair.nodes[0].url, second.parse().expect("an id"), &key);
        let made = |number: u32, members: Value| {
            let mut contact = json!({"phone": phone(number)});
            contact
                .as_object_mut()
                .expect("an object")
                .extend(members.as_object().expect("an object").clone());
            api.post("/contacts", contact).expect(201)["id"].clone()
        };
        made(1, json!({"name": "Ann; \"the\" = Bauer", "tags": ["a,b", "c;d", "vip"], "language": "de"}));
        made(2, json!({"name": "=SUM(A1)", "tags": ["[\"a\"", "\"b\"]"], "time_zone": "Europe/Berlin"}));
        made(
            3,
            json!({"name": "'015112345671", "tags": ["'=1", "'90", "＝2"], "fields": {"city": "=1+1", "a;b": "x\ty|z\n'1"}}),
        );
        made(4, json!({"opted_in": true, "tags": ["plain", "two"]}));
        let out = made(5, json!({"opted_in": true}));
        let stranger = made(6, json!({"name": "\u{ff0d}2+3"}));
        let back = made(7, json!({}));
        for (contact, verb) in
            [(&out, "opt-out"), (&stranger, "opt-out"), (&back, "opt-out"), (&back, "opt-in")]
        {
            api.post(&format!("/contacts/{contact}/{verb}"), json!({})).expect(200);
        }
        let export = text(&api, "/contacts/export.csv?bom=true");
        let report = imported(&other, "export.csv", export.as_bytes(), &[]);
        assert_eq!((counts(&report), &report["opted_out"]), ([7, 7, 0, 0, 0], &json!(2)), "{report:#}");
        let again = text(&other, "/contacts/export.csv?bom=true");
        assert_eq!(comparable(&export), comparable(&again));
        assert_eq!(comparable(&export).len(), 7);
        // A list that says yes of everybody brings back nobody who had opted out in the first tenant.
        let list: String = (1..=7).map(|number| format!("{},yes\n", phone(number))).collect();
        let list = format!("phone,opted_in\n{list}");
        let report = imported(&other, "list.csv", list.as_bytes(), &[("skip_duplicates", "false")]);
        assert_eq!((counts(&report), &report["consent_refused"]), ([7, 0, 7, 0, 0], &json!(2)));
        let notes: Vec<&Value> =
            report["notes"].as_array().expect("notes").iter().map(|note| &note["row"]).collect();
        assert_eq!(notes, [6, 7]);
    });
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

/// A workbook with one sheet of texts, nothing in it packed.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut sheet = String::new();
    for (row, cells) in rows.iter().enumerate() {
        sheet.push_str(&format!("<row r=\"{}\">", row + 1));
        for (column, cell) in cells.iter().enumerate() {
            let place = format!("{}{}", char::from(b'A' + u8::try_from(column).expect("few")), row + 1);
            sheet.push_str(&format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>"));
        }
        sheet.push_str("</row>");
    }
    zipped(&sheet)
}

/// One whose cell is larger than any cell.
fn bomb() -> Vec<u8> {
    zipped(&format!(
        "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>{}</t></is></c></row>",
        "0".repeat(3_000_000)
    ))
}

fn zipped(sheet: &str) -> Vec<u8> {
    zipped_with(sheet, &[])
}

fn zipped_with(sheet: &str, others: &[(&str, String)]) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rels = "http://schemas.openxmlformats.org/package/2006/relationships";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let types = "http://schemas.openxmlformats.org/package/2006/content-types";
    let parts = [
        ("[Content_Types].xml", format!("<Types xmlns=\"{types}\"/>")),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{rels}\"><Relationship Id=\"r1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{rels}\"><Relationship Id=\"r1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{main}\"><sheetData>{sheet}</sheetData></worksheet>"),
        ),
    ];
    stored(&[parts.as_slice(), others].concat())
}

/// One whose texts claim to be so many.
fn liar(count: &str) -> Vec<u8> {
    let texts = format!("<sst count=\"{count}\" uniqueCount=\"{count}\"><si><t>city</t></si></sst>");
    zipped_with("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>", &[("xl/sharedStrings.xml", texts)])
}

/// A ZIP archive without compression: local headers, the directory, its end (APPNOTE 4.3).
fn stored(parts: &[(&str, String)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in parts {
        let offset = u32::try_from(file.len()).expect("small");
        let size = u32::try_from(content.len()).expect("small");
        let mut entry = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        entry.extend_from_slice(&crc32(content.as_bytes()).to_le_bytes());
        entry.extend_from_slice(&size.to_le_bytes());
        entry.extend_from_slice(&size.to_le_bytes());
        entry.extend_from_slice(&u16::try_from(name.len()).expect("short").to_le_bytes());
        entry.extend_from_slice(&[0, 0]);
        file.extend_from_slice(b"PK\x03\x04");
        file.extend_from_slice(&entry);
        file.extend_from_slice(name.as_bytes());
        file.extend_from_slice(content.as_bytes());
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&entry);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let (offset, size) =
        (u32::try_from(file.len()).expect("small"), u32::try_from(directory.len()).expect("small"));
    let count = u16::try_from(parts.len()).expect("few").to_le_bytes();
    file.extend_from_slice(&directory);
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    file.extend_from_slice(&count);
    file.extend_from_slice(&count);
    file.extend_from_slice(&size.to_le_bytes());
    file.extend_from_slice(&offset.to_le_bytes());
    file.extend_from_slice(&[0, 0]);
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}
