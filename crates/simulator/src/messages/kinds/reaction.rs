//! Reactions: an emoji on a message of the last 30 days; an empty one takes it back.

use crate::messages::fields::{Checked, Object, invalid};
use crate::references::References;

/// The longest emoji sequences (families with skin tones) stay below this.
const EMOJI_MAX_CHARS: usize = 16;

pub(crate) fn check(reaction: &Object<'_>, references: &References<'_>) -> Checked {
    let id = reaction.text("message_id")?;
    let emoji = reaction.text("emoji")?;
    if !is_emoji(emoji) {
        return Err(invalid("Param reaction['emoji'] is not a valid emoji."));
    }
    references.message(id).map_err(|fault| fault.refuse("reaction['message_id']"))
}

fn is_emoji(text: &str) -> bool {
    text.chars().count() <= EMOJI_MAX_CHARS && !text.chars().any(|c| c.is_alphabetic() || c.is_whitespace())
}
