//! Error answers of the Graph API, in the two shapes that Meta uses: message calls carry `error_data.details`,
//! management calls carry a subcode, a title and a text for people.

pub(crate) mod known;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(crate) const OBJECT_MISSING: i64 = 33;

/// One refusal by the Graph API.
#[derive(Debug, Clone)]
pub(crate) struct GraphError {
    pub(crate) status: u16,
    pub(crate) code: i64,
    told: Box<Told>,
}

/// The rest of the body; boxed, because results that carry errors are returned everywhere.
#[derive(Debug, Clone, Default)]
struct Told {
    message: String,
    subcode: Option<i64>,
    details: Option<String>,
    user: Option<(String, String)>,
    transient: Option<bool>,
}

impl GraphError {
    /// A refusal of a message call: title and HTTP status come from Meta's table, `details` says what is wrong.
    pub(crate) fn message(code: i64, details: impl Into<String>) -> Self {
        let known = known::lookup(code);
        let mut error = Self::plain(known.status, code, format!("(#{code}) {}", known.title));
        error.told.details = Some(details.into());
        error
    }

    /// Code 100 with the sentence in the message itself, as Graph's parameter check answers.
    pub(crate) fn param(sentence: impl AsRef<str>) -> Self {
        Self::plain(400, 100, format!("(#100) {}", sentence.as_ref()))
    }

    /// A required parameter is missing (code 100).
    pub(crate) fn required(name: &str) -> Self {
        Self::param(format!("The parameter {name} is required."))
    }

    pub(crate) fn plain(status: u16, code: i64, message: impl Into<String>) -> Self {
        Self { status, code, told: Box::new(Told { message: message.into(), ..Told::default() }) }
    }

    /// A refusal of a management call: code 100, a subcode and a text for people.
    pub(crate) fn management(subcode: i64, title: &str, text: impl Into<String>) -> Self {
        let mut error = Self::plain(400, 100, "Invalid parameter").subcode(subcode);
        error.told.user = Some((title.into(), text.into()));
        error.told.transient = Some(false);
        error
    }

    /// The object does not exist, is not visible, or knows no such edge (100 / 33).
    pub(crate) fn no_object(method: &str, id: &str) -> Self {
        let verb = method.to_ascii_lowercase();
        Self::plain(
            400,
            100,
            format!(
                "Unsupported {verb} request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
                 permissions, or does not support this operation. Please read the Graph API documentation at \
                 https://developers.facebook.com/docs/graph-api"
            ),
        )
        .subcode(OBJECT_MISSING)
    }

    pub(crate) fn subcode(mut self, subcode: i64) -> Self {
        self.told.subcode = Some(subcode);
        self
    }

    pub(crate) fn transient(mut self) -> Self {
        self.told.transient = Some(true);
        self
    }

    pub(crate) fn http(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The JSON body.
    pub(crate) fn body(&self, trace: &str) -> Value {
        let mut error = json!({"message": self.told.message, "type": "OAuthException", "code": self.code});
        if let Some(details) = &self.told.details {
            error["error_data"] = json!({"messaging_product": "whatsapp", "details": details});
        }
        if let Some(subcode) = self.told.subcode {
            error["error_subcode"] = subcode.into();
        }
        if let Some(transient) = self.told.transient {
            error["is_transient"] = transient.into();
        }
        if let Some((title, text)) = &self.told.user {
            error["error_user_title"] = title.as_str().into();
            error["error_user_msg"] = text.as_str().into();
        }
        error["fbtrace_id"] = trace.into();
        json!({ "error": error })
    }

    pub(crate) fn respond(&self, trace: &str) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, axum::Json(self.body(trace))).into_response();
        if self.code == 190 {
            let challenge = HeaderValue::from_static("OAuth \"Facebook Platform\" \"invalid_token\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
