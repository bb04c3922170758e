//! Logging in over HTTP: sessions by bearer and by cookie, invitations, throttling.

use axum::body::Body;
use axum::extract::ConnectInfo;
use domain::access::permissions::Permissions;
use domain::access::roles::Role;
use engine::access::{Bearer, Delivery, Invite};
use http::{Method, Request, StatusCode};
use ports::access::members::GivenRole;
use serde_json::{Value, json};

use crate::stack::{Answered, Stack};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Calls a path below `/api/v1/auth`.
pub(crate) async fn auth(
    stack: &Stack,
    method: Method,
    path: &str,
    body: Value,
    headers: &[(&'static str, &str)],
) -> Answered {
    let mut request = Request::builder().method(method).uri(format!("/api/v1/auth{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let mut request = request.header("content-type", "application/json").body(body).unwrap();
    let peer: std::net::SocketAddr = "198.51.100.7:4711".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    stack.send(request).await
}

/// The token of a link.
pub(crate) fn token(link: &str) -> &str {
    link.split_once("#token=").expect("a token").1
}

/// Somebody invited with this role, who accepted.
pub(crate) async fn join(stack: &Stack, email: &str, role: GivenRole) -> i64 {
    let wanted = Invite { email: email.into(), name: None, role };
    let access = &stack.engine.access;
    let invited = access.invite(stack.tenant, wanted, Permissions::all(), Bearer::Mail).await.unwrap();
    let Delivery::Link(link) = invited.delivery else { panic!("no mail server is configured") };
    let body = json!({"token": token(&link), "password": PASSWORD});
    let joined = auth(stack, Method::POST, "/invitations/accept", body, &[]).await;
    assert_eq!(joined.data(201)["email"], email);
    invited.member.id.0
}

/// A session's token.
pub(crate) async fn log_in(stack: &Stack, email: &str) -> String {
    let answer =
        auth(stack, Method::POST, "/login", json!({"email": email, "password": PASSWORD}), &[]).await;
    answer.data(200)["token"].as_str().expect("a token").to_owned()
}

/// A session's token of a new member.
pub(crate) async fn member(stack: &Stack, email: &str, role: Role) -> String {
    join(stack, email, GivenRole::BuiltIn(role)).await;
    log_in(stack, email).await
}

#[tokio::test]
async fn a_session_works_wherever_a_key_works_and_ends_with_the_logout() {
    let mut stack = Stack::start().await;
    let session = member(&stack, "ada@example.com", Role::Agent).await;
    let bearer = format!("Bearer {session}");
    let me = auth(&stack, Method::GET, "/me", Value::Null, &[("authorization", &bearer)]).await;
    let me = me.data(200);
    assert_eq!((&me["email"], &me["two_factor"]), (&json!("ada@example.com"), &json!(false)));
    assert_eq!(me["memberships"][0]["tenant_id"], stack.tenant.0);
    assert_eq!(me["memberships"][0]["role"], "agent");
    assert_eq!(me["session"]["address"], "198.51.100.7");

    stack.key = session;
    stack.get("/messages").await.data(200);
    let refused = stack.post("/broadcasts", json!({})).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
    assert_eq!(refused.details(), &json!({"missing_permission": "broadcasts_write"}));
    let theirs = format!("/api/v1/tenant/{}/whatsapp/messages", stack.other_tenant);
    let theirs = Request::get(theirs).header("authorization", &bearer).body(Body::empty()).unwrap();
    assert_eq!(stack.send(theirs).await.code(), "TENANT_NOT_FOUND");

    auth(&stack, Method::POST, "/logout", Value::Null, &[("authorization", &bearer)]).await.data(200);
    assert_eq!(stack.get("/messages").await.code(), "UNAUTHENTICATED");
    let gone = auth(&stack, Method::GET, "/me", Value::Null, &[("authorization", &bearer)]).await;
    assert_eq!(gone.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_cookie_changes_nothing_without_what_only_our_own_page_knows() {
    let stack = Stack::start().await;
    member(&stack, "ada@example.com", Role::Owner).await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "session": "cookie"});
    let answer = auth(&stack, Method::POST, "/login", body, &[]).await;
    assert!(answer.data(200).get("token").is_none(), "scripts never see it");
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let csrf = answer.data(200)["csrf_token"].as_str().unwrap();
    let call = |method: Method, csrf: Option<&str>| {
        let mut request = stack.request(method, "/canned-replies", Body::from("{}"));
        let headers = request.headers_mut();
        headers.remove("authorization");
        headers.insert("cookie", cookie.parse().unwrap());
        if let Some(csrf) = csrf {
            headers.insert("x-csrf-token", csrf.parse().unwrap());
        }
        stack.send(request)
    };
    call(Method::GET, None).await.data(200);
    for wrong in [None, Some(""), Some("wrong")] {
        let refused = call(Method::POST, wrong).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "FORBIDDEN"), "{wrong:?}");
        assert!(refused.details()["reason"].as_str().unwrap().contains("X-CSRF-Token"));
    }
    assert_eq!(call(Method::POST, Some(csrf)).await.code(), "VALIDATION_FAILED", "it came in");
    let out = auth(&stack, Method::POST, "/logout", Value::Null, &[("cookie", cookie)]).await;
    assert_eq!(out.code(), "FORBIDDEN");
    let out =
        auth(&stack, Method::POST, "/logout", Value::Null, &[("cookie", cookie), ("x-csrf-token", csrf)])
            .await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(call(Method::GET, None).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn no_answer_tells_whether_an_address_has_an_account() {
    let stack = Stack::start().await;
    member(&stack, "ada@example.com", Role::Owner).await;
    let ask = |path: &'static str, email: &str| {
        let mut body = json!({"email": email});
        if path == "/login" {
            body["password"] = "a wrong password".into();
        }
        auth(&stack, Method::POST, path, body, &[("x-request-id", "same")])
    };
    for (path, status) in [("/login", StatusCode::UNAUTHORIZED), ("/password/forgot", StatusCode::ACCEPTED)] {
        let known = ask(path, "ada@example.com").await;
        let unknown = ask(path, "nobody@example.com").await;
        assert_eq!(known.status, status);
        assert_eq!((known.status, &known.text), (unknown.status, &unknown.text), "{path}");
    }
}

#[tokio::test]
async fn wrong_passwords_make_the_account_wait_and_a_right_one_is_refused_alike() {
    let stack = Stack::start().await;
    member(&stack, "ada@example.com", Role::Owner).await;
    let ask = |password: &str| {
        let body = json!({"email": "ada@example.com", "password": password});
        auth(&stack, Method::POST, "/login", body, &[])
    };
    for _ in 0..6 {
        assert_eq!(ask("a wrong password").await.code(), "LOGIN_REFUSED");
    }
    for password in ["a wrong password", PASSWORD] {
        let refused = ask(password).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "LOGIN_THROTTLED"));
        assert_eq!(refused.header("retry-after"), refused.details()["retry_after_seconds"].to_string());
    }
    stack.clock.advance(domain::SignedDuration::from_secs(31));
    ask(PASSWORD).await.data(200);
}

#[tokio::test]
async fn a_link_is_good_once_and_a_made_up_one_never() {
    let stack = Stack::start().await;
    let invited = stack.post("/members", json!({"email": "ada@example.com", "role": "agent"})).await;
    let invited = invited.data(201);
    assert_eq!((&invited["invitation"], &invited["state"]), (&json!("link"), &json!("invited")));
    let link = invited["invitation_link"].as_str().unwrap();
    let accept = |token: &str| {
        let body = json!({"token": token, "password": PASSWORD});
        auth(&stack, Method::POST, "/invitations/accept", body, &[])
    };
    let made_up = format!("wxl_{}", "A".repeat(43));
    for wrong in ["x", &made_up] {
        let refused = accept(wrong).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "LINK_NOT_VALID"));
    }
    accept(token(link)).await.data(201);
    assert_eq!(accept(token(link)).await.code(), "LINK_NOT_VALID");
    let reset = json!({"token": token(link), "password": "another good password"});
    let reset = auth(&stack, Method::POST, "/password/reset", reset, &[]).await;
    assert_eq!(reset.code(), "LINK_NOT_VALID", "an invitation sets no password of somebody who is in");
}

#[tokio::test]
async fn sessions_are_listed_and_each_can_be_ended() {
    let stack = Stack::start().await;
    let first = format!("Bearer {}", member(&stack, "ada@example.com", Role::Agent).await);
    let second = format!("Bearer {}", log_in(&stack, "ada@example.com").await);
    let third = format!("Bearer {}", log_in(&stack, "ada@example.com").await);
    let stack = &stack;
    let listed = list_of(stack, &first).await;
    let items = listed.data(200)["items"].as_array().unwrap().clone();
    assert_eq!((items.len(), items.iter().filter(|one| one["current"] == true).count()), (3, 1));
    let other = items.iter().find(|one| one["current"] == false).unwrap()["id"].clone();
    let end = format!("/sessions/{other}");
    auth(stack, Method::DELETE, &end, Value::Null, &[("authorization", &first)]).await.data(200);
    let again = auth(stack, Method::DELETE, &end, Value::Null, &[("authorization", &first)]).await;
    assert_eq!(again.code(), "SESSION_NOT_FOUND");
    auth(stack, Method::DELETE, "/sessions", Value::Null, &[("authorization", &first)]).await.data(200);
    for ended in [&second, &third] {
        assert_eq!(list_of(stack, ended).await.code(), "UNAUTHENTICATED");
    }
    assert_eq!(list_of(stack, &first).await.data(200)["total"], 1);
}

async fn list_of(stack: &Stack, bearer: &str) -> Answered {
    auth(stack, Method::GET, "/sessions", Value::Null, &[("authorization", bearer)]).await
}

#[tokio::test]
async fn a_second_factor_is_asked_for_once_it_is_confirmed() {
    let stack = Stack::start().await;
    let bearer = format!("Bearer {}", member(&stack, "ada@example.com", Role::Owner).await);
    let headers = [("authorization", bearer.as_str())];
    let wrong = json!({"password": "a wrong password"});
    let wrong = auth(&stack, Method::POST, "/totp/enroll", wrong, &headers).await;
    assert_eq!(wrong.code(), "LOGIN_REFUSED");
    let early = auth(&stack, Method::POST, "/totp/confirm", json!({"code": "123456"}), &headers).await;
    assert_eq!((early.code(), &early.details()["current"]), ("INVALID_STATE", &json!("off")));
    let enrolled = json!({"password": PASSWORD});
    let enrolled = auth(&stack, Method::POST, "/totp/enroll", enrolled, &headers).await;
    let uri = enrolled.data(201)["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Waxwing:ada%40example.com?secret="), "{uri}");
    let code = json!({"code": "abcdef"});
    let code = auth(&stack, Method::POST, "/totp/confirm", code, &headers).await;
    assert_eq!(code.code(), "LOGIN_REFUSED");
    log_in(&stack, "ada@example.com").await;
}
