//! Subcodes that say more than their code; the kind stays that of the code.

/// code that it must come with (any when absent), subcode, title, advice
type Row = (Option<i64>, i64, &'static str, &'static str);

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (Some(100), 33, "Object not found", "The id does not exist or is not visible to this token: check the id and the token's assets."),
    (Some(190), 458, "App removed", "The user removed the app: connect again."),
    (Some(190), 459, "User checkpoint", "Meta wants the user to log in once at facebook.com; then connect again."),
    (Some(190), 460, "Password changed", "The user's password changed: connect again with a new token, best one of a system user."),
    (Some(190), 463, "Access token expired", "The access token expired: connect again with a new one, best one of a system user that never expires."),
    (Some(190), 464, "User unconfirmed", "The user must confirm their account at facebook.com; then connect again."),
    (Some(190), 467, "Access token invalid", "The access token is no longer valid (logged out or revoked): connect again with a new one."),
    (Some(190), 492, "Session invalid", "The session behind the token ended: connect again with a new one."),
    (None, 2388001, "Number migration", "The number cannot be migrated now; Meta's text says why."),
    (None, 2388012, "Number migration", "The number cannot be migrated now; Meta's text says why."),
    (None, 2388019, "Template limit reached", "The account holds as many templates as it may (250, or 6,000 when verified): delete unused ones."),
    (None, 2388023, "Name in use or being deleted", "A template of this name and language exists or is being deleted: use another name, or wait (30 days after approval)."),
    (None, 2388024, "Language exists already", "The template has content in this language already: edit it instead."),
    (None, 2388039, "Status forbids the change", "The template's status does not allow this change: wait for the review, or edit approved, rejected or paused ones."),
    (None, 2388040, "Text too long", "A field is longer than allowed: body 1,024, header 60, footer 60, button 25 characters."),
    (None, 2388047, "Header format wrong", "The header is not accepted: 60 characters, at most one variable, no line breaks, emoji or markup."),
    (None, 2388072, "Body format wrong", "The body is not accepted: check its variables and markup."),
    (None, 2388073, "Footer format wrong", "The footer is not accepted: 60 characters, no variables."),
    (None, 2388077, "Analytics product mismatch", "This combination of product types is not available in the analytics."),
    (None, 2388091, "Verification code not sent", "The code cannot be sent now: wait, or use the other method."),
    (None, 2388093, "Verification code refused", "The code is wrong or too old: request a new one."),
    (None, 2388103, "Number migration", "The number cannot be migrated now; Meta's text says why."),
    (None, 2388273, "Header sample missing", "A media header needs a sample: upload one and pass its handle in header_handle."),
    (None, 2388293, "Too many variables", "There are too many variables for so little text: lengthen the text or use fewer."),
    (None, 2388299, "Variable at the start or end", "The body must not start or end with a variable: put words around it."),
    (None, 2494055, "Block list too fast", "Too many changes of the block list at once: slow down."),
    (None, 2655007, "Recipient not on the allow-list", "A test number reaches only the numbers on its list: add the recipient in the App Dashboard."),
];
