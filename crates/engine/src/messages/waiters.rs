//! Waiters: API calls that wait for Meta's answer to the message they sent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use domain::messages::gate::Refusal;
use domain::{MessageId, Timestamp};
use ports::messages::Failure;
use tokio::sync::mpsc;

/// Something that happened to a message on its way out.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Meta took it.
    Sent { wamid: String, at: Timestamp },
    /// It will not be sent: Meta said no.
    Failed(Failure),
    /// It will not be sent: the gate said no at the last moment.
    Refused(Refusal),
    /// Meta throttles the number (or this contact); it waits in the queue until then.
    Throttled { until: Timestamp },
    /// It waits in the queue for another try.
    Retrying { unreachable: bool, why: Failure },
    /// The connection does not send any more; it waits in the queue.
    Halted(Failure),
    /// Nobody knows whether Meta took it.
    InDoubt(Failure),
}

/// News that nobody waited for yet is kept for a moment: a lane may be quicker than the call that accepted the
/// message.
const KEPT: usize = 8192;
/// Of one message.
const KEPT_EACH: usize = 4;

#[derive(Default)]
struct Desk {
    waiting: HashMap<MessageId, mpsc::UnboundedSender<News>>,
    early: HashMap<MessageId, Vec<News>>,
    order: VecDeque<MessageId>,
}

/// Where lanes leave news and calls pick them up.
#[derive(Default)]
pub struct Waiters(Mutex<Desk>);

impl Waiters {
    /// News of this message from now on, and those that came already. Dropping the waiter ends it, also when the call
    /// was given up in the middle.
    pub fn wait_for(self: &Arc<Self>, message: MessageId) -> Waiter {
        let (leave, pick_up) = mpsc::unbounded_channel();
        let mut desk = self.desk();
        for news in desk.early.remove(&message).unwrap_or_default() {
            let _ = leave.send(news);
        }
        desk.waiting.insert(message, leave);
        drop(desk);
        Waiter { desk: Arc::clone(self), message, news: pick_up }
    }

    /// Tells whoever waits.
    pub fn tell(&self, all: impl IntoIterator<Item = (MessageId, News)>) {
        let mut desk = self.desk();
        for (message, news) in all {
            let news = match desk.waiting.get(&message) {
                Some(waiter) => match waiter.send(news) {
                    Ok(()) => continue,
                    Err(unheard) => unheard.0,
                },
                None => news,
            };
            desk.keep(message, news);
        }
    }

    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Somebody who waits for news of a message.
pub struct Waiter {
    desk: Arc<Waiters>,
    message: MessageId,
    news: mpsc::UnboundedReceiver<News>,
}

impl Waiter {
    /// The next news.
    pub async fn recv(&mut self) -> Option<News> {
        self.news.recv().await
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.desk.desk().waiting.remove(&self.message);
    }
}

impl Desk {
    fn keep(&mut self, message: MessageId, news: News) {
        let known = self.early.entry(message).or_default();
        if known.is_empty() {
            self.order.push_back(message);
        }
        // Only the latest matter, and a message may be tried for a day.
        if known.len() == KEPT_EACH {
            known.remove(0);
        }
        known.push(news);
        while self.order.len() > KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.early.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(wamid: &str) -> News {
        News::Sent { wamid: wamid.into(), at: Timestamp::UNIX_EPOCH }
    }

    #[tokio::test]
    async fn news_reach_a_waiter_who_came_before_or_after_them() {
        let desk = Arc::new(Waiters::default());
        desk.tell([(MessageId(1), sent("early"))]);
        assert_eq!(desk.wait_for(MessageId(1)).recv().await, Some(sent("early")));
        let mut later = desk.wait_for(MessageId(2));
        desk.tell([(MessageId(2), sent("late"))]);
        assert_eq!(later.recv().await, Some(sent("late")));
    }

    #[test]
    fn a_call_that_is_given_up_leaves_nothing_behind() {
        let desk = Arc::new(Waiters::default());
        drop(desk.wait_for(MessageId(1)));
        assert!(desk.desk().waiting.is_empty());
        for _ in 0..100 {
            desk.tell([(MessageId(1), sent("x"))]);
        }
        assert_eq!(desk.desk().early[&MessageId(1)].len(), KEPT_EACH);
    }

    #[test]
    fn news_that_nobody_picks_up_do_not_pile_up() {
        let desk = Waiters::default();
        desk.tell((0..3 * KEPT as i64).map(|n| (MessageId(n), sent("x"))));
        let desk = desk.desk();
        assert_eq!(desk.order.len(), KEPT);
        assert_eq!(desk.early.len(), KEPT);
    }
}
