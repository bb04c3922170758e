//! A post whose broadcasts go out, with many contacts.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use domain::broadcasts::plan::{Audience, TemplateChoice};
use domain::broadcasts::{Plan, State};
use domain::contacts::Identity;
use domain::pacing::Rate;
use domain::phone::PhoneNumber;
use domain::segments::Rule;
use domain::{BroadcastId, ConnectionId, SignedDuration};
use engine::broadcasts::{CreateBroadcast, Preview, Report};
use engine::tenants::SettingsPatch;
use engine::{Deps, Engine, Settings};
use gateway_meta::Patience;
use ports::Paging;
use ports::broadcasts::{Broadcast, Counts, RecipientFilter, RecipientRow, RecipientState};
use ports::connections::ConnectionPatch;
use ports::contacts::NewContact;
use serde_json::json;
use simulator::SimConfig;
use tokio_util::sync::DropGuard;

use crate::house::eventually;
use crate::post::{Post, run};

/// The phone number id of a second number.
pub(crate) const SECOND: &str = "106540352242923";

pub(crate) struct Press {
    pub(crate) post: Post,
}

impl Deref for Press {
    type Target = Post;

    fn deref(&self) -> &Post {
        &self.post
    }
}

impl Press {
    /// A number that is fast enough not to matter.
    pub(crate) async fn open() -> Self {
        Self::at_rate(1_000).await
    }

    /// A number of so many messages per second, and a Meta that takes more.
    pub(crate) async fn at_rate(rate: u32) -> Self {
        Self::with(rate, |_, _| {}).await
    }

    pub(crate) async fn with(rate: u32, change: impl FnOnce(&mut Settings, &mut SimConfig)) -> Self {
        let post = Post::with(Patience::default(), change).await;
        post.faults(json!({"throughput_per_second": 0})).await;
        let press = Self { post };
        press.pace(rate).await;
        press
    }

    /// Two numbers of one account, each of so many messages per second; answers the second.
    pub(crate) async fn with_two_numbers(rate: u32) -> (Self, ConnectionId) {
        let press = Self::with_a_second_at_meta(rate).await;
        let second = press.link_second(&press.engine, rate).await;
        eventually("both lanes", || async { (press.engine.messages.lanes_held() == 2).then_some(()) }).await;
        (press, second)
    }

    /// Two numbers of one account, of which another node holds the second; answers both. The node stops with the guard.
    pub(crate) async fn with_a_number_on_another_node(
        rate: u32,
    ) -> (Self, ConnectionId, (Engine, DropGuard)) {
        let press = Self::with_a_second_at_meta(rate).await;
        let other = press.another_node("other").await;
        let second = press.link_second(&other, rate).await;
        // It is the other's before this node looks for lanes again.
        let (now, until) = (press.deps.clock.now(), press.deps.clock.now() + SignedDuration::from_secs(15));
        press
            .deps
            .store
            .take_lane(press.tenant, second, "other", now, until)
            .await
            .unwrap()
            .expect("nobody's");
        let (running, _) = run(&other);
        let lanes = || (press.engine.messages.lanes_held(), other.messages.lanes_held());
        eventually("a lane each", || async { (lanes() == (1, 1)).then_some(()) }).await;
        (press, second, (other, running))
    }

    /// A second node over the same store, which does not run yet.
    pub(crate) async fn another_node(&self, name: &str) -> Engine {
        let settings = Settings { node: name.into(), ..(*self.deps.settings).clone() };
        Engine::new(Deps { settings: Arc::new(settings), ..self.deps.clone() }).await.unwrap()
    }

    async fn with_a_second_at_meta(rate: u32) -> Self {
        Self::with(rate, |_, config| {
            config.accounts[0].phones.push(simulator::PhoneConfig {
                id: SECOND.into(),
                display_phone_number: "+1 555-078-3882".into(),
                ..simulator::PhoneConfig::default()
            });
        })
        .await
    }

    async fn link_second(&self, node: &Engine, rate: u32) -> ConnectionId {
        let second = engine::connections::CreateConnection {
            name: "Second".into(),
            phone_number_id: SECOND.into(),
            is_default: false,
            rate: Some(Rate::per_second(rate)),
            ..self.link()
        };
        node.connections.create(self.tenant, second).await.unwrap().connection.id
    }

    pub(crate) async fn pace(&self, rate: u32) {
        let patch = ConnectionPatch { rate: Some(Rate::per_second(rate)), ..ConnectionPatch::default() };
        self.patch(patch).await;
    }

    pub(crate) async fn patch(&self, patch: ConnectionPatch) {
        let (tenant, now) = (self.tenant, self.deps.clock.now());
        self.deps.store.update_connection(tenant, self.connection.id, patch, now).await.unwrap();
        self.engine.directory.refresh().await.unwrap();
    }

    pub(crate) async fn settings(&self, patch: SettingsPatch) {
        self.engine.tenants.patch_settings(self.tenant, patch).await.unwrap();
    }

    /// So many people who opted in, with their phones.
    pub(crate) async fn contacts(&self, count: usize) -> Vec<String> {
        let phones: Vec<String> = (0..count).map(|n| format!("+1555{:07}", 2_000_000 + n)).collect();
        futures::future::join_all(phones.iter().map(|phone| self.contact(phone))).await;
        phones
    }

    /// Somebody who never said yes.
    pub(crate) async fn stranger_to_consent(&self, phone: &str) {
        let phone = PhoneNumber::parse(phone, None).unwrap();
        let contact = NewContact { identity: Identity::of_phone(phone), ..NewContact::default() };
        self.deps.store.create_contact(self.tenant, contact, self.deps.clock.now()).await.unwrap();
    }

    /// The note, to everybody, now.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            template: TemplateChoice { name: "note".into(), language: None, fallback: Vec::new() },
            params: json!(["{{contact.name|Ann}}"]),
            audience: Audience { list: false, rule: Rule::everyone(), asked: json!({"all": true}) },
            connections: Vec::new(),
            schedule: Default::default(),
            breaker: Default::default(),
        }
    }

    pub(crate) async fn draft(&self, plan: Plan) -> BroadcastId {
        let new = CreateBroadcast { name: "Sale".into(), plan, created_by: None };
        self.engine.broadcasts.create(self.tenant, new).await.unwrap().id
    }

    /// Drafted and sent.
    pub(crate) async fn start(&self, plan: Plan) -> BroadcastId {
        let id = self.draft(plan).await;
        self.engine.broadcasts.send(self.tenant, id).await.unwrap();
        id
    }

    pub(crate) async fn preview(&self, plan: &Plan) -> Preview {
        self.engine.broadcasts.preview(self.tenant, plan, None).await.unwrap()
    }

    pub(crate) async fn broadcast(&self, id: BroadcastId) -> Broadcast {
        self.engine.broadcasts.get(self.tenant, id).await.unwrap()
    }

    pub(crate) async fn results(&self, id: BroadcastId) -> Report {
        self.engine.broadcasts.results(self.tenant, id).await.unwrap()
    }

    pub(crate) async fn becomes(&self, id: BroadcastId, state: State) -> Broadcast {
        let waiting = async {
            loop {
                let known = self.broadcast(id).await;
                if known.state == state {
                    return known;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), waiting).await {
            Ok(known) => known,
            Err(_) => panic!("not {}: {:?}", state.as_str(), self.broadcast(id).await),
        }
    }

    pub(crate) async fn counts(&self, id: BroadcastId, fit: impl Fn(&Counts) -> bool) -> Counts {
        eventually("the counts", || async {
            Some(self.broadcast(id).await.counts).filter(|counts| fit(counts))
        })
        .await
    }

    /// Everything that Meta will say has been said and taken in.
    pub(crate) async fn quiet(&self) {
        self.empty_queue().await;
        eventually("the last webhook", || async {
            let stats = self.engine.webhooks.stats(self.tenant).await.unwrap();
            (self.sim.pending() == 0 && stats.pending == 0).then_some(())
        })
        .await;
    }

    /// Within a second nothing more goes out.
    pub(crate) async fn stands_still(&self) {
        eventually("the end of the calls in flight", || async {
            let mut sending = 0;
            for (connection, _) in self.deps.store.all_connections().await.unwrap() {
                let (tenant, id) = (connection.tenant_id, connection.id);
                let stats = self.deps.store.queue_stats(tenant, id, self.deps.clock.now()).await.unwrap();
                sending += stats.sending;
            }
            (sending == 0).then_some(())
        })
        .await;
        let before = self.sim.ledger(0).len();
        let more = async {
            loop {
                if self.sim.ledger(0).len() > before {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let more = tokio::time::timeout(Duration::from_millis(600), more).await;
        assert!(more.is_err(), "it goes on");
    }

    /// Each of these got one template.
    pub(crate) fn each_phone_once(&self, phones: &[String]) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for entry in self.sim.ledger(0).iter().filter(|entry| entry.template.is_some()) {
            *seen.entry(format!("+{}", entry.to.trim_start_matches('+'))).or_default() += 1;
        }
        for phone in phones {
            assert_eq!(seen.get(phone), Some(&1), "{phone}");
        }
    }

    pub(crate) async fn rows(&self, id: BroadcastId) -> Vec<RecipientRow> {
        let mut paging = Paging { page: 1, page_size: 100, cursor: None };
        let mut rows = Vec::new();
        loop {
            let filter = RecipientFilter::default();
            let page = self.engine.broadcasts.recipients(self.tenant, id, &filter, &paging).await.unwrap();
            rows.extend(page.items);
            match page.next_cursor {
                Some(cursor) => paging.cursor = Some(cursor),
                None => return rows,
            }
        }
    }

    pub(crate) async fn counts_equal_rows(&self, id: BroadcastId) {
        let counts = self.broadcast(id).await.counts;
        let rows = self.rows(id).await;
        let of = |states: &[RecipientState]| {
            i64::try_from(rows.iter().filter(|row| states.contains(&row.state)).count()).unwrap()
        };
        use RecipientState as Is;
        let counted = Counts {
            pending: of(&[Is::Pending]),
            queued: of(&[Is::Queued, Is::Sending]),
            sent: of(&[Is::Sent, Is::Delivered, Is::Read]),
            delivered: of(&[Is::Delivered, Is::Read]),
            read: of(&[Is::Read]),
            failed: of(&[Is::Failed]),
            in_doubt: of(&[Is::InDoubt]),
            cancelled: of(&[Is::Cancelled]),
            left_out: of(&[Is::LeftOut]),
            replied: counts.replied,
            opted_out: counts.opted_out,
        };
        assert_eq!(counts, counted);
    }

    /// No node runs.
    pub(crate) async fn stop(&mut self) {
        self.post.stop().await;
    }

    /// The node goes, another comes.
    pub(crate) async fn restart(&mut self) {
        let deps = self.post.deps.clone();
        self.post.replace_node(deps).await;
    }

    pub(crate) fn hours(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }
}
