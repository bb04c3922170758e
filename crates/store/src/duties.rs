//! See `ports::duties`.

use async_trait::async_trait;
use domain::Timestamp;
use ports::StoreResult;
use ports::duties::{Duty, DutyStore};

use crate::SqlStore;
use crate::db::{self, Fault, micros};

#[async_trait]
impl DutyStore for SqlStore {
    async fn take_duty(
        &self,
        duty: Duty,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<bool> {
        Ok(db::again(|| take(self, duty, holder, now, until)).await?)
    }

    async fn release_duty(&self, duty: Duty, holder: &str) -> StoreResult<()> {
        let sql = "UPDATE duties SET until_at = 0 WHERE name = $1 AND holder = $2";
        let tx = self.begin().await?;
        db::run(&*tx, sql, [duty.as_str().into(), holder.into()]).await?;
        Ok(tx.commit().await?)
    }
}

async fn take(
    store: &SqlStore,
    duty: Duty,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, Fault> {
    let others = "SELECT 1 AS one FROM duties WHERE name = $1 AND holder <> $2 AND until_at > $3";
    let asked = [duty.as_str().into(), holder.into(), micros(now).into()];
    if db::one(store.reader(), others, asked).await?.is_some() {
        return Ok(false);
    }
    let sql = "INSERT INTO duties (name, holder, until_at) VALUES ($1, $2, $4) \
               ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at \
               WHERE duties.holder = $2 OR duties.until_at <= $3";
    let values = [duty.as_str().into(), holder.into(), micros(now).into(), micros(until).into()];
    let tx = store.begin().await?;
    let taken = db::run(&*tx, sql, values).await? == 1;
    tx.commit().await?;
    Ok(taken)
}
