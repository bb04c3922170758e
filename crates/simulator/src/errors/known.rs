//! Meta's published codes with their HTTP status and title (WhatsApp Business Platform, "Error codes").

/// What Meta's table says of a code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) code: i64,
    pub(crate) status: u16,
    pub(crate) title: &'static str,
    /// What a failed status says under `error_data.details`.
    pub(crate) details: &'static str,
}

const fn row(code: i64, status: u16, title: &'static str, details: &'static str) -> Known {
    Known { code, status, title, details }
}

/// The row of a code; an unknown code is answered as a plain refusal.
pub(crate) fn lookup(code: i64) -> Known {
    TABLE
        .binary_search_by_key(&code, |known| known.code)
        .ok()
        .and_then(|at| TABLE.get(at).copied())
        .unwrap_or(row(code, 400, "Unknown error", "An unknown error occurred."))
}

#[rustfmt::skip]
const TABLE: &[Known] = &[
    row(0, 401, "AuthException", "We were unable to authenticate the app user."),
    row(1, 400, "API Unknown", "Invalid request or possible server error."),
    row(2, 503, "API Service", "Temporary due to downtime or due to being overloaded."),
    row(3, 500, "API Method", "Capability or permissions issue."),
    row(4, 400, "Application request limit reached", "The app has reached its API call rate limit."),
    row(10, 403, "Application does not have permission for this action", "Permission is either not granted or has been removed."),
    row(17, 400, "User request limit reached", "User request limit reached."),
    row(32, 400, "Page request limit reached", "Page request limit reached."),
    row(33, 400, "Parameter value is not valid", "The business phone number has been deleted."),
    row(100, 400, "Invalid parameter", "The request included one or more unsupported or misspelled parameters."),
    row(190, 401, "Access token has expired", "Your access token has expired."),
    row(200, 403, "Permission denied", "Permission is either not granted or has been removed."),
    row(341, 400, "Application limit reached", "Application limit reached."),
    row(368, 403, "Temporarily blocked for policies violations", "The WhatsApp Business Account has been restricted or disabled for violating a platform policy."),
    row(613, 400, "Calls to this api have exceeded the rate limit", "Calls to this api have exceeded the rate limit."),
    row(80007, 400, "Rate limit issues", "The WhatsApp Business Account has reached its rate limit."),
    row(80008, 400, "There have been too many calls to this WhatsApp Business account", "Wait a bit and try again."),
    row(80012, 400, "There have been too many calls to this message template", "Wait a bit and try again."),
    row(130403, 403, "Business has blocked this user", "The business has blocked this user."),
    row(130429, 400, "Rate limit hit", "Cloud API message throughput has been reached."),
    row(130472, 400, "User's number is part of an experiment", "Failed to send message because this user's phone number is part of an experiment"),
    row(130497, 403, "Business account is restricted from messaging users in this country", "Business account is restricted from messaging users in this country."),
    row(131000, 500, "Something went wrong", "Message failed to send due to an unknown error."),
    row(131005, 403, "Access denied", "Permission is either not granted or has been removed."),
    row(131008, 400, "Required parameter is missing", "The request is missing a required parameter."),
    row(131009, 400, "Parameter value is not valid", "One or more parameter values are invalid."),
    row(131016, 500, "Service unavailable", "A service is temporarily unavailable."),
    row(131020, 400, "Bad group", "The group does not exist or is not visible to this number."),
    row(131021, 400, "Recipient cannot be sender", "Sender and recipient phone number is the same."),
    row(131026, 400, "Message undeliverable", "Message Undeliverable."),
    row(131030, 400, "Recipient phone number not in allowed list", "Add recipient phone number to recipient list and try again."),
    row(131031, 403, "Business Account locked", "The WhatsApp Business Account associated with the app has been restricted or disabled."),
    row(131035, 400, "Webhook undeliverable", "The webhook could not be delivered within the retention limit."),
    row(131036, 400, "Message undeliverable to one device", "Failed on at least one of the user's devices."),
    row(131037, 400, "WhatsApp provided number needs display name approval before message can be sent", "The display name of this number is not approved."),
    row(131042, 400, "Business eligibility payment issue", "Message failed to send because there were one or more errors related to your payment method."),
    row(131045, 500, "Incorrect certificate", "Message failed to send due to a phone number registration error."),
    row(131047, 400, "Re-engagement message", "Message failed to send because more than 24 hours have passed since the customer last replied to this number."),
    row(131048, 400, "Spam rate limit hit", "Message failed to send because there are restrictions on how many messages can be sent from this phone number."),
    row(131049, 400, "This message was not delivered to maintain healthy ecosystem engagement.", "In order to maintain a healthy ecosystem engagement, the message failed to be delivered."),
    row(131050, 400, "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on WhatsApp from your business", "The recipient has chosen to stop receiving marketing messages from your business."),
    row(131051, 400, "Unsupported message type", "Message type is not currently supported."),
    row(131052, 400, "Media download error", "Unable to download the media sent by the user."),
    row(131053, 400, "Media upload error", "Unable to upload the media used in the message."),
    row(131055, 400, "Method not allowed", "This message type is not allowed on this endpoint."),
    row(131056, 400, "(Business Account, Consumer Account) pair rate limit hit", "Too many messages sent from the sender phone number to the same recipient phone number in a short period of time."),
    row(131057, 500, "Account in maintenance mode", "The business account is in maintenance mode."),
    row(131059, 400, "Invalid paging cursor", "The cursor is invalid or has expired; start again without one."),
    row(131062, 400, "Business-scoped User ID (BSUID) recipients are not supported for this message", "Authentication templates need a phone number."),
    row(131063, 400, "Marketing templates are disabled on Cloud API for this account", "Send marketing templates by the marketing messages endpoint."),
    row(131064, 400, "Messaging limited", "Messaging is limited because of template category violations."),
    row(132000, 400, "Number of parameters does not match the expected number of params", "The number of variable parameter values does not match the template."),
    row(132001, 404, "Template name does not exist in the translation", "The template does not exist in the specified language or the template has not been approved."),
    row(132005, 400, "Translated text too long", "Translated text is too long."),
    row(132007, 400, "Template format character policy violated", "Template content violates a WhatsApp policy."),
    row(132008, 400, "Template parameter value is not valid", "A parameter value is not valid."),
    row(132012, 400, "Parameter format does not match format in the created template", "Variable parameter values formatted incorrectly."),
    row(132015, 400, "Template is paused", "Template is paused due to low quality so it cannot be sent in a template message."),
    row(132016, 400, "Template is disabled", "Template has been paused too many times due to low quality and is now permanently disabled."),
    row(132018, 400, "There is an issue with the parameters in your template", "Param text cannot have new-line/tab characters or more than 4 consecutive spaces."),
    row(132068, 400, "Flow is blocked", "Flow is in blocked state."),
    row(132069, 400, "Flow is throttled", "Flow is in throttled state."),
    row(133000, 500, "Incomplete deregistration", "A previous deregistration attempt failed."),
    row(133004, 503, "Server temporarily unavailable", "Server is temporarily unavailable."),
    row(133005, 400, "Two step verification PIN mismatch", "The PIN is wrong."),
    row(133006, 400, "Phone number re-verification needed", "Phone number needs to be verified before registering."),
    row(133010, 400, "Phone number not registered", "Phone number not registered on the WhatsApp Business Platform."),
    row(133015, 400, "Please wait a few minutes before attempting to register this phone number", "The phone number was recently deleted."),
    row(133016, 400, "Account register/deregister rate limit exceeded", "Too many attempts in 72 hours."),
    row(134011, 400, "WhatsApp Payments terms of service has not been accepted", "Accept the terms of service."),
    row(134100, 400, "Only marketing messages are supported", "This endpoint takes marketing templates only."),
    row(134101, 400, "Template is still syncing", "A new template needs up to 10 minutes before it can be sent here."),
    row(134102, 400, "Template is unavailable for use", "The template cannot be used on this endpoint."),
    row(135000, 400, "Generic user error", "Message failed to send because of an unknown error with your request parameters."),
    row(136024, 400, "Request code error", "The code could not be requested."),
    row(136025, 400, "Verify code error", "The code could not be verified."),
    row(137000, 400, "Identity key hash mismatch", "The identity key of this user has changed."),
    row(139000, 400, "Blocked by integrity", "Blocked by integrity."),
    row(139100, 400, "Failed to block/unblock some users", "Failed to block/unblock some users."),
    row(2494100, 400, "Number in maintenance", "The phone number is in maintenance."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_row_is_found() {
        for known in TABLE {
            assert_eq!(lookup(known.code).title, known.title);
        }
        assert_eq!(lookup(999_999).status, 400);
    }
}
