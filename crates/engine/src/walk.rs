//! Long lists as files, read page by page.

use std::io;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use ports::gateway::ByteStream;
use ports::{Page, Paging, StoreResult};

/// Items that are read together.
const PAGE: u32 = 1_000;

/// `head`, then every item as `line` writes it, in the order of the pages. `read` reads a page; when that fails the file ends
/// with the error.
pub(crate) fn file<T, Reading>(
    head: Vec<u8>,
    read: impl Fn(Paging) -> Reading + Send + 'static,
    line: impl Fn(&mut Vec<u8>, &T) + Send + 'static,
) -> ByteStream
where
    T: Send + 'static,
    Reading: Future<Output = StoreResult<Page<T>>> + Send + 'static,
{
    let rows = pages(read).map(move |page| {
        let mut text = Vec::new();
        page?.iter().for_each(|item| line(&mut text, item));
        Ok(Bytes::from(text))
    });
    stream::once(async { Ok(Bytes::from(head)) }).chain(rows).boxed()
}

fn pages<T, Reading>(read: impl Fn(Paging) -> Reading) -> impl Stream<Item = io::Result<Vec<T>>>
where
    Reading: Future<Output = StoreResult<Page<T>>>,
{
    let at = |cursor| Paging { page: 1, page_size: PAGE, cursor };
    stream::unfold(Some(at(None)), move |paging| {
        let page = paging.map(&read);
        async move {
            match page?.await {
                Ok(page) => Some((Ok(page.items), page.next_cursor.map(|cursor| at(Some(cursor))))),
                Err(error) => Some((Err(io::Error::other(error)), None)),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::TryStreamExt as _;
    use ports::StoreError;

    use super::*;

    fn page(items: &[&'static str], next: Option<&str>) -> Page<&'static str> {
        Page {
            items: items.to_vec(),
            total: 3,
            total_is_estimate: false,
            next_cursor: next.map(str::to_owned),
            foreign_cursor: false,
        }
    }

    /// The pages are called by their cursors.
    fn written(pages: Vec<(Option<&'static str>, StoreResult<Page<&'static str>>)>) -> ByteStream {
        let pages = Mutex::new(pages.into_iter());
        let read = move |paging: Paging| {
            let (cursor, page) = pages.lock().unwrap().next().expect("no page is read after the last");
            assert_eq!(paging.cursor.as_deref(), cursor);
            async { page }
        };
        file(b"head\n".to_vec(), read, |text, item| text.extend(format!("{item}\n").bytes()))
    }

    #[tokio::test]
    async fn every_page_is_written_once_below_the_head() {
        let bytes =
            written(vec![(None, Ok(page(&["a", "b"], Some("c")))), (Some("c"), Ok(page(&["c"], None)))]);
        let text = bytes.try_fold(Vec::new(), |all, part| async move { Ok([all, part.to_vec()].concat()) });
        assert_eq!(text.await.unwrap(), b"head\na\nb\nc\n");
    }

    #[tokio::test]
    async fn a_page_that_cannot_be_read_breaks_the_file_off() {
        let broken = Err(StoreError::Unavailable("gone".into()));
        let pages = vec![(None, Ok(page(&["a"], Some("b")))), (Some("b"), broken)];
        let parts: Vec<_> = written(pages).collect().await;
        assert_eq!(parts.len(), 3);
        assert!(parts[0].is_ok() && parts[1].is_ok() && parts[2].is_err());
    }
}
