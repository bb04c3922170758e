//! The OpenAPI document says of every operation what a client has to know.

use std::collections::HashSet;

use api_types::ErrorCode;
use domain::access::permissions::Permission;
use serde_json::Value;

/// Every operation with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().expect("an item");
            item.iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

fn of_tenants(document: &Value) -> Vec<(String, &Value)> {
    operations(document).into_iter().filter(|(name, _)| name.contains("{tenant_id}")).collect()
}

#[test]
fn it_is_openapi_3_1_and_the_same_every_time() {
    let document = api::openapi();
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1."));
    assert_eq!(document.to_string(), api::openapi().to_string());
    assert_eq!(document["info"]["title"], "Waxwing");
}

#[test]
fn every_route_of_a_tenant_names_its_scope_and_its_failures() {
    let document = api::openapi();
    for (name, operation) in of_tenants(&document) {
        let scope = operation["x-required-scope"].as_str().unwrap_or_default();
        assert!(["read", "send", "manage"].contains(&scope), "{name}: {scope}");
        for status in ["400", "401", "403", "404", "429", "500", "503"] {
            let response = &operation["responses"][status];
            assert!(
                response["description"].as_str().is_some_and(|text| text.contains('`')),
                "{name}: {status}"
            );
            let schema = &response["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Failure", "{name}: {status}");
        }
        let done = |status: &&String| status.starts_with('2');
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.keys().any(|status| done(&status)), "{name} says what it answers when all is well");
        assert!(operation["security"].is_array(), "{name}");
        let permission = operation["x-required-permission"].as_str().unwrap_or_default();
        let permission: Permission = permission.parse().unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(permission.scope().as_str(), scope, "{name}");
        if permission == Permission::ContactsDisclose {
            assert_eq!(scope, "manage", "{name}: all that is known of a person");
        } else if name.starts_with("get ") {
            assert_eq!(scope, "read", "{name}: looking needs no more");
        } else if !["/lint", "/preview", "/count", "/verify"].iter().any(|end| name.ends_with(end)) {
            assert_ne!(scope, "read", "{name}: changing needs more");
        }
    }
}

#[test]
fn every_code_that_a_route_names_is_in_the_table() {
    let document = api::openapi();
    let table: HashSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    for (name, operation) in operations(&document) {
        for code in operation["x-error-codes"].as_array().into_iter().flatten() {
            let code = code.as_str().expect("a code");
            assert!(table.contains(code), "{name}: {code}");
            let status = ErrorCode::ALL.iter().find(|known| known.as_str() == code).expect("known").status();
            let text = operation["responses"][status.to_string()]["description"].as_str().expect("described");
            assert!(text.contains(code), "{name}: {code}");
        }
    }
    assert_eq!(document["x-error-codes"].as_array().map(Vec::len), Some(ErrorCode::ALL.len()));
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let document = api::openapi();
    let mut names = HashSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("an operationId");
        assert!(id.contains('_') || !name.contains("{tenant_id}"), "{name}: {id} is verb_resource");
        assert!(names.insert(id.to_owned()), "{id} occurs twice");
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 8), "{name} has a summary");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{name} has a tag");
    }
}

#[test]
fn every_parameter_of_a_path_is_declared_and_every_post_takes_an_idempotency_key() {
    let document = api::openapi();
    for (name, operation) in of_tenants(&document) {
        let parameters = operation["parameters"].as_array().expect("parameters");
        let declared: Vec<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let in_path: Vec<&str> =
            name.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, in_path, "{name}");
        let keyed = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        assert_eq!(keyed, name.starts_with("post "), "{name}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_requests_refuse_unknown_members() {
    let document = api::openapi();
    let mut references = HashSet::new();
    collect(&document, &mut references);
    assert!(references.len() > 10);
    for reference in &references {
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for (name, operation) in of_tenants(&document) {
        let Some(body) = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str()
        else {
            continue;
        };
        let schema = document.pointer(body.trim_start_matches('#')).expect("a schema");
        assert_eq!(schema["additionalProperties"], false, "{name}: {body}");
    }
}

fn collect(value: &Value, references: &mut HashSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value.as_str()) {
                    ("$ref", Some(reference)) => _ = references.insert(reference.to_owned()),
                    _ => collect(value, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
