//! Header, body and footer of an interactive message.

use serde_json::{Map, Value};

use super::sized;
use crate::messages::fields::{Checked, Object, invalid, missing};
use crate::messages::kinds::media;
use crate::references::References;

const HEADER_MAX: usize = 60;
const FOOTER_MAX: usize = 60;

pub(crate) struct Frame<'a> {
    pub(crate) interactive: &'a Object<'a>,
    pub(crate) references: &'a References<'a>,
}

impl<'a> Frame<'a> {
    /// Checks body (up to `body_max`), header and footer. Lists take a text header only.
    pub(crate) fn parts(&self, body_max: usize, text_header_only: bool, body_required: bool) -> Checked {
        match self.interactive.get("body") {
            None if body_required => return Err(missing("Interactive body is required.")),
            None => {}
            Some(body) => {
                sized(body.get("text"), "Body text", body_max)?;
            }
        }
        if let Some(footer) = self.interactive.get("footer") {
            sized(footer.get("text"), "Footer text", FOOTER_MAX)?;
        }
        match self.interactive.get("header") {
            None => Ok(()),
            Some(header) => self.header(header, text_header_only),
        }
    }

    pub(crate) fn header(&self, header: &Value, text_only: bool) -> Checked {
        let kind = sized(header.get("type"), "Header type", 20)?.to_ascii_lowercase();
        match kind.as_str() {
            "text" => sized(header.get("text"), "Header text", HEADER_MAX).map(|_| ()),
            "image" | "video" | "document" | "gif" if !text_only => {
                let map = header.get(&kind).and_then(Value::as_object);
                let map = map.ok_or_else(|| missing(format!("Header {kind} is required.")))?;
                media::source(&Object { path: "header", map }, &kind, self.references)
            }
            other => Err(invalid(format!("Header type \"{other}\" is not supported for this message."))),
        }
    }

    pub(crate) fn action(&self) -> Checked<&'a Map<String, Value>> {
        let action = self.interactive.get("action").and_then(Value::as_object);
        action.ok_or_else(|| missing("Interactive action is required."))
    }

    /// `action.parameters`, with `action.name` as expected.
    pub(crate) fn parameters(&self, name: &str) -> Checked<&'a Map<String, Value>> {
        let action = self.action()?;
        action_name(action, name)?;
        let parameters = action.get("parameters").and_then(Value::as_object);
        parameters.ok_or_else(|| missing("Interactive action parameters are required."))
    }
}

pub(crate) fn action_name(action: &Map<String, Value>, name: &str) -> Checked {
    let given = sized(action.get("name"), "Action name", 60)?;
    if given.eq_ignore_ascii_case(name) {
        return Ok(());
    }
    Err(invalid(format!("Action name must be \"{name}\", got \"{given}\".")))
}
