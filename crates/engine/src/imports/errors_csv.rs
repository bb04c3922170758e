//! Rows that did not become contacts, as a CSV that can be mended and sent again.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use domain::TenantId;
use domain::imports::{Target, cells, lines, report};
use futures::{StreamExt as _, stream};
use ports::Store;
use ports::gateway::ByteStream;
use ports::imports::{Import, RowProblem};

use super::plan::Plan;
use super::read::Format;

const PAGE: u32 = 1_000;

/// `with_mark`: begins with the mark by which Excel knows UTF-8.
pub(super) fn stream(store: Arc<dyn Store>, tenant: TenantId, import: Import, with_mark: bool) -> ByteStream {
    let plan = serde_json::from_value::<Plan>(import.plan).ok();
    let columns = Columns::of(plan.as_ref());
    let mut head = if with_mark { "\u{feff}".as_bytes().to_vec() } else { Vec::new() };
    write(&mut head, columns.header.iter().map(|heading| cells::plain(heading)));
    let columns = Arc::new(columns);
    let rows = stream::unfold(Some(0), move |after| {
        let (store, columns) = (Arc::clone(&store), Arc::clone(&columns));
        async move {
            let page = match store.import_problems(tenant, import.id, after?, PAGE).await {
                Ok(page) => page,
                Err(error) => return Some((Err(io::Error::other(error)), None)),
            };
            let last = page.last()?.row;
            Some((Ok(body(&page, &columns)), Some(last)))
        }
    });
    stream::once(async { Ok(Bytes::from(head)) }).chain(rows).boxed()
}

struct Columns {
    header: Vec<String>,
    /// Which cells of a row are shown.
    shown: Vec<usize>,
    /// Cells that a row should have.
    width: usize,
}

impl Columns {
    fn of(plan: Option<&Plan>) -> Self {
        let width = plan.map_or(0, |plan| plan.table.header.len());
        let mut columns = Self { header: Vec::new(), shown: Vec::new(), width };
        for (index, (heading, target)) in
            plan.iter().flat_map(|plan| plan.table.header.iter().zip(&plan.targets)).enumerate()
        {
            if *target == Target::Report {
                continue;
            }
            // Headings of our own making would be guessed at anew.
            let named = plan.is_some_and(|plan| plan.table.has_header || plan.table.format == Format::Json);
            columns.header.push(if named { heading.clone() } else { target.to_string() });
            columns.shown.push(index);
        }
        let is_taken = columns.header.iter().any(|heading| report::COLUMNS.contains(&heading.as_str()));
        columns.header.extend((if is_taken { report::BESIDE } else { report::COLUMNS }).map(str::to_owned));
        columns
    }
}

/// What a row has beyond the header stands behind the reason: such a row is refused again until it is mended, and
/// nothing of it is lost.
fn body(page: &[RowProblem], columns: &Columns) -> Bytes {
    let mut text = Vec::new();
    for problem in page {
        let row = problem.row.to_string();
        let cells = columns.shown.iter().map(|index| problem.cells.get(*index).map_or("", String::as_str));
        let beyond = problem.cells.iter().skip(columns.width).map(|cell| cells::plain(cell));
        let cells = cells.map(cells::plain).chain([row.as_str().into(), problem.error.as_str().into()]);
        write(&mut text, cells.chain(beyond));
    }
    text.into()
}

/// One line.
pub(crate) fn write<T: AsRef<str>>(to: &mut Vec<u8>, cells: impl Iterator<Item = T>) {
    lines::csv_line(to, cells);
}
