//! Codes of the Graph platform itself: authorisation, limits, bad calls.

use super::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (0, ConnectionBroken, false, "Not authenticated", "Meta could not authenticate the app user: reconnect with a new access token."),
    (1, Retryable, true, "Unknown fault", "A malformed request or a fault at Meta: it is retried a few times; then check the request and metastatus.com."),
    (2, Retryable, true, "Service down or overloaded", "Meta is overloaded or being upgraded (up to five minutes): the request is repeated."),
    (3, ConnectionBroken, false, "Capability missing", "The app lacks the capability or permission for this call: check its permissions in the App Dashboard."),
    (4, APP, true, "App call limit reached", "The app made too many calls: calls of this app slow down until Meta lifts the limit."),
    (10, ConnectionBroken, false, "Permission denied", "The permission was not granted or was removed: grant whatsapp_business_messaging and whatsapp_business_management again."),
    (17, APP, true, "User call limit reached", "Too many calls with this token: calls slow down until Meta lifts the limit."),
    (32, APP, true, "Page call limit reached", "Too many calls for this page: calls slow down until Meta lifts the limit."),
    (33, ConnectionBroken, false, "Phone number not found", "The phone number was deleted or is not visible to this token: check the phone number id and the token's assets."),
    (100, Rejected, false, "Invalid parameter", "The request holds a parameter that Meta does not accept; its message says which."),
    (104, ConnectionBroken, false, "Wrong app secret proof", "The proof of the app secret does not fit: check the app secret of the connection."),
    (190, ConnectionBroken, false, "Access token invalid", "The access token is expired, revoked or invalid: reconnect with a new one; nothing queued is lost."),
    (192, Rejected, false, "Invalid phone number", "A phone number in the request (for example in a button) is not valid: write it in E.164 form."),
    (341, APP, true, "Application limit reached", "The app reached a temporary limit: calls slow down until Meta lifts it."),
    (368, AccountRestricted, false, "Blocked for policy violations", "Meta blocks the account for a time: see Account Quality in the Business Manager and appeal there."),
    (613, APP, true, "Call rate exceeded", "Too many calls of one kind: calls slow down until Meta lifts the limit."),
    (80007, ACCOUNT, true, "Account rate limit reached", "The WhatsApp Business Account reached its rate limit: its calls slow down."),
    (80008, ACCOUNT, true, "Too many management calls", "Too many calls to this WhatsApp Business Account within the hour: management calls wait."),
    (80012, ACCOUNT, true, "Too many calls to one template", "Too many calls to this template: they wait."),
];
