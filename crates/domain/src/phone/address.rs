//! Numbers inside of what programs write for them: links, and addresses of WhatsApp.

use std::borrow::Cow;

/// Prefixes before a number that is written like any other (`tel:` is RFC 3966; Twilio writes `whatsapp:`).
const SCHEMES: [&str; 2] = ["tel:", "whatsapp:"];
/// What stands around a number that has its country code, and no `+`: WhatsApp's links, and its addresses of persons.
/// Groups (`@g.us`) and hidden ids (`@lid`) are digits too, and no numbers.
const LINKS: [&str; 3] = ["https://wa.me/", "http://wa.me/", "wa.me/"];
const HOSTS: [&str; 2] = ["@c.us", "@s.whatsapp.net"];

/// The number of a link or an address, with the `+` that these leave out; anything else as it stands.
pub(super) fn bare(input: &str) -> Cow<'_, str> {
    let text = input.trim();
    if let Some(number) = SCHEMES.iter().find_map(|scheme| after(text, scheme)) {
        return number.into();
    }
    let linked = LINKS.iter().find_map(|link| after(text, link)).map(|rest| {
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        path.strip_suffix('/').unwrap_or(path)
    });
    let whole = linked.or_else(|| HOSTS.iter().find_map(|host| before(text, host)));
    match whole {
        Some(number) if number.starts_with('+') => number.into(),
        Some(number) => format!("+{number}").into(),
        None => input.into(),
    }
}

/// Hosts and schemes are the same in capitals.
fn after<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn before<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(rest)
}
