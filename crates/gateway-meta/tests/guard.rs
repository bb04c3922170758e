//! No call into a network that is not the internet, by whatever way it is asked for.

#![allow(clippy::unwrap_used)]

mod stand_in;

use axum::Router;
use axum::response::Redirect;
use domain::addresses::Networks;
use gateway_meta::MetaClient;
use ports::gateway::{GatewayError, MediaLocation, MetaGateway};
use serde_json::json;
use stand_in::{StandIn, access, client, text};
use tokio::net::TcpListener;

fn guarded(allowed: &[&str]) -> MetaClient {
    MetaClient::new(allowed.iter().map(|network| network.parse().unwrap()).collect::<Networks>()).unwrap()
}

fn says_why<T: std::fmt::Debug>(outcome: Result<T, GatewayError>) -> bool {
    matches!(outcome, Err(GatewayError::NotSent(why)) if why.contains("allow_networks"))
}

#[tokio::test]
async fn neither_an_inner_address_nor_a_name_of_one_is_called() {
    let inside = StandIn::answering([(200, json!({}))]).await;
    let port = inside.url.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}");
        assert!(says_why(guarded(&[]).send(&access(&url), &text()).await), "{host}");
        assert!(says_why(guarded(&[]).debug_token(&access(&url)).await), "{host}");
        assert!(guarded(&[]).refused_address(&url).await.is_some(), "{host}");
    }
    assert!(inside.asked().is_empty());
}

#[tokio::test]
async fn what_the_operator_allows_is_called_by_address_and_by_name() {
    let inside = StandIn::answering([(200, json!({"data": {}})), (200, json!({"data": {}}))]).await;
    let port = inside.url.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{port}");
        assert!(guarded(&["127.0.0.1"]).debug_token(&access(&url)).await.is_ok(), "{host}");
        assert_eq!(guarded(&["127.0.0.1"]).refused_address(&url).await, None);
    }
    assert_eq!(inside.asked().len(), 2);
}

#[tokio::test]
async fn a_file_that_is_said_to_lie_inside_is_not_fetched() {
    let meta = StandIn::answering([]).await;
    let location = MediaLocation {
        url: "http://127.0.0.2:1/latest/meta-data".into(),
        mime_type: "image/png".into(),
        sha256: None,
        size: None,
    };
    let outcome = guarded(&["127.0.0.1"]).fetch_media(&meta.access(), &location).await;
    assert!(says_why(outcome.map(drop)));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_a_way() {
    let inside = StandIn::answering([(200, json!({"data": {}}))]).await;
    let target = inside.url.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let redirecting = Router::new().fallback(move || async move { Redirect::temporary(&target) });
    tokio::spawn(async move { axum::serve(listener, redirecting).await });
    assert!(matches!(client().debug_token(&access(&url)).await, Err(GatewayError::Refused(_))));
    assert!(inside.asked().is_empty());
}
