//! What every operation has, written into the OpenAPI document: path parameters, security, headers, failures.

use std::collections::BTreeMap;

use api_types::{ErrorCode, Failure, Fault};
use domain::access::permissions::Permission;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema, ToSchema};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Named by an operation: what its caller must be allowed.
pub const PERMISSION: &str = "x-required-permission";
/// Out of it: the scope that an API key needs.
pub const SCOPE: &str = "x-required-scope";
/// Named by an operation: what it may answer besides the failures of every route.
pub const CODES: &str = "x-error-codes";

/// The failures of every route behind the door.
const DOOR: [ErrorCode; 7] = [
    ErrorCode::Unauthenticated,
    ErrorCode::Forbidden,
    ErrorCode::TenantNotFound,
    ErrorCode::ValidationFailed,
    ErrorCode::ApiRateLimited,
    ErrorCode::ServiceUnavailable,
    ErrorCode::Internal,
];
/// The failures of every route of a person.
const PERSON: [ErrorCode; 3] =
    [ErrorCode::ValidationFailed, ErrorCode::ServiceUnavailable, ErrorCode::Internal];
/// Besides, where one has to be logged in.
const SESSION: [ErrorCode; 2] = [ErrorCode::Unauthenticated, ErrorCode::Forbidden];
/// Besides, where one has to run the server.
const OPERATOR: [ErrorCode; 2] = [ErrorCode::Unauthenticated, ErrorCode::RouteNotFound];
/// Besides, where there is a body.
const BODY: [ErrorCode; 2] = [ErrorCode::PayloadTooLarge, ErrorCode::UnsupportedMediaType];
/// Besides, where an idempotency key is taken.
const KEY: [ErrorCode; 2] = [ErrorCode::IdempotencyKeyReused, ErrorCode::IdempotencyKeyInUse];

/// Where the envelope of failures is described.
const FAILURE: &str = "#/components/schemas/Failure";

const ABOUT: &str = "Server for the WhatsApp Business Cloud API. Every answer is `{\"success\": true, \"data\": …}` \
    or `{\"success\": false, \"error\": {code, message, details, request_id}}`; `error.code` is one of a closed table, \
    see `x-error-codes` of this document. Times are RFC 3339 in UTC, ids are integers.";

/// The document, complete and in an order that does not change.
pub fn write(document: OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["info"] = json!({
        "title": "Waxwing",
        "description": ABOUT,
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    document["servers"] = json!([{"url": "/"}]);
    let table: Vec<Value> = ErrorCode::ALL
        .iter()
        .map(|code| {
            json!({
                "code": code.as_str(), "status": code.status(), "when": code.when().trim(),
                "details": {"$ref": format!("#/components/schemas/{}", code.details_schema().0)},
            })
        })
        .collect();
    document[CODES] = table.into();
    components(&mut document);
    for (path, item) in members(&mut document["paths"]) {
        name_apart(item);
        for (method, operation) in members(item) {
            if METHODS.contains(&method.as_str()) && path.contains("{tenant_id}") {
                complete(path, method, operation);
            } else if METHODS.contains(&method.as_str()) && path.starts_with(crate::auth::BASE) {
                complete_person(path, operation);
            } else if METHODS.contains(&method.as_str()) && path.starts_with(crate::tenants::operator::BASE) {
                operation["security"] = json!([{"operator": []}]);
                complete_person(path, operation);
            }
        }
    }
    document
}

fn members(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// One handler for several methods of a path is an operation of each, under a name of its own.
fn name_apart(item: &mut Value) {
    let names: Vec<Value> = members(item).map(|(_, operation)| operation["operationId"].clone()).collect();
    for (method, operation) in members(item).filter(|(method, _)| METHODS.contains(&method.as_str())) {
        let name = &operation["operationId"];
        if names.iter().filter(|other| *other == name).count() > 1 {
            operation["operationId"] = format!("{method}_{}", name.as_str().unwrap_or_default()).into();
        }
    }
}

fn components(document: &mut Value) {
    let mut schemas = Vec::new();
    Failure::schemas(&mut schemas);
    schemas.push((Failure::name().into_owned(), Failure::schema()));
    Fault::schemas(&mut schemas);
    schemas.push((Fault::name().into_owned(), Fault::schema()));
    schemas.extend(ErrorCode::ALL.iter().map(|code| code.details_schema()));
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = serde_json::to_value(schema).unwrap_or_default();
    }
    document["components"]["securitySchemes"] = json!({
        "key": {"type": "http", "scheme": "bearer", "description": "An API key: `wxk_…`. What it must be allowed stands in `x-required-scope`."},
        "session": {"type": "http", "scheme": "bearer", "description": "A session: `wxs_…`. What its member must be allowed stands in `x-required-permission`."},
        "operator": {"type": "http", "scheme": "bearer", "description": "The setting `operator_token`, without which these routes are not there."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "waxwing_session", "description": "A session by cookie (`__Host-waxwing_session` by TLS). What changes something needs the header `X-CSRF-Token` besides."},
    });
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.sort_keys();
    }
}

fn complete(path: &str, method: &str, operation: &mut Value) {
    operation["security"] = json!([{"key": []}, {"session": []}, {"cookie": []}]);
    let permission = operation[PERMISSION].as_str().and_then(|word| word.parse::<Permission>().ok());
    if let Some(permission) = permission {
        operation[SCOPE] = permission.scope().as_str().into();
    }
    let mut parameters = path_parameters(path, operation);
    if method == "post" {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The same key with the same request answers the first answer again for 24 h, with the header `Idempotency-Replayed: true`.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }));
    }
    let given = operation["parameters"].as_array().cloned().unwrap_or_default();
    parameters.extend(given.into_iter().filter(|parameter| parameter["in"] != "path"));
    operation["parameters"] = parameters.into();
    let key: &[ErrorCode] = if method == "post" { &KEY } else { &[] };
    failures(operation, &[&DOOR, key].concat());
    if let Some(operation) = operation.as_object_mut() {
        extensions_last(operation);
    }
}

fn path_parameters(path: &str, operation: &Value) -> Vec<Value> {
    let described = |name: &str| {
        let given = operation["parameters"].as_array()?;
        given.iter().find(|parameter| parameter["name"] == name)?["description"].as_str().map(str::to_owned)
    };
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let mut parameter = json!({
                "name": name, "in": "path", "required": true,
                "schema": {"type": "integer", "format": "int64", "minimum": 1},
            });
            if let Some(description) = described(name) {
                parameter["description"] = description.into();
            }
            parameter
        })
        .collect()
}

/// A route of a person, before any tenant is named.
fn complete_person(path: &str, operation: &mut Value) {
    let security = operation["security"].to_string();
    let own: &[ErrorCode] = match () {
        () if security.contains("session") => &SESSION,
        () if security.contains("operator") => &OPERATOR,
        () => &[],
    };
    let mut parameters = path_parameters(path, operation);
    let given = operation["parameters"].as_array().cloned().unwrap_or_default();
    parameters.extend(given.into_iter().filter(|parameter| parameter["in"] != "path"));
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    failures(operation, &[&PERSON, own].concat());
    if let Some(operation) = operation.as_object_mut() {
        extensions_last(operation);
    }
}

/// One response per status, naming its codes.
fn failures(operation: &mut Value, everywhere: &[ErrorCode]) {
    let own: Vec<String> = operation[CODES]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|code| code.as_str().map(str::to_owned))
        .collect();
    let own = ErrorCode::ALL.iter().copied().filter(|code| own.iter().any(|own| own == code.as_str()));
    let body: &[ErrorCode] = if operation["requestBody"].is_object() { &BODY } else { &[] };
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in own.chain(everywhere.iter().copied()).chain(body.iter().copied()) {
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    for (_, done) in members(&mut operation["responses"]) {
        if done["description"].as_str().is_none_or(str::is_empty) {
            done["description"] = "Done".into();
        }
    }
    for (status, codes) in by_status {
        let text: Vec<String> =
            codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.when().trim())).collect();
        let known = &mut operation["responses"][status.to_string()];
        let description = match known["description"].as_str() {
            Some(known) => format!("{known}\n\n{}", text.join("\n\n")),
            None => text.join("\n\n"),
        };
        if known.is_null() {
            *known = json!({
                "description": "",
                "content": {"application/json": {"schema": {"$ref": FAILURE}}},
            });
        }
        known["description"] = description.into();
        // SEND_OUTCOME_UNKNOWN goes with 202: then the body may be either.
        let schema = &mut known["content"]["application/json"]["schema"];
        if schema["$ref"] != FAILURE {
            *schema = json!({"oneOf": [schema.take(), {"$ref": FAILURE}]});
        }
    }
}

/// utoipa keeps extensions in a map without order; the document must not change from run to run.
fn extensions_last(operation: &mut Map<String, Value>) {
    for name in [PERMISSION, SCOPE, CODES] {
        if let Some(value) = operation.shift_remove(name) {
            operation.insert(name.to_owned(), value);
        }
    }
}
