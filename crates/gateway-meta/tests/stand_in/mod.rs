//! A server in Meta's place that writes down what it is asked and answers what it was told to.

#![allow(dead_code, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::addresses::Networks;
use domain::contacts::Identity;
use domain::messages::Content;
use gateway_meta::{MetaClient, Patience};
use ports::gateway::{Access, Outgoing};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;

pub(crate) const TOKEN: &str = "EAA-very-secret-token";

#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Answer = (u16, Vec<u8>);

#[derive(Clone, Default)]
struct Book {
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

pub(crate) struct StandIn {
    pub(crate) url: String,
    book: Book,
}

impl StandIn {
    /// Serves these answers in turn, then 500s.
    pub(crate) async fn answering(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let answers = answers.into_iter().map(|(status, body)| (status, body.to_string().into_bytes()));
        Self::answering_bytes(answers).await
    }

    pub(crate) async fn answering_bytes(answers: impl IntoIterator<Item = Answer>) -> Self {
        let book = Book { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Book::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(book.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, book }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.book.asked.lock().unwrap().clone()
    }

    pub(crate) fn access(&self) -> Access {
        access(&self.url)
    }
}

async fn answer(State(book): State<Book>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.map(|body| body.to_vec()).unwrap_or_default();
    let target = head.uri.to_string();
    let asked = Asked { method: head.method.to_string(), target, headers: head.headers, body };
    book.asked.lock().unwrap().push(asked);
    let (status, body) = book.answers.lock().unwrap().pop_front().unwrap_or((500, Vec::new()));
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

pub(crate) fn access(url: &str) -> Access {
    Access {
        graph_url: url.to_owned(),
        phone_number_id: "555001".into(),
        waba_id: "900".into(),
        app_id: Some("77".into()),
        token: TOKEN.to_owned().into(),
    }
}

/// Patient enough for a local answer, not for one that never comes.
pub(crate) fn client() -> MetaClient {
    let patience = Patience {
        connect: Duration::from_millis(500),
        answer: Duration::from_millis(1500),
        transfer: Duration::from_millis(1500),
    };
    MetaClient::with_patience(patience, Networks::loopback()).unwrap()
}

pub(crate) fn outgoing(content: Content) -> Outgoing {
    Outgoing {
        to: Identity { phone: Some("+4915112345678".parse().unwrap()), bsuid: None },
        content,
        components: None,
        media_id: None,
        reply_to: None,
        reaction_to: None,
        callback_data: "m-1".into(),
    }
}

pub(crate) fn text() -> Outgoing {
    outgoing(Content::text("hi"))
}

pub(crate) fn accepted() -> Value {
    json!({"messaging_product": "whatsapp", "contacts": [{"input": "+4915112345678", "wa_id": "4915112345678"}],
        "messages": [{"id": "wamid.X"}]})
}
