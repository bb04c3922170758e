//! What is posted to `/{PHONE_NUMBER_ID}/messages` (and `/marketing_messages`), and what comes back.
//!
//! Every type reads what it writes, so that the other side of the wire can be played with the same words.
//! Source: WhatsApp Business Platform, Cloud API, "Messages" reference.

mod contact;
mod interactive;
mod read;
mod request;
mod response;
mod template;

pub use contact::{ContactCard, ContactName, ContactPhone};
pub use interactive::{
    ButtonAction, CallToAction, CtaUrlAction, FlowAction, FlowParameters, Header, Interactive, ListAction,
    Reply, ReplyButton, Row, Section, SendLocation, TextPart,
};
pub use read::ReadReceipt;
pub use request::{Content, Location, Media, Reaction, SendRequest, Text};
pub use response::{AcceptedContact, AcceptedMessage, SendResponse};
pub use template::{ButtonKind, Card, Component, Currency, Language, LimitedTimeOffer, Parameter, Template};
