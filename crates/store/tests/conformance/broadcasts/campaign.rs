//! A broadcast to try, and the count of its rows past the store.

use std::collections::BTreeMap;

use domain::broadcasts::plan::{Audience, TemplateChoice};
use domain::broadcasts::reasons::FailedBy;
use domain::broadcasts::{LeftOut, Meant, Plan, State, Step, StopCode, StopReason};
use domain::messages::{Content, Status};
use domain::segments::Rule;
use domain::templates::Category;
use domain::{BroadcastId, Timestamp};
use ports::Paging;
use ports::broadcasts::{
    Broadcast, BroadcastChange, BroadcastMoved, BroadcastPatch, BroadcastStore, Counts, DueRecipient,
    DueTimes, EnqueueBatch, Enqueued, FrozenPage, ListPart, ListRow, Move, NewBroadcast, RecipientFilter,
    RecipientRow, Retry, Screen, Share, Start, Turn,
};
use ports::lanes::{Claimed, LaneStore, Lease, Outcome, Settlement};
use serde_json::json;

use crate::samples::texts;
use crate::scene::Scene;
use crate::support::{Bench, at};

pub(crate) struct Campaign {
    pub(crate) scene: Scene,
    pub(crate) id: BroadcastId,
}

pub(crate) fn plan(list: bool) -> Plan {
    Plan {
        template: TemplateChoice { name: "order_shipped".into(), language: None, fallback: Vec::new() },
        params: json!({ "body": ["Ana"] }),
        audience: Audience { list, rule: Rule::everyone(), asked: json!({}) },
        connections: Vec::new(),
        schedule: Default::default(),
        breaker: Default::default(),
    }
}

pub(crate) fn new_broadcast(list: bool) -> NewBroadcast {
    NewBroadcast { name: "Summer".into(), plan: plan(list), recurs_from: None, created_by: None, at: at(1) }
}

pub(crate) fn everyone() -> Screen {
    Screen {
        rule: Meant::everyone(),
        list: None,
        category: Category::Marketing,
        needed: Vec::new(),
        cap: None,
        quiet: Default::default(),
        passed: Default::default(),
        numbers: Vec::new(),
        at: at(5),
    }
}

pub(crate) fn due_now() -> DueTimes {
    DueTimes { zones: Vec::new(), otherwise: at(5) }
}

pub(crate) fn step(step: Step) -> Move {
    let reason =
        StopReason { code: StopCode::ByUser, message: "enough".into(), meta_error_code: None, at: at(6) };
    let category = Some(Category::Marketing);
    Move { step, reason: Some(reason), starts_at: None, category, seen: None, at: at(6) }
}

/// The beginning of a broadcast as it is read now, to everybody.
pub(crate) fn start_of(known: &Broadcast) -> Start {
    Start {
        plan: known.plan.clone(),
        meant: Meant::everyone(),
        category: Some(Category::Marketing),
        seen: known.version,
        at: at(6),
    }
}

/// It begins.
pub(crate) async fn begin(
    store: &impl BroadcastStore,
    tenant: domain::TenantId,
    id: BroadcastId,
) -> BroadcastMoved {
    let known = store.broadcast(tenant, id).await.unwrap().expect("there");
    store.start_broadcast(tenant, id, start_of(&known)).await.unwrap()
}

/// A change of a broadcast as it is read now.
pub(crate) fn change_of(known: &Broadcast, patch: BroadcastPatch) -> BroadcastChange {
    BroadcastChange { patch, list: None, starts_at: None, seen: known.version, at: at(2) }
}

/// All rows of a list at once.
pub(crate) fn whole(rows: Vec<ListRow>) -> ListPart {
    ListPart { upload: None, rows, last: true, at: at(2) }
}

/// Whom somebody means who writes this rule.
pub(crate) fn meaning(rule: Rule) -> Meant {
    Audience { list: false, rule, asked: json!({}) }.meant(None).expect("it names no segment")
}

pub(crate) fn row(row_number: i64, phone: Option<&str>) -> ListRow {
    let columns = json!({ "coupon": format!("X{row_number}") }).as_object().cloned().unwrap();
    ListRow {
        row_number,
        given: phone.unwrap_or("nonsense").into(),
        phone: phone.map(str::to_owned),
        columns,
    }
}

/// A new attempt of up to so many who failed in one of these ways.
pub(crate) fn retry(failed_by: &[FailedBy], limit: u32, at: Timestamp) -> Retry {
    Retry { failed_by: failed_by.to_vec(), accept_duplicate: false, category: None, after: None, limit, at }
}

/// What each recipient is sent.
pub(crate) fn content() -> Content {
    Content::Template { name: "order_shipped".into(), language: "en_US".into(), params: Default::default() }
}

impl Campaign {
    /// A draft, with so many contacts who opted in.
    pub(crate) async fn draft(bench: Bench, contacts: u32) -> Self {
        let scene = Scene::of(bench).await;
        for number in 1..=contacts {
            scene.opted_in(number).await;
        }
        let made = scene.bench.store.create_broadcast(scene.tenant, new_broadcast(false)).await.unwrap();
        Self { id: made.id, scene }
    }

    /// One that is sending.
    pub(crate) async fn started(bench: Bench, contacts: u32) -> Self {
        let campaign = Self::draft(bench, contacts).await;
        campaign.step(Step::Start).await;
        campaign
    }

    /// One whose audience is frozen.
    pub(crate) async fn frozen(bench: Bench, contacts: u32) -> Self {
        let campaign = Self::started(bench, contacts).await;
        campaign.freeze_all().await;
        campaign
    }

    pub(crate) async fn read(&self) -> Broadcast {
        self.scene.store().broadcast(self.scene.tenant, self.id).await.unwrap().expect("there")
    }

    pub(crate) async fn counts(&self) -> Counts {
        self.read().await.counts
    }

    pub(crate) async fn try_step(&self, wanted: Step) -> BroadcastMoved {
        if wanted == Step::Start {
            return begin(self.scene.store(), self.scene.tenant, self.id).await;
        }
        self.scene.store().move_broadcast(self.scene.tenant, self.id, step(wanted)).await.unwrap()
    }

    pub(crate) async fn step(&self, wanted: Step) -> Broadcast {
        match self.try_step(wanted).await {
            BroadcastMoved::Done(moved) => moved,
            other => panic!("{wanted:?}: {other:?}"),
        }
    }

    pub(crate) async fn freeze(&self, screen: &Screen, due: &DueTimes, limit: u32) -> FrozenPage {
        self.scene.store().freeze_page(self.scene.tenant, self.id, screen, due, limit).await.unwrap()
    }

    pub(crate) async fn freeze_all(&self) {
        while !self.freeze(&everyone(), &due_now(), 100).await.done {}
    }

    pub(crate) async fn due(&self, limit: u32) -> Vec<DueRecipient> {
        self.due_of(Share { index: 0, of: 1 }, limit).await
    }

    pub(crate) async fn due_of(&self, share: Share, limit: u32) -> Vec<DueRecipient> {
        let (tenant, connection) = (self.scene.tenant, self.scene.connection);
        self.scene
            .store()
            .due_recipients(tenant, self.id, connection, share, None, limit, at(10))
            .await
            .unwrap()
    }

    pub(crate) fn send(&self, id: i64) -> (i64, Turn) {
        (id, Turn::Send { content: content(), template_id: self.scene.template })
    }

    pub(crate) fn batch(&self, turns: Vec<(i64, Turn)>) -> EnqueueBatch {
        EnqueueBatch {
            tenant_id: self.scene.tenant,
            broadcast_id: self.id,
            connection_id: self.scene.connection,
            turns,
            cap: None,
            at: at(11),
        }
    }

    pub(crate) async fn enqueue(&self, turns: Vec<(i64, Turn)>) -> Enqueued {
        self.scene.store().enqueue(self.batch(turns)).await.unwrap()
    }

    /// Makes messages of up to so many.
    pub(crate) async fn feed(&self, limit: u32) -> Enqueued {
        let due = self.due(limit).await;
        self.enqueue(due.iter().map(|one| self.send(one.id)).collect()).await
    }

    pub(crate) async fn settle(&self, lease: &Lease, claimed: &Claimed, settlement: Settlement) -> Status {
        let outcome = Outcome {
            message_id: claimed.message_id,
            contact_id: claimed.contact_id,
            settlement,
            at: at(40),
        };
        self.scene.store().record_outcomes(lease, vec![outcome]).await.unwrap()[0].1
    }

    /// Claims what waits and has Meta take it; wamids are `w.` and the message's id.
    pub(crate) async fn deliver(&self, lease: &Lease) -> Vec<Claimed> {
        let claimed = self.scene.claim(lease).await.claimed;
        for one in &claimed {
            let wamid = format!("w.{}", one.message_id);
            self.settle(lease, one, Settlement::Sent { wamid, held: false }).await;
        }
        claimed
    }

    pub(crate) async fn recipients(&self, filter: RecipientFilter) -> Vec<RecipientRow> {
        let paging = Paging { page_size: 100, ..Paging::default() };
        let page = self.scene.store().recipients(self.scene.tenant, self.id, &filter, &paging).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64, "the total of {filter:?}");
        page.items
    }

    /// The counts equal the rows, as they are found past the store.
    pub(crate) async fn check(&self) {
        let (rows, kept) = (self.recount().await, self.kept().await);
        assert_eq!(rows, kept, "left: the rows, right: the counts");
        assert!(self.each_has_one_message().await, "a recipient has two messages");
        assert!(self.nobody_waits_for_a_second().await, "a person has a message, and another waits");
    }

    /// By name, out of the counts.
    async fn kept(&self) -> BTreeMap<String, i64> {
        let sql = format!(
            "SELECT k.name || ' ' || CAST(SUM(k.count) AS TEXT) AS text FROM broadcast_counts k \
             WHERE k.broadcast_id = {} GROUP BY k.name HAVING SUM(k.count) <> 0",
            self.id
        );
        let rows = texts(&self.scene.bench, &sql).await;
        rows.iter()
            .map(|text| text.rsplit_once(' ').unwrap())
            .map(|(name, count)| (name.to_owned(), count.parse().unwrap()))
            .collect()
    }

    /// By name, out of the rows.
    async fn recount(&self) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::new();
        let mut add = |name: String| *counts.entry(name).or_insert(0) += 1;
        let called_off = self.read().await.state == State::Cancelled;
        let sql = format!(
            "SELECT COALESCE(r.reason, '') || ' ' || CASE WHEN r.message_id IS NULL THEN '' ELSE 'm' END || ' ' || \
             CASE WHEN r.replied_at IS NULL THEN '' ELSE 'r' END || ' ' || \
             CASE WHEN r.opted_out_at IS NULL THEN '' ELSE 'o' END AS text \
             FROM recipients r WHERE r.broadcast_id = {}",
            self.id
        );
        for text in texts(&self.scene.bench, &sql).await {
            let parts: Vec<&str> = text.split(' ').collect();
            match (parts[0], parts[1]) {
                ("", "m") => {}
                ("", _) if called_off => add("cancelled".into()),
                ("", _) => add("pending".into()),
                ("cancelled", _) => add("cancelled".into()),
                (reason, message) => {
                    assert_eq!(message, "", "left out and sent to");
                    add(format!("left_out/{}", reason.parse::<LeftOut>().unwrap().as_str()));
                }
            }
            if parts[2] == "r" {
                add("replied".into());
            }
            if parts[3] == "o" {
                add("opted_out".into());
            }
        }
        let sql = format!(
            "SELECT m.status || ' ' || COALESCE(m.failure, '') AS text FROM messages m \
             WHERE m.broadcast_id = {} AND NOT m.superseded",
            self.id
        );
        for text in texts(&self.scene.bench, &sql).await {
            let (status, failure) = text.split_once(' ').unwrap();
            let names: &[&str] = match status.parse::<Status>().unwrap() {
                Status::Queued | Status::Sending => &["queued"],
                Status::Sent => &["sent"],
                Status::Delivered => &["sent", "delivered"],
                Status::Read => &["sent", "delivered", "read"],
                Status::InDoubt => &["in_doubt"],
                Status::Cancelled => &["cancelled"],
                Status::Received => unreachable!("outbound"),
                Status::Failed => {
                    let failure: ports::messages::Failure = serde_json::from_str(failure).unwrap();
                    let by = FailedBy::of(&failure.code, failure.meta_error_code).as_str();
                    let meta = failure.meta_error_code.map(|code| code.to_string()).unwrap_or_default();
                    add(format!("failed/{by}/{}/{meta}", failure.code));
                    &[]
                }
            };
            names.iter().for_each(|name| add((*name).into()));
        }
        counts
    }

    /// No recipient has two messages that count, and none names a message that is another's.
    async fn each_has_one_message(&self) -> bool {
        let sql = format!(
            "SELECT CAST(m.recipient_id AS TEXT) AS text FROM messages m LEFT JOIN recipients r \
             ON r.broadcast_id = m.broadcast_id AND r.id = m.recipient_id AND r.message_id = m.id \
             WHERE m.broadcast_id = {} AND NOT m.superseded AND r.id IS NULL",
            self.id
        );
        texts(&self.scene.bench, &sql).await.is_empty()
    }

    /// Whoever has a message that did not fail has no other that waits, under whatever names the person was meant.
    async fn nobody_waits_for_a_second(&self) -> bool {
        let sql = format!(
            "SELECT CAST(m.id AS TEXT) AS text FROM messages m JOIN messages y ON y.broadcast_id = m.broadcast_id \
             AND y.contact_id = m.contact_id AND y.id <> m.id WHERE m.broadcast_id = {} AND m.status = 'queued' \
             AND NOT m.superseded AND NOT y.superseded AND y.status <> 'failed'",
            self.id
        );
        texts(&self.scene.bench, &sql).await.is_empty()
    }
}

/// So many seconds after the beginning of the scene's 100th second, in which webhooks come.
pub(crate) fn later(seconds: i64) -> Timestamp {
    at(100 + seconds)
}
