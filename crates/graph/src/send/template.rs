//! A template being sent: its name, its language and what fills its gaps.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Location, Media};
use crate::loose;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    pub name: String,
    pub language: Language,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    pub code: String,
    /// `deterministic`, from the days when there was a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// What fills one part of the template. Parts without variables are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Component {
    #[serde(alias = "HEADER")]
    Header {
        #[serde(default)]
        parameters: Vec<Parameter>,
    },
    #[serde(alias = "BODY")]
    Body {
        #[serde(default)]
        parameters: Vec<Parameter>,
    },
    #[serde(alias = "BUTTON")]
    Button {
        sub_type: ButtonKind,
        /// The button's place in the template, from 0.
        #[serde(deserialize_with = "loose::index", serialize_with = "as_text")]
        index: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parameters: Vec<Parameter>,
    },
    #[serde(alias = "LIMITED_TIME_OFFER")]
    LimitedTimeOffer { parameters: Vec<Parameter> },
    /// As many cards as the template has.
    #[serde(alias = "CAROUSEL")]
    Carousel { cards: Vec<Card> },
    /// Kept raw: not known, or with members that would be lost.
    #[serde(untagged)]
    Other(Value),
}

/// Meta's samples print the index as a string; both are taken.
fn as_text<S: serde::Serializer>(index: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(index)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonKind {
    #[serde(alias = "URL")]
    Url,
    #[serde(alias = "QUICK_REPLY")]
    QuickReply,
    #[serde(alias = "COPY_CODE")]
    CopyCode,
    #[serde(alias = "FLOW")]
    Flow,
    #[serde(alias = "CATALOG")]
    Catalog,
    #[serde(alias = "MPM")]
    Mpm,
    #[serde(alias = "OTP")]
    Otp,
    #[serde(alias = "VOICE_CALL")]
    VoiceCall,
    #[serde(alias = "ORDER_DETAILS")]
    OrderDetails,
    #[serde(untagged)]
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    #[serde(deserialize_with = "loose::index")]
    pub card_index: u32,
    #[serde(default)]
    pub components: Vec<Component>,
}

/// What fills one gap. Named templates want `parameter_name`, positional ones the right order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Parameter {
    Text {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parameter_name: Option<String>,
        #[serde(deserialize_with = "loose::required")]
        text: String,
    },
    Currency {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parameter_name: Option<String>,
        currency: Currency,
    },
    DateTime {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parameter_name: Option<String>,
        date_time: Value,
    },
    Image {
        image: Media,
    },
    Video {
        video: Media,
    },
    Document {
        document: Media,
    },
    Gif {
        gif: Media,
    },
    Location {
        location: Location,
    },
    /// Of a quick reply; comes back when it is tapped.
    Payload {
        #[serde(deserialize_with = "loose::required")]
        payload: String,
    },
    CouponCode {
        #[serde(deserialize_with = "loose::required")]
        coupon_code: String,
    },
    /// Of a Flow, catalogue, product list or order button.
    Action {
        action: Value,
    },
    Product {
        product: Value,
    },
    LimitedTimeOffer {
        limited_time_offer: LimitedTimeOffer,
    },
    TapTargetConfiguration {
        tap_target_configuration: Value,
    },
    /// Kept raw: not known, or with members that would be lost.
    #[serde(untagged)]
    Other(Value),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Currency {
    pub fallback_value: String,
    pub code: String,
    /// The amount times 1,000.
    pub amount_1000: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitedTimeOffer {
    /// UNIX time in milliseconds.
    #[serde(deserialize_with = "loose::int")]
    pub expiration_time_ms: Option<i64>,
}
