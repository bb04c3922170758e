//! What the tenant has: connections, a template, contacts.

use std::rc::Rc;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN, World};
use crate::load::{Load, Requests, drive};

/// How many contacts there are.
pub(crate) const CONTACTS: usize = 1_000;
/// The approved template, with two parameters.
pub(crate) const TEMPLATE: &str = "order_update";

/// The number of a contact, from 0; beyond [`CONTACTS`] it begins again.
pub(crate) fn phone(contact: usize) -> String {
    format!("+49151{:08}", 23_000_000 + contact % CONTACTS)
}

impl World {
    pub(super) async fn link_numbers(&mut self, count: usize, per_second: Option<u32>) -> Result<()> {
        let accounts = self.sim().get("/state").await?["accounts"].clone();
        self.waba = text(&accounts["wabas"][0]["id"])?;
        // A number is linked with the limit that its account reports: ours keeps to it, whatever Meta would refuse.
        self.sim().patch(&format!("/accounts/{}", self.waba), json!({ "tier": "TIER_UNLIMITED" })).await?;
        for further in 1..count {
            let phone = json!({ "id": format!("20654035224{further:04}"),
                "display_phone_number": format!("+1 555-077-{further:04}") });
            self.sim().patch(&format!("/accounts/{}", self.waba), json!({ "add_phone": phone })).await?;
        }
        let app = text(&accounts["apps"][0]["id"])?;
        let accounts = self.sim().get("/state").await?["accounts"].clone();
        for number in accounts["phones"].as_array().into_iter().flatten() {
            self.numbers.push(text(&number["id"])?);
        }
        for number in self.numbers.clone() {
            let id = self.link(&number, &app, per_second).await?;
            self.connections.push(id);
        }
        Ok(())
    }

    async fn link(&self, number: &str, app: &str, per_second: Option<u32>) -> Result<i64> {
        let mut body = json!({
            "name": number,
            "phone_number_id": number,
            "waba_id": self.waba,
            "app_id": app,
            "access_token": ACCESS_TOKEN,
            "app_secret": APP_SECRET,
            "verify_token": VERIFY_TOKEN,
            "graph_url": format!("http://{}", self.simulator_address),
        });
        if let Some(limit) = per_second {
            body["rate_limit"] = json!({ "limit": limit, "period_seconds": 1 });
        }
        let made = self.api().post("/connections", body).await?;
        let connection = made.get("connection").unwrap_or(&made);
        connection["id"].as_i64().with_context(|| format!("a connection without id: {made}"))
    }

    pub(super) async fn put_template(&self) -> Result<()> {
        let components = json!([{
            "type": "BODY",
            "text": "Hello {{1}}, your order {{2}} is on its way.",
            "example": { "body_text": [["Ada", "A-1001"]] },
        }]);
        let template = json!({ "name": TEMPLATE, "language": "en_US", "category": "UTILITY", "status": "APPROVED",
            "components": components });
        self.sim().post("/templates", template).await?;
        self.api().post("/templates/sync", json!({})).await.map(drop)
    }

    pub(super) async fn create_contacts(&self) -> Result<()> {
        let mut requests = Requests::default();
        let key = format!("Bearer {}", self.key);
        for contact in 0..CONTACTS {
            let body =
                json!({ "phone": phone(contact), "name": format!("Customer {contact}"), "opted_in": true });
            let body = body.to_string();
            requests.post(&self.path("/contacts"), &[("authorization", &key)], body.as_bytes());
        }
        let load = Load { address: self.address, connections: 16, turn: None, again: false, expected: 201 };
        drive(load, &Rc::new(requests)).await.context("contacts cannot be made")?;
        Ok(())
    }
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("no text: {value}"))
}
