//! People who work with a tenant: the first owner from the command line, then everything over HTTP.

#![allow(clippy::unwrap_used, reason = "helpers of tests, though they are no test functions themselves")]

use e2e::{Api, Pair, eventually, on_each_engine};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery";

fn auth(api: &Api, path: &str, body: &Value) -> (u16, Value) {
    let client = reqwest::blocking::Client::new();
    let answer = client.post(format!("{}/api/v1/auth{path}", api.url)).json(body).send().unwrap();
    (answer.status().as_u16(), answer.json().unwrap_or_default())
}

fn accept(api: &Api, link: &str) {
    let token = link.split_once("#token=").expect("a token in the link").1;
    let (status, body) = auth(api, "/invitations/accept", &json!({ "token": token, "password": PASSWORD }));
    assert_eq!(status, 201, "{body:#}");
}

/// The same API, called by a member.
fn log_in(api: &Api, email: &str) -> Api {
    let (status, body) = auth(api, "/login", &json!({ "email": email, "password": PASSWORD }));
    assert_eq!(status, 200, "{body:#}");
    Api::new(&api.url, api.tenant, body["data"]["token"].as_str().unwrap())
}

#[test]
fn the_first_owner_comes_in_by_the_command_line_and_an_agent_starts_no_broadcast() {
    on_each_engine(|database| {
        let pair = Pair::start(database, 1);
        let api = pair.api(0);
        let tenant = api.tenant.to_string();
        let member = |arguments: &[&str]| {
            let mut all = vec!["member"];
            all.extend(arguments);
            all.extend(["--tenant", &tenant]);
            pair.command(&all)
        };
        let link = member(&["add", "--email", "Owner@example.com", "--role", "owner"]);
        accept(&api, link.trim());
        let owner = log_in(&api, "owner@example.com");
        owner.get("/contacts").expect(200);

        let invited =
            owner.post("/members", json!({ "email": "agent@example.com", "role": "agent" })).expect(201);
        accept(&api, invited["invitation_link"].as_str().unwrap());
        let agent = log_in(&api, "agent@example.com");
        agent.get("/conversations").expect(200);
        let broadcast = json!({ "name": "x", "template_name": "hello", "audience": { "all": true } });
        let refused = agent.post("/broadcasts", broadcast).refused(403, "FORBIDDEN");
        assert_eq!(refused["details"]["missing_permission"], "broadcasts_write");
        agent
            .post("/members", json!({ "email": "x@example.com", "role": "agent" }))
            .refused(403, "FORBIDDEN");

        let listed = member(&["list"]);
        assert!(listed.contains("owner@example.com\towner\tactive"), "{listed}");
        let reset = member(&["reset-password", "--email", "agent@example.com"]);
        let token = reset.trim().split_once("#token=").expect("a link").1.to_owned();
        let body = json!({ "token": token, "password": "another good password" });
        assert_eq!(auth(&api, "/password/reset", &body).0, 200);
        agent.get("/conversations").refused(401, "UNAUTHENTICATED");
        let old = json!({ "email": "agent@example.com", "password": PASSWORD });
        assert_eq!(auth(&api, "/login", &old).0, 401);
        member(&["disable", "--email", "agent@example.com"]);
        let new = json!({ "email": "agent@example.com", "password": "another good password" });
        let (status, body) = auth(&api, "/login", &new);
        assert_eq!((status, body["error"]["code"].as_str()), (401, Some("LOGIN_REFUSED")));
    });
}

/// Listens to the events of the tenant; the thread ends with the stream.
fn listen(api: &Api) -> std::thread::JoinHandle<()> {
    let url = format!("{}/api/v1/tenant/{}/whatsapp/events", api.url, api.tenant);
    let client = reqwest::blocking::Client::builder().timeout(None).build().unwrap();
    let stream = client.get(url).bearer_auth(&api.key).send().unwrap();
    assert_eq!(stream.status(), 200);
    std::thread::spawn(move || {
        stream.bytes().expect("the stream ends in order");
    })
}

#[test]
fn open_streams_end_soon_after_what_let_them_in_was_taken_away() {
    on_each_engine(|database| {
        let pair = Pair::start(database, 1);
        let api = pair.api(0);
        let invited =
            api.post("/members", json!({ "email": "ada@example.com", "role": "agent" })).expect(201);
        accept(&api, invited["invitation_link"].as_str().unwrap());
        let ada = log_in(&api, "ada@example.com");
        let here = log_in(&api, "ada@example.com");
        let made = api.post("/api-keys", json!({ "name": "wall", "scopes": ["read"] })).expect(201);
        let wall = Api::new(&api.url, api.tenant, made["secret"].as_str().unwrap());
        let (by_session, by_key, stays) = (listen(&ada), listen(&wall), listen(&api));

        // The key by another process, which this server learns of by looking; the session by a change of the password.
        let (tenant, key) = (api.tenant.to_string(), made["id"].to_string());
        pair.command(&["key", "revoke", "--tenant", &tenant, "--key", &key]);
        let change = json!({ "current_password": PASSWORD, "new_password": "another good password" });
        let client = reqwest::blocking::Client::new();
        let changed = client.post(format!("{}/api/v1/auth/password/change", api.url)).bearer_auth(&here.key);
        assert_eq!(changed.json(&change).send().unwrap().status(), 200);
        eventually("both streams end", || (by_session.is_finished() && by_key.is_finished()).then_some(()));
        by_session.join().unwrap();
        by_key.join().unwrap();
        assert!(!stays.is_finished(), "nothing happened to that key");
        here.get("/conversations").expect(200);
        ada.get("/conversations").refused(401, "UNAUTHENTICATED");
    });
}
