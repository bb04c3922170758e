//! The handles under `/_sim`, in JSON. Errors are HTTP 400 or 404 with `{"error": "a sentence"}`.
//!
//! | call | does |
//! |---|---|
//! | `GET /ledger?after=N&limit=M` | accepted messages in order, as a list |
//! | `GET /inbox?after=N` | what customers wrote, in order |
//! | `GET /reads` | messages that the business marked as read |
//! | `POST /customers/{phone}/messages` | the customer writes: `{text}` or an inbound message object; `phone_number_id` chooses the number |
//! | `GET, PUT /customers/{phone}` | how this customer behaves |
//! | `GET /customers/{phone}/thread` | the conversation |
//! | `GET, PUT, PATCH, DELETE /faults` | PUT sets all faults, PATCH only those named, DELETE ends them |
//! | `POST /templates` | puts a template in any status directly |
//! | `POST /templates/{name}/review` | `{status, reason?, category?, quality?, language?}` |
//! | `POST /media` | registers a medium: `{id?, mime_type, text? or base64?, inbound?}` |
//! | `POST /tokens/expire`, `/tokens/revoke`, `/tokens/issue` | the access token ends; a new one |
//! | `GET, POST /clock` | `{advance: "25h"}` |
//! | `POST /accounts`, `PATCH /accounts/{id}` | another account or number; state of a number or account |
//! | `PUT /callback` | `{url}` for every app, without a handshake |
//! | `GET, POST /webhooks` | the delivery log; `{field, value}` sends any change |
//! | `GET /state` | accounts, counters, what is pending |
//! | `POST /reset` | forgets all but the accounts |
//! | `GET /magic` | the magic numbers |

mod accounts;
mod answers;
mod clock;
mod customers;
mod faults;
mod ledger;
mod media;
mod state;
pub(crate) mod templates;
mod tokens;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, patch, post, put};

use crate::sim::Sim;

/// All control routes.
pub(crate) fn routes() -> Router<Arc<Sim>> {
    Router::new()
        .route("/_sim/ledger", get(ledger::list))
        .route("/_sim/inbox", get(ledger::inbox))
        .route("/_sim/reads", get(ledger::reads))
        .route("/_sim/customers/{phone}/messages", post(customers::write))
        .route("/_sim/customers/{phone}/thread", get(customers::thread))
        .route("/_sim/customers/{phone}", get(customers::show).put(customers::set))
        .route("/_sim/customers", get(customers::recent))
        .route("/_sim/faults", get(faults::show).put(faults::set).patch(faults::merge).delete(faults::end))
        .route("/_sim/templates", post(templates::create))
        .route("/_sim/templates/{name}/review", post(templates::review))
        .route("/_sim/media", post(media::register))
        .route("/_sim/tokens/expire", post(tokens::expire))
        .route("/_sim/tokens/revoke", post(tokens::revoke))
        .route("/_sim/tokens/issue", post(tokens::issue))
        .route("/_sim/clock", get(clock::show).post(clock::advance))
        .route("/_sim/accounts", post(accounts::add))
        .route("/_sim/accounts/{id}", patch(accounts::change))
        .route("/_sim/callback", put(accounts::callback))
        .route("/_sim/webhooks", get(webhooks::log).post(webhooks::send))
        .route("/_sim/state", get(state::show))
        .route("/_sim/reset", post(state::reset))
        .route("/_sim/magic", get(state::magic))
}
