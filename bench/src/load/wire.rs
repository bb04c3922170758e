//! The least of an HTTP/1.1 client: one request, one answer with a known length, the connection kept.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection.
pub(super) struct Wire {
    stream: TcpStream,
    answer: Vec<u8>,
    body_at: usize,
}

impl Wire {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("{address} does not answer"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4096), body_at: 0 })
    }

    /// Sends a whole request and reads the whole answer; its status.
    pub(super) async fn call(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let head = loop {
            self.more().await?;
            if let Some(head) = Head::read(&self.answer)? {
                break head;
            }
        };
        while self.answer.len() < head.length {
            self.more().await?;
        }
        self.body_at = head.body_at;
        Ok(head.status)
    }

    /// The last answer's body.
    pub(super) fn body(&self) -> String {
        String::from_utf8_lossy(&self.answer[self.body_at..]).into_owned()
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.answer).await? == 0 {
            bail!("the connection was closed before the answer was whole");
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
struct Head {
    status: u16,
    body_at: usize,
    /// Of the whole answer.
    length: usize,
}

impl Head {
    /// `None`: not yet whole.
    fn read(answer: &[u8]) -> Result<Option<Self>> {
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&answer[..end]).context("the head of an answer is no text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse::<usize>().ok());
        match (status, length) {
            (Some(status), Some(length)) => {
                Ok(Some(Self { status, body_at: end + 4, length: end + 4 + length }))
            }
            _ => bail!("an answer without status or length: {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_its_head_is_whole() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        assert_eq!(Head::read(&answer[..30]).unwrap(), None);
        let head = Head { status: 202, body_at: answer.len() - 2, length: answer.len() };
        assert_eq!(Head::read(answer).unwrap(), Some(head));
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        assert!(Head::read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
