//! Access tokens: what they may do, and when they end.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Value, json};

use crate::errors::GraphError;

pub(crate) const MESSAGING: &str = "whatsapp_business_messaging";
pub(crate) const MANAGEMENT: &str = "whatsapp_business_management";

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) value: String,
    pub(crate) app_id: String,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// The subcode of 190 when the token was taken back.
    pub(crate) revoked: Option<i64>,
    pub(crate) scopes: Vec<String>,
    /// The accounts it may touch; none given means every account of its app.
    pub(crate) wabas: Vec<String>,
}

impl Token {
    pub(crate) fn system_user(value: &str, app_id: &str, waba_id: &str, issued_at: Timestamp) -> Self {
        Self {
            value: value.into(),
            app_id: app_id.into(),
            issued_at,
            expires_at: None,
            revoked: None,
            scopes: vec![MANAGEMENT.into(), MESSAGING.into()],
            wabas: vec![waba_id.into()],
        }
    }

    /// Refuses an expired or revoked token as Meta does (190 with a subcode, HTTP 401).
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), GraphError> {
        if let Some(subcode) = self.revoked {
            let text = "Error validating access token: The session has been invalidated because the user changed \
                        their password or the session was ended for security reasons.";
            return Err(GraphError::plain(401, 190, text).subcode(subcode));
        }
        match self.expires_at {
            Some(end) if end <= now => Err(expired(end, now)),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.check(now).is_ok()
    }

    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|known| known == scope)
    }

    pub(crate) fn sees(&self, waba_id: &str) -> bool {
        self.wabas.is_empty() || self.wabas.iter().any(|known| known == waba_id)
    }

    /// The `data` of `debug_token` (Graph API, "debug_token"): `expires_at` 0 means never.
    pub(crate) fn debug(&self, application: &str, now: Timestamp) -> Value {
        let mut data = json!({
            "app_id": self.app_id,
            "type": "SYSTEM_USER",
            "application": application,
            "data_access_expires_at": 0,
            "expires_at": self.expires_at.map_or(0, |end| end.as_second()),
            "is_valid": self.is_valid(now),
            "issued_at": self.issued_at.as_second(),
            "scopes": self.scopes,
            "granular_scopes": self.scopes.iter()
                .map(|scope| json!({"scope": scope, "target_ids": self.wabas})).collect::<Vec<_>>(),
            "user_id": "122100000000000001",
        });
        if let Err(error) = self.check(now) {
            let told = error.body("")["error"].clone();
            data["error"] =
                json!({"code": 190, "message": told["message"], "subcode": told["error_subcode"]});
        }
        data
    }
}

fn expired(end: Timestamp, now: Timestamp) -> GraphError {
    let text = format!(
        "Error validating access token: Session has expired on {}. The current time is {}.",
        pacific(end),
        pacific(now)
    );
    GraphError::plain(401, 190, text).subcode(463)
}

fn pacific(at: Timestamp) -> String {
    let zone = TimeZone::fixed(Offset::constant(-8));
    at.to_zoned(zone).strftime("%A, %d-%b-%y %H:%M:%S PST").to_string()
}
