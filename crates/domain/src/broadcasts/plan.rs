//! What a broadcast sends, to whom, and when: written into stores as JSON, so it only ever grows.

use serde::{Deserialize, Serialize};

use super::breaker::Limits;
use super::schedule::Schedule;
use crate::segments::Rule;
use crate::{ConnectionId, SegmentId};

/// A whole plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub template: TemplateChoice,
    /// Like `template_params` of a message; its texts may name what differs from recipient to recipient (see
    /// [`super::recipe`]).
    #[serde(default)]
    pub params: serde_json::Value,
    pub audience: Audience,
    /// The numbers to send from; empty: the tenant's default, as it is at the start.
    #[serde(default)]
    pub connections: Vec<ConnectionId>,
    #[serde(default)]
    pub schedule: Schedule,
    /// When it stops by itself.
    #[serde(default)]
    pub breaker: Limits,
}

/// Which template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateChoice {
    pub name: String,
    /// `None`: the contact's own language, where the template has it.
    #[serde(default)]
    pub language: Option<String>,
    /// For contacts whose own language the template does not have: the first of these that it has. Empty: the
    /// tenant's order.
    #[serde(default)]
    pub fallback: Vec<String>,
}

/// Who is meant, before anybody is left out for want of consent and the like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audience {
    /// Only the rows of the uploaded list.
    #[serde(default)]
    pub list: bool,
    /// Only contacts for whom this holds. The rule of the [segment](Audience::segment), if one was asked for, is put
    /// beside it when the broadcast starts (until then the segment may change), and in previews.
    pub rule: Rule,
    /// What the client asked for, to be shown again: tags, segment and so on.
    #[serde(default)]
    pub asked: serde_json::Value,
}

impl Audience {
    /// The segment that was asked for: the member `segment_id` of [`asked`](Self::asked).
    pub fn segment(&self) -> Option<SegmentId> {
        self.asked.get("segment_id")?.as_i64().map(SegmentId)
    }

    /// The same audience, fixed: only contacts for whom the segment's rule holds as well.
    pub fn within(&self, segment: Rule) -> Self {
        Self { rule: Rule::All(vec![self.rule.clone(), segment]), ..self.clone() }
    }
}
