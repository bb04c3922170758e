//! What a template looks like on the customer's phone. WhatsApp's own formatting (`*bold*`, `_italic_`) is kept as
//! it is written.

use serde::{Deserialize, Serialize};

use super::definition::{Body, Button, ButtonKind, Footer, Header, HeaderKind};
use super::placeholders::{distinct, fill};
use super::samples::Samples;
use super::slots::Place;
use super::{BoundParams, Definition};

/// A template, filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Above the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<PreviewHeader>,
    /// The text.
    pub body: String,
    /// Below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// The offer's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// In order.
    pub buttons: Vec<PreviewButton>,
    /// Cards of a carousel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<PreviewCard>,
}

/// A header, filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewHeader {
    /// `text`, `image`, `video`, `document`, `location` …
    pub kind: String,
    /// Its text; for others a word in brackets.
    pub text: String,
}

/// A button, filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewButton {
    /// `quick_reply`, `url` …
    pub kind: String,
    /// Its label.
    pub text: String,
    /// The address it opens, the number it calls, the code it copies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A card, filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewCard {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<PreviewHeader>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    pub buttons: Vec<PreviewButton>,
}

impl Preview {
    /// Filled with these parameters; where there is none (or no parameters at all) with the template's samples,
    /// and without a sample the placeholder stays.
    pub fn render(definition: &Definition, params: Option<&BoundParams>) -> Self {
        let filler = Filler { params, samples: Samples::of(definition) };
        Self {
            header: definition.header.as_ref().map(|header| filler.header(header, &Place::Header)),
            body: body(definition, &filler),
            footer: definition.footer.as_ref().and_then(footer),
            offer: definition.limited_time_offer.as_ref().map(|offer| offer.text.clone()),
            buttons: filler.buttons(&definition.buttons, Place::Button),
            cards: definition
                .cards
                .iter()
                .enumerate()
                .map(|(index, card)| PreviewCard {
                    header: card
                        .header
                        .as_ref()
                        .map(|header| filler.header(header, &Place::CardHeader(index))),
                    body: card.body.as_ref().and_then(|body| filler.card_body(body, index)),
                    buttons: filler.buttons(&card.buttons, |button| Place::CardButton(index, button)),
                })
                .collect(),
        }
    }

    /// All of it as text, for an inbox.
    pub fn text(&self) -> String {
        let header = self.header.iter().map(|header| header.text.clone());
        let buttons = self.buttons.iter().map(|button| format!("[{}]", button.text));
        let lines = header.chain([self.body.clone()]).chain(self.footer.clone()).chain(buttons);
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

struct Filler<'a> {
    params: Option<&'a BoundParams>,
    samples: Samples,
}

impl Filler<'_> {
    fn value(&self, place: &Place) -> Option<&str> {
        let given = self.params.and_then(|params| params.at(place)).and_then(|filling| filling.as_text());
        given.or_else(|| self.samples.at(place))
    }

    fn header(&self, header: &Header, place: &Place) -> PreviewHeader {
        let text = match &header.kind {
            HeaderKind::Text(text) => fill(text, |_| self.value(place)),
            other => format!("[{}]", other.as_str()),
        };
        PreviewHeader { kind: header.kind.as_str().to_owned(), text }
    }

    fn card_body(&self, body: &Body, card: usize) -> Option<String> {
        let text = body.text.as_deref()?;
        let values = |name: &str| self.value(&Place::CardBody(card, name.to_owned()));
        Some(fill(text, values))
    }

    fn buttons(&self, buttons: &[Button], place: impl Fn(usize) -> Place) -> Vec<PreviewButton> {
        buttons.iter().enumerate().map(|(index, button)| self.button(button, &place(index))).collect()
    }

    fn button(&self, button: &Button, place: &Place) -> PreviewButton {
        let value = match &button.kind {
            kind if kind.carries_code() => self.value(&Place::Body("1".into())).map(str::to_owned),
            ButtonKind::Url(url) if distinct(url).is_empty() => Some(url.clone()),
            // Meta's example is sometimes the whole address and sometimes its end.
            ButtonKind::Url(url) => match self.value(place) {
                Some(whole) if whole.starts_with("http") => Some(whole.to_owned()),
                end => Some(fill(url, |_| end)),
            },
            ButtonKind::PhoneNumber(number) => Some(number.clone()),
            ButtonKind::CopyCode => self.value(place).map(str::to_owned),
            _ => None,
        };
        let text = button.text.clone().unwrap_or_else(|| default_label(&button.kind).to_owned());
        PreviewButton { kind: button.kind.as_str().to_owned(), text, value }
    }
}

fn body(definition: &Definition, filler: &Filler<'_>) -> String {
    let text = definition.body_text().unwrap_or_default();
    let mut filled = fill(text, |name| filler.value(&Place::Body(name.to_owned())));
    let recommends = definition.body.as_ref().is_some_and(|body| body.security_recommendation);
    if recommends && definition.is_authentication() {
        filled.push_str(" For your security, do not share this code.");
    }
    filled
}

fn footer(footer: &Footer) -> Option<String> {
    match (&footer.text, footer.code_expiration_minutes) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(minutes)) => Some(format!("This code expires in {minutes} minutes.")),
        (None, None) => None,
    }
}

fn default_label(kind: &ButtonKind) -> &'static str {
    match kind {
        ButtonKind::CopyCode => "Copy offer code",
        ButtonKind::Otp(kind) if kind == "one_tap" => "Autofill",
        ButtonKind::Otp(_) => "Copy code",
        ButtonKind::RequestContactInfo => "Share contact info",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::templates::{ParameterFormat, Params, check};

    #[test]
    fn samples_fill_what_no_parameter_does() {
        let components = json!([
            {"type": "HEADER", "format": "TEXT", "text": "Our {{1}} is on!", "example": {"header_text": ["Summer Sale"]}},
            {"type": "BODY", "text": "Use *{{1}}* to get {{2}} off.", "example": {"body_text": [["25OFF", "25%"]]}},
            {"type": "FOOTER", "text": "Until Friday"},
            {"type": "BUTTONS", "buttons": [
                {"type": "URL", "text": "Shop", "url": "https://x.y/{{1}}", "example": ["summer"]},
                {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15551234567"},
                {"type": "COPY_CODE", "example": "25OFF"},
                {"type": "QUICK_REPLY", "text": "Stop"}]}
        ]);
        let definition = Definition::parse(components, ParameterFormat::Positional);
        let preview = Preview::render(&definition, None);
        assert_eq!(preview.header.as_ref().unwrap().text, "Our Summer Sale is on!");
        assert_eq!(preview.body, "Use *25OFF* to get 25% off.");
        let values: Vec<_> = preview.buttons.iter().map(|button| button.value.as_deref()).collect();
        assert_eq!(values, [Some("https://x.y/summer"), Some("+15551234567"), Some("25OFF"), None]);
        assert!(preview.text().ends_with("Until Friday\n[Shop]\n[Call]\n[Copy offer code]\n[Stop]"));

        let params = Params::List(["Sale", "A", "B", "c", "D"].map(str::to_owned).into());
        let bound = check(&definition, &[], &params).unwrap();
        let preview = Preview::render(&definition, Some(&bound));
        assert_eq!(preview.body, "Use *A* to get B off.");
        assert_eq!(preview.buttons[0].value.as_deref(), Some("https://x.y/c"));
    }

    #[test]
    fn without_samples_the_placeholders_stay() {
        let components = json!([{"type": "body", "text": "Hi {{name}}, bye"}]);
        let preview = Preview::render(&Definition::parse(components, ParameterFormat::Named), None);
        assert_eq!(preview.body, "Hi {{name}}, bye");
        assert_eq!(
            serde_json::to_value(&preview).unwrap(),
            json!({"body": "Hi {{name}}, bye", "buttons": []})
        );
    }

    #[test]
    fn a_one_time_code_reads_as_meta_writes_it() {
        let components = json!([
            {"type": "body", "add_security_recommendation": true},
            {"type": "footer", "code_expiration_minutes": 10},
            {"type": "buttons", "buttons": [{"type": "otp", "otp_type": "copy_code"}]}
        ]);
        let definition = Definition::parse(components, ParameterFormat::Positional);
        let bound = check(&definition, &[], &Params::List(vec!["123456".into()])).unwrap();
        let preview = Preview::render(&definition, Some(&bound));
        assert_eq!(
            preview.text(),
            "*123456* is your verification code. For your security, do not share this code.\n\
             This code expires in 10 minutes.\n[Copy code]"
        );
    }
}
