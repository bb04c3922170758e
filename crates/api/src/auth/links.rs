//! What letters lead to: an invitation accepted, a new password.

use api_types::Success;
use api_types::auth::{AcceptInvitation, Done, ForgotPassword, Joined, ResetPassword};
use axum::extract::State;
use engine::access::{Accept, Access};

use super::{At, second};
use crate::answer::{Answer, Result, accepted, created, ok};
use crate::body::Json;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(accept_invitation))
        .routes(routes!(forgot_password))
        .routes(routes!(reset_password))
}

/// Accepts an invitation, once. Somebody new chooses a password; somebody who is a member of another tenant already
/// gives the one they have.
#[utoipa::path(post, path = "/invitations/accept", tag = "auth", request_body = AcceptInvitation, security(()),
    responses((status = 201, body = Success<Joined>)),
    extensions(("x-error-codes" = json!([
        "LINK_NOT_VALID", "LOGIN_REFUSED", "SECOND_FACTOR_NEEDED", "LOGIN_THROTTLED"]))))]
async fn accept_invitation(
    State(access): State<Access>,
    At(client): At,
    Json(wanted): Json<AcceptInvitation>,
) -> Result<Answer<Joined>> {
    let wanted = Accept {
        token: wanted.token.into_inner(),
        name: wanted.name,
        password: wanted.password.into_inner().into(),
        second: second(wanted.code, wanted.recovery_code)?,
    };
    let member = access.accept(wanted, &client).await?;
    Ok(created(Joined { tenant_id: member.tenant_id.0, member_id: member.id.0, email: member.email }))
}

/// Sends a link that sets a new password, if the address has an account and this server sends e-mail. The answer is
/// the same in every case.
#[utoipa::path(post, path = "/password/forgot", tag = "auth", request_body = ForgotPassword, security(()),
    responses((status = 202, body = Success<Done>)),
    extensions(("x-error-codes" = json!(["LOGIN_THROTTLED"]))))]
async fn forgot_password(
    State(access): State<Access>,
    At(client): At,
    Json(wanted): Json<ForgotPassword>,
) -> Result<Answer<Done>> {
    access.forgot_password(&wanted.email, &client).await?;
    Ok(accepted(Done {}).saying("If the address has an account, a letter is on its way"))
}

/// Sets a new password by a link, once. Every session of the account ends.
#[utoipa::path(post, path = "/password/reset", tag = "auth", request_body = ResetPassword, security(()),
    responses((status = 200, body = Success<Done>)),
    extensions(("x-error-codes" = json!(["LINK_NOT_VALID"]))))]
async fn reset_password(
    State(access): State<Access>,
    Json(wanted): Json<ResetPassword>,
) -> Result<Answer<Done>> {
    let token = wanted.token.into_inner();
    access.reset_password(&token, &wanted.password.into_inner().into()).await?;
    Ok(ok(Done {}))
}
