//! HMAC + grouped commit: verifies, keeps the body, and answers 200 once it is on disk.
//!
//! Bodies that come together are committed together, by multi-row statements of a few sizes so that each is
//! prepared once.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement, TransactionTrait, Value};
use tokio::sync::{mpsc, oneshot};

use super::bare_store;
use super::receiver::is_signed;

/// Most rows of one statement.
const LARGEST: usize = 128;
/// Writers of PostgreSQL, whose commits may go to disk together. SQLite has one.
const WRITERS: u32 = 2;

type Waiting = (Bytes, oneshot::Sender<bool>);

struct Floor {
    secret: Vec<u8>,
    queue: mpsc::Sender<Waiting>,
}

pub(super) async fn router(secret: Vec<u8>, database: &str) -> Result<Router> {
    let postgres = database.starts_with("postgres");
    let writers = if postgres { WRITERS } else { 1 };
    let connection = bare_store::connect(database, writers).await?;
    let (id, blob) = if postgres {
        ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BYTEA")
    } else {
        ("INTEGER PRIMARY KEY", "BLOB")
    };
    let table = format!("CREATE TABLE bodies (id {id}, body {blob} NOT NULL)");
    connection.execute_unprepared(&table).await?;
    let (queue, waiting) = mpsc::channel(1024);
    let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
    for _ in 0..writers {
        tokio::spawn(write(connection.clone(), Arc::clone(&waiting)));
    }
    Ok(Router::new().route("/{*path}", post(receive)).with_state(Arc::new(Floor { secret, queue })))
}

async fn receive(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !is_signed(&floor.secret, &headers, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let (answer, answered) = oneshot::channel();
    if floor.queue.send((body, answer)).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match answered.await {
        Ok(true) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn write(connection: DatabaseConnection, waiting: Arc<tokio::sync::Mutex<mpsc::Receiver<Waiting>>>) {
    loop {
        let mut group = Vec::with_capacity(LARGEST);
        if waiting.lock().await.recv_many(&mut group, LARGEST).await == 0 {
            return;
        }
        let (bodies, answers): (Vec<Bytes>, Vec<_>) = group.into_iter().unzip();
        let kept = keep(&connection, &bodies).await;
        if let Err(error) = &kept {
            eprintln!("floor: {error}");
        }
        for answer in answers {
            // A client that went away needs no answer.
            let _ = answer.send(kept.is_ok());
        }
    }
}

async fn keep(connection: &DatabaseConnection, bodies: &[Bytes]) -> Result<(), DbErr> {
    let tx = connection.begin().await?;
    let mut rest = bodies;
    while !rest.is_empty() {
        // The largest power of two.
        let (now, later) = rest.split_at(1 << rest.len().ilog2());
        let rows: Vec<String> = (1..=now.len()).map(|number| format!("(${number})")).collect();
        let sql = format!("INSERT INTO bodies (body) VALUES {}", rows.join(", "));
        let values = now.iter().map(|body| Value::from(body.to_vec()));
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
        rest = later;
    }
    tx.commit().await
}
