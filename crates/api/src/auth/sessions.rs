//! One's own sessions.

use api_types::auth::{Done, Session};
use api_types::errors::details::Missing;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::SessionId;
use engine::access::{Access, LoginError};

use super::Person;
use super::login::session;
use crate::answer::{Answer, Result, ok, short_list};
use crate::body::{Id, Query};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(list_sessions, end_other_sessions)).routes(routes!(end_session))
}

/// Sessions that are not over, the one used last first.
#[utoipa::path(get, path = "/sessions", tag = "auth", params(PagingQuery), security(("session" = []), ("cookie" = [])),
    responses((status = 200, body = Success<List<Session>>)))]
async fn list_sessions(
    Person(person): Person,
    State(access): State<Access>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Session>>> {
    let sessions = access.sessions(person.account_id).await?;
    short_list(&page, sessions, |one| session(one, person.session.id))
}

/// Ends all sessions but the one that this call came by.
#[utoipa::path(delete, path = "/sessions", tag = "auth", security(("session" = []), ("cookie" = [])),
    responses((status = 200, body = Success<Done>)))]
async fn end_other_sessions(Person(person): Person, State(access): State<Access>) -> Result<Answer<Done>> {
    let ended = access.end_other_sessions(person.account_id, person.session.id).await?;
    Ok(ok(Done {}).saying(format!("{ended} sessions were ended")))
}

/// Ends one session.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "auth", security(("session" = []), ("cookie" = [])),
    responses((status = 200, body = Success<Done>)),
    extensions(("x-error-codes" = json!(["SESSION_NOT_FOUND"]))))]
async fn end_session(
    Person(person): Person,
    Id(id): Id<SessionId>,
    State(access): State<Access>,
) -> Result<Answer<Done>> {
    match access.end_session(person.account_id, id).await {
        Ok(()) => Ok(ok(Done {})),
        Err(LoginError::NotFound) => Err(Problem::SessionNotFound(Missing { id: id.0 }).into()),
        Err(error) => Err(ApiError::from(error)),
    }
}
