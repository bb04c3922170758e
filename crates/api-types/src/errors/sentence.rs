//! The sentence that goes with each error, for people.

use super::Problem;

impl Problem {
    /// One sentence for people; programs use the code and the details.
    pub fn sentence(&self) -> String {
        match self {
            Self::ContactNotOptedIn(details) if details.opted_in && details.marketing_stopped => {
                "Contact has stopped marketing messages in WhatsApp".into()
            }
            Self::ContactNotOptedIn(_) => "Contact has not opted in to receive messages".into(),
            Self::ConversationExpired(_) => "24-hour messaging window has expired".into(),
            Self::TemplateNotApproved(details) => {
                format!("Template '{}' is not approved for sending", details.template_name)
            }
            Self::InvalidPhoneFormat(_) => "Phone number must be in E.164 format".into(),
            Self::RateLimitExceeded(_) => "WhatsApp rate limit exceeded".into(),
            Self::RecipientNotOnWhatsapp(_) => "Phone number is not registered on WhatsApp".into(),
            Self::TemplateParamsMismatch(details) => params(details.expected_params, details.provided_params),
            Self::TokenExpired(_) => "WhatsApp access token has expired".into(),
            Self::WebhookSignatureInvalid(_) => "Webhook signature is missing or wrong".into(),
            Self::DuplicateContact(_) => "A contact with this phone number or user id exists already".into(),
            Self::DuplicateTemplate(_) => "A template with this name and language exists already".into(),
            Self::DuplicateConnection(_) => "This phone number is linked already".into(),
            Self::DuplicateCannedReply(_) => "A canned reply with this shortcut exists already".into(),
            Self::DuplicateMember(_) => "Somebody with this e-mail address is a member already".into(),
            Self::DuplicateRole(_) => "A role with this name exists already".into(),
            Self::LastOwner(_) => "The tenant would have no owner left".into(),
            Self::DuplicateSegment(_) => "A segment with this name exists already".into(),
            Self::InvalidState(details) => format!("Not possible while it is {}", details.current),
            Self::IdempotencyKeyReused(_) => "This idempotency key was used for another request".into(),
            Self::IdempotencyKeyInUse(_) => {
                "Another request with this idempotency key is being worked on".into()
            }
            Self::ConnectionNotConfigured(_) => "There is no WhatsApp number to send from".into(),
            Self::ConnectionDisabled(_) => "The connection is switched off".into(),
            Self::SendOutcomeUnknown(_) => {
                "WhatsApp's answer was lost; the message may or may not have been sent".into()
            }
            Self::MetaRejected(details) => {
                format!("WhatsApp refused the request ({})", details.meta_error_code)
            }
            Self::MetaUnavailable(_) => "WhatsApp cannot be reached at the moment".into(),
            Self::TenantNotFound(_) => "Tenant not found".into(),
            Self::ConnectionNotFound(_) => "Connection not found".into(),
            Self::ContactNotFound(_) => "Contact not found".into(),
            Self::TemplateNotFound(_) => "Template not found".into(),
            Self::MessageNotFound(_) => "Message not found".into(),
            Self::ConversationNotFound(_) => "Conversation not found".into(),
            Self::MediaNotFound(_) => "Media not found".into(),
            Self::AlertNotFound(_) => "Alert not found".into(),
            Self::AlertRuleNotFound(_) => "Alert rule not found".into(),
            Self::AlertChannelNotFound(_) => "Alert channel not found".into(),
            Self::ApiKeyNotFound(_) => "API key not found".into(),
            Self::MemberNotFound(_) => "Member not found".into(),
            Self::RoleNotFound(_) => "Role not found".into(),
            Self::SessionNotFound(_) => "Session not found".into(),
            Self::CannedReplyNotFound(_) => "Canned reply not found".into(),
            Self::BroadcastNotFound(_) => "Broadcast not found".into(),
            Self::SegmentNotFound(_) => "Segment not found".into(),
            Self::ImportNotFound(_) => "Import not found".into(),
            Self::ErasureNotFound(_) => "Erasure not found".into(),
            Self::RouteNotFound(_) => "There is nothing at this path".into(),
            Self::MethodNotAllowed(_) => "This path does not take this method".into(),
            Self::ValidationFailed(_) => "The request is not valid".into(),
            Self::LoginRefused(_) => "E-mail, password or code is not right".into(),
            Self::SecondFactorNeeded(_) => "A code of the second factor is needed".into(),
            Self::LoginThrottled(_) => "Too many tries; come back later".into(),
            Self::LinkNotValid(_) => "The link is not valid any more".into(),
            Self::Unauthenticated(_) => {
                "A valid API key or session is needed: Authorization: Bearer wxk_…".into()
            }
            Self::Forbidden(_) => "This is not allowed with this key or for this member".into(),
            Self::ApiRateLimited(_) => "Too many requests".into(),
            Self::PayloadTooLarge(_) => "The request body is too large".into(),
            Self::UnsupportedMediaType(_) => "The request body is of a type that is not taken here".into(),
            Self::ServiceUnavailable(_) => "The server is not available at the moment".into(),
            Self::Internal(_) => "Something went wrong on the server".into(),
        }
    }
}

/// The document's own words when the number is wrong, others when the number is right and the names are not.
fn params(expected: u32, provided: u32) -> String {
    let plural = |count: u32| if count == 1 { "" } else { "s" };
    let were = if provided == 1 { "was" } else { "were" };
    if expected == provided {
        return format!(
            "Template expects {expected} parameter{}, but others were provided",
            plural(expected)
        );
    }
    format!("Template expects {expected} parameter{}, but {provided} {were} provided", plural(expected))
}
