//! Server-sent events, as far as our own server writes them: `event`, `data` in one line, comments.

use anyhow::{Context, Result};
use reqwest::Response;
use serde_json::Value;

/// Events on their way.
pub(crate) struct Events {
    answer: Response,
    arrived: Vec<u8>,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// Its name; empty when it has none.
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Events {
    pub(super) fn of(answer: Response) -> Self {
        Self { answer, arrived: Vec::new() }
    }

    /// The next one; `None`: the server has ended the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            while let Some(block) = take_block(&mut self.arrived) {
                if let Some(event) = read(&block) {
                    return Ok(Some(event));
                }
            }
            match self.answer.chunk().await.context("the connection to the server broke off")? {
                Some(part) => self.arrived.extend_from_slice(&part),
                None => return Ok(None),
            }
        }
    }
}

/// Everything before the first empty line, taken out.
fn take_block(arrived: &mut Vec<u8>) -> Option<String> {
    let end = arrived.windows(2).position(|pair| pair == b"\n\n")?;
    let rest = arrived.split_off(end + 2);
    let block = std::mem::replace(arrived, rest);
    Some(String::from_utf8_lossy(&block).into_owned())
}

/// `None`: a comment that keeps the connection alive.
fn read(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        lines.map(str::trim).next()
    };
    let data = serde_json::from_str(field("data")?).ok()?;
    Some(Event { name: field("event").unwrap_or_default().to_owned(), data })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_are_taken_one_by_one_however_they_arrive() {
        let mut arrived = b": hello\n\nevent: progress\ndata: {\"done\"".to_vec();
        let comment = take_block(&mut arrived).unwrap();
        assert_eq!(read(&comment), None);
        assert_eq!(take_block(&mut arrived), None);
        arrived.extend_from_slice(b": 3}\n\n");
        let event = read(&take_block(&mut arrived).unwrap()).unwrap();
        assert_eq!(event, Event { name: "progress".into(), data: json!({"done": 3}) });
        assert!(arrived.is_empty());
    }
}
