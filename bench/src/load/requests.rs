//! Requests as they stand on the wire.

use std::io::Write;

/// Whole requests, one after the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Requests {
    pub(crate) fn with_capacity(count: usize, bytes_each: usize) -> Self {
        Self { bytes: Vec::with_capacity(count * bytes_each), ends: Vec::with_capacity(count) }
    }

    /// Adds a POST of a JSON body.
    pub(crate) fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let end = self.write(path, headers, body);
        debug_assert!(end.is_ok(), "writing to memory does not fail");
        self.ends.push(self.bytes.len());
    }

    fn write(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<()> {
        let out = &mut self.bytes;
        write!(out, "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n")?;
        for (name, value) in headers {
            write!(out, "{name}: {value}\r\n")?;
        }
        write!(out, "content-length: {}\r\n\r\n", body.len())?;
        out.write_all(body)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// # Panics
    /// When there are not so many.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_out_as_they_were_put_in() {
        let mut requests = Requests::default();
        requests.post("/a", &[("x-one", "1")], b"{}");
        requests.post("/b", &[], b"[1]");
        let expected = "POST /b HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
                        content-length: 3\r\n\r\n[1]";
        assert_eq!(requests.get(1), expected.as_bytes());
        assert!(requests.get(0).ends_with(b"x-one: 1\r\ncontent-length: 2\r\n\r\n{}"));
        assert_eq!(requests.len(), 2);
    }
}
