//! `whatsapp_business_profile` (WhatsApp, "Business profiles").

use serde_json::{Value, json};

use super::{Answer, Call, fields_of, json, success};
use crate::errors::GraphError;
use crate::messages::envelope::product;

const LENGTHS: [(&str, usize, usize); 4] =
    [("about", 1, 139), ("address", 0, 256), ("description", 0, 512), ("email", 0, 128)];
const VERTICALS: [&str; 24] = [
    "UNDEFINED",
    "OTHER",
    "AUTO",
    "BEAUTY",
    "APPAREL",
    "EDU",
    "ENTERTAIN",
    "EVENT_PLAN",
    "FINANCE",
    "GROCERY",
    "GOVT",
    "HOTEL",
    "HEALTH",
    "NONPROFIT",
    "PROF_SERVICES",
    "RETAIL",
    "TRAVEL",
    "RESTAURANT",
    "NOT_A_BIZ",
    "ALCOHOL",
    "ONLINE_GAMBLING",
    "PHYSICAL_GAMBLING",
    "OTC_DRUGS",
    "MATRIMONY_SERVICE",
];

pub(crate) fn handle(call: &Call<'_>, id: &str) -> Answer {
    call.manage_phone(id)?;
    match call.method {
        "GET" => get(call, id),
        "POST" => post(call, id),
        _ => Err(call.no_object(id)),
    }
}

fn get(call: &Call<'_>, id: &str) -> Answer {
    let accounts = call.sim.accounts();
    let phone = accounts.phone(id).ok_or_else(|| call.no_object(id))?;
    let fields = fields_of(&call.params);
    let mut profile = phone.profile.clone();
    if !fields.is_empty() {
        profile.retain(|key, _| key == "messaging_product" || fields.iter().any(|field| field == key));
    }
    Ok(json(json!({"data": [Value::Object(profile)]})))
}

fn post(call: &Call<'_>, id: &str) -> Answer {
    product(&call.params.clone_value())?;
    for (key, min, max) in LENGTHS {
        let length = call.params.text(key).map(|text| text.chars().count());
        if length.is_some_and(|length| length < min || length > max) {
            return Err(GraphError::param(format!("Param {key} must be {min} to {max} characters long.")));
        }
    }
    let sites = call.params.list("websites");
    if sites.len() > 2 || sites.iter().any(|site| site.len() > 256) {
        return Err(GraphError::param(
            "Param websites must be at most 2 addresses of at most 256 characters.",
        ));
    }
    if let Some(vertical) = call.params.text("vertical").filter(|text| !text.is_empty())
        && !VERTICALS.contains(&vertical.as_str())
    {
        let text =
            format!("Param vertical must be one of {{{}}} - got \"{vertical}\".", VERTICALS.join(", "));
        return Err(GraphError::param(text));
    }
    let picture = picture(call)?;
    let mut accounts = call.sim.accounts_mut();
    let phone = accounts.phone_mut(id).ok_or_else(|| call.no_object(id))?;
    for key in ["about", "address", "description", "email", "websites", "vertical"] {
        if let Some(value) = call.params.get(key) {
            phone.profile.insert(key.into(), value.clone());
        }
    }
    if let Some(url) = picture {
        phone.profile.insert("profile_picture_url".into(), url.into());
    }
    Ok(success())
}

fn picture(call: &Call<'_>) -> Result<Option<String>, GraphError> {
    let Some(handle) = call.params.text("profile_picture_handle") else { return Ok(None) };
    let known = call.sim.media().handles.contains_key(&handle) || call.sim.faults.get().lenient_references;
    if !known {
        return Err(GraphError::param("Param profile_picture_handle is not a valid upload handle."));
    }
    Ok(Some(format!("https://pps.whatsapp.net/v/{}", handle.trim_start_matches("4::"))))
}
