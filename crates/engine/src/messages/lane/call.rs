//! One call to Meta, and what follows from its outcome.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::messages::Content;
use domain::messages::content::{Media, MediaSource, ReactionTarget};
use domain::messages::retry::{Decision, Facts, Outcome as Called, decide};
use domain::templates;
use ports::gateway::{AcceptedByMeta, GatewayError, MetaRefusal, Outgoing};
use ports::lanes::{Claimed, Settlement};
use ports::messages::Failure;
use ports::templates::TemplatePatch;
use tokio_util::sync::CancellationToken;

use super::Lane;
use super::claim::HELD;
use crate::directory::Entry;
use crate::messages::callback::CallbackData;
use crate::messages::failure;
use crate::messages::tap::{TEMPLATE_PAUSED, concerns_template};
use crate::messages::waiters::News;
use crate::telemetry;

/// Preparing that takes less than this does not disturb the pace.
const AT_ONCE: Duration = Duration::from_millis(20);

/// In which a broadcast is paused whose template cannot be sent: what is left of it waits with it.
const A_MOMENT: domain::SignedDuration = domain::SignedDuration::from_secs(5);

impl Lane {
    /// Sends a claimed message and reports the outcome.
    pub(super) async fn call(&self, entry: &Arc<Entry>, claimed: Claimed, stop: &CancellationToken) {
        let began = tokio::time::Instant::now();
        let outgoing = match self.prepare(entry, &claimed).await {
            Ok(outgoing) => outgoing,
            Err(settlement) => {
                let settlement = self.patiently(&claimed, settlement);
                let news = failed_news(&settlement);
                self.report(&claimed, settlement, news).await;
                return;
            }
        };
        let Some(entry) = self.still_its_turn(entry, began.elapsed(), stop).await else {
            self.report(&claimed, Settlement::Unsent, None).await;
            return;
        };
        let from = self.now();
        let answer = self.shared.deps.gateway.send(&entry.access(), &outgoing).await;
        telemetry::called(&claimed, (from, self.now()), &answer);
        match answer {
            Ok(accepted) => self.accepted(&claimed, accepted).await,
            Err(error) => self.refused(&entry, &claimed, error).await,
        }
    }

    /// Preparing may have taken long (a file went up to Meta): then the place at the pace is gone, and with many that
    /// waited for the same file all would go out together; and the lane may be lost, or the connection broken.
    async fn still_its_turn(
        &self,
        entry: &Arc<Entry>,
        took: Duration,
        stop: &CancellationToken,
    ) -> Option<Arc<Entry>> {
        if took < AT_ONCE { Some(Arc::clone(entry)) } else { self.turn(self.after(HELD), stop).await }
    }

    /// Everything that is needed for the wire. An error is final, or (for a file that cannot be uploaded now) a
    /// reason to wait; nothing was sent.
    async fn prepare(&self, entry: &Entry, claimed: &Claimed) -> Result<Outgoing, Settlement> {
        let components = match (&claimed.content, claimed.template) {
            (Content::Template { params, .. }, Some(template)) => {
                Some(self.bind(claimed, template, params).await?)
            }
            _ => None,
        };
        let media_id = match &claimed.content {
            Content::Media(Media { source: MediaSource::Ours(id), .. }) => {
                Some(self.file_at_meta(claimed, *id).await?)
            }
            _ => None,
        };
        let reaction_to = match &claimed.content {
            Content::Reaction { target: ReactionTarget::Wamid(wamid), .. } => Some(wamid.clone()),
            Content::Reaction { target: ReactionTarget::Message(id), .. } => self.wamid_of(*id).await,
            _ => None,
        };
        Ok(Outgoing {
            to: claimed.identity.clone(),
            content: claimed.content.clone(),
            components,
            media_id,
            reply_to: claimed.reply_to.clone(),
            reaction_to,
            callback_data: CallbackData {
                tenant: self.tenant,
                message: claimed.message_id,
                attempt: claimed.attempt,
            }
            .to_string(),
        })
        .inspect(|_| tracing::trace!(connection.id = %entry.connection.id, message.id = %claimed.message_id, "sending"))
    }

    /// Binds the parameters to the template as it is now: it may have been edited since the message was accepted.
    async fn bind(
        &self,
        claimed: &Claimed,
        template: ports::lanes::TemplateRef,
        params: &templates::Params,
    ) -> Result<serde_json::Value, Settlement> {
        let definition = self.shared.definitions.of(self.tenant, template).await.map_err(|error| {
            tracing::warn!(%error, message.id = %claimed.message_id, "could not read the template");
            // Not at once: the store has trouble.
            let why = failure::plain("INTERNAL", "The template could not be read", None, "Nothing to do.");
            let due_at = self.after(domain::SignedDuration::from_secs(1));
            Settlement::Requeue { due_at, costs_attempt: false, why }
        })?;
        let Some(definition) = definition else {
            return Err(final_failure(
                "TEMPLATE_NOT_FOUND",
                "The template was deleted",
                "Choose another template.",
            ));
        };
        let mut bound = definition.bind(params).map_err(|mismatch| {
            final_failure(
                "TEMPLATE_PARAMS_MISMATCH",
                &mismatch.to_string(),
                "The template was edited after the message was accepted: send it again with the parameters that it has now.",
            )
        })?;
        for file in bound.own_media() {
            let meta_id = self.file_at_meta(claimed, file).await?;
            bound.set_media(file, &meta_id);
        }
        Ok(bound.to_components())
    }

    /// Meta's id of a file kept here, uploaded when it has to be.
    async fn file_at_meta(&self, claimed: &Claimed, file: domain::MediaId) -> Result<String, Settlement> {
        let uploaded = self.shared.media.meta_id_for(self.tenant, file, self.connection).await;
        uploaded.map_err(|error| self.media_settlement(claimed, &error))
    }

    fn media_settlement(&self, claimed: &Claimed, error: &crate::media::MediaError) -> Settlement {
        use crate::media::MediaError;
        match error {
            MediaError::Gateway(GatewayError::Refused(refusal)) => {
                let called = called(refusal, false);
                self.retry_settlement(claimed, &called, failure::of_refusal(refusal, false, self.now()))
            }
            MediaError::Gateway(_) | MediaError::Store(_) => {
                self.retry_settlement(claimed, &Called::NotSent, error_failure(error))
            }
            _ => Settlement::Failed { why: error_failure(error), flag: None, marketing_stop: false },
        }
    }

    /// For failures before the message itself was sent: a throttle or a broken token of an upload is met again, and
    /// handled, by the next message.
    fn retry_settlement(&self, claimed: &Claimed, outcome: &Called, why: Failure) -> Settlement {
        match decide(outcome, self.facts(claimed)) {
            Decision::Fail { .. } => Settlement::Failed { why, flag: None, marketing_stop: false },
            Decision::Retry { after, costs_attempt } => {
                Settlement::Requeue { due_at: self.after(after), costs_attempt, why }
            }
            _ => Settlement::Requeue {
                due_at: self.after(domain::SignedDuration::from_secs(5)),
                costs_attempt: true,
                why,
            },
        }
    }

    async fn wamid_of(&self, message: domain::MessageId) -> Option<String> {
        self.shared.deps.store.message(self.tenant, message).await.ok().flatten()?.wamid
    }

    async fn accepted(&self, claimed: &Claimed, accepted: AcceptedByMeta) {
        let at = self.now();
        *self.answered_at() = at;
        self.pacer().recovered(at);
        self.passed(at);
        let news = News::Sent { wamid: accepted.wamid.clone(), at };
        let settlement = Settlement::Sent { wamid: accepted.wamid, held: accepted.held };
        self.report(claimed, settlement, Some(news)).await;
    }

    async fn refused(&self, entry: &Entry, claimed: &Claimed, error: GatewayError) {
        let is_template = !claimed.content.is_free_form();
        let now = self.now();
        if matches!(error, GatewayError::Refused(_)) {
            *self.answered_at() = now;
        }
        let why = failure::of_error(&error, is_template, now);
        let outcome = match &error {
            GatewayError::Refused(refusal) => called(refusal, is_template),
            GatewayError::NotSent(_) => Called::NotSent,
            GatewayError::Unknown(_) => Called::Unknown,
        };
        let (settlement, news) = match decide(&outcome, self.facts(claimed)) {
            Decision::Sent => unreachable_decision(&why),
            Decision::InDoubt => (Settlement::InDoubt { why: why.clone() }, News::InDoubt(why)),
            Decision::Retry { after, costs_attempt } => {
                let unreachable = outcome == Called::NotSent;
                if unreachable {
                    // Every other message would fail the same way: the number as a whole waits a little.
                    self.pacer().pause_until(self.after(after.min(domain::SignedDuration::from_secs(5))));
                }
                let due_at = self.after(after);
                let news = News::Retrying { unreachable, why: why.clone() };
                (Settlement::Requeue { due_at, costs_attempt, why }, news)
            }
            Decision::SlowDown { after } => {
                let until = self.slow_down(&entry.connection, &outcome, &why, now, self.after(after));
                (keep_its_place(claimed, why), News::Throttled { until })
            }
            Decision::DelayContact { after } => self.delay_contact(claimed, self.after(after), why),
            Decision::Halt => {
                self.halt(entry, &why).await;
                (keep_its_place(claimed, why.clone()), News::Halted(why))
            }
            Decision::Fail { flag_contact, marketing_stop, not_before: _ } => {
                self.learn_of_template(claimed, &error).await;
                let flag = why.meta_error_code.filter(|_| flag_contact);
                let failed = Settlement::Failed { why: why.clone(), flag, marketing_stop };
                match self.patiently(claimed, failed) {
                    waits @ Settlement::Requeue { .. } => (waits, News::Retrying { unreachable: false, why }),
                    failed => (failed, News::Failed(why)),
                }
            }
        };
        self.report(claimed, settlement, Some(news)).await;
    }

    /// What fails because of its template is put back when it is a broadcast's: that stops, and whoever is left waits
    /// until the template may be sent again.
    fn patiently(&self, claimed: &Claimed, settlement: Settlement) -> Settlement {
        match settlement {
            Settlement::Failed { why, .. }
                if claimed.broadcast_id.is_some() && concerns_template(&why.code) =>
            {
                Settlement::Requeue { due_at: self.after(A_MOMENT), costs_attempt: false, why }
            }
            other => other,
        }
    }

    fn facts(&self, claimed: &Claimed) -> Facts {
        let pacer = self.pacer().clone();
        Facts {
            attempt: u32::try_from(claimed.attempt).unwrap_or(1).max(1),
            pair_throttles: u32::try_from(claimed.pair_throttles).unwrap_or(0),
            unreached: self.now().duration_since((*self.answered_at()).max(claimed.created_at)),
            account_pauses: pacer.account_pauses(),
            slowed: pacer.factor() < 1.0,
            jitter: self.shared.deps.entropy.fraction(),
        }
    }

    pub(super) fn after(&self, wait: domain::SignedDuration) -> Timestamp {
        self.now().saturating_add(wait).unwrap_or(Timestamp::MAX)
    }

    /// The contact waits, and with it whatever is claimed for it until then. Several calls to one contact that end
    /// like this together are one refusal, not a row of them.
    fn delay_contact(&self, claimed: &Claimed, until: Timestamp, why: Failure) -> (Settlement, News) {
        if let Some(until) = self.held_back_until(claimed.contact_id) {
            let settlement = Settlement::Requeue { due_at: until, costs_attempt: false, why };
            return (settlement, News::Throttled { until });
        }
        self.held_back().insert(claimed.contact_id, until);
        (Settlement::DelayContact { due_at: until, why }, News::Throttled { until })
    }

    /// Meta knows better than our copy whether a template is paused or disabled; the webhook that says so may be
    /// late, and until then every send would fail.
    async fn learn_of_template(&self, claimed: &Claimed, error: &GatewayError) {
        let (Some(template), GatewayError::Refused(refusal)) = (claimed.template, error) else { return };
        let status = match refusal.code {
            TEMPLATE_PAUSED => templates::Status::Paused,
            132_016 => templates::Status::Disabled,
            _ => return,
        };
        // Something newer is known: this is the answer to a call made before.
        let known = self.shared.deps.store.template(self.tenant, template.id).await;
        if !matches!(known, Ok(Some(row)) if row.version == template.version) {
            return;
        }
        let patch = TemplatePatch { status: Some(status), ..TemplatePatch::default() };
        let at = self.now();
        if let Err(error) = self.shared.deps.store.update_template(self.tenant, template.id, patch, at).await
        {
            tracing::warn!(%error, "could not note the state of a template");
        }
    }
}

/// Back into the queue where it stood: it was the number's or the connection's turn that failed, not its own.
fn keep_its_place(claimed: &Claimed, why: Failure) -> Settlement {
    Settlement::Requeue { due_at: claimed.created_at, costs_attempt: false, why }
}

/// A message whose contact the pair limit holds back goes back without a call.
pub(super) fn held_back(until: Timestamp) -> (Settlement, News) {
    let why = failure::plain(
        "RATE_LIMIT_EXCEEDED",
        "WhatsApp rate limit exceeded",
        Some("Meta's limit of messages to one recipient was reached just before".into()),
        "Nothing to do: it is tried again by itself.",
    );
    (Settlement::Requeue { due_at: until, costs_attempt: false, why }, News::Throttled { until })
}

fn called(refusal: &MetaRefusal, is_template: bool) -> Called {
    Called::Refused { kind: refusal.kind, code: refusal.code, is_template }
}

fn final_failure(code: &str, message: &str, advice: &str) -> Settlement {
    Settlement::Failed { why: failure::plain(code, message, None, advice), flag: None, marketing_stop: false }
}

fn failed_news(settlement: &Settlement) -> Option<News> {
    match settlement {
        Settlement::Failed { why, .. } => Some(News::Failed(why.clone())),
        Settlement::Requeue { why, .. } => Some(News::Retrying { unreachable: true, why: why.clone() }),
        _ => None,
    }
}

fn error_failure(error: &crate::media::MediaError) -> Failure {
    failure::plain(
        "META_REJECTED",
        "The media of the message could not be uploaded",
        Some(error.to_string()),
        "Check the file and upload it again.",
    )
}

/// A refusal is never decided to be a success; were it, the message would wait for its webhook.
fn unreachable_decision(why: &Failure) -> (Settlement, News) {
    (Settlement::InDoubt { why: why.clone() }, News::InDoubt(why.clone()))
}
