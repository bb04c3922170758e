//! The WhatsApp Business Account node.

use super::{Answer, Call, fields_of, json, pick, success};
use crate::errors::GraphError;

const DEFAULTS: [&str; 4] = ["id", "name", "timezone_id", "message_template_namespace"];

pub(crate) fn get(call: &Call<'_>, id: &str) -> Answer {
    call.manage_waba(id)?;
    let accounts = call.sim.accounts();
    let waba = accounts.waba(id).ok_or_else(|| call.no_object(id))?;
    Ok(json(pick(&waba.node(), &fields_of(&call.params), &DEFAULTS)))
}

pub(crate) fn post(call: &Call<'_>, id: &str) -> Answer {
    call.manage_waba(id)?;
    let flag = call.params.text("disable_marketing_messages_on_cloud_api");
    let flag =
        flag.ok_or_else(|| GraphError::param("No parameter that this account can change was given."))?;
    let mut accounts = call.sim.accounts_mut();
    let waba = accounts.waba_mut(id).ok_or_else(|| call.no_object(id))?;
    waba.no_marketing_on_cloud_api = flag == "true";
    Ok(success())
}
