//! Coming in, going out, and who one is.

use api_types::Success;
use api_types::access::members::each;
use api_types::auth::{Done, LoggedIn, Login, Me, Membership, Session, SessionBy};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::SessionId;
use domain::access::roles::MemberState;
use engine::access::Access;
use http::header;
use ports::access::accounts::Account;
use secrecy::ExposeSecret;

use super::{At, Person, cookie, proof};
use crate::answer::{Answer, Result, ok};
use crate::body::Json;
use crate::error::ApiError;
use crate::routing::{Routes, routes};
use crate::state::Settings;

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(log_in)).routes(routes!(log_out)).routes(routes!(get_me))
}

/// Logs somebody in. Neither the answer nor the time that it takes tells whether the address has an account. Wrong
/// passwords and codes make the account and the client's address wait, longer each time; then a right one is refused
/// alike.
#[utoipa::path(post, path = "/login", tag = "auth", request_body = Login, security(()),
    responses((status = 200, body = Success<LoggedIn>)),
    extensions(("x-error-codes" = json!(["LOGIN_REFUSED", "SECOND_FACTOR_NEEDED", "LOGIN_THROTTLED"]))))]
async fn log_in(
    State(access): State<Access>,
    State(settings): State<Settings>,
    At(client): At,
    Json(wanted): Json<Login>,
) -> Result<Response> {
    let proof = proof(wanted.password, wanted.code, wanted.recovery_code)?;
    let (account, opened) = access.login(&wanted.email, &proof, &client).await?;
    let token = opened.token.expose_secret().to_owned();
    let by_cookie = wanted.session == Some(SessionBy::Cookie);
    let me = me(account, opened.session, opened.csrf);
    let answer = ok(LoggedIn { me, token: (!by_cookie).then(|| token.clone()) });
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    if by_cookie {
        let cookie = cookie::set(&token, settings.secure_cookies);
        let cookie = cookie.ok_or_else(|| ApiError::internal("a session's token is no cookie"))?;
        headers.insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Ends the session that this call came by.
#[utoipa::path(post, path = "/logout", tag = "auth", security(("session" = []), ("cookie" = [])),
    responses((status = 200, body = Success<Done>)))]
async fn log_out(
    Person(person): Person,
    State(access): State<Access>,
    State(settings): State<Settings>,
) -> Result<Response> {
    access.end_session(person.account_id, person.session.id).await?;
    let mut response = ok(Done {}).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie::clear(settings.secure_cookies));
    Ok(response)
}

/// Who is logged in, and as what.
#[utoipa::path(get, path = "/me", tag = "auth", security(("session" = []), ("cookie" = [])),
    responses((status = 200, body = Success<Me>)))]
async fn get_me(Person(person): Person, State(access): State<Access>) -> Result<Answer<Me>> {
    let account = access.account(person.account_id).await?;
    Ok(ok(me(account, person.session, person.csrf)))
}

fn me(account: Account, current: ports::access::accounts::Session, csrf_token: String) -> Me {
    let totp = account.totp.filter(|totp| totp.confirmed);
    let active = |membership: &ports::access::accounts::Membership| membership.state == MemberState::Active;
    let id = current.id;
    Me {
        email: account.email.to_string(),
        two_factor: totp.is_some(),
        recovery_codes: totp.map_or(0, |totp| totp.recovery_codes),
        memberships: account.memberships.into_iter().filter(active).map(membership).collect(),
        session: session(current, id),
        csrf_token,
    }
}

fn membership(membership: ports::access::accounts::Membership) -> Membership {
    Membership {
        tenant_id: membership.tenant_id.0,
        tenant_name: membership.tenant_name,
        member_id: membership.member_id.0,
        name: membership.name,
        role: membership.role,
        permissions: each(membership.permissions),
    }
}

pub(super) fn session(session: ports::access::accounts::Session, current: SessionId) -> Session {
    Session {
        id: session.id.0,
        address: session.address,
        user_agent: session.user_agent,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        current: session.id == current,
    }
}
