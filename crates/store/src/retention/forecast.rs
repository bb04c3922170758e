//! What a purge would remove, month by month.

use domain::retention::{Class, Cutoffs};
use domain::{TenantId, Timestamp};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use ports::retention::{Amount, Forecast};
use sea_orm::Value;

use super::steps::OVER;
use crate::SqlStore;
use crate::db::{self, Fault, Row, micros, time};
use crate::dialect::Dialect;

/// Months told apart; what is older counts for the first of them.
const MONTHS: usize = 36;

/// Of every class of which something would go.
pub(super) async fn all(
    store: &SqlStore,
    tenant: TenantId,
    cutoffs: &Cutoffs,
) -> Result<Vec<Forecast>, Fault> {
    let mut forecasts = Vec::new();
    for class in Class::ALL {
        let forecast = of(store, tenant, class, class.cutoff(cutoffs)).await?;
        if forecast.total.rows > 0 {
            forecasts.push(forecast);
        }
    }
    Ok(forecasts)
}

async fn of(store: &SqlStore, tenant: TenantId, class: Class, cutoff: Timestamp) -> Result<Forecast, Fault> {
    let mut forecast = Forecast { class, total: Amount::default(), months: Vec::new() };
    let (from, at, bytes) = rows(store.dialect(), class);
    let sql = format!("SELECT MIN({at}) AS oldest FROM {from} AND {at} < $2");
    let oldest = db::one(store.reader(), &sql, [tenant.0.into(), micros(cutoff).into()]).await?;
    let Some(oldest) = oldest.map(|row| row.get::<Option<i64>>("oldest")).transpose()?.flatten() else {
        return Ok(forecast);
    };
    let sql = format!(
        "SELECT COUNT(*) AS many, CAST(COALESCE(SUM({bytes}), 0) AS BIGINT) AS bytes FROM {from} \
         AND {at} >= $2 AND {at} < $3"
    );
    for (name, begins, ends) in months(time(oldest), cutoff)? {
        let values: [Value; 3] = [tenant.0.into(), begins.into(), ends.into()];
        let Some(row) = db::one(store.reader(), &sql, values).await? else { continue };
        let amount = Amount { rows: row.get("many")?, bytes: row.get("bytes")? };
        if amount.rows > 0 {
            forecast.total.rows += amount.rows;
            forecast.total.bytes += amount.bytes;
            forecast.months.push((name, amount));
        }
    }
    Ok(forecast)
}

/// Months of UTC from the one of `oldest` to the cutoff: name, first and last moment in microseconds.
fn months(oldest: Timestamp, cutoff: Timestamp) -> Result<Vec<(String, i64, i64)>, Fault> {
    let utc = |at: Timestamp| at.to_zoned(TimeZone::UTC);
    let mut month = utc(cutoff).date().first_of_month();
    let mut ends = micros(cutoff);
    let mut months = Vec::new();
    loop {
        let begins = micros(month.to_zoned(TimeZone::UTC).map_err(Fault::internal)?.timestamp());
        let name = format!("{:04}-{:02}", month.year(), month.month());
        let is_first = begins <= micros(oldest) || months.len() + 1 == MONTHS;
        if ends > begins {
            months.push((name, if is_first { i64::MIN } else { begins }, ends));
        }
        if is_first {
            break;
        }
        ends = begins;
        month = month.checked_sub(1.month()).map_err(Fault::internal)?;
    }
    months.reverse();
    Ok(months)
}

/// Where the rows of a class are (up to the tenant, parameter `$1`), the time by which they go, and their size.
fn rows(dialect: Dialect, class: Class) -> (String, String, String) {
    let bytes = |text: &str| dialect.bytes(text);
    let over = OVER.rsplit_once(" AND ").map_or(OVER, |(_, time)| time);
    let ended = OVER.rsplit_once(" AND ").map_or("TRUE", |(state, _)| state);
    let plain = |table: &str| format!("{table} x WHERE x.tenant_id = $1");
    let of_broadcasts = |table: &str, theirs: &str| {
        format!(
            "broadcasts b CROSS JOIN {table} x WHERE b.tenant_id = $1 AND x.tenant_id = $1 AND {theirs} AND {ended}"
        )
    };
    let unsent = "AND x.status NOT IN ('queued', 'sending')";
    match class {
        Class::MessageContent => (
            format!("{} {unsent} AND x.content_purged_at IS NULL", plain("messages")),
            "x.created_at".into(),
            bytes("x.content"),
        ),
        Class::Notes => (plain("notes"), "x.created_at".into(), bytes("x.text")),
        Class::Media => (plain("media"), "COALESCE(x.used_at, x.created_at)".into(), "x.size".into()),
        Class::Webhooks => (plain("inbox"), "x.at".into(), bytes("x.body")),
        Class::WebhookItems => (plain("inbox_items"), "x.at".into(), bytes("x.raw")),
        Class::ListRows => (of_broadcasts("broadcast_rows", "x.list_id = b.list_id"), over.into(), bytes("x.columns")),
        Class::ImportRows => (
            "imports b CROSS JOIN import_rows x WHERE b.tenant_id = $1 AND x.tenant_id = $1 AND x.import_id = b.id"
                .into(),
            "b.ended_at".into(),
            bytes("x.cells"),
        ),
        Class::Deliveries => {
            (format!("{} {unsent}", plain("messages")), "x.created_at".into(), bytes("x.content"))
        }
        Class::Recipients => {
            (of_broadcasts("recipients", "x.broadcast_id = b.id"), over.into(), bytes("COALESCE(x.detail, '')"))
        }
        Class::Imports => (plain("imports"), "x.ended_at".into(), bytes("x.plan")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_join_without_a_gap_from_the_oldest_to_the_cutoff() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let cutoff = at("2026-03-05T10:00:00Z");
        let found = months(at("2025-12-31T23:59:59Z"), cutoff).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["2025-12", "2026-01", "2026-02", "2026-03"]);
        assert!(found.windows(2).all(|pair| pair[0].2 == pair[1].1));
        assert_eq!((found[0].1, found[3].2), (i64::MIN, micros(cutoff)));
        assert_eq!(months(at("1990-01-01T00:00:00Z"), cutoff).unwrap().len(), MONTHS);
    }
}
