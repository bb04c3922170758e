//! Customers: how they behave, what they write, what they see.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{Controlled, Problem, body, within_reason};
use crate::customers::{Customer, UserKey, inbound, profile, thread as threads};
use crate::sim::Sim;

#[derive(Deserialize)]
pub(crate) struct Which {
    phone_number_id: Option<String>,
}

impl Which {
    /// The number asked for, else the first.
    fn phone(self, sim: &Sim) -> Result<(String, u32), Problem> {
        let accounts = sim.accounts();
        let phone = match &self.phone_number_id {
            Some(id) => accounts.phone(id),
            None => accounts.phones().first(),
        };
        phone
            .map(|phone| (phone.id.clone(), phone.index))
            .ok_or_else(|| Problem::missing("there is no such number"))
    }
}

pub(crate) async fn write(
    State(sim): State<Arc<Sim>>,
    Path(customer): Path<String>,
    Query(which): Query<Which>,
    bytes: Bytes,
) -> Controlled {
    let Value::Object(mut message) = body(&bytes)? else {
        return Err(Problem::bad("the body must be an object"));
    };
    let named = message.remove("phone_number_id").and_then(|id| id.as_str().map(ToOwned::to_owned));
    let which = Which { phone_number_id: named.or(which.phone_number_id) };
    if !message.contains_key("type") {
        // `{text: "hi"}` is short for a text message.
        if let Some(Value::String(text)) = message.remove("text") {
            message.insert("text".into(), json!({"body": text}));
        }
        let kind = message
            .keys()
            .find(|key| !["context", "id", "timestamp", "from", "referral"].contains(&key.as_str()));
        let kind = kind
            .cloned()
            .ok_or_else(|| Problem::bad("give `text` or an inbound message object with its type"))?;
        message.insert("type".into(), kind.into());
    }
    let (phone_id, _) = which.phone(&sim)?;
    let id =
        inbound::from_outside(&sim, &phone_id, &customer, Value::Object(message)).map_err(Problem::bad)?;
    Ok(axum::Json(json!({"id": id, "message_id": id, "phone_number_id": phone_id})))
}

pub(crate) async fn set(
    State(sim): State<Arc<Sim>>,
    Path(customer): Path<String>,
    bytes: Bytes,
) -> Controlled {
    let user = user(&sim, &customer)?;
    let given = body(&bytes)?;
    within_reason(&given)?;
    let how: Customer = serde_json::from_value(given).map_err(Problem::bad)?;
    if how.failure_at.as_deref().is_some_and(|at| !["once", "status"].contains(&at)) {
        return Err(Problem::bad("failure_at must be \"once\" or \"status\""));
    }
    sim.customers.put(user, how.clone());
    show_one(&sim, user, &how)
}

pub(crate) async fn show(State(sim): State<Arc<Sim>>, Path(customer): Path<String>) -> Controlled {
    let user = user(&sim, &customer)?;
    let how = sim.customers.get(user).map(|how| how.as_ref().clone()).unwrap_or_default();
    show_one(&sim, user, &how)
}

fn show_one(sim: &Sim, user: UserKey, how: &Customer) -> Controlled {
    let mut shown = serde_json::to_value(how).map_err(Problem::bad)?;
    shown["wa_id"] = sim.customers.wa_id(user).into();
    shown["bsuid"] = sim.customers.bsuid(user).into();
    Ok(axum::Json(shown))
}

pub(crate) async fn thread(
    State(sim): State<Arc<Sim>>,
    Path(customer): Path<String>,
    Query(which): Query<Which>,
) -> Controlled {
    let user = user(&sim, &customer)?;
    let (_, phone) = which.phone(&sim)?;
    Ok(axum::Json(threads::thread(&sim, phone, user)))
}

/// Customers with a thread, most recent first.
pub(crate) async fn recent(State(sim): State<Arc<Sim>>, Query(which): Query<Which>) -> Controlled {
    let (_, phone) = which.phone(&sim)?;
    let recent = sim.conversations.recent(phone, 50);
    let shown = recent.iter().map(|(user, pair)| {
        let name = sim.customers.profile(*user)["name"].clone();
        let phone = user.digits().map(|digits| format!("+{digits}"));
        json!({"phone": phone, "user_id": sim.customers.bsuid(*user), "name": name, "window_open": pair.window_open(sim.clock.now_ms())})
    });
    Ok(axum::Json(Value::Array(shown.collect())))
}

fn user(sim: &Sim, customer: &str) -> Result<UserKey, Problem> {
    let named = profile::named(&sim.customers, customer);
    named.ok_or_else(|| {
        Problem::bad(format!("{customer} is neither a phone number nor a business-scoped user id"))
    })
}
