//! Whatever happens, in whatever order: the counts equal the rows, and nobody has two messages.

use domain::broadcasts::{LeftOut, State, Step};
use domain::consent::ConsentSource;
use domain::contacts::Identity;
use domain::messages::Status;
use domain::{ContactId, MessageId};
use ports::broadcasts::{BroadcastMoved, BroadcastStore, Turn};
use ports::contacts::{ContactStore, NewContact};
use ports::lanes::{Claimed, LaneStore, Lease, Settlement};
use ports::messages::MessageStore;
use ports::webhooks::{Change, Inbound};

use super::campaign::{Campaign, due_now, everyone, later, retry};
use crate::scene::failure;
use crate::support::{Bench, at};

on_each_engine!(counts_equal_rows_after_any_sequence);

const CONTACTS: u32 = 40;
const STEPS: u32 = 120;
/// More of them, known by a user id alone, who may turn out to be one of those known by a number.
const NAMES: u32 = 16;

/// Numbers that are the same in every run (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len() as u64) as usize].clone())
    }
}

struct Play {
    campaign: Campaign,
    dice: Dice,
    lease: Lease,
    open: Vec<Claimed>,
    wamids: Vec<String>,
    messages: Vec<MessageId>,
    inbound: u32,
    /// Moves on with every claim, so that what was put back is due again.
    second: i64,
}

async fn counts_equal_rows_after_any_sequence(bench: Bench) {
    let mut campaign = Campaign::started(bench, CONTACTS).await;
    for name in 1..=NAMES {
        let known = Identity { bsuid: Some(format!("US.{name}")), ..Identity::default() };
        let opt_in = Some((ConsentSource::Api, serde_json::json!({})));
        let new = NewContact { identity: known, opt_in, ..NewContact::default() };
        campaign.scene.bench.contact(campaign.scene.tenant, new).await;
    }
    for seed in 1..=4u64 {
        if seed > 1 {
            let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
            let new = super::campaign::new_broadcast(false);
            campaign.id = store.create_broadcast(tenant, new).await.unwrap().id;
            campaign.step(Step::Start).await;
        }
        let lease = campaign.scene.lane("node").await;
        let mut play = Play {
            campaign,
            dice: Dice(seed),
            lease,
            open: Vec::new(),
            wamids: Vec::new(),
            messages: Vec::new(),
            inbound: 0,
            second: 30,
        };
        for number in 0..STEPS {
            let what = play.act().await;
            if number % 5 == 0 || number + 1 == STEPS {
                println!("seed {seed}, step {number}: {what}");
                play.campaign.check().await;
            }
        }
        play.settle_all().await;
        play.campaign.check().await;
        campaign = play.campaign;
        let _ = campaign.try_step(Step::Cancel).await;
        campaign.check().await;
    }
}

impl Play {
    async fn act(&mut self) -> &'static str {
        self.second += 1;
        match self.dice.below(21) {
            0..=2 => {
                self.campaign.freeze(&everyone(), &due_now(), 1 + self.dice.below(9) as u32).await;
                "freeze"
            }
            3..=6 => self.feed().await,
            7..=8 => {
                let limit = 1 + self.dice.below(9) as u32;
                let now = at(self.second);
                let claim = self.campaign.scene.store().claim_due(&self.lease, limit, now).await.unwrap();
                self.messages.extend(claim.claimed.iter().map(|one| one.message_id));
                self.open.extend(claim.claimed);
                "claim"
            }
            9..=11 => {
                for _ in 0..4 {
                    self.settle_one().await;
                }
                "outcomes"
            }
            12..=14 => self.statuses().await,
            15 => {
                let wanted = self.dice.one_of(&[Step::Pause, Step::Resume, Step::Resume]).unwrap();
                self.campaign.try_step(wanted).await;
                "pause or resume"
            }
            16 => {
                let limit = 1 + self.dice.below(5) as u32;
                let (tenant, id) = (self.campaign.scene.tenant, self.campaign.id);
                let wanted = retry(&[], limit, at(9));
                self.campaign.scene.store().retry_recipients(tenant, id, &wanted).await.unwrap();
                "retry"
            }
            17 => self.write_in().await,
            18 => self.single().await,
            19 => {
                let number = 1 + self.dice.below(u64::from(CONTACTS)) as u32;
                let name = 1 + self.dice.below(u64::from(NAMES));
                super::joins::join(&self.campaign, number, &format!("US.{name}")).await;
                "two turn out to be one"
            }
            _ => self.rare().await,
        }
    }

    async fn feed(&mut self) -> &'static str {
        let due = self.campaign.due(1 + self.dice.below(8) as u32).await;
        let mut turns = Vec::new();
        for one in &due {
            turns.push(match self.dice.below(10) {
                0 => (one.id, Turn::LeaveOut { reason: LeftOut::InvalidParameter, detail: None }),
                1 => (one.id, Turn::Wait { until: at(10) }),
                _ => self.campaign.send(one.id),
            });
        }
        self.campaign.enqueue(turns).await;
        "feed"
    }

    async fn settle_one(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let index = self.dice.below(self.open.len() as u64) as usize;
        let claimed = self.open.swap_remove(index);
        let why = failure("META_REJECTED", 131_049);
        let due_at = at(self.second);
        let settlement = match self.dice.below(10) {
            0 => Settlement::Failed { why, flag: Some(131_026), marketing_stop: false },
            1 => {
                let why = failure("RECIPIENT_NOT_ON_WHATSAPP", 131_026);
                Settlement::Failed { why, flag: None, marketing_stop: false }
            }
            2 => Settlement::InDoubt { why },
            3 => Settlement::Requeue { due_at, costs_attempt: true, why },
            4 => Settlement::DelayContact { due_at, why },
            5 => Settlement::Unsent,
            _ => {
                let wamid = format!("w.{}.{}.{}", self.campaign.id, claimed.message_id, claimed.attempt);
                self.wamids.push(wamid.clone());
                Settlement::Sent { wamid, held: false }
            }
        };
        self.campaign.settle(&self.lease, &claimed, settlement).await;
    }

    async fn settle_all(&mut self) {
        while !self.open.is_empty() {
            self.settle_one().await;
        }
    }

    async fn statuses(&mut self) -> &'static str {
        let mut changes = Vec::new();
        for _ in 0..5 {
            let Some(wamid) = self.dice.one_of(&self.wamids) else { break };
            let all = [Status::Sent, Status::Delivered, Status::Read, Status::Failed];
            let status = self.dice.one_of(&all).unwrap();
            changes.push(Change::Status(self.campaign.scene.status(&wamid, status, later(0))));
        }
        // Of a message whose answer was lost, and of one that nobody knows yet.
        if let Some(id) = self.dice.one_of(&self.messages) {
            let wamid = format!("w.{}.{id}.1", self.campaign.id);
            let report = self.campaign.scene.status(&wamid, Status::Delivered, later(0));
            changes.push(Change::Status(ports::webhooks::StatusReport { message_id: Some(id), ..report }));
        }
        self.campaign.scene.project(changes).await;
        "statuses"
    }

    async fn write_in(&mut self) -> &'static str {
        self.inbound += 1;
        let number = 1 + self.dice.below(u64::from(CONTACTS)) as u32;
        let wamid = format!("in.{}.{}", self.campaign.id, self.inbound);
        let scene = &self.campaign.scene;
        let message =
            if self.dice.below(4) == 0 { scene.stop(number, &wamid) } else { scene.inbound(number, &wamid) };
        scene.project(vec![Change::Inbound(Inbound { at: at(60), ..message })]).await;
        "a customer writes"
    }

    /// Somebody takes a single message back, or tries it again.
    async fn single(&mut self) -> &'static str {
        let (store, tenant) = (self.campaign.scene.store(), self.campaign.scene.tenant);
        let filter =
            ports::messages::MessageFilter { broadcast_id: Some(self.campaign.id), ..Default::default() };
        let all: Vec<_> = self.campaign.scene.listed(filter).await.iter().map(|one| one.id).collect();
        let Some(id) = self.dice.one_of(&all) else { return "nothing" };
        if self.dice.below(3) == 0 {
            store.cancel_message(tenant, id, at(9)).await.unwrap();
        } else {
            store.requeue_message(tenant, id, true, at(9)).await.unwrap();
        }
        "a single message is moved"
    }

    async fn rare(&mut self) -> &'static str {
        let (store, tenant) = (self.campaign.scene.store(), self.campaign.scene.tenant);
        match self.dice.below(4) {
            0 => {
                let contact = ContactId(1 + self.dice.below(u64::from(CONTACTS + NAMES)) as i64);
                store.delete_contact(tenant, contact, at(9)).await.unwrap();
                // What was claimed of it, under whatever name, is gone with it.
                let mut open = Vec::new();
                for one in std::mem::take(&mut self.open) {
                    if store.message(tenant, one.message_id).await.unwrap().is_some() {
                        open.push(one);
                    }
                }
                self.open = open;
                "a contact is removed"
            }
            1 => {
                self.lease = self.campaign.scene.lane("node").await;
                self.open.clear();
                "the lane is taken anew"
            }
            2 => {
                let ended = store.finish_broadcast(tenant, self.campaign.id, at(9)).await.unwrap();
                assert!(ended.is_none_or(|ended| ended.counts.is_through()));
                "finish"
            }
            _ => {
                if matches!(self.campaign.read().await.state, State::Completed | State::Failed) {
                    let reopened = self.campaign.try_step(Step::Reopen).await;
                    assert!(matches!(reopened, BroadcastMoved::Done(_)));
                }
                "reopen"
            }
        }
    }
}
