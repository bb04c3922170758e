//! Codes 132000 to 134999: templates, registration, the marketing endpoint.

use super::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (132000, TemplateParams, false, "Parameter count mismatch", "The number of parameters does not fit the template."),
    (132001, TemplateUnusable, false, "Template missing", "The template does not exist in this language or is not approved: sync the templates."),
    (132005, TemplateParams, false, "Filled text too long", "The text with its parameters filled in is too long: shorten the parameters."),
    (132007, TemplateUnusable, false, "Content policy violated", "The template's content violates WhatsApp's policy: change it."),
    (132008, TemplateParams, false, "Parameter value invalid", "A value of a template parameter is not accepted."),
    (132012, TemplateParams, false, "Parameter format mismatch", "A parameter has another type or format than the template asks for."),
    (132015, TemplateUnusable, false, "Template paused", "Meta paused the template for its quality: pause campaigns with it and wait, or improve it."),
    (132016, TemplateUnusable, false, "Template disabled", "The template was paused too often and is disabled for good: make a new one."),
    (132018, TemplateParams, false, "Parameter text invalid", "A parameter holds line breaks, tabs or more than four spaces in a row, or is otherwise not accepted: clean it."),
    (132068, TemplateUnusable, false, "Flow blocked", "The Flow of this template is blocked: repair it in the Flow builder."),
    (132069, TemplateUnusable, false, "Flow throttled", "The Flow is throttled to ten messages an hour: repair its endpoint."),
    (133000, Rejected, false, "Deregistration incomplete", "An earlier deregistration did not finish: deregister the number again, then register it."),
    (133004, Retryable, true, "Server temporarily unavailable", "Meta's registration server is busy: try again later."),
    (133005, Rejected, false, "PIN wrong", "The two-step verification PIN is wrong."),
    (133006, Rejected, false, "Number not verified", "The number must be verified again before it is registered."),
    (133008, Rejected, false, "Too many PIN attempts", "Too many wrong PINs: wait for the time that Meta names."),
    (133009, Rejected, false, "PIN entered too fast", "The PIN was entered too soon after the last time: wait and try again."),
    (133010, ConnectionBroken, false, "Number not registered", "The phone number is not registered on the Cloud API: register it."),
    (133015, Rejected, false, "Number deleted just now", "The number was deleted a moment ago: wait five minutes before registering it."),
    (133016, Rejected, false, "Registration limit reached", "Ten registrations within 72 hours: the number is blocked from registering for 72 hours."),
    (134011, PaymentRequired, false, "Payments terms not accepted", "Accept the WhatsApp Payments terms in the Business Manager."),
    (134100, TemplateUnusable, false, "Marketing templates only", "The marketing endpoint takes marketing templates only."),
    (134101, Retryable, true, "Template still syncing", "A new template needs up to ten minutes before the marketing endpoint knows it: it is retried."),
    (134102, TemplateUnusable, false, "Template unavailable", "The template cannot be used on the marketing endpoint."),
    (134103, Rejected, false, "Refused by the marketing endpoint", "The marketing endpoint refused the message; its details say why."),
];
