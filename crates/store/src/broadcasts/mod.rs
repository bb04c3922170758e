//! See `ports::broadcasts`.

mod audience;
mod back;
mod cap;
mod counts;
mod duplicates;
mod earlier;
mod enqueue;
mod forget;
mod freeze;
mod late;
mod lists;
mod moves;
mod numbers;
mod queue;
mod recipients;
mod replies;
mod results;
mod retry;
mod row;
mod screen;
mod suspects;
mod turns;
mod write;

pub(crate) use back::{Fate, call_off, free, take_back, that_are_sending, under_way};
pub(crate) use counts::{Counted, Tally, write_counts};
pub(crate) use duplicates::{DUPLICATE, leave_one, overtaken, stands};
pub(crate) use forget::forget;
pub(crate) use lists::sweep_lists;
pub(crate) use moves::{Halted, halted};
pub(crate) use replies::{Reply, attribute};
pub(crate) use row::to_begin_with;
pub(crate) use write::sweep_removed;

use async_trait::async_trait;
use domain::broadcasts::schedule::FrequencyCap;
use domain::{BroadcastId, ConnectionId, ListId, TenantId, Timestamp};
use ports::broadcasts::{
    Broadcast, BroadcastChange, BroadcastFilter, BroadcastMoved, BroadcastStore, DueRecipient, DueTimes,
    EnqueueBatch, Enqueued, FrozenPage, InQueue, ListPart, ListPut, LiveBroadcast, Move, NewBroadcast,
    RecipientFilter, RecipientRow, Results, Retried, Retry, Sampled, Screen, Screened, Share, Start, Suspect,
    Suspicion,
};
use ports::{Page, Paging, StoreResult};

use crate::db::{SqlStore, again};

#[async_trait]
impl BroadcastStore for SqlStore {
    async fn create_broadcast(&self, tenant: TenantId, broadcast: NewBroadcast) -> StoreResult<Broadcast> {
        Ok(again(|| write::create(self, tenant, &broadcast)).await?)
    }

    async fn broadcast(&self, tenant: TenantId, broadcast: BroadcastId) -> StoreResult<Option<Broadcast>> {
        Ok(row::find(self.reader(), tenant, broadcast).await?)
    }

    async fn broadcasts(
        &self,
        tenant: TenantId,
        filter: &BroadcastFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Broadcast>> {
        Ok(results::list(self, tenant, filter, paging).await?)
    }

    async fn update_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        change: BroadcastChange,
    ) -> StoreResult<BroadcastMoved> {
        Ok(again(|| write::update(self, tenant, broadcast, &change)).await?)
    }

    async fn start_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        start: Start,
    ) -> StoreResult<BroadcastMoved> {
        Ok(again(|| moves::start(self, tenant, broadcast, &start)).await?)
    }

    async fn change_numbers(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        connections: &[ConnectionId],
        at: Timestamp,
    ) -> StoreResult<BroadcastMoved> {
        Ok(again(|| numbers::change(self, tenant, broadcast, connections, at)).await?)
    }

    async fn delete_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> StoreResult<BroadcastMoved> {
        Ok(again(|| write::delete(self, tenant, broadcast)).await?)
    }

    async fn move_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        step: Move,
    ) -> StoreResult<BroadcastMoved> {
        Ok(again(|| moves::take(self, tenant, broadcast, &step)).await?)
    }

    async fn put_list(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        part: ListPart,
    ) -> StoreResult<ListPut> {
        Ok(again(|| lists::put(self, tenant, broadcast, &part)).await?)
    }

    async fn drop_list(&self, tenant: TenantId, upload: ListId) -> StoreResult<()> {
        Ok(again(|| lists::give_up(self, tenant, upload)).await?)
    }

    async fn list_size(&self, tenant: TenantId, broadcast: BroadcastId) -> StoreResult<(i64, i64)> {
        Ok(lists::size(self.reader(), tenant, broadcast).await?)
    }

    async fn screen(&self, tenant: TenantId, screen: &Screen) -> StoreResult<Screened> {
        Ok(screen::count(self, tenant, screen).await?)
    }

    async fn sample(&self, tenant: TenantId, screen: &Screen, limit: u32) -> StoreResult<Vec<Sampled>> {
        Ok(screen::sample(self, tenant, screen, limit).await?)
    }

    async fn suspects(
        &self,
        tenant: TenantId,
        screen: &Screen,
        suspicion: &Suspicion,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<Suspect>> {
        Ok(suspects::page(self, tenant, screen, suspicion, after, limit).await?)
    }

    async fn freeze_page(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        screen: &Screen,
        due: &DueTimes,
        limit: u32,
    ) -> StoreResult<FrozenPage> {
        Ok(again(|| freeze::page(self, tenant, broadcast, screen, due, limit)).await?)
    }

    async fn due_recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        connection: ConnectionId,
        share: Share,
        cap: Option<FrequencyCap>,
        limit: u32,
        now: Timestamp,
    ) -> StoreResult<Vec<DueRecipient>> {
        let asked = queue::Asked { broadcast, connection, share, cap, limit, now };
        Ok(queue::due(self, tenant, &asked).await?)
    }

    async fn known_recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        connection: ConnectionId,
        share: Share,
        cap: Option<FrequencyCap>,
        limit: u32,
        now: Timestamp,
    ) -> StoreResult<Vec<DueRecipient>> {
        let asked = queue::Asked { broadcast, connection, share, cap, limit, now };
        Ok(queue::known(self, tenant, &asked).await?)
    }

    async fn enqueue(&self, batch: EnqueueBatch) -> StoreResult<Enqueued> {
        Ok(again(|| enqueue::enqueue(self, &batch)).await?)
    }

    async fn waiting_of_broadcasts(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        by: Timestamp,
    ) -> StoreResult<Vec<InQueue>> {
        Ok(queue::waiting(self, tenant, connection, by).await?)
    }

    async fn next_recipient_due(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> StoreResult<Option<Timestamp>> {
        Ok(queue::next_due(self, tenant, broadcast).await?)
    }

    async fn initiated_since(
        &self,
        tenant: TenantId,
        connections: &[ConnectionId],
        since: Timestamp,
    ) -> StoreResult<i64> {
        Ok(queue::initiated(self, tenant, connections, since).await?)
    }

    async fn finish_broadcast(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        at: Timestamp,
    ) -> StoreResult<Option<Broadcast>> {
        Ok(again(|| moves::finish(self, tenant, broadcast, at)).await?)
    }

    async fn make_turn(
        &self,
        tenant: TenantId,
        parent: BroadcastId,
        due: Timestamp,
        turn: NewBroadcast,
        next: Option<Timestamp>,
    ) -> StoreResult<Option<Broadcast>> {
        Ok(again(|| turns::make(self, tenant, parent, due, &turn, next)).await?)
    }

    async fn retry_recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        wanted: &Retry,
    ) -> StoreResult<Retried> {
        Ok(again(|| retry::retry(self, tenant, broadcast, wanted)).await?)
    }

    async fn broadcast_results(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> StoreResult<Option<Results>> {
        Ok(results::of(self, tenant, broadcast).await?)
    }

    async fn recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        filter: &RecipientFilter,
        paging: &Paging,
    ) -> StoreResult<Page<RecipientRow>> {
        Ok(recipients::page(self, tenant, broadcast, filter, paging).await?)
    }

    async fn known_broadcasts(&self, tenant: TenantId, ids: &[BroadcastId]) -> StoreResult<Vec<BroadcastId>> {
        Ok(row::known(self, tenant, ids).await?)
    }

    async fn live_broadcasts(&self) -> StoreResult<Vec<LiveBroadcast>> {
        Ok(queue::live(self).await?)
    }
}
