//! Authentication templates: a text fixed by Meta, an expiry and one OTP button.

use serde_json::Value;

use super::{Checked, refusals};
use crate::templates::shape::{text, upper};

pub(crate) fn check(components: &[Value]) -> Checked {
    let find = |kind: &str| components.iter().find(|component| upper(component, "type") == kind);
    if let Some(other) =
        components.iter().find(|c| !matches!(upper(c, "type").as_str(), "BODY" | "FOOTER" | "BUTTONS"))
    {
        let kind = upper(other, "type");
        return Err(refusals::component(&format!(
            "an authentication template cannot have a component of type {kind}"
        )));
    }
    if find("BODY").is_some_and(|body| !text(body).is_empty()) {
        return Err(refusals::body_format(
            "The body of an authentication template is fixed and takes no text.",
        ));
    }
    if let Some(minutes) = find("FOOTER").and_then(|footer| footer.get("code_expiration_minutes"))
        && !minutes.as_i64().is_some_and(|minutes| (1..=90).contains(&minutes))
    {
        return Err(refusals::footer_format("code_expiration_minutes must be 1 to 90."));
    }
    let buttons = find("BUTTONS").and_then(|buttons| buttons.get("buttons")).and_then(Value::as_array);
    match buttons.map(Vec::as_slice) {
        Some([button]) if upper(button, "type") == "OTP" => check_otp(button),
        _ => Err(refusals::missing_field("BUTTONS", "OTP button")),
    }
}

fn check_otp(button: &Value) -> Checked {
    match upper(button, "otp_type").as_str() {
        "COPY_CODE" => Ok(()),
        "ONE_TAP" | "ZERO_TAP" => {
            let listed =
                button.get("supported_apps").and_then(Value::as_array).is_some_and(|apps| !apps.is_empty());
            let single = button.get("package_name").is_some() && button.get("signature_hash").is_some();
            if listed || single { Ok(()) } else { Err(refusals::missing_field("BUTTONS", "supported_apps")) }
        }
        _ => Err(refusals::missing_field("BUTTONS", "otp_type")),
    }
}
