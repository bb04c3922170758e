//! Which of day and month stands first in the dates of a file, column by column.

use std::collections::BTreeMap;

use domain::imports::dates::{self, DateOrder};
use domain::imports::{Target, cells};

use super::read::Row;

/// By the place of the column, from 0; a column that does not tell is not in it.
pub(super) type DateOrders = BTreeMap<usize, DateOrder>;

/// What the first rows of a file show.
pub(super) fn of(targets: &[Target], rows: &[Row]) -> DateOrders {
    let are_dates = |target: &Target| matches!(target, Target::ConsentTime | Target::OptedOutAt);
    let columns = (0..).zip(targets).filter(|(_, target)| are_dates(target)).map(|(column, _)| column);
    columns
        .filter_map(|column: usize| {
            let cells = rows.iter().filter_map(|row| row.cells.get(column));
            Some((column, dates::order(cells.map(|cell| cells::without_apostrophe(cell.trim())))?))
        })
        .collect()
}
