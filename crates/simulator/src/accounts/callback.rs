//! Where a webhook goes: number override before WABA override before the app's URL, once per subscribed app
//! (WhatsApp, "Webhook overrides").

use super::{Accounts, Phone};

/// One receiver of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Receiver {
    pub(crate) app_id: String,
    pub(crate) url: String,
    pub(crate) secret: String,
}

impl Accounts {
    /// The receivers of a field of a WABA; `phone` is the number concerned, if any.
    pub(crate) fn receivers(&self, waba_id: &str, phone: Option<&Phone>, field: &str) -> Vec<Receiver> {
        let Some(waba) = self.waba(waba_id) else { return Vec::new() };
        let phone_override =
            if field == "messages" { phone.and_then(|phone| phone.override_callback.clone()) } else { None };
        waba.subscriptions
            .iter()
            .filter_map(|subscription| {
                let app = self.app(&subscription.app_id)?;
                let url = phone_override
                    .clone()
                    .or_else(|| subscription.override_callback.clone())
                    .or_else(|| app.callback_url.clone())?;
                app.wants(field).then(|| Receiver { app_id: app.id.clone(), url, secret: app.secret.clone() })
            })
            .collect()
    }
}
