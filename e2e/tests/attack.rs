//! Two tenants with the same data, and one attacks the other on every route of the OpenAPI document: with ids of the
//! other in the path, in the query and in the body, and on the other's own path. Nothing is found, nothing is changed,
//! and no answer tells an id of the other from one that never was.

#![allow(clippy::unwrap_used, reason = "helpers of tests, though they are no test functions themselves")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use e2e::{Answer, Api, Database, Pair, eventually, on_each_engine};
use serde_json::{Map, Value, json};

const BASE: &str = "/api/v1/tenant/{tenant_id}/whatsapp";
/// An id that nothing ever had.
const NEVER: i64 = 999_999_999;

/// Where the list of a kind stands, when it does not stand at the path before the id.
const LISTS: [(&str, &str); 1] = [("/contacts/import", "/contacts/imports")];

/// Kinds of which each tenant counts its own from 1: an id of the victim is one of the attacker's as well, and that the
/// victim's stays as it is, is told by its rows.
const COUNTED_PER_TENANT: [&str; 1] = ["/alert-rules"];

/// Fields of queries and bodies that hold an id, and where the list of its kind stands.
const FIELDS: [(&str, &str); 15] = [
    ("erasure_id", "/erasures"),
    ("message_id", "/messages"),
    ("role_id", "/roles"),
    ("contact_id", "/contacts"),
    ("contact_ids", "/contacts"),
    ("contacts", "/contacts"),
    ("connection_id", "/connections"),
    ("connection_ids", "/connections"),
    ("template_id", "/templates"),
    ("segment_id", "/segments"),
    ("segment", "/segments"),
    ("broadcast_id", "/broadcasts"),
    ("conversation_id", "/conversations"),
    ("media_id", "/media"),
    ("recurs_from", "/broadcasts"),
];

/// An operation of the document.
struct Operation {
    method: String,
    /// Below the tenant's base.
    path: String,
    about: Value,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The schema of its JSON body.
    fn body(&self) -> Option<&Value> {
        let schema = &self.about["requestBody"]["content"]["application/json"]["schema"];
        schema.is_object().then_some(schema)
    }

    fn parameters(&self, place: &str) -> Vec<String> {
        let all = self.about["parameters"].as_array().cloned().unwrap_or_default();
        let named = all.iter().filter(|one| one["in"] == place && one["name"] != "tenant_id");
        named.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Paths of the document up to each id: `/contacts` of `/contacts/{id}/consent`.
    fn owner(&self) -> &str {
        self.path.split("/{").next().unwrap()
    }

    /// Streams never end.
    fn streams(&self) -> bool {
        self.path.ends_with("/events")
    }
}

struct Document(Value);

impl Document {
    fn of(api: &Api) -> Self {
        Self(api.plain("/api/openapi.json").unwrap().body)
    }

    fn operations(&self) -> Vec<Operation> {
        let mut found = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            let Some(path) = path.strip_prefix(BASE) else { continue };
            for (method, about) in item.as_object().unwrap() {
                let method = method.to_uppercase();
                found.push(Operation { method, path: path.to_owned(), about: about.clone() });
            }
        }
        found
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        loop {
            if let Some(name) = schema["$ref"].as_str() {
                schema = &self.0["components"]["schemas"][name.rsplit('/').next().unwrap()];
                continue;
            }
            let choice = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema[*word].as_array());
            match choice.and_then(|choices| choices.iter().find(|one| one["type"] != "null")) {
                Some(first) => schema = first,
                None => return schema,
            }
        }
    }

    /// The smallest thing that the schema takes.
    fn example(&self, schema: &Value) -> Value {
        let given = schema.get("example").or_else(|| schema["examples"].get(0));
        let schema = self.resolved(schema);
        if let Some(given) = given.or_else(|| schema.get("example")) {
            return given.clone();
        }
        if let Some(first) = schema["enum"].get(0) {
            return first.clone();
        }
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        match type_of(schema) {
            "object" => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let member = |name: &Value| {
                    let name = name.as_str().unwrap();
                    (name.to_owned(), self.example(&schema["properties"][name]))
                };
                Value::Object(required.iter().map(member).collect::<Map<_, _>>())
            }
            "array" if schema["minItems"].as_u64().unwrap_or(0) > 0 => {
                json!([self.example(&schema["items"])])
            }
            "array" => json!([]),
            "integer" | "number" => schema["minimum"].as_i64().unwrap_or(1).into(),
            "boolean" => false.into(),
            _ if schema["format"] == "date-time" => json!("2026-11-22T10:00:00Z"),
            _ => json!("example"),
        }
    }

    /// Pointers of members that hold an id, with the kind of it.
    fn ids(&self, schema: &Value, pointer: &str, depth: usize, found: &mut Vec<(String, &'static str)>) {
        if depth > 4 {
            return;
        }
        let schema = self.resolved(schema);
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let at = format!("{pointer}/{name}");
            let known = self.resolved(member);
            let items = self.resolved(&known["items"]);
            let is_id = type_of(known) == "integer" || type_of(items) == "integer";
            match FIELDS.iter().find(|(field, _)| field == name) {
                Some((_, list)) if is_id => found.push((at, *list)),
                _ => {
                    assert!(
                        !(is_id && name.ends_with("_id")),
                        "{at} is an id of an unknown kind: name it in FIELDS"
                    );
                    self.ids(member, &at, depth + 1, found);
                }
            }
        }
    }
}

fn type_of(schema: &Value) -> &str {
    let types = &schema["type"];
    let first = || types.as_array()?.iter().find_map(|one| one.as_str().filter(|one| *one != "null"));
    types.as_str().or_else(first).unwrap_or("")
}

/// One tenant, furnished.
struct House {
    api: Api,
    ids: BTreeMap<String, i64>,
}

impl House {
    /// An id of this tenant, of the kind whose list stands there.
    fn id(&self, list: &str) -> i64 {
        let known = |list: &str| {
            self.ids.get(list).copied().or_else(|| {
                let page = self.api.call("GET", list, None);
                let items = page.body["data"]["items"].as_array()?.clone();
                items.iter().find_map(|item| {
                    ["id", "import_id", "erasure_id"].iter().find_map(|name| item[*name].as_i64())
                })
            })
        };
        let elsewhere = LISTS.iter().find(|(path, _)| *path == list).map_or(list, |(_, list)| list);
        known(elsewhere).unwrap_or_else(|| panic!("there is nothing at {elsewhere}: furnish it"))
    }
}

/// A tenant with something of everything.
fn furnish(pair: &Pair, api: Api, number: &str) -> House {
    let mut ids = BTreeMap::new();
    let phone = format!("+1202555{number}");
    pair.sim.customer(&phone, json!({ "reads": true }));
    let contact = api.opted_in_contact(&phone);
    api.post("/templates/sync", json!({})).expect(200);
    let made = |path: &str, body: Value| api.post(path, body).body["data"].clone();
    let segment = made("/segments", json!({ "name": "All", "rule": { "all": [] } }));
    assert!(segment["id"].is_i64(), "{segment:#}");
    made("/canned-replies", json!({ "shortcut": "hi", "text": "Hello" }));
    let sent = api.post("/messages", json!({ "contact_id": contact, "template_name": "hello" }));
    assert!(sent.status < 300, "{:#}", sent.body);
    let import = json!({ "contacts": [{ "phone": phone }], "skip_duplicates": true });
    assert!(api.post("/contacts/import", import).status < 300);
    let broadcast = json!({ "name": "News", "template_name": "hello", "audience": { "all": true } });
    let broadcast = api.post("/broadcasts", broadcast);
    assert!(broadcast.status < 300, "{:#}", broadcast.body);
    made_or_told(
        &api,
        "/alert-channels",
        json!({ "name": "Ops", "kind": "webhook", "url": format!("{}/hook", pair.sim.url) }),
    );
    made_or_told(&api, "/roles", json!({ "name": "Helper", "permissions": ["contacts_read"] }));
    made_or_told(&api, "/members", json!({ "email": "ada@example.com", "role": "agent" }));
    let gone = api.opted_in_contact("+12025550999");
    made_or_told(&api, &format!("/contacts/{gone}/erase"), json!({}));
    // Somebody forges a webhook: an alert and a security event.
    let hook = format!("/webhooks/whatsapp/{}", pair.connection);
    assert_eq!(api.webhook(&hook, b"{}", Some(b"sha256=00")).unwrap().status, 401);
    ids.insert("/media".to_owned(), upload(&api));
    House { api, ids }
}

fn made_or_told(api: &Api, path: &str, body: Value) {
    let answer = api.post(path, body);
    assert!(answer.status < 300, "{path}: {:#}", answer.body);
}

fn upload(api: &Api) -> i64 {
    let form = reqwest::blocking::multipart::Form::new().part(
        "file",
        reqwest::blocking::multipart::Part::bytes(vec![0x25, 0x50, 0x44, 0x46, 0x2d, 0x31])
            .file_name("a.pdf")
            .mime_str("application/pdf")
            .unwrap(),
    );
    let url = format!("{}/api/v1/tenant/{}/whatsapp/media", api.url, api.tenant);
    let answer =
        reqwest::blocking::Client::new().post(url).bearer_auth(&api.key).multipart(form).send().unwrap();
    let body: Value = answer.json().unwrap();
    body["data"]["id"].as_i64().unwrap_or_else(|| panic!("{body:#}"))
}

/// Every row of a tenant, by table, without what time alone changes.
fn rows_of(pair: &Pair, tenant: i64, to: &Path) -> BTreeMap<String, Vec<String>> {
    pair.command(&["backup", &to.display().to_string()]);
    let manifest: Value = serde_json::from_slice(&std::fs::read(to.join("manifest.json")).unwrap()).unwrap();
    let mut rows = BTreeMap::new();
    for table in manifest["tables"].as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        let columns: Vec<&str> =
            table["columns"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        let Some(owner) = columns.iter().position(|column| *column == "tenant_id") else { continue };
        let file = std::fs::File::open(to.join(format!("tables/{name}.jsonl.gz"))).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        let own = text.lines().filter_map(|line| {
            let row: Vec<Value> = serde_json::from_str(line).unwrap();
            (row[owner] == tenant).then(|| {
                let kept = columns.iter().zip(&row).filter(|(column, _)| !is_of_time(name, column));
                kept.map(|(column, value)| format!("{column}={value}")).collect::<Vec<_>>().join(" ")
            })
        });
        rows.insert(name.to_owned(), own.collect());
    }
    rows
}

/// What moves without anybody's doing: leases, and when a key was last used.
fn is_of_time(table: &str, column: &str) -> bool {
    table == "lanes" || column == "last_used_at" || column == "last_seen_at"
}

/// Status, code and details, without the id that was asked for.
fn told(answer: &Answer, id: i64) -> (u16, Value, Value) {
    let mut details = answer.body["error"]["details"].clone();
    for detail in details.as_object_mut().into_iter().flatten().map(|(_, detail)| detail) {
        if *detail == id {
            *detail = Value::Null;
        }
    }
    (answer.status, answer.body["error"]["code"].clone(), details)
}

fn path_with(operation: &Operation, id: i64) -> String {
    let part = |part: &str| if part.starts_with('{') { id.to_string() } else { part.to_owned() };
    operation.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The smallest body that the operation takes, of things of the attacker's own.
fn body_of(document: &Document, operation: &Operation, attacker: &House) -> Option<Value> {
    let schema = operation.body()?;
    Some(match operation.about["operationId"].as_str().unwrap() {
        "create_message" => json!({ "contact_id": attacker.id("/contacts"), "content": "hello" }),
        "create_conversation_message" => json!({ "content": "hello" }),
        "create_note" => json!({ "text": "hello" }),
        "create_segment" => json!({ "name": "Mine", "rule": { "all": [] } }),
        "update_contact" | "update_segment" | "update_connection" => json!({ "name": "Taken over" }),
        "put_broadcast_list" | "post_broadcast_list" => json!({ "rows": [{ "phone": "+12025550100" }] }),
        "reconnect_connection" => json!({ "access_token": "EAAPAIRTOKEN" }),
        _ => document.example(schema),
    })
}

fn attacks(pair: &Pair) {
    let document = Document::of(&pair.api(0));
    let victim = furnish(pair, pair.api(0), "0101");
    let second = pair.command(&["tenant", "create", "--name", "Attacker"]);
    let key = pair.command(&["key", "create", "--tenant", &second, "--name", "attack"]);
    let api = Api::new(&pair.nodes[0].url, second.parse().unwrap(), &key);
    let attacker = furnish_attacker(pair, api);
    let operations = document.operations();
    assert!(operations.len() > 70, "only {} operations", operations.len());
    // The victim's own rows come to rest first.
    eventually("the victim's message is read", || {
        let list = victim.api.get("/messages?status=read").expect(200);
        (list["items"].as_array()?.len() == 1).then_some(())
    });
    let folder = tempfile::tempdir().unwrap();
    let mut looks = 0;
    let mut last = BTreeMap::new();
    let before =
        eventually("the victim is at rest: nothing waits for the audit, and two looks see the same", || {
            looks += 1;
            let rows = rows_of(pair, pair.tenant, &folder.path().join(format!("before-{looks}")));
            let rests = rows["audit_pending"].is_empty() && rows == last;
            last.clone_from(&rows);
            rests.then_some(rows)
        });
    assert!(
        before.values().filter(|rows| !rows.is_empty()).count() > 12,
        "the victim has too little: {before:#?}"
    );

    let mut faults = Vec::new();
    let mut made = 0;
    for operation in &operations {
        let name = operation.name();
        let body = body_of(&document, operation, &attacker);
        let call = |path: &str, body: Option<&Value>| attacker.api.call(&operation.method, path, body);
        // The victim's own address, with the attacker's key.
        let trespass = Api::new(&attacker.api.url, victim.api.tenant, &attacker.api.key);
        let id = if operation.path.contains('{') { victim.id(operation.owner()) } else { 0 };
        let answer = trespass.call(&operation.method, &path_with(operation, id), body.as_ref());
        made += 1;
        if (answer.status, answer.body["error"]["code"].as_str()) != (404, Some("TENANT_NOT_FOUND")) {
            faults.push(format!("{name} on the victim's path: {} {}", answer.status, answer.body));
        }
        // An id of the victim in the path.
        if operation.path.contains('{') {
            let answer = call(&path_with(operation, id), body.as_ref());
            let never = call(&path_with(operation, NEVER), body.as_ref());
            made += 1;
            if COUNTED_PER_TENANT.contains(&operation.owner()) {
                // It was the attacker's own.
                continue;
            }
            if answer.status != 404 {
                faults.push(format!("{name} with the victim's id: {} {}", answer.status, answer.body));
            } else if told(&answer, id) != told(&never, NEVER) {
                faults.push(format!("{name} tells: {} but {}", answer.body, never.body));
            }
            continue;
        }
        if operation.streams() {
            continue;
        }
        // An id of the victim in the query.
        for parameter in operation.parameters("query") {
            let Some((_, list)) = FIELDS.iter().find(|(field, _)| *field == parameter) else { continue };
            let id = victim.id(list);
            let ask =
                |id: i64| attacker.api.call("GET", &format!("{}?{parameter}={id}", operation.path), None);
            let (answer, never) = (ask(id), ask(NEVER));
            made += 1;
            let finds = answer.body["data"]["total"].as_i64().unwrap_or(0) > 0;
            if finds || answer.status != never.status || told(&answer, id) != told(&never, NEVER) {
                faults.push(format!("{name}?{parameter}: {} but {}", answer.body, never.body));
            }
        }
        // An id of the victim in the body.
        let mut ids = Vec::new();
        if let Some(schema) = operation.body() {
            document.ids(schema, "", 0, &mut ids);
        }
        for (pointer, list) in ids {
            let id = victim.id(list);
            let with = |id: i64| {
                let mut body = body.clone().unwrap_or_else(|| json!({}));
                put(&document, operation.body().unwrap(), &mut body, &pointer, id);
                call(&operation.path, Some(&body))
            };
            let (answer, never) = (with(id), with(NEVER));
            made += 1;
            let same = answer.status >= 400 || answer.body["data"] == never.body["data"];
            if !same || told(&answer, id) != told(&never, NEVER) {
                faults.push(format!(
                    "{name} with {pointer}: {} {} but {} {}",
                    answer.status, answer.body, never.status, never.body
                ));
            }
        }
    }
    let after = rows_of(pair, pair.tenant, &folder.path().join("after"));
    let changed = before.iter().filter(|(table, rows)| {
        !AT_ITS_OWN_TIME.contains(&table.as_str()) && by_callers(rows) != by_callers(&after[*table])
    });
    faults.extend(changed.map(|(table, rows)| format!("{table} was {rows:#?} and is {:#?}", after[table])));
    assert!(faults.is_empty(), "{made} attacks, {} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(made > 200, "only {made} attacks");
}

/// What the server writes of itself once a day: on a slow machine the first time falls among the attacks.
const AT_ITS_OWN_TIME: [&str; 2] = ["retention", "audit_heads"];

/// Without what retention did at its own time.
fn by_callers(rows: &[String]) -> Vec<&String> {
    rows.iter().filter(|row| !row.contains("action=\"purged\"")).collect()
}

/// Puts an id where the schema has one: alone, or in a list.
fn put(document: &Document, schema: &Value, body: &mut Value, pointer: &str, id: i64) {
    let (mut schema, mut at) = (schema, body);
    let names: Vec<&str> = pointer.split('/').skip(1).collect();
    for (index, name) in names.iter().enumerate() {
        schema = document.resolved(&document.resolved(schema)["properties"][*name]);
        let last = index + 1 == names.len();
        let fresh = match (last, type_of(schema)) {
            (true, "array") => json!([id]),
            (true, _) => json!(id),
            (false, _) => document.example(schema),
        };
        let members = at.as_object_mut().unwrap();
        if last || !members.get(*name).is_some_and(Value::is_object) {
            members.insert((*name).to_owned(), fresh);
        }
        at = members.get_mut(*name).unwrap();
    }
}

/// The same person and segment as the victim has, and a number of the attacker's own, of which Meta tells nothing now.
fn furnish_attacker(pair: &Pair, api: Api) -> House {
    let accounts = pair.sim.call("GET", "/state", None)["accounts"].clone();
    let made = api.post(
        "/connections",
        json!({
            "name": "Attacker", "phone_number_id": "100000000000001", "waba_id": accounts["wabas"][0]["id"],
            "app_id": accounts["apps"][0]["id"], "access_token": "EAAPAIRTOKEN",
            "app_secret": "attackers-secret", "verify_token": "attackers-token", "graph_url": "http://127.0.0.1:9",
        }),
    );
    assert_eq!(made.status, 201, "{:#}", made.body);
    api.opted_in_contact("+12025550101");
    made_or_told(&api, "/segments", json!({ "name": "All", "rule": { "all": [] } }));
    House { api, ids: BTreeMap::new() }
}

#[test]
fn a_tenant_finds_and_changes_nothing_of_another_on_any_route() {
    on_each_engine(|database: Database| {
        let pair = Pair::start(database, 1);
        pair.sim.template(json!({
            "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
            "components": [{ "type": "BODY", "text": "Hello from us." }],
        }));
        attacks(&pair);
    });
}
