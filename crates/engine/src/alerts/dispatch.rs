//! Telling: what is due on the channels is taken, told, and settled; at least once, for a day at most.

use std::time::Duration;

use domain::alerts::delivery::again;
use domain::{SignedDuration, Timestamp};
use ports::StoreError;
use ports::alerts::channels::{ChannelKind, Delivery, Parcel};
use ports::mail::Mail;
use ports::notifier::Post;
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::channels::mailboxes;
use super::{Alerts, wording};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long a parcel is this node's alone; longer than any try takes.
const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// Channels at the same time.
const AT_ONCE: u32 = 16;
/// Of an error's text.
const LONGEST_ERROR: usize = 300;

impl Alerts {
    /// Tells until `stop`.
    pub(super) async fn dispatch(self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            if let Err(error) = self.tell_due().await {
                tracing::warn!(%error, "alerts were not told");
            }
        }
    }

    /// Tells all that is due, and answers how many messages that were. A channel that does not answer keeps nobody but
    /// itself.
    ///
    /// # Errors
    /// The store's.
    pub async fn tell_due(&self) -> Result<usize, StoreError> {
        let now = self.deps.clock.now();
        if self.deps.store.next_parcel().await?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        let parcels = self.deps.store.take_parcels(now, until, AT_ONCE).await?;
        let count = parcels.len();
        let mut telling: JoinSet<Result<(), StoreError>> = parcels
            .into_iter()
            .map(|parcel| {
                let alerts = self.clone();
                async move { alerts.deliver(parcel).await }
            })
            .collect();
        while let Some(told) = telling.join_next().await {
            told.map_err(|panic| StoreError::Internal(panic.to_string()))??;
        }
        Ok(count)
    }

    async fn deliver(&self, parcel: Parcel) -> Result<(), StoreError> {
        let told = if parcel.channel.enabled {
            self.tell(&parcel).await
        } else {
            // Switched off since: what it would have told is not kept for the day on which it is switched on.
            return self.settle(&parcel, Delivery::GivenUp { why: "the channel is off".into() }).await;
        };
        let now = self.deps.clock.now();
        let delivery = match told {
            Ok(()) => Delivery::Done,
            Err(why) => match again(parcel.attempts.saturating_add(1), parcel.since, now) {
                Some(due_at) => Delivery::Again { due_at, why },
                None => Delivery::GivenUp { why },
            },
        };
        if let Delivery::Again { why, .. } | Delivery::GivenUp { why } = &delivery {
            tracing::warn!(
                tenant.id = %parcel.channel.tenant_id, channel.id = %parcel.channel.id, attempts = parcel.attempts + 1,
                why, "alerts were not told on a channel"
            );
        }
        self.settle(&parcel, delivery).await
    }

    async fn settle(&self, parcel: &Parcel, delivery: Delivery) -> Result<(), StoreError> {
        self.deps.store.settle_parcel(parcel, delivery, self.deps.clock.now()).await
    }

    /// Tells a parcel once; why not, in words that name no secret.
    pub(super) async fn tell(&self, parcel: &Parcel) -> Result<(), String> {
        let told = match parcel.channel.kind {
            ChannelKind::Email => self.mail(parcel).await,
            ChannelKind::Slack => self.post(parcel, Vec::new(), wording::slack(&parcel.news)).await,
            ChannelKind::Webhook => {
                let now = self.deps.clock.now();
                let body = wording::webhook(&parcel.channel, &parcel.news, now);
                let id = wording::message_id(&parcel.channel, &parcel.news);
                let secret = parcel.target.secret.as_ref().map_or("", |secret| secret.expose_secret());
                self.post(parcel, wording::signed(secret, &id, now, &body), body).await
            }
        };
        told.map_err(|why| why.chars().take(LONGEST_ERROR).collect())
    }

    /// A letter to each; when one is not taken, all are written to again.
    async fn mail(&self, parcel: &Parcel) -> Result<(), String> {
        let mut told = Ok(());
        for to in mailboxes(&parcel.target) {
            let mail =
                Mail { to, subject: wording::subject(&parcel.news), text: wording::text(&parcel.news) };
            if let Err(error) = self.deps.mailer.send(mail).await {
                told = Err(error.to_string());
            }
        }
        told
    }

    async fn post(
        &self,
        parcel: &Parcel,
        headers: Vec<(String, String)>,
        body: String,
    ) -> Result<(), String> {
        let url = parcel.target.address.expose_secret().to_owned();
        self.deps.poster.post(Post { url, headers, body }).await.map_err(|error| error.to_string())
    }
}
