//! What is done to an account: its password, and what the trail and the security events tell of all of it.

use axum::body::Body;
use domain::SignedDuration;
use domain::access::roles::Role;
use domain::{MemberId, Timestamp};
use http::{Method, StatusCode};
use ports::access::members::GivenRole;
use serde_json::{Value, json};

use crate::auth::{PASSWORD, auth, join, log_in, member, token};
use crate::stack::{Answered, Stack};

const OTHER: &str = "another good password";

/// By somebody who is logged in.
async fn by(stack: &Stack, session: &str, method: Method, path: &str, body: Value) -> Answered {
    let bearer = format!("Bearer {session}");
    auth(stack, method, path, body, &[("authorization", &bearer)]).await
}

async fn change(stack: &Stack, session: &str, current: &str, new: &str) -> Answered {
    let body = json!({"current_password": current, "new_password": new});
    by(stack, session, Method::POST, "/password/change", body).await
}

async fn try_in(stack: &Stack, body: Value) -> Answered {
    auth(stack, Method::POST, "/login", body, &[]).await
}

/// Entries of this action, newest first.
async fn told(stack: &Stack, action: &str) -> Vec<Value> {
    let trail = stack.get(&format!("/audit?action={action}&page_size=100")).await;
    trail.data(200)["items"].as_array().unwrap().clone()
}

/// Waits for a security event of this kind whose reason holds these words.
async fn seen(stack: &Stack, kind: &str, reason: &str) -> Value {
    stack
        .until(reason, || async {
            let events = stack.get(&format!("/security-events?kind={kind}")).await;
            let events = events.data(200)["items"].as_array().unwrap().clone();
            events.into_iter().find(|event| event["reason"].as_str().unwrap().contains(reason))
        })
        .await
}

/// The code of an app at this time (RFC 6238).
fn code(secret: &str, at: Timestamp) -> String {
    let (mut key, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in secret.bytes() {
        let digit = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
        (bits, held) = (bits << 5 | u32::from(digit), held + 5);
        if held >= 8 {
            held -= 8;
            key.push((bits >> held) as u8);
        }
    }
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = aws_lc_rs::hmac::sign(&key, &(at.as_second() / 30).to_be_bytes());
    let start = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[start..start + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Switches the second factor on; answers secret and recovery codes.
async fn second_factor(stack: &Stack, session: &str) -> (String, Vec<Value>) {
    let enrolled = by(stack, session, Method::POST, "/totp/enroll", json!({"password": PASSWORD})).await;
    let secret = enrolled.data(201)["secret"].as_str().unwrap().to_owned();
    let first = json!({"code": code(&secret, domain::Clock::now(&*stack.clock))});
    let confirmed = by(stack, session, Method::POST, "/totp/confirm", first).await;
    (secret, confirmed.data(200)["recovery_codes"].as_array().unwrap().clone())
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it_and_all_other_sessions_end() {
    let stack = Stack::start().await;
    let here = member(&stack, "ada@example.com", Role::Agent).await;
    let there = log_in(&stack, "ada@example.com").await;
    for (wrong, pointer) in
        [("short", "/new_password"), ("ada@example.com", "/new_password"), (PASSWORD, "/new_password")]
    {
        assert_eq!(change(&stack, &here, PASSWORD, wrong).await.faults(), [pointer], "{wrong}");
    }
    let refused = change(&stack, &here, "a wrong password", OTHER).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "LOGIN_REFUSED"));
    by(&stack, &there, Method::GET, "/me", Value::Null).await.data(200);

    let changed = change(&stack, &here, PASSWORD, OTHER).await;
    changed.data(200);
    assert_eq!(changed.body["message"], "The password was changed; 1 other sessions were ended");
    by(&stack, &here, Method::GET, "/me", Value::Null).await.data(200);
    assert_eq!(by(&stack, &there, Method::GET, "/me", Value::Null).await.code(), "UNAUTHENTICATED");
    let old = json!({"email": "ada@example.com", "password": PASSWORD});
    assert_eq!(try_in(&stack, old).await.code(), "LOGIN_REFUSED");
    try_in(&stack, json!({"email": "ada@example.com", "password": OTHER})).await.data(200);
    let entries = told(&stack, "password_changed").await;
    assert_eq!((entries.len(), &entries[0]["actor"]["address"]), (1, &json!("198.51.100.7")));
    assert_eq!((&entries[0]["before"], &entries[0]["after"]), (&Value::Null, &Value::Null), "nothing secret");
    let nobody = json!({"current_password": OTHER, "new_password": PASSWORD});
    let nobody = auth(&stack, Method::POST, "/password/change", nobody, &[]).await;
    assert_eq!(nobody.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn guesses_at_the_password_of_an_open_session_are_slowed_down_like_logins() {
    let stack = Stack::start().await;
    let here = member(&stack, "ada@example.com", Role::Agent).await;
    for _ in 0..6 {
        assert_eq!(change(&stack, &here, "a wrong password", OTHER).await.code(), "LOGIN_REFUSED");
    }
    assert_eq!(change(&stack, &here, PASSWORD, OTHER).await.code(), "LOGIN_THROTTLED");
    let login = try_in(&stack, json!({"email": "ada@example.com", "password": PASSWORD})).await;
    assert_eq!(login.code(), "LOGIN_THROTTLED", "they are the same guesses");
    stack.clock.advance(SignedDuration::from_secs(31));
    change(&stack, &here, PASSWORD, OTHER).await.data(200);
}

#[tokio::test]
async fn a_second_factor_is_asked_for_before_a_password_changes() {
    let stack = Stack::start().await;
    let here = member(&stack, "ada@example.com", Role::Agent).await;
    let (_, codes) = second_factor(&stack, &here).await;
    assert_eq!(change(&stack, &here, PASSWORD, OTHER).await.code(), "SECOND_FACTOR_NEEDED");
    let body = json!({"current_password": PASSWORD, "new_password": OTHER, "recovery_code": codes[0]});
    by(&stack, &here, Method::POST, "/password/change", body.clone()).await.data(200);
    let again = by(&stack, &here, Method::POST, "/password/change", body).await;
    assert_eq!(again.code(), "LOGIN_REFUSED");
}

#[tokio::test]
async fn everything_that_is_done_to_an_account_is_in_the_trail_of_its_tenant() {
    let stack = Stack::start().await;
    let wanted = json!({"email": "ada@example.com", "name": "Ada", "role": "agent"});
    let invited = stack.post("/members", wanted).await;
    let id = invited.data(201)["id"].as_i64().unwrap();
    let link = token(invited.data(201)["invitation_link"].as_str().unwrap()).to_owned();
    let accept = json!({"token": link, "password": PASSWORD});
    auth(&stack, Method::POST, "/invitations/accept", accept, &[]).await.data(201);

    let here = log_in(&stack, "ada@example.com").await;
    let there = log_in(&stack, "ada@example.com").await;
    by(&stack, &there, Method::POST, "/logout", Value::Null).await.data(200);
    log_in(&stack, "ada@example.com").await;
    by(&stack, &here, Method::DELETE, "/sessions", Value::Null).await.data(200);

    let (_, codes) = second_factor(&stack, &here).await;
    let recovery = json!({"email": "ada@example.com", "password": PASSWORD, "recovery_code": codes[0]});
    try_in(&stack, recovery).await.data(200);
    let proof = json!({"password": PASSWORD, "recovery_code": codes[1]});
    let more = by(&stack, &here, Method::POST, "/totp/recovery-codes", proof).await;
    let proof = json!({"password": PASSWORD, "recovery_code": more.data(200)["recovery_codes"][0]});
    by(&stack, &here, Method::POST, "/totp/disable", proof).await.data(200);

    let path = format!("/members/{id}");
    patch(&stack, &path, json!({"role": "marketer"})).await.data(200);
    let reset = stack.engine.access.reset_by_operator(stack.tenant, MemberId(id), false).await.unwrap();
    let reset = json!({"token": token(&reset), "password": OTHER});
    auth(&stack, Method::POST, "/password/reset", reset, &[]).await.data(200);

    for (action, times) in [
        ("member_invited", 1),
        ("member_joined", 1),
        ("login_succeeded", 4),
        ("session_ended", 2),
        ("two_factor_enabled", 1),
        ("recovery_code_used", 3),
        ("recovery_codes_made", 1),
        ("two_factor_disabled", 1),
        ("password_reset_asked", 1),
        ("password_reset", 1),
        ("member_changed", 1),
    ] {
        let entries = told(&stack, action).await;
        assert_eq!(entries.len(), times, "{action}: {entries:#?}");
        for entry in entries {
            assert_eq!(entry["subject"], format!("member:{id}"), "{action}");
        }
    }
    for action in [
        "login_succeeded",
        "session_ended",
        "two_factor_enabled",
        "recovery_code_used",
        "two_factor_disabled",
    ] {
        let actor = told(&stack, action).await[0]["actor"].clone();
        assert_eq!((&actor["kind"], &actor["id"]), (&json!("member"), &json!(id)), "{action}");
        assert_eq!((&actor["name"], &actor["address"]), (&json!("Ada"), &json!("198.51.100.7")), "{action}");
    }
    let changed = told(&stack, "member_changed").await.remove(0);
    assert_eq!(
        (&changed["before"]["role"], &changed["after"]["role"]),
        (&json!("agent"), &json!("marketer"))
    );
    let trail = stack.get("/audit?page_size=100").await.text;
    for secret in
        [PASSWORD, OTHER, &link, codes[0].as_str().unwrap(), "argon2", "ada@example.com\",\"password"]
    {
        assert!(!trail.contains(secret), "the trail holds {secret}");
    }
    let verdict = stack.get("/audit/verify").await;
    assert_eq!(verdict.data(200)["valid"], true);
}

#[tokio::test]
async fn a_reset_asked_for_by_letter_is_told_once_and_of_nobody_not_at_all() {
    let stack = Stack::start().await;
    let here = member(&stack, "ada@example.com", Role::Agent).await;
    for email in ["nobody@example.com", "ada@example.com"] {
        auth(&stack, Method::POST, "/password/forgot", json!({"email": email}), &[]).await.data(202);
    }
    let stack = &stack;
    let asked =
        || async move { Some(told(stack, "password_reset_asked").await).filter(|told| !told.is_empty()) };
    assert_eq!(stack.until("the entry", asked).await.len(), 1);
    by(stack, &here, Method::GET, "/me", Value::Null).await.data(200);
}

#[tokio::test]
async fn what_goes_wrong_at_a_login_is_a_security_event_with_a_count() {
    let stack = Stack::start().await;
    let here = member(&stack, "ada@example.com", Role::Owner).await;
    for _ in 0..3 {
        let wrong = json!({"email": "ada@example.com", "password": "a wrong password"});
        assert_eq!(try_in(&stack, wrong).await.code(), "LOGIN_REFUSED");
    }
    let stack = &stack;
    let counted = || async move {
        let event = seen(stack, "login_failed", "ada@example.com: password or code").await;
        Some(event).filter(|event| event["count"] == 3)
    };
    let event = stack.until("three of them", counted).await;
    assert_eq!(event["address"], "198.51.100.7");
    assert_eq!(told(stack, "login_succeeded").await.len(), 1, "a wrong one is no login");

    try_in(stack, json!({"email": "ada@example.com", "password": PASSWORD})).await.data(200);
    second_factor(stack, &here).await;
    let wrong = json!({"email": "ada@example.com", "password": PASSWORD, "recovery_code": "aaaaa-aaaaa"});
    assert_eq!(try_in(stack, wrong).await.code(), "LOGIN_REFUSED");
    let four = || async move {
        let event = seen(stack, "login_failed", "ada@example.com: password or code").await;
        Some(event).filter(|event| event["count"] == 4)
    };
    stack.until("a wrong code", four).await;

    let gone = join(stack, "eve@example.com", GivenRole::BuiltIn(Role::Agent)).await;
    patch(stack, &format!("/members/{gone}"), json!({"state": "disabled"})).await.data(200);
    let right = json!({"email": "eve@example.com", "password": PASSWORD});
    assert_eq!(try_in(stack, right).await.code(), "LOGIN_REFUSED");
    seen(stack, "login_failed", "eve@example.com: may not come in").await;
    for _ in 0..7 {
        try_in(stack, json!({"email": "eve@example.com", "password": "a wrong password"})).await;
    }
    seen(stack, "login_throttled", "account/eve@example.com").await;
}

async fn patch(stack: &Stack, path: &str, body: Value) -> Answered {
    stack.send(stack.request(Method::PATCH, path, Body::from(body.to_string()))).await
}

#[tokio::test]
async fn a_key_made_changed_and_revoked_is_in_the_trail_without_its_secret() {
    let mut stack = Stack::start().await;
    let made = stack.post("/api-keys", json!({"name": "shop", "scopes": ["read"]})).await;
    let secret = made.data(201)["secret"].as_str().unwrap().to_owned();
    let path = format!("/api-keys/{}", made.data(201)["id"]);
    let wanted = json!({"name": "Shop 2", "scopes": ["read", "send"], "networks": ["203.0.113.0/24"], "expires_at": "2096-01-01T00:00:00Z"});
    let changed = patch(&stack, &path, wanted).await;
    let data = changed.data(200);
    assert_eq!((&data["name"], &data["scopes"]), (&json!("Shop 2"), &json!(["read", "send"])));
    assert_eq!(
        (&data["networks"], &data["expires_at"]),
        (&json!(["203.0.113.0/24"]), &json!("2096-01-01T00:00:00Z"))
    );
    assert!(!changed.text.contains(&secret) && data.get("secret").is_none());
    let open = patch(&stack, &path, json!({"networks": [], "expires_at": null})).await;
    assert_eq!((&open.data(200)["networks"], &open.data(200)["expires_at"]), (&json!([]), &Value::Null));
    assert_eq!(open.data(200)["name"], "Shop 2");
    for (wrong, pointer) in [
        (json!({"scopes": []}), "/scopes"),
        (json!({"name": " "}), "/name"),
        (json!({"networks": ["10.0.0.0/40"]}), "/networks/0"),
        (json!({"expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
        (json!({"secret": "mine"}), "/secret"),
    ] {
        assert_eq!(patch(&stack, &path, wrong).await.faults(), [pointer]);
    }
    let entries = told(&stack, "api_key_changed").await;
    assert_eq!(entries.len(), 2, "{entries:#?}");
    assert_eq!(
        (&entries[1]["before"]["name"], &entries[1]["after"]["name"]),
        (&json!("shop"), &json!("Shop 2"))
    );
    assert_eq!(entries[0]["before"]["networks"], json!(["203.0.113.0/24"]));
    assert!(!stack.get("/audit?page_size=100").await.text.contains(&secret));

    let all = stack.key.clone();
    stack.key = secret.clone();
    stack.get("/contacts").await.data(200);
    stack.key = member(&stack, "dev@example.com", Role::Developer).await;
    let beyond = patch(&stack, &path, json!({"scopes": ["read", "manage"]})).await;
    assert_eq!((beyond.status, beyond.code()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
    patch(&stack, &path, json!({"scopes": ["read"]})).await.data(200);
    stack.key = all;
    let strong = stack.post("/api-keys", json!({"name": "strong", "scopes": ["manage"]})).await;
    let missing = patch(&stack, "/api-keys/999999999", json!({})).await;
    assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, "API_KEY_NOT_FOUND"));
    let revoke = stack.request(Method::DELETE, &path, Body::empty());
    stack.send(revoke).await.data(200);
    let late = patch(&stack, &path, json!({"name": "again"})).await;
    assert_eq!((late.code(), &late.details()["current"]), ("INVALID_STATE", &json!("revoked")));
    assert_eq!(told(&stack, "api_key_revoked").await.len(), 1);
    stack.key = log_in(&stack, "dev@example.com").await;
    let of_strong = format!("/api-keys/{}", strong.data(201)["id"]);
    let renamed = patch(&stack, &of_strong, json!({"name": "mine"})).await;
    assert_eq!(renamed.code(), "FORBIDDEN", "it may do more than whoever would change it");
}
