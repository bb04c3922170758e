//! Wakes: telling this node, and the others, that there is something to do. They are hints: one may be lost, and
//! whoever waits for one also looks by itself from time to time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use domain::messages::retry::ThrottleScope;
use domain::{ConnectionId, Timestamp};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use ports::operator::Wake;
use sea_orm::DatabaseConnection;
use tokio::sync::{broadcast, mpsc};
use tokio::task::AbortHandle;

use crate::dialect::Dialect;

/// How many wakes a slow reader may be behind before it loses the oldest.
const BACKLOG: usize = 16_384;

/// The hub of this node.
pub(crate) struct Wakes {
    here: broadcast::Sender<Wake>,
    there: Option<mpsc::UnboundedSender<Wake>>,
    closed: Arc<AtomicBool>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Wakes {
    /// Starts carrying wakes between nodes, where there can be several.
    pub(crate) fn start(dialect: Dialect, writer: &DatabaseConnection) -> Self {
        let (here, _) = broadcast::channel(BACKLOG);
        let closed = Arc::new(AtomicBool::new(false));
        let sender = WakeSender { node: node_name(), here: here.clone(), closed: Arc::clone(&closed) };
        let (there, tasks) = dialect.carry_wakes(writer, sender).unzip();
        Self { here, there, closed, tasks: Mutex::new(tasks.unwrap_or_default()) }
    }

    /// Tells everybody; to be called after the commit.
    pub(crate) fn tell(&self, wakes: impl IntoIterator<Item = Wake>) {
        for wake in wakes {
            // Nobody listening is no error.
            let _ = self.here.send(wake);
            if let Some(there) = &self.there {
                let _ = there.send(wake);
            }
        }
    }

    /// What is told from now on.
    pub(crate) fn subscribe(&self) -> BoxStream<'static, Wake> {
        stream::unfold(self.here.subscribe(), |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(wake) => return Some((wake, receiver)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }

    /// Stops the tasks.
    pub(crate) fn stop(&self) {
        self.closed.store(true, Ordering::Release);
        let tasks = self.tasks.lock().map(|mut tasks| std::mem::take(&mut *tasks)).unwrap_or_default();
        for task in tasks {
            task.abort();
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Tells this node what others did.
pub(crate) struct WakeSender {
    node: String,
    here: broadcast::Sender<Wake>,
    closed: Arc<AtomicBool>,
}

impl WakeSender {
    /// This node's name, by which it knows its own notes.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Whether the store was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Takes in a note; this node's own were told already.
    pub(crate) fn hear(&self, note: &str) {
        let mut words = note.split(' ');
        if words.next() == Some(&self.node) {
            return;
        }
        for wake in words.filter_map(read) {
            let _ = self.here.send(wake);
        }
    }
}

/// Distinct among the nodes that run now.
fn node_name() -> String {
    let mut bytes = [0u8; 8];
    domain::Entropy::fill(&domain::SystemEntropy, &mut bytes);
    format!("{:016x}", u64::from_le_bytes(bytes))
}

/// The wakes as notes of at most `longest` bytes, each wake once.
pub(crate) fn notes(node: &str, wakes: &[Wake], longest: usize) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let mut notes = vec![node.to_owned()];
    for word in wakes.iter().map(write).filter(|word| seen.insert(word.clone())) {
        if notes.last().is_some_and(|note| note.len() + 1 + word.len() > longest) {
            notes.push(node.to_owned());
        }
        if let Some(note) = notes.last_mut() {
            note.push(' ');
            note.push_str(&word);
        }
    }
    notes
}

fn write(wake: &Wake) -> String {
    match wake {
        Wake::Lane(connection) => format!("l{connection}"),
        Wake::Restrained(connection) => format!("r{connection}"),
        Wake::Throttled { connection, scope, until } => {
            format!("t{connection}.{}.{}", letter(*scope), until.as_microsecond())
        }
        Wake::Inbox => "i".to_owned(),
    }
}

fn read(word: &str) -> Option<Wake> {
    if word == "i" {
        return Some(Wake::Inbox);
    }
    let of = |mark: char| word.strip_prefix(mark).and_then(|id| id.parse().ok()).map(ConnectionId);
    of('l').map(Wake::Lane).or_else(|| of('r').map(Wake::Restrained)).or_else(|| throttled(word))
}

fn throttled(word: &str) -> Option<Wake> {
    let mut parts = word.strip_prefix('t')?.split('.');
    let connection = ConnectionId(parts.next()?.parse().ok()?);
    let letter_told = parts.next()?;
    let scope = SCOPES.into_iter().find(|scope| letter(*scope) == letter_told)?;
    let until = Timestamp::from_microsecond(parts.next()?.parse().ok()?).ok()?;
    Some(Wake::Throttled { connection, scope, until })
}

const SCOPES: [ThrottleScope; 4] =
    [ThrottleScope::Number, ThrottleScope::Pair, ThrottleScope::Account, ThrottleScope::App];

fn letter(scope: ThrottleScope) -> &'static str {
    match scope {
        ThrottleScope::Number => "n",
        ThrottleScope::Pair => "c",
        ThrottleScope::Account => "a",
        ThrottleScope::App => "p",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stay_short_and_hold_every_wake_once() {
        let wakes: Vec<Wake> =
            (0..1_000).flat_map(|id| [Wake::Inbox, Wake::Lane(ConnectionId(id % 300))]).collect();
        let throttled = SCOPES.map(|scope| Wake::Throttled {
            connection: ConnectionId(9),
            scope,
            until: Timestamp::from_microsecond(1_800_000_000_000_123).unwrap(),
        });
        let wakes =
            [wakes, vec![Wake::Restrained(ConnectionId(7)); 2], throttled.to_vec(), throttled.to_vec()]
                .concat();
        let notes = notes("me", &wakes, 500);
        assert!(notes.iter().all(|note| note.len() <= 500 && note.starts_with("me ")));
        let heard: Vec<Wake> =
            notes.iter().flat_map(|note| note.split(' ').skip(1)).filter_map(read).collect();
        assert_eq!(heard.len(), 1 + 300 + 1 + 4);
        assert!(wakes.iter().all(|wake| heard.contains(wake)));
    }
}
