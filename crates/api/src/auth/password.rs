//! One's own password.

use api_types::Success;
use api_types::auth::{ChangePassword, Done};
use axum::extract::State;
use engine::access::Access;

use super::{At, Person, proof};
use crate::answer::{Answer, Result, ok};
use crate::body::Json;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(change_password))
}

/// Puts another password into the place of the one that the caller has. Every other session of the account ends. Wrong
/// passwords and codes make the account and the client's address wait, as those of a login do.
#[utoipa::path(post, path = "/password/change", tag = "auth", request_body = ChangePassword,
    security(("session" = []), ("cookie" = [])), responses((status = 200, body = Success<Done>)),
    extensions(("x-error-codes" = json!(["LOGIN_REFUSED", "SECOND_FACTOR_NEEDED", "LOGIN_THROTTLED"]))))]
async fn change_password(
    Person(person): Person,
    State(access): State<Access>,
    At(client): At,
    Json(wanted): Json<ChangePassword>,
) -> Result<Answer<Done>> {
    let proof = proof(wanted.current_password, wanted.code, wanted.recovery_code)?;
    let password = wanted.new_password.into_inner().into();
    let session = person.session.id;
    let ended = access.change_password(person.account_id, session, &proof, &password, &client).await?;
    Ok(ok(Done {}).saying(format!("The password was changed; {ended} other sessions were ended")))
}
