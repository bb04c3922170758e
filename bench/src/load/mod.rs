//! A closed loop of cheap clients: each connection has one request at a time, written whole and prepared before.
//!
//! A general HTTP client costs as much as the server that it loads; on a machine of two cores it would measure
//! itself.

mod requests;
mod wire;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub(crate) use requests::Requests;
use wire::Wire;

use crate::clock;

/// How to drive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    /// No request begins after this time; `None`: until all are sent.
    pub(crate) turn: Option<Duration>,
    /// Begin again at the first request when all are sent.
    pub(crate) again: bool,
    /// The status of a good answer; any other ends the run.
    pub(crate) expected: u16,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Requests sent, each answered as expected.
    pub(crate) answered: usize,
    pub(crate) elapsed: Duration,
    /// Of each request, in microseconds, sorted.
    latencies: Vec<u32>,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }

    /// E.g. 0.99, in milliseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).map_or(f64::NAN, |micros| f64::from(*micros) / 1_000.0)
    }
}

struct Turn {
    load: Load,
    requests: Rc<Requests>,
    next: Cell<usize>,
    end: Option<Instant>,
    latencies: RefCell<Vec<u32>>,
}

impl Turn {
    fn take(&self) -> Option<usize> {
        let next = self.next.get();
        let over = self.end.is_some_and(|end| clock::now() >= end);
        if over || (next >= self.requests.len() && !self.load.again) {
            return None;
        }
        self.next.set(next + 1);
        Some(next % self.requests.len())
    }
}

/// Sends the requests in their order until the time or the requests are over, then waits for the last answers.
///
/// # Errors
/// A connection that breaks, an answer other than expected (with its body).
pub(crate) async fn drive(load: Load, requests: &Rc<Requests>) -> Result<Measured> {
    if requests.len() == 0 {
        bail!("there is nothing to send");
    }
    let mut wires = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        wires.push(Wire::connect(load.address).await?);
    }
    let start = clock::now();
    let turn = Rc::new(Turn {
        load,
        requests: Rc::clone(requests),
        next: Cell::new(0),
        end: load.turn.map(|turn| start + turn),
        latencies: RefCell::new(Vec::with_capacity(requests.len())),
    });
    let clients: Vec<_> =
        wires.into_iter().map(|wire| tokio::task::spawn_local(client(wire, Rc::clone(&turn)))).collect();
    for client in clients {
        client.await.context("a client of the load ended badly")??;
    }
    let elapsed = start.elapsed();
    let mut latencies = turn.latencies.take();
    latencies.sort_unstable();
    Ok(Measured { answered: latencies.len(), elapsed, latencies })
}

async fn client(mut wire: Wire, turn: Rc<Turn>) -> Result<()> {
    while let Some(request) = turn.take() {
        let start = clock::now();
        let status = wire.call(turn.requests.get(request)).await?;
        let micros = u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX);
        if status != turn.load.expected {
            bail!("request {request} was answered {status}: {}", wire.body());
        }
        turn.latencies.borrow_mut().push(micros);
    }
    Ok(())
}
