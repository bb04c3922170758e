//! Posts bodies in parallel and repeats them until 200, waiting longer each time, for up to 7 simulated days
//! (WhatsApp, "Webhooks": anything but 200 is a failure).

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::hub::Delivery;
use super::signing;
use crate::faults::Faults;
use crate::sim::Sim;

const IN_PARALLEL: usize = 32;
const SEVEN_DAYS_MS: i64 = 7 * 24 * 3_600_000;

/// Takes deliveries until the simulator is gone; aborting this task aborts what is under way.
pub(crate) async fn run(mut from: UnboundedReceiver<Delivery>, sim: Weak<Sim>, client: reqwest::Client) {
    let lanes = Arc::new(Semaphore::new(IN_PARALLEL));
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            next = from.recv() => match next {
                Some(delivery) => {
                    running.spawn(deliver(delivery, sim.clone(), client.clone(), lanes.clone()));
                }
                None => return,
            },
            Some(_) = running.join_next(), if !running.is_empty() => {}
        }
    }
}

async fn deliver(delivery: Delivery, sim: Weak<Sim>, client: reqwest::Client, lanes: Arc<Semaphore>) {
    if delivery.wait_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delivery.wait_ms)).await;
    }
    let mut failures = 0_u32;
    loop {
        let Some(faults) = current(&sim, &delivery) else { return };
        let result = {
            let Ok(_lane) = lanes.acquire().await else { return };
            post(&client, &delivery, &faults).await
        };
        let Some(alive) = sim.upgrade().filter(|sim| sim.webhooks.generation() == delivery.generation) else {
            return;
        };
        let (status, error) = match result {
            Ok(200) => return alive.webhooks.log().attempt(delivery.id, "delivered", Some(200), None),
            Ok(status) => (Some(status), None),
            Err(fault) => (None, Some(fault.to_string())),
        };
        if alive.clock.now_ms() - delivery.created_ms > SEVEN_DAYS_MS {
            return alive.webhooks.log().attempt(delivery.id, "given_up", status, error);
        }
        alive.webhooks.log().attempt(delivery.id, "retrying", status, error);
        drop(alive);
        tokio::time::sleep(backoff(&faults, failures)).await;
        failures += 1;
    }
}

fn current(sim: &Weak<Sim>, delivery: &Delivery) -> Option<Arc<Faults>> {
    let sim = sim.upgrade()?;
    (sim.webhooks.generation() == delivery.generation).then(|| sim.faults.get())
}

/// The wait after a number of failures: base, doubled each time, up to the cap.
fn backoff(faults: &Faults, failures: u32) -> Duration {
    let factor = 1_u64 << failures.min(20);
    let ms = faults.webhook_retry_base_ms.saturating_mul(factor).min(faults.webhook_retry_cap_ms);
    Duration::from_millis(ms.max(1))
}

async fn post(client: &reqwest::Client, delivery: &Delivery, faults: &Faults) -> Result<u16, reqwest::Error> {
    let mut request = client
        .post(&delivery.receiver.url)
        .timeout(Duration::from_millis(faults.webhook_timeout_ms.max(1)))
        .header("Content-Type", "application/json")
        .header("Accept", "*/*");
    if let Some((name, value)) =
        signing::header(&faults.webhook_signature, &delivery.receiver.secret, &delivery.body)
    {
        request = request.header(name, value);
    }
    let answer = request.body(delivery.body.clone()).send().await?;
    let status = answer.status().as_u16();
    // Read to the end, so that the connection can be used again.
    let _ = answer.bytes().await;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_cap() {
        let faults = Faults { webhook_retry_base_ms: 200, webhook_retry_cap_ms: 1_000, ..Faults::default() };
        let waits: Vec<u128> = (0..5).map(|failures| backoff(&faults, failures).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1_000, 1_000]);
    }
}
