//! A small collector: takes OTLP over HTTP and reads the spans out of its protobuf.
//! Source of the numbers of fields: opentelemetry-proto, `trace/v1/trace.proto`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

/// A span as it came.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty: none.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) message: i64,
    pub(crate) service: String,
}

/// Listens, and keeps what came.
pub(crate) struct Collector {
    pub(crate) url: String,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                spawn(move || take(stream, &kept));
            }
        });
        Self { url, bodies }
    }

    pub(crate) fn of_message(&self, message: i64) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().flat_map(|body| spans(body)).filter(|span| span.message == message).collect()
    }

    /// Whether these bytes stand anywhere in what came.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().any(|body| body.windows(text.len()).any(|part| part == text.as_bytes()))
    }
}

fn take(stream: TcpStream, kept: &Mutex<Vec<Vec<u8>>>) {
    let mut answers = stream.try_clone().expect("a socket");
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        assert!(first.starts_with("POST /v1/traces "), "{first}");
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            assert!(!line.starts_with("content-type:") || line.contains("application/x-protobuf"), "{line}");
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        kept.lock().unwrap().push(body);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        if answers.write_all(answer).is_err() {
            return;
        }
    }
}

/// A field of a protobuf message: its number, and its value as a number or as bytes.
type Field<'a> = (u64, u64, &'a [u8]);

fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (number, value, part) = match key & 7 {
            0 => (key >> 3, varint(&mut bytes), &bytes[..0]),
            1 => (key >> 3, u64::from_le_bytes(cut(&mut bytes, 8).try_into().unwrap()), &bytes[..0]),
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                (key >> 3, 0, cut(&mut bytes, length))
            }
            5 => (key >> 3, u32::from_le_bytes(cut(&mut bytes, 4).try_into().unwrap()).into(), &bytes[..0]),
            other => panic!("wire type {other}"),
        };
        found.push((number, value, part));
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = cut(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    panic!("a number without end")
}

fn cut<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (part, rest) = bytes.split_at(length);
    *bytes = rest;
    part
}

fn within(bytes: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    fields(bytes).into_iter().filter(move |field| field.0 == number).map(|field| field.2)
}

fn spans(body: &[u8]) -> Vec<Span> {
    let mut found = Vec::new();
    for resource_spans in within(body, 1) {
        let service = within(resource_spans, 1).flat_map(|resource| within(resource, 1));
        let service = service.filter_map(|pair| attribute(pair, "service.name")).next().unwrap_or_default();
        for scope_spans in within(resource_spans, 2) {
            found.extend(within(scope_spans, 2).map(|bytes| span(bytes, &service.1)));
        }
    }
    found
}

/// The value of a `KeyValue` with this key, as a number and as a text.
fn attribute(pair: &[u8], key: &str) -> Option<(i64, String)> {
    (within(pair, 1).next()? == key.as_bytes()).then_some(())?;
    let value = within(pair, 2).next()?;
    let number = fields(value).iter().find(|field| field.0 == 3).map_or(0, |field| field.1.cast_signed());
    let text = within(value, 1).next().map(|text| String::from_utf8_lossy(text).into_owned());
    Some((number, text.unwrap_or_default()))
}

fn span(bytes: &[u8], service: &str) -> Span {
    let hex = |number| {
        let part = within(bytes, number).next().unwrap_or_default();
        part.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let number = |number| fields(bytes).iter().find(|field| field.0 == number).map_or(0, |field| field.1);
    let message = within(bytes, 9).filter_map(|pair| attribute(pair, "waxwing.message.id")).next();
    Span {
        trace: hex(1),
        id: hex(2),
        parent: hex(4),
        name: String::from_utf8_lossy(within(bytes, 5).next().unwrap_or_default()).into_owned(),
        kind: number(6),
        start: number(7),
        end: number(8),
        message: message.map_or(0, |(message, _)| message),
        service: service.to_owned(),
    }
}
