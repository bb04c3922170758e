//! Components as Meta gives them back: types in upper case, authentication texts written out.

use serde_json::{Value, json};

use crate::templates::shape::upper;

/// Types and formats in upper case, also inside buttons and cards.
pub(crate) fn upper_case(component: &Value) -> Value {
    let mut out = component.clone();
    for key in ["type", "format", "otp_type"] {
        if out.get(key).and_then(Value::as_str).is_some() {
            out[key] = upper(component, key).into();
        }
    }
    for key in ["buttons", "cards", "components"] {
        if let Some(items) = out.get_mut(key).and_then(Value::as_array_mut) {
            items.iter_mut().for_each(|item| *item = upper_case(item));
        }
    }
    out
}

/// Meta writes the texts of authentication templates itself and gives the OTP button back as a URL button.
pub(crate) fn authentication_read_back(component: &Value) -> Value {
    match upper(component, "type").as_str() {
        "BODY" => {
            let advice =
                component.get("add_security_recommendation").and_then(Value::as_bool).unwrap_or(false);
            let tail = if advice { " For your security, do not share this code." } else { "" };
            let mut body =
                json!({"type": "BODY", "text": format!("*{{{{1}}}}* is your verification code.{tail}")});
            body["add_security_recommendation"] = advice.into();
            body["example"] = json!({"body_text": [["123456"]]});
            body
        }
        "FOOTER" => match component.get("code_expiration_minutes") {
            None => component.clone(),
            Some(minutes) => json!({
                "type": "FOOTER", "text": format!("This code expires in {minutes} minutes."),
                "code_expiration_minutes": minutes,
            }),
        },
        "BUTTONS" => {
            let button = component.pointer("/buttons/0").cloned().unwrap_or_default();
            let kind = upper(&button, "otp_type");
            let label = button.get("text").and_then(Value::as_str).unwrap_or("Copy code");
            let url = format!("https://www.whatsapp.com/otp/code/?otp_type={kind}&code=otp{{{{1}}}}");
            json!({"type": "BUTTONS", "buttons": [{"type": "URL", "text": label, "url": url, "example": [
                "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp123456",
            ]}]})
        }
        _ => component.clone(),
    }
}
