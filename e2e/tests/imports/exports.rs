//! An export, taken in by another tenant.

use e2e::{Api, Pair, on_each_engine};
use serde_json::{Value, json};

use crate::{counts, imported, phone, text};

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
