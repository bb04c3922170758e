//! Requests, as a real receiver gets them, and those that are not made.

#![allow(clippy::unwrap_used, reason = "a test may end by it")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect};
use domain::addresses::Networks;
use notifier::HttpPoster;
use ports::notifier::{Post, PostError, Poster};

type Seen = Arc<Mutex<Vec<String>>>;

async fn receiver() -> (String, Seen) {
    let seen = Seen::default();
    let noted = seen.clone();
    let router = Router::new().fallback(move |request: Request| {
        let noted = noted.clone();
        async move {
            let path = request.uri().path().to_owned();
            noted.lock().unwrap().push(path.clone());
            match path.as_str() {
                "/broken" => http_status(500),
                "/moved" => Redirect::temporary("/elsewhere").into_response(),
                _ => http_status(204),
            }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, seen)
}

fn http_status(code: u16) -> axum::response::Response {
    axum::http::StatusCode::from_u16(code).unwrap().into_response()
}

fn post(url: String) -> Post {
    Post { url, headers: vec![("x-test".into(), "1".into())], body: "{}".into() }
}

#[tokio::test]
async fn only_an_answer_of_2xx_means_taken_and_no_redirect_is_followed() {
    let (url, seen) = receiver().await;
    let poster = HttpPoster::new(Networks::loopback()).unwrap();
    poster.post(post(format!("{url}/fine"))).await.unwrap();
    let broken = poster.post(post(format!("{url}/broken"))).await;
    assert_eq!(broken, Err(PostError::Refused { status: 500 }));
    let moved = poster.post(post(format!("{url}/moved"))).await;
    assert_eq!(moved, Err(PostError::Refused { status: 307 }));
    assert_eq!(*seen.lock().unwrap(), ["/fine", "/broken", "/moved"]);
}

#[tokio::test]
async fn an_inner_address_is_not_called_however_it_is_written() {
    let (url, seen) = receiver().await;
    let port = url.rsplit(':').next().unwrap().to_owned();
    let poster = HttpPoster::new(Networks::default()).unwrap();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "0"] {
        let told = poster.post(post(format!("http://{host}:{port}/secret-path"))).await.unwrap_err();
        assert!(!told.to_string().contains("secret-path"), "{told}");
    }
    assert!(matches!(poster.post(post("file:///etc/passwd".into())).await, Err(PostError::NotAllowed(_))));
    assert!(seen.lock().unwrap().is_empty());
}
