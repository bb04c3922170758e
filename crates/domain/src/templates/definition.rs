//! A template's components as Meta writes them, read into what the rules ask for.
//!
//! The JSON is kept whole and given back unchanged: what is not known here is Meta's business, not an error.

mod read;

use serde_json::{Map, Value};

use super::ParameterFormat;
pub(super) use read::{members, word};

/// A template's content.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    components: Value,
    /// How its parameters are told apart.
    pub format: ParameterFormat,
    /// At most one.
    pub header: Option<Header>,
    /// `None` only in JSON that Meta would not take.
    pub body: Option<Body>,
    /// The small line below.
    pub footer: Option<Footer>,
    /// In order; the index counts in a send.
    pub buttons: Vec<Button>,
    /// Cards of a carousel; empty without one.
    pub cards: Vec<Card>,
    /// An offer that ends.
    pub limited_time_offer: Option<LimitedTimeOffer>,
    /// Types of components that are not known here.
    pub others: Vec<String>,
}

/// What stands above the body.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Its kind.
    pub kind: HeaderKind,
    /// Meta's `example`.
    pub example: Value,
}

/// Kinds of headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderKind {
    /// A line of text, with at most one parameter.
    Text(String),
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A file.
    Document,
    /// A short silent film (marketing API only).
    Gif,
    /// A place.
    Location,
    /// A product of a catalogue.
    Product,
    /// Anything else, in lower case.
    Other(String),
}

impl HeaderKind {
    /// Lower-case word: `text`, `image` …
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
            Self::Gif => "gif",
            Self::Location => "location",
            Self::Product => "product",
            Self::Other(word) => word,
        }
    }
}

/// The text of the message.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// With placeholders. Absent in an authentication template that was not read back from Meta yet.
    pub text: Option<String>,
    /// Meta's `example`.
    pub example: Value,
    /// Authentication: a line that warns of passing the code on.
    pub security_recommendation: bool,
}

/// The small line below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// Fixed text.
    pub text: Option<String>,
    /// Authentication: minutes until the code is over.
    pub code_expiration_minutes: Option<i64>,
}

/// A button.
#[derive(Debug, Clone, PartialEq)]
pub struct Button {
    /// Its kind.
    pub kind: ButtonKind,
    /// Its label.
    pub text: Option<String>,
    /// Meta's `example`.
    pub example: Value,
}

/// Kinds of buttons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ButtonKind {
    /// Sends a payload back.
    QuickReply,
    /// Opens an address, perhaps with one parameter at its end.
    Url(String),
    /// Calls a number.
    PhoneNumber(String),
    /// Copies a coupon code.
    CopyCode,
    /// One-time code: `copy_code`, `one_tap`, `zero_tap`.
    Otp(String),
    /// Opens a Flow.
    Flow,
    /// Opens the catalogue.
    Catalog,
    /// Several products.
    Mpm,
    /// A single product.
    Spm,
    /// A WhatsApp call.
    VoiceCall,
    /// A WhatsApp video call.
    VideoCall,
    /// Asks for the phone number.
    RequestContactInfo,
    /// Review and pay.
    OrderDetails,
    /// Anything else, in lower case.
    Other(String),
}

impl ButtonKind {
    /// Lower-case word; also the `sub_type` in a send.
    pub fn as_str(&self) -> &str {
        match self {
            Self::QuickReply => "quick_reply",
            Self::Url(_) => "url",
            Self::PhoneNumber(_) => "phone_number",
            Self::CopyCode => "copy_code",
            Self::Otp(_) => "otp",
            Self::Flow => "flow",
            Self::Catalog => "catalog",
            Self::Mpm => "mpm",
            Self::Spm => "spm",
            Self::VoiceCall => "voice_call",
            Self::VideoCall => "video_call",
            Self::RequestContactInfo => "request_contact_info",
            Self::OrderDetails => "order_details",
            Self::Other(word) => word,
        }
    }

    /// A button that carries a one-time code: on the way to Meta of type OTP, read back as a link to WhatsApp's
    /// own code page. Source: Meta, "Authentication templates".
    pub fn carries_code(&self) -> bool {
        match self {
            Self::Otp(_) => true,
            Self::Url(url) => url.contains("whatsapp.com/otp/") || url.contains("otp_type="),
            _ => false,
        }
    }
}

/// A card of a carousel.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Picture, film or product.
    pub header: Option<Header>,
    /// Optional text.
    pub body: Option<Body>,
    /// At most two.
    pub buttons: Vec<Button>,
}

/// An offer that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitedTimeOffer {
    /// What is offered.
    pub text: String,
    /// Whether the message counts down; then a send needs the time.
    pub has_expiration: bool,
}

impl Definition {
    /// Reads Meta's `components`. Anything but an array is read as no components; what is not known is kept and
    /// listed in `others`. The linter tells what Meta would not take.
    pub fn parse(components: Value, format: ParameterFormat) -> Self {
        let mut definition = Self {
            components: Value::Null,
            format,
            header: None,
            body: None,
            footer: None,
            buttons: Vec::new(),
            cards: Vec::new(),
            limited_time_offer: None,
            others: Vec::new(),
        };
        for component in members(&components) {
            definition.read(component);
        }
        definition.components = components;
        definition
    }

    fn read(&mut self, component: &Map<String, Value>) {
        match word(component, "type").as_str() {
            "header" => self.header = self.header.take().or_else(|| Some(Header::read(component))),
            "body" => self.body = self.body.take().or_else(|| Some(Body::read(component))),
            "footer" => self.footer = self.footer.take().or_else(|| Some(Footer::read(component))),
            "buttons" => self.buttons.extend(Button::read_all(component)),
            "carousel" => {
                self.cards.extend(component.get("cards").into_iter().flat_map(members).map(Card::read))
            }
            "limited_time_offer" => self.limited_time_offer = Some(LimitedTimeOffer::read(component)),
            other => self.others.push(other.to_owned()),
        }
    }

    /// Meta's `components`, unchanged.
    pub fn components(&self) -> &Value {
        &self.components
    }

    /// Gives Meta's `components` back, unchanged.
    pub fn into_components(self) -> Value {
        self.components
    }

    /// Whether it carries a one-time code: then the code is given once and sent twice, in the body and the button.
    pub fn is_authentication(&self) -> bool {
        self.buttons.iter().any(|button| button.kind.carries_code())
            || self.body.as_ref().is_some_and(|body| body.text.is_none() && body.security_recommendation)
    }

    /// The body's text; for an authentication template that has none yet, the one that Meta writes (in English).
    pub fn body_text(&self) -> Option<&str> {
        let body = self.body.as_ref()?;
        match &body.text {
            Some(text) => Some(text),
            None if self.is_authentication() => Some("*{{1}}* is your verification code."),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests;
