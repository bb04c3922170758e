//! Gathering: callers who come together are served together.
//!
//! A durable commit costs the same for one row as for a hundred. So the calls of many clients wait in a channel
//! while the commit before them runs, and go into the next one as a batch: nobody waits for a timer, and a lone
//! caller is served at once.

use std::future::Future;
use std::sync::Arc;

use ports::{StoreError, StoreResult};
use tokio::sync::{mpsc, oneshot};

type Waiting<J, R> = (J, oneshot::Sender<StoreResult<R>>);

/// The door to a batch verb for single callers. Clones share one queue.
pub(crate) struct Gather<J, R> {
    queue: mpsc::Sender<Waiting<J, R>>,
}

impl<J, R> Clone for Gather<J, R> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<J: Send + 'static, R: Send + 'static> Gather<J, R> {
    /// Starts `workers` tasks that call `verb` with at most `most` jobs at a time; `verb` answers in the order of
    /// the jobs. The tasks end when the last door is dropped. Up to `8 × most` callers may wait before others wait
    /// to wait.
    pub(crate) fn start<V, F>(workers: usize, most: usize, verb: V) -> Self
    where
        V: Fn(Vec<J>) -> F + Send + Sync + 'static,
        F: Future<Output = StoreResult<Vec<R>>> + Send + 'static,
    {
        let (queue, waiting) = mpsc::channel(most * 8);
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        let verb = Arc::new(verb);
        for _ in 0..workers.max(1) {
            tokio::spawn(serve(Arc::clone(&waiting), Arc::clone(&verb), most));
        }
        Self { queue }
    }

    /// Puts a job into the next batch and waits for its answer.
    pub(crate) async fn call(&self, job: J) -> StoreResult<R> {
        let (answer, answered) = oneshot::channel();
        self.queue.send((job, answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the server is stopping".into())
}

async fn serve<J, R, V, F>(
    waiting: Arc<tokio::sync::Mutex<mpsc::Receiver<Waiting<J, R>>>>,
    verb: Arc<V>,
    most: usize,
) where
    V: Fn(Vec<J>) -> F,
    F: Future<Output = StoreResult<Vec<R>>> + Send,
{
    let mut batch = Vec::with_capacity(most);
    loop {
        // The lock is held while waiting for the first job only: the next worker then gathers while this one
        // commits.
        if waiting.lock().await.recv_many(&mut batch, most).await == 0 {
            return;
        }
        let (jobs, answers): (Vec<J>, Vec<_>) = batch.drain(..).unzip();
        let expected = answers.len();
        match verb(jobs).await {
            Ok(results) if results.len() == expected => {
                for (answer, result) in answers.into_iter().zip(results) {
                    // A caller that went away does not undo what was committed for it.
                    let _ = answer.send(Ok(result));
                }
            }
            Ok(results) => {
                let error = StoreError::Internal(format!("{expected} jobs got {} answers", results.len()));
                refuse(answers, &error);
            }
            Err(error) => refuse(answers, &error),
        }
    }
}

fn refuse<R>(answers: Vec<oneshot::Sender<StoreResult<R>>>, error: &StoreError) {
    for answer in answers {
        let _ = answer.send(Err(error.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn callers_who_come_together_share_a_batch_and_get_their_own_answers() {
        let batches = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&batches);
        let door = Gather::start(1, 64, move |jobs: Vec<u32>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::task::yield_now().await;
                Ok(jobs.into_iter().map(|job| job * 2).collect())
            }
        });
        let calls = (0..64u32).map(|n| {
            let door = door.clone();
            async move { (n, door.call(n).await.unwrap()) }
        });
        for (n, answer) in futures::future::join_all(calls).await {
            assert_eq!(answer, n * 2);
        }
        assert!(batches.load(Ordering::SeqCst) < 64, "every call was a batch of its own");
    }

    #[tokio::test]
    async fn a_failed_batch_fails_each_of_its_callers_and_not_the_next() {
        let door = Gather::start(1, 8, |jobs: Vec<bool>| async move {
            if jobs.contains(&false) { Err(StoreError::Unavailable("disk full".into())) } else { Ok(jobs) }
        });
        assert!(door.call(false).await.is_err());
        assert_eq!(door.call(true).await, Ok(true));
    }
}
