//! A WhatsApp Business Account, as Meta describes it. Every member depends on the fields asked for.

use serde::{Deserialize, Serialize};

use crate::loose;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The business portfolio that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_business_info: Option<Owner>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_read_whatever_form_its_id_has() {
        let read = |text: &str| serde_json::from_str::<Account>(text).unwrap().owner_business_info;
        let id = |text: &str| read(text).and_then(|owner| owner.id);
        assert_eq!(
            id(r#"{"id":"1","owner_business_info":{"id":"506914307656634","name":"Shop"}}"#).unwrap(),
            "506914307656634"
        );
        assert_eq!(id(r#"{"owner_business_info":{"id":506914307656634}}"#).unwrap(), "506914307656634");
        assert_eq!(read(r#"{"id":"1"}"#), None);
    }
}
