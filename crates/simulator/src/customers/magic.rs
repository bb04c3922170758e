//! Magic numbers: `+1 555 555 01xx`, whose last two digits say how the customer behaves.
//!
//! `555-01xx` is kept free for fiction in North America and 555 is no area code, so these collide with nothing
//! real; `PUT /_sim/customers/{phone}` overrules them. The same table stands on the page at `/sim`.

use serde::Serialize;

const FIRST: u64 = 15_555_550_100;

/// What a magic number does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Refused at once with this code.
    Refuse(i64),
    /// Accepted, then failed with this code.
    Fail(i64),
    Slow,
    NeverDelivered,
    NeverRead,
    ReadWithoutDelivered,
    DeliveredThenFailed,
    StatusesBackwards,
    StatusesTwice,
    CutAfterAccept,
    CutBeforeAccept,
    Hang,
    SlowAnswer,
    OtherWaId,
    Replies,
    Taps,
    Stops,
    StopsTwice,
    HidesPhone,
    HeldThenSent,
    HeldThenDropped,
}

/// A row of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Magic {
    /// The number.
    pub number: String,
    /// What happens, in a sentence.
    pub does: &'static str,
}

#[rustfmt::skip]
const TABLE: &[(u64, Deed, &str)] = &[
    (1, Deed::Refuse(131026), "not on WhatsApp: refused at once (131026)"),
    (2, Deed::Fail(131026), "not on WhatsApp: accepted, then failed (131026)"),
    (3, Deed::Refuse(131049), "kept from marketing (131049), at once"),
    (4, Deed::Fail(131049), "kept from marketing (131049), later"),
    (5, Deed::Fail(130472), "part of an experiment (130472), later"),
    (6, Deed::Fail(131050), "stopped marketing in WhatsApp (131050), later"),
    (7, Deed::Refuse(131047), "window closed (131047), at once, whatever was written"),
    (8, Deed::Fail(131047), "window closed (131047), later, whatever was written"),
    (9, Deed::Refuse(131009), "not a phone number for Meta (131009), at once"),
    (10, Deed::Slow, "statuses come a hundred times slower"),
    (11, Deed::NeverDelivered, "stays at sent for ever"),
    (12, Deed::CutAfterAccept, "accepted, then the connection is cut without an answer"),
    (13, Deed::NeverRead, "delivered, never read"),
    (14, Deed::ReadWithoutDelivered, "read without delivered"),
    (15, Deed::DeliveredThenFailed, "delivered, then failed (131036, a second device)"),
    (16, Deed::StatusesBackwards, "read, delivered, sent: backwards"),
    (17, Deed::StatusesTwice, "every status twice"),
    (18, Deed::Refuse(131056), "pair limit (131056), at once"),
    (19, Deed::Refuse(130429), "throughput reached (130429), at once"),
    (20, Deed::Refuse(131000), "something went wrong (131000, HTTP 500), at once"),
    (21, Deed::Refuse(131016), "service unavailable (131016), at once"),
    (22, Deed::Fail(131048), "spam rate limit (131048), later"),
    (23, Deed::Refuse(131031), "account locked (131031), at once"),
    (24, Deed::Fail(131042), "payment issue (131042), later"),
    (25, Deed::Fail(137000), "identity key mismatch (137000), later"),
    (26, Deed::Fail(131053), "media could not be fetched (131053), later"),
    (27, Deed::OtherWaId, "the answer's wa_id differs from the number"),
    (28, Deed::Refuse(131030), "not in the test number's allowed list (131030), at once"),
    (29, Deed::Refuse(2), "temporary downtime (2, HTTP 503), at once"),
    (30, Deed::Replies, "answers every message with a text"),
    (31, Deed::Taps, "taps the first button or list row"),
    (32, Deed::Stops, "answers STOP"),
    (33, Deed::StopsTwice, "answers STOP twice at once"),
    (34, Deed::HidesPhone, "has a username and hides the number: webhooks carry a BSUID only"),
    (35, Deed::SlowAnswer, "accepted, answered after 5 seconds"),
    (36, Deed::HeldThenSent, "held for quality assessment, then sent"),
    (37, Deed::HeldThenDropped, "held for quality assessment, then failed (132015)"),
    (40, Deed::Hang, "accepted, never answered"),
    (41, Deed::CutBeforeAccept, "the connection is cut, nothing was accepted"),
];

/// The deed of a magic number.
pub(crate) fn deed(number: u64) -> Option<Deed> {
    let offset = number.checked_sub(FIRST).filter(|offset| *offset < 100)?;
    TABLE.iter().find(|(at, ..)| *at == offset).map(|(_, deed, _)| *deed)
}

/// The whole table, in order.
pub fn table() -> Vec<Magic> {
    TABLE.iter().map(|(at, _, does)| Magic { number: format!("+{}", FIRST + at), does }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reserved_hundred_is_magic() {
        assert_eq!(deed(15_555_550_101), Some(Deed::Refuse(131026)));
        assert_eq!(deed(15_555_550_199), None);
        assert_eq!(deed(15_555_550_201), None);
        assert_eq!(deed(15_551_234_567), None);
    }

    #[test]
    fn no_two_rows_share_a_number() {
        let mut numbers: Vec<_> = table().into_iter().map(|row| row.number).collect();
        let all = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), all);
    }
}
