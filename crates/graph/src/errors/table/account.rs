//! Codes above 135000 and the families that are known as ranges only.

use super::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (135000, Rejected, false, "Generic user error", "Something in the parameters is wrong and Meta does not say what: compare the request with the documentation."),
    (136024, Rejected, false, "Verification code refused", "The verification code could not be requested: wait, or use the other method."),
    (136025, Rejected, false, "Verification failed", "The verification code was refused: request a new one."),
    (137000, Rejected, false, "Identity changed", "The recipient's identity key is another one than expected: verify the customer again."),
    (139000, AccountRestricted, false, "Integrity check failed", "The account does not pass Meta's integrity checks: see Account Quality in the Business Manager."),
    (139102, Rejected, false, "Block list changed", "The block list changed while it was read: start again."),
    (147005, Rejected, false, "Username in use by a sibling", "Another number of the business holds this username: transfer it explicitly."),
    (200002, Rejected, false, "Template creation failed", "Meta could not create the template: check it and try again."),
    (1752041, Rejected, false, "Duplicate onboarding request", "The request was made before: there is nothing to do."),
    (2494100, Retryable, true, "Number in maintenance", "The number is in maintenance: it is retried later."),
    (2593107, Rejected, false, "Sync used already", "The history of this number was synced already."),
    (2593108, Rejected, false, "Sync too late", "The history can be synced within 24 hours of onboarding only."),
    (2593109, Rejected, false, "History not shared", "The business does not share its chat history."),
];

#[rustfmt::skip]
pub(super) const RANGES: &[Range] = &[
    (200, 299, ConnectionBroken, false, "Permission missing", "The token's user lacks a permission or the asset: assign the WhatsApp account to the system user and grant the scopes again."),
    (131201, 131215, Rejected, false, "Groups", "The group call was refused; Meta's details say why."),
    (138000, 138024, Rejected, false, "Calling", "The call was refused; Meta's details say why."),
    (139001, 139004, Rejected, false, "Flow refused", "The Flow call was refused; Meta's details say why."),
    (139100, 139103, Rejected, false, "Block list", "Some users could not be blocked or unblocked; only users who wrote within 24 hours can be."),
    (147001, 147004, Rejected, false, "Business username", "The username is taken, reserved or not allowed: 3 to 35 of a-z, 0-9, full stop and underscore."),
    (200005, 200007, Rejected, false, "Template insights unavailable", "Template insights are not available or not enabled for this account."),
];
