//! Members, roles, keys, and the matrix of roles and routes.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::ConnectInfo;
use domain::RoleId;
use domain::access::Scope;
use domain::access::permissions::{Permission, Permissions};
use domain::access::roles::Role;
use http::{Method, StatusCode};
use ports::access::members::GivenRole;
use serde_json::json;
use tower::ServiceExt;

use crate::auth::{join, log_in, member};
use crate::stack::{Answered, Stack};

async fn call(stack: &Stack, method: Method, below: &str, body: serde_json::Value) -> Answered {
    stack.send(stack.request(method, below, Body::from(body.to_string()))).await
}

#[tokio::test]
async fn nobody_grants_more_than_they_have() {
    let mut stack = Stack::start().await;
    let owner = join(&stack, "owner@example.com", GivenRole::BuiltIn(Role::Owner)).await;
    let agent = join(&stack, "agent@example.com", GivenRole::BuiltIn(Role::Agent)).await;
    stack.key = member(&stack, "admin@example.com", Role::Admin).await;
    let beyond = |answer: Answered| {
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
        assert_eq!(answer.details(), &json!({"missing_permission": "owners_manage"}));
    };
    beyond(stack.post("/members", json!({"email": "new@example.com", "role": "owner"})).await);
    beyond(call(&stack, Method::PATCH, &format!("/members/{agent}"), json!({"role": "owner"})).await);
    beyond(call(&stack, Method::PATCH, &format!("/members/{owner}"), json!({"role": "agent"})).await);
    beyond(call(&stack, Method::DELETE, &format!("/members/{owner}"), json!({})).await);
    let all: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    beyond(stack.post("/roles", json!({"name": "Everything", "permissions": all})).await);
    beyond(stack.post("/api-keys", json!({"name": "all", "scopes": ["manage"]})).await);
    let raised = call(&stack, Method::PATCH, &format!("/members/{agent}"), json!({"role": "marketer"})).await;
    assert_eq!(raised.data(200)["role"], "marketer");
    stack.post("/api-keys", json!({"name": "reader", "scopes": ["read", "send"]})).await.data(201);
}

#[tokio::test]
async fn the_last_owner_stays_one() {
    let stack = Stack::start().await;
    let owner = join(&stack, "owner@example.com", GivenRole::BuiltIn(Role::Owner)).await;
    let path = format!("/members/{owner}");
    for change in [json!({"role": "admin"}), json!({"state": "disabled"})] {
        let refused = call(&stack, Method::PATCH, &path, change).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "LAST_OWNER"));
    }
    assert_eq!(call(&stack, Method::DELETE, &path, json!({})).await.code(), "LAST_OWNER");
    join(&stack, "second@example.com", GivenRole::BuiltIn(Role::Owner)).await;
    call(&stack, Method::DELETE, &path, json!({})).await.data(200);
    assert_eq!(stack.get(&path).await.code(), "MEMBER_NOT_FOUND");
}

#[tokio::test]
async fn members_are_invited_listed_and_changed() {
    let stack = Stack::start().await;
    let wanted = json!({"email": " Ada@Example.com", "name": "Ada", "role": "agent"});
    let invited = stack.post("/members", wanted.clone()).await;
    let id = invited.data(201)["id"].clone();
    let again = stack.post("/members", wanted).await;
    assert_eq!((again.code(), &again.details()["member_id"]), ("DUPLICATE_MEMBER", &id));
    let path = format!("/members/{id}");
    let early = call(&stack, Method::PATCH, &path, json!({"state": "active"})).await;
    assert_eq!((early.code(), &early.details()["current"]), ("INVALID_STATE", &json!("invited")));
    let link = stack.post(&format!("{path}/invitation"), json!({})).await;
    assert!(link.data(201)["invitation_link"].as_str().unwrap().contains("#token=wxl_"));
    let named = call(&stack, Method::PATCH, &path, json!({"name": "Ada L."})).await;
    assert_eq!(named.data(200)["name"], "Ada L.");
    let listed = stack.get("/members").await;
    assert_eq!(listed.data(200)["items"][0]["email"], "ada@example.com");
    for (body, faults) in [
        (json!({"email": "no address", "role": "agent"}), ["/email"]),
        (json!({"email": "b@example.com"}), ["/role"]),
        (json!({"email": "b@example.com", "role": "king"}), ["/role"]),
        (json!({"email": "b@example.com", "role": "agent", "role_id": 1}), ["/role_id"]),
    ] {
        assert_eq!(stack.post("/members", body).await.faults(), faults);
    }
    let unknown = stack.post("/members", json!({"email": "b@example.com", "role_id": 99})).await;
    assert_eq!((unknown.code(), &unknown.details()["id"]), ("ROLE_NOT_FOUND", &json!(99)));
}

#[tokio::test]
async fn a_role_of_its_own_is_what_its_members_may_do_at_once() {
    let mut stack = Stack::start().await;
    let made = stack.post("/roles", json!({"name": "Reader", "permissions": ["contacts_read"]})).await;
    let id = made.data(201)["id"].as_i64().unwrap();
    let taken = stack.post("/roles", json!({"name": "Reader", "permissions": ["contacts_read"]})).await;
    assert_eq!((taken.code(), &taken.details()["role_id"]), ("DUPLICATE_ROLE", &json!(id)));
    for wrong in [
        json!({"name": "owner", "permissions": ["contacts_read"]}),
        json!({"name": "Owner?", "permissions": []}),
    ] {
        assert_eq!(stack.post("/roles", wrong).await.code(), "VALIDATION_FAILED");
    }
    let fly = stack.post("/roles", json!({"name": "Bird", "permissions": ["fly"]})).await;
    assert_eq!(fly.faults(), ["/permissions/0"]);
    join(&stack, "ada@example.com", GivenRole::Own(RoleId(id))).await;
    let session = log_in(&stack, "ada@example.com").await;
    let key = std::mem::replace(&mut stack.key, session);
    stack.get("/contacts").await.data(200);
    assert_eq!(stack.get("/templates").await.details(), &json!({"missing_permission": "templates_read"}));
    let session = std::mem::replace(&mut stack.key, key);
    let path = format!("/roles/{id}");
    let used = call(&stack, Method::DELETE, &path, json!({})).await;
    assert_eq!((used.code(), &used.details()["current"]), ("INVALID_STATE", &json!("in_use")));
    let changed = json!({"permissions": ["templates_read"]});
    call(&stack, Method::PATCH, &path, changed).await.data(200);
    stack.key = session;
    stack.get("/templates").await.data(200);
    assert_eq!(stack.get("/contacts").await.code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_key_with_networks_is_refused_from_elsewhere_and_that_is_kept() {
    let mut stack = Stack::start().await;
    let wanted = json!({"name": "office", "scopes": ["read"], "networks": ["203.0.113.0/24", "2001:db8::1"]});
    let made = stack.post("/api-keys", wanted).await;
    assert_eq!(made.data(201)["networks"], json!(["203.0.113.0/24", "2001:db8::1/128"]));
    let wrong = json!({"name": "x", "scopes": ["read"], "networks": ["10.0.0.0/40"]});
    assert_eq!(stack.post("/api-keys", wrong).await.faults(), ["/networks/0"]);
    let all = std::mem::replace(&mut stack.key, made.data(201)["secret"].as_str().unwrap().to_owned());
    let from = |address: &str| {
        let mut request = stack.request(Method::GET, "/contacts", Body::empty());
        let peer: std::net::SocketAddr = address.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        stack.send(request)
    };
    from("203.0.113.9:1").await.data(200);
    from("[2001:db8::1]:1").await.data(200);
    for elsewhere in ["198.51.100.1:1", "[2001:db8::2]:1"] {
        let refused = from(elsewhere).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
    }
    assert_eq!(stack.get("/contacts").await.code(), "FORBIDDEN", "from nobody knows where");
    stack.key = all;
    let event = stack
        .until("the security event", || async {
            let found = stack.get("/security-events?kind=api_key_elsewhere&address=198.51.100.1").await;
            found.data(200)["items"].as_array().unwrap().first().cloned()
        })
        .await;
    assert_eq!(event["address"], "198.51.100.1");
    assert_eq!(stack.get("/security-events?kind=login_failed").await.data(200)["total"], 0);
    assert_eq!(stack.get("/security-events?since=2100-01-01T00:00:00Z").await.data(200)["total"], 0);
    let csv = stack.get("/security-events/export.csv?kind=api_key_elsewhere").await;
    assert!(
        csv.text.starts_with("id,kind,connection_id,address,reason,at,last_at,count\r\n"),
        "{}",
        csv.text
    );
    assert!(csv.text.contains(",api_key_elsewhere,,198.51.100.1,"), "{}", csv.text);
    let lines = stack.get("/security-events/export.jsonl?address=198.51.100.1").await;
    let line: serde_json::Value = serde_json::from_str(lines.text.lines().next().unwrap()).unwrap();
    assert_eq!(line["kind"], "api_key_elsewhere");
}

/// Every route with every role, with a role of the tenant's own, and with keys of each scope: let in, or FORBIDDEN with
/// what is missing, as the document says. (Let in, an empty request to a thing that does not exist fails otherwise.)
#[tokio::test]
async fn every_route_lets_in_whom_its_permission_says_and_nobody_else() {
    let mut stack = Stack::start().await;
    let own: Permissions =
        [Permission::AuditRead, Permission::BroadcastsSend, Permission::KeysManage].into_iter().collect();
    let words: Vec<&str> = own.iter().map(Permission::as_str).collect();
    let made = stack.post("/roles", json!({"name": "Odd", "permissions": words})).await;
    let odd = RoleId(made.data(201)["id"].as_i64().unwrap());
    let mut callers: BTreeMap<String, (String, Permissions)> = BTreeMap::new();
    for role in Role::ALL {
        let session = member(&stack, &format!("{}@example.com", role.as_str()), role).await;
        callers.insert(role.as_str().to_owned(), (session, role.permissions()));
    }
    join(&stack, "odd@example.com", GivenRole::Own(odd)).await;
    callers.insert("its own".into(), (log_in(&stack, "odd@example.com").await, own));
    for scopes in
        [vec![Scope::Read], vec![Scope::Send], vec![Scope::Manage], vec![Scope::Read, Scope::Manage]]
    {
        let key = stack.key_with(&scopes).await;
        callers.insert(format!("key {scopes:?}"), (key, Permissions::of_scopes(&scopes)));
    }
    let document = api::openapi();
    let (mut checked, mut wrong) = (0, Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(below) = path.strip_prefix(api::TENANT_BASE) else { continue };
        for (method, operation) in item.as_object().unwrap() {
            let word = operation["x-required-permission"].as_str();
            let needed = word.and_then(|word| word.parse::<Permission>().ok());
            let needed = needed.unwrap_or_else(|| panic!("{method} {path} names no permission"));
            assert_eq!(operation["x-required-scope"], needed.scope().as_str(), "{method} {path}");
            let below = below.replace("{id}", "999999999");
            for (name, (key, permissions)) in &callers {
                stack.key.clone_from(key);
                let method: Method = method.to_uppercase().parse().unwrap();
                let request = stack.request(method.clone(), &below, Body::from("[]"));
                let response = stack.router.clone().oneshot(request).await.expect("infallible");
                let status = response.status();
                let refused = status == StatusCode::FORBIDDEN;
                // An answer that lets in may have no end (events): it is not read.
                let bytes = match refused {
                    true => axum::body::to_bytes(response.into_body(), 100_000).await.expect("a body"),
                    false => Default::default(),
                };
                let answer: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
                let missing = &answer["error"]["details"];
                let said = if name.starts_with("key") {
                    missing["missing_scope"] == needed.scope().as_str()
                } else {
                    missing["missing_permission"] == needed.as_str()
                };
                let right = if permissions.contains(needed) { !refused } else { refused && said };
                if !right || status == StatusCode::INTERNAL_SERVER_ERROR {
                    wrong.push(format!("{method} {below} as {name}: {status} {answer}"));
                }
                checked += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 800, "{checked}");
}
