//! Logging in, sessions, passwords, invitations, the second factor: of a person, before any tenant is named.

pub(crate) mod cookie;
mod links;
mod login;
mod password;
mod second_factor;
mod sessions;

use api_types::Problem;
use api_types::errors::details::{Later, Nothing, TooManyCalls, WrongState};
use api_types::read::Secret;
use axum::extract::{FromRef, FromRequestParts};
use engine::access::{Access, Client, LoginError, Proof, Second, SignedIn};
use http::header;
use http::request::Parts;

use crate::caller::{client_address, session};
use crate::error::ApiError;
use crate::routing::Routes;
use crate::state::Settings;

/// Where these routes begin.
pub(crate) const BASE: &str = "/api/v1/auth";

pub(crate) fn routes() -> Routes {
    Routes::new()
        .merge(links::routes())
        .merge(login::routes())
        .merge(password::routes())
        .merge(second_factor::routes())
        .merge(sessions::routes())
}

/// Somebody with a session.
#[derive(Debug, Clone)]
struct Person(SignedIn);

impl<S: Send + Sync> FromRequestParts<S> for Person
where
    Access: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        session(&Access::from_ref(state), parts).await.map(Self)
    }
}

/// Who is at the other end.
#[derive(Debug, Clone)]
struct At(Client);

impl<S: Send + Sync> FromRequestParts<S> for At
where
    Settings: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let address = client_address(&parts.headers, &parts.extensions, &Settings::from_ref(state));
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|name| name.to_str().ok());
        Ok(Self(Client { address, user_agent: user_agent.map(str::to_owned) }))
    }
}

/// A code of an app, or a recovery code.
fn second(code: Option<Secret>, recovery_code: Option<Secret>) -> Result<Option<Second>, ApiError> {
    match (code, recovery_code) {
        (Some(_), Some(_)) => Err(ApiError::fault("/recovery_code", "cannot be given together with code")),
        (Some(code), None) => Ok(Some(Second::Code(code.into_inner()))),
        (None, Some(code)) => Ok(Some(Second::Recovery(code.into_inner()))),
        (None, None) => Ok(None),
    }
}

fn proof(password: Secret, code: Option<Secret>, recovery_code: Option<Secret>) -> Result<Proof, ApiError> {
    Ok(Proof { password: password.into_inner().into(), second: second(code, recovery_code)? })
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => Problem::LoginRefused(Nothing {}).into(),
            LoginError::SecondFactorNeeded => Problem::SecondFactorNeeded(Nothing {}).into(),
            LoginError::Throttled { seconds } => {
                Problem::LoginThrottled(TooManyCalls { retry_after_seconds: seconds }).into()
            }
            LoginError::Busy => Problem::ServiceUnavailable(Later { retry_after_seconds: 2 }).into(),
            LoginError::LinkNotValid => Problem::LinkNotValid(Nothing {}).into(),
            LoginError::NotFound => Problem::Unauthenticated(Nothing {}).into(),
            LoginError::SecondFactor(current) => Problem::InvalidState(WrongState {
                current: current.to_owned(),
                allowed: vec![if current == "on" { "off" } else { "on" }.to_owned()],
                not_before: None,
            })
            .into(),
            LoginError::Invalid(faults) => faults.into(),
            LoginError::Store(error) => error.into(),
        }
    }
}
