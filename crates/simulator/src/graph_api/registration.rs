//! Registering a number and verifying its ownership (WhatsApp, "Registering business phone numbers").

use super::{Answer, Call, success};
use crate::accounts::Phone;
use crate::errors::GraphError;
use crate::messages::gate::refusal;

const ATTEMPTS: usize = 10;
const PERIOD_MS: i64 = 72 * 3_600_000;
/// The code that `verify_code` takes.
const CODE: &str = "123456";

pub(crate) fn handle(call: &Call<'_>, id: &str, action: &str) -> Answer {
    call.manage_phone(id)?;
    let mut accounts = call.sim.accounts_mut();
    let phone = accounts.phone_mut(id).ok_or_else(|| call.no_object(id))?;
    match action {
        "register" => register(call, phone)?,
        "deregister" => phone.status = "DISCONNECTED".into(),
        "request_code" => request_code(call, phone)?,
        _ => verify_code(call, phone)?,
    }
    Ok(success())
}

fn register(call: &Call<'_>, phone: &mut Phone) -> Result<(), GraphError> {
    crate::messages::envelope::product(&call.params.clone_value())?;
    let pin = call.params.required("pin")?;
    if pin.len() != 6 || !pin.bytes().all(|b| b.is_ascii_digit()) {
        return Err(GraphError::param("Param pin must be 6 digits."));
    }
    let now_ms = call.sim.clock.now_ms();
    phone.registrations.retain(|at| now_ms - at < PERIOD_MS);
    if phone.registrations.len() >= ATTEMPTS {
        return Err(refusal(133016));
    }
    phone.registrations.push(now_ms);
    if phone.pin.as_ref().is_some_and(|known| *known != pin) {
        return Err(refusal(133005));
    }
    if phone.code_status != "VERIFIED" {
        return Err(refusal(133006));
    }
    phone.pin = Some(pin);
    phone.status = "CONNECTED".into();
    phone.onboarded_at = call.sim.clock.now();
    Ok(())
}

fn request_code(call: &Call<'_>, phone: &mut Phone) -> Result<(), GraphError> {
    let method = call.params.required("code_method")?;
    if !["SMS", "VOICE"].contains(&method.as_str()) {
        return Err(GraphError::param("Param code_method must be one of {SMS, VOICE}."));
    }
    call.params.required("language")?;
    if phone.code_status == "VERIFIED" && phone.status == "CONNECTED" {
        return Err(refusal(136024).subcode(2388091));
    }
    phone.code_status = "NOT_VERIFIED".into();
    Ok(())
}

fn verify_code(call: &Call<'_>, phone: &mut Phone) -> Result<(), GraphError> {
    if call.params.required("code")?.replace('-', "") != CODE {
        return Err(refusal(136025).subcode(2388093));
    }
    phone.code_status = "VERIFIED".into();
    Ok(())
}
