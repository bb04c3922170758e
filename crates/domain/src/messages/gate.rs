//! The gate: may this message go to this person now?
//!
//! One pure function, asked when a message is accepted and again in the transaction that claims it for sending.
//! The order of the questions is part of the contract: consent, then reachability, then template, then window, so
//! that a person who opted out is never told apart by a more technical refusal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::consent::ConsentState;
use crate::templates;
use crate::{ContactId, ConversationId, TemplateId};

/// What is known of the recipient at the moment of asking.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    pub contact_id: ContactId,
    /// E.164, for the refusal that shows it.
    pub phone: Option<String>,
    pub consent: ConsentState,
    /// Set when Meta said that this person cannot be reached: the code that Meta gave.
    pub unreachable: Option<i64>,
    /// The thread with the sending number, if there is one.
    pub conversation_id: Option<ConversationId>,
    /// End of the customer-service window: 24 h after the last inbound message.
    pub window_expires_at: Option<Timestamp>,
}

/// What is known of the template at the moment of asking.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateFacts {
    pub id: TemplateId,
    pub name: String,
    pub status: templates::Status,
    pub category: templates::Category,
    pub rejection_reason: Option<String>,
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Intent {
    /// Anything but a template.
    FreeForm,
    /// A template.
    Template(TemplateFacts),
    /// A template that goes to many: no answer to anything that one of them wrote.
    Broadcast(TemplateFacts),
    /// The one message that passes after STOP.
    OptOutConfirmation,
}

/// Why a message may not be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// No consent, an explicit opt-out, or (for marketing) Meta's marketing stop.
    NotOptedIn {
        contact_id: Option<ContactId>,
        opted_in: bool,
        opted_out_at: Option<Timestamp>,
        marketing_stopped: bool,
    },
    /// Meta said before that this person cannot be reached; a colleague has to review the contact.
    Unreachable { contact_id: ContactId, phone: Option<String>, meta_error_code: i64 },
    /// The template is not approved.
    TemplateNotApproved {
        template_id: TemplateId,
        template_name: String,
        status: templates::Status,
        rejection_reason: Option<String>,
    },
    /// Free-form outside the 24-hour window.
    WindowExpired { conversation_id: Option<ConversationId>, expired_at: Option<Timestamp> },
}

/// Decides. Nothing else in the house may decide it again in other words.
pub fn check(recipient: &Recipient, intent: &Intent, now: Timestamp) -> Result<(), Refusal> {
    let window_open = recipient.window_expires_at.is_some_and(|end| now < end);
    consent(recipient, intent, window_open)?;
    reachable(recipient, window_open)?;
    template(intent)?;
    window(recipient, intent, window_open)
}

fn consent(recipient: &Recipient, intent: &Intent, window_open: bool) -> Result<(), Refusal> {
    let consent = &recipient.consent;
    let allowed = match intent {
        Intent::OptOutConfirmation => true,
        Intent::Broadcast(facts) => {
            consent.opted_in && !(facts.category.is_marketing() && consent.marketing_stopped)
        }
        // A person who opted out and then wrote again asked for an answer, not for advertising.
        Intent::FreeForm if consent.explicitly_out() => window_open && consent.wrote_after_opt_out,
        // Without any thread a free-form message starts one, so it needs consent; inside a thread the window
        // decides, and its refusal is the more useful one.
        Intent::FreeForm => consent.opted_in || recipient.conversation_id.is_some(),
        Intent::Template(facts) if facts.category.is_marketing() => {
            consent.opted_in && !consent.marketing_stopped
        }
        Intent::Template(_) if consent.explicitly_out() => window_open && consent.wrote_after_opt_out,
        Intent::Template(_) => consent.opted_in || window_open,
    };
    if allowed {
        return Ok(());
    }
    Err(Refusal::NotOptedIn {
        contact_id: Some(recipient.contact_id),
        opted_in: consent.opted_in,
        opted_out_at: consent.opted_out_at,
        marketing_stopped: consent.marketing_stopped,
    })
}

fn reachable(recipient: &Recipient, window_open: bool) -> Result<(), Refusal> {
    match recipient.unreachable {
        // Whoever wrote within the last day is on WhatsApp, whatever was said before.
        Some(code) if !window_open => Err(Refusal::Unreachable {
            contact_id: recipient.contact_id,
            phone: recipient.phone.clone(),
            meta_error_code: code,
        }),
        _ => Ok(()),
    }
}

fn template(intent: &Intent) -> Result<(), Refusal> {
    match intent {
        Intent::Template(facts) | Intent::Broadcast(facts) if !facts.status.sendable() => {
            Err(Refusal::TemplateNotApproved {
                template_id: facts.id,
                template_name: facts.name.clone(),
                status: facts.status.clone(),
                rejection_reason: facts.rejection_reason.clone(),
            })
        }
        _ => Ok(()),
    }
}

fn window(recipient: &Recipient, intent: &Intent, window_open: bool) -> Result<(), Refusal> {
    match intent {
        Intent::Template(_) | Intent::Broadcast(_) => Ok(()),
        _ if window_open => Ok(()),
        _ => Err(Refusal::WindowExpired {
            conversation_id: recipient.conversation_id,
            expired_at: recipient.window_expires_at,
        }),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(hour)
    }

    fn person() -> Recipient {
        Recipient {
            contact_id: ContactId(1),
            phone: Some("+15551234567".into()),
            consent: ConsentState { opted_in: true, ..ConsentState::default() },
            unreachable: None,
            conversation_id: Some(ConversationId(1)),
            window_expires_at: Some(at(24)),
        }
    }

    fn stopped() -> ConsentState {
        ConsentState { opted_in: false, opted_out_at: Some(at(0)), ..ConsentState::default() }
    }

    fn template(category: templates::Category, status: templates::Status) -> Intent {
        Intent::Template(TemplateFacts {
            id: TemplateId(5),
            name: "promo_offer".into(),
            status,
            category,
            rejection_reason: None,
        })
    }

    fn utility() -> Intent {
        template(templates::Category::Utility, templates::Status::Approved)
    }

    fn marketing() -> Intent {
        template(templates::Category::Marketing, templates::Status::Approved)
    }

    #[test]
    fn a_reply_passes_inside_the_window_and_not_from_its_last_moment_on() {
        assert_eq!(check(&person(), &Intent::FreeForm, at(23)), Ok(()));
        assert!(matches!(check(&person(), &Intent::FreeForm, at(24)), Err(Refusal::WindowExpired { .. })));
    }

    #[test]
    fn a_contact_who_wrote_in_may_be_answered_without_opt_in_but_not_advertised_to() {
        let stranger = Recipient { consent: ConsentState::default(), ..person() };
        assert_eq!(check(&stranger, &Intent::FreeForm, at(1)), Ok(()));
        assert_eq!(check(&stranger, &utility(), at(1)), Ok(()));
        assert!(matches!(check(&stranger, &marketing(), at(1)), Err(Refusal::NotOptedIn { .. })));
        assert!(matches!(check(&stranger, &utility(), at(25)), Err(Refusal::NotOptedIn { .. })));
    }

    #[test]
    fn a_broadcast_is_no_answer_and_needs_an_opt_in_whatever_the_window_says() {
        let broadcast = |intent| match intent {
            Intent::Template(facts) => Intent::Broadcast(facts),
            other => other,
        };
        let wrote_again = ConsentState { wrote_after_opt_out: true, ..stopped() };
        for consent in [ConsentState::default(), stopped(), wrote_again] {
            let person = Recipient { consent, ..person() };
            for intent in [utility(), marketing()].map(broadcast) {
                assert!(matches!(check(&person, &intent, at(1)), Err(Refusal::NotOptedIn { .. })));
            }
        }
        let mut person = person();
        assert_eq!(check(&person, &broadcast(marketing()), at(30)), Ok(()));
        person.consent.marketing_stopped = true;
        assert_eq!(check(&person, &broadcast(utility()), at(30)), Ok(()));
        assert!(matches!(check(&person, &broadcast(marketing()), at(1)), Err(Refusal::NotOptedIn { .. })));
    }

    #[test]
    fn after_stop_only_the_confirmation_passes_until_the_customer_writes_again() {
        let mut person = Recipient { consent: stopped(), ..person() };
        for intent in [Intent::FreeForm, utility(), marketing()] {
            assert!(matches!(check(&person, &intent, at(1)), Err(Refusal::NotOptedIn { .. })), "{intent:?}");
        }
        assert_eq!(check(&person, &Intent::OptOutConfirmation, at(1)), Ok(()));
        person.consent.wrote_after_opt_out = true;
        assert_eq!(check(&person, &Intent::FreeForm, at(1)), Ok(()));
        assert!(matches!(check(&person, &marketing(), at(1)), Err(Refusal::NotOptedIn { .. })));
        assert!(matches!(check(&person, &Intent::FreeForm, at(25)), Err(Refusal::NotOptedIn { .. })));
    }

    #[test]
    fn metas_marketing_stop_blocks_marketing_alone() {
        let mut person = person();
        person.consent.marketing_stopped = true;
        assert!(matches!(
            check(&person, &marketing(), at(1)),
            Err(Refusal::NotOptedIn { marketing_stopped: true, .. })
        ));
        assert_eq!(check(&person, &utility(), at(30)), Ok(()));
    }

    #[test]
    fn a_stranger_without_a_thread_needs_consent_even_for_free_form() {
        let stranger = Recipient {
            consent: ConsentState::default(),
            conversation_id: None,
            window_expires_at: None,
            ..person()
        };
        assert!(matches!(check(&stranger, &Intent::FreeForm, at(1)), Err(Refusal::NotOptedIn { .. })));
        let known = Recipient { conversation_id: None, window_expires_at: None, ..self::person() };
        assert!(matches!(check(&known, &Intent::FreeForm, at(1)), Err(Refusal::WindowExpired { .. })));
    }

    #[test]
    fn nobody_sends_to_a_number_that_meta_could_not_reach_until_they_write() {
        let mut person = Recipient { unreachable: Some(131_026), ..person() };
        assert_eq!(check(&person, &utility(), at(1)), Ok(()));
        person.window_expires_at = None;
        assert!(matches!(
            check(&person, &utility(), at(1)),
            Err(Refusal::Unreachable { meta_error_code: 131_026, .. })
        ));
    }

    #[test]
    fn only_an_approved_template_passes() {
        for status in [templates::Status::Pending, templates::Status::Rejected, templates::Status::Paused] {
            let intent = template(templates::Category::Utility, status);
            assert!(matches!(check(&person(), &intent, at(1)), Err(Refusal::TemplateNotApproved { .. })));
        }
    }
}
