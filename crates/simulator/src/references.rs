//! What a request refers to: uploaded media and earlier messages. `lenient_references` accepts everything.

use crate::errors::GraphError;
use crate::sim::Sim;

/// Looks references up, or nods when told to be lenient.
pub(crate) struct References<'a> {
    pub(crate) sim: &'a Sim,
    pub(crate) lenient: bool,
    pub(crate) waba_id: &'a str,
    pub(crate) now_ms: i64,
}

/// Why a reference is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReferenceFault {
    UnknownMedia,
    WrongMediaKind,
    UnknownMessage,
    OldMessage,
}

const THIRTY_DAYS_MS: i64 = 30 * 24 * 3_600_000;

impl References<'_> {
    pub(crate) fn media(&self, id: &str, kind: &str) -> Result<(), ReferenceFault> {
        match self.sim.media().usable(id, self.waba_id, self.now_ms) {
            None if self.lenient => Ok(()),
            None => Err(ReferenceFault::UnknownMedia),
            Some(mime) if crate::media::rules::fits(kind, &mime) => Ok(()),
            Some(_) => Err(ReferenceFault::WrongMediaKind),
        }
    }

    pub(crate) fn message(&self, id: &str) -> Result<(), ReferenceFault> {
        if self.lenient {
            return Ok(());
        }
        match self.sim.message_time(id) {
            None => Err(ReferenceFault::UnknownMessage),
            Some(at) if self.now_ms - at > THIRTY_DAYS_MS => Err(ReferenceFault::OldMessage),
            Some(_) => Ok(()),
        }
    }
}

impl ReferenceFault {
    pub(crate) fn refuse(self, param: &str) -> GraphError {
        match self {
            Self::UnknownMedia => GraphError::param(format!(
                "Param {param} is not a valid whatsapp business account media attachment ID"
            )),
            Self::WrongMediaKind => GraphError::message(
                131053,
                format!("Param {param}: the media is of a type not supported here."),
            ),
            Self::UnknownMessage => {
                GraphError::message(131009, format!("Param {param} is not a known message."))
            }
            Self::OldMessage => {
                GraphError::message(131009, format!("Param {param}: the message is older than 30 days."))
            }
        }
    }
}
