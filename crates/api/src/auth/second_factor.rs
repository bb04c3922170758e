//! One's own second factor.

use api_types::Success;
use api_types::auth::{ConfirmTotp, Done, EnrollTotp, EnrolledTotp, ProveTotp, RecoveryCodes};
use axum::extract::State;
use engine::access::Access;
use secrecy::ExposeSecret;

use super::{At, Person, proof};
use crate::answer::{Answer, Result, created, ok};
use crate::body::Json;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(enroll_totp))
        .routes(routes!(confirm_totp))
        .routes(routes!(disable_totp))
        .routes(routes!(create_recovery_codes))
}

/// Makes a shared secret for an app. It is asked for at login once it is confirmed.
#[utoipa::path(post, path = "/totp/enroll", tag = "auth", request_body = EnrollTotp,
    security(("session" = []), ("cookie" = [])), responses((status = 201, body = Success<EnrolledTotp>)),
    extensions(("x-error-codes" = json!(["INVALID_STATE", "LOGIN_REFUSED", "LOGIN_THROTTLED"]))))]
async fn enroll_totp(
    Person(person): Person,
    State(access): State<Access>,
    At(client): At,
    Json(wanted): Json<EnrollTotp>,
) -> Result<Answer<EnrolledTotp>> {
    let password = wanted.password.into_inner().into();
    let enrolled = access.enroll_totp(person.account_id, password, &client).await?;
    let text = |secret: secrecy::SecretString| secret.expose_secret().to_owned();
    Ok(created(EnrolledTotp { secret: text(enrolled.secret), uri: text(enrolled.uri) }))
}

/// Confirms the second factor by its first code; answers ten recovery codes, shown this once.
#[utoipa::path(post, path = "/totp/confirm", tag = "auth", request_body = ConfirmTotp,
    security(("session" = []), ("cookie" = [])), responses((status = 200, body = Success<RecoveryCodes>)),
    extensions(("x-error-codes" = json!(["INVALID_STATE", "LOGIN_REFUSED"]))))]
async fn confirm_totp(
    Person(person): Person,
    State(access): State<Access>,
    Json(wanted): Json<ConfirmTotp>,
) -> Result<Answer<RecoveryCodes>> {
    let code = wanted.code.into_inner();
    Ok(ok(RecoveryCodes { recovery_codes: access.confirm_totp(person.account_id, &code).await? }))
}

/// Takes the second factor away.
#[utoipa::path(post, path = "/totp/disable", tag = "auth", request_body = ProveTotp,
    security(("session" = []), ("cookie" = [])), responses((status = 200, body = Success<Done>)),
    extensions(("x-error-codes" = json!([
        "INVALID_STATE", "LOGIN_REFUSED", "SECOND_FACTOR_NEEDED", "LOGIN_THROTTLED"]))))]
async fn disable_totp(
    Person(person): Person,
    State(access): State<Access>,
    At(client): At,
    Json(wanted): Json<ProveTotp>,
) -> Result<Answer<Done>> {
    let proof = proof(wanted.password, wanted.code, wanted.recovery_code)?;
    access.disable_totp(person.account_id, &proof, &client).await?;
    Ok(ok(Done {}))
}

/// Ten other recovery codes in the place of all earlier ones.
#[utoipa::path(post, path = "/totp/recovery-codes", tag = "auth", request_body = ProveTotp,
    security(("session" = []), ("cookie" = [])), responses((status = 200, body = Success<RecoveryCodes>)),
    extensions(("x-error-codes" = json!([
        "INVALID_STATE", "LOGIN_REFUSED", "SECOND_FACTOR_NEEDED", "LOGIN_THROTTLED"]))))]
async fn create_recovery_codes(
    Person(person): Person,
    State(access): State<Access>,
    At(client): At,
    Json(wanted): Json<ProveTotp>,
) -> Result<Answer<RecoveryCodes>> {
    let proof = proof(wanted.password, wanted.code, wanted.recovery_code)?;
    let recovery_codes = access.new_recovery_codes(person.account_id, &proof, &client).await?;
    Ok(ok(RecoveryCodes { recovery_codes }))
}
