//! The OpenAPI 3.1 document (<https://spec.openapis.org/oas/v3.1.1>).

use std::collections::BTreeSet;

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::Code;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::refusals::by_status;
use crate::{
    operation::{Access, Method, Operation, Parameter, Place, Success},
    routes,
};

/// What everybody has to know, in Markdown.
pub(super) const ABOUT: &str = include_str!("about.md");
/// Where schemas refer to each other.
pub(super) const SCHEMAS: &str = "/components/schemas";

/// Makes schemas as OpenAPI 3.1 has them.
pub(super) fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = SCHEMAS.into();
        // The document says once, at its top, which dialect its schemas are in.
        settings.meta_schema = None;
    });
    settings.into_generator()
}

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut generator = generator();
    let mut paths = Map::new();
    let mut groups = Vec::new();
    for (operation, _) in routes::all() {
        if !groups.contains(&operation.group) {
            groups.push(operation.group);
        }
        let described = describe(operation, &mut generator);
        let methods = paths.entry(operation.shown_path()).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(operation.method.word().to_owned(), described);
        }
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem());
    let mut document = json!({
        "openapi": "3.1.1",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "AvanzaCast",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": groups.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": { "RequestId": request_id(), "Traceparent": traceparent() },
            "headers": headers(),
            "securitySchemes": schemes(),
        },
    });
    unlink(&mut document);
    document
}

impl Method {
    /// As the document spells it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Get | Self::GetOnly => "get",
            Self::Post => "post",
            Self::Delete => "delete",
        }
    }
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.group],
        "summary": operation.summary,
        "security": security(operation.access),
        "responses": responses(operation, generator),
    });
    let Some(members) = described.as_object_mut() else { return described };
    let about = format!("{}\n\n{}", operation.about, access(operation.access));
    members.insert("description".to_owned(), about.trim().into());
    let own = operation.parameters.iter().map(|parameter| describe_parameter(parameter, generator));
    let shared = ["RequestId", "Traceparent"].map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }));
    let parameters: Vec<Value> = own.chain(shared).collect();
    members.insert("parameters".to_owned(), parameters.into());
    if let Some(shape) = operation.body {
        let content = json!({ operation.media(): { "schema": shape(generator) } });
        members.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    described
}

/// Who may ask, in a sentence.
pub(super) fn access(access: Access) -> String {
    match access {
        Access::Health | Access::Public => "Anybody may ask.".to_owned(),
        Access::Holder => "Whoever has the session's id may ask.".to_owned(),
        Access::Open(Door::Audit, scope) => {
            format!(
                "Anybody may ask while `AUDIT_PUBLIC` is `1`; else a credential with the scope `{}` is needed.",
                scope.word()
            )
        }
        Access::Open(door, scope) => format!(
            "Anybody may ask while `OPEN_ENDPOINTS` lists `{}`{}; else a credential with the scope `{}` is needed.",
            door.word(),
            if Door::OPEN.contains(&door) { ", as it does by default" } else { "" },
            scope.word()
        ),
        Access::Secret(scope) => format!("A credential with the scope `{}` is needed.", scope.word()),
        Access::LiveKit => "LiveKit's own signature is needed, by a key that is known here.".to_owned(),
        Access::Login => "Whoever knows a secret may ask.".to_owned(),
    }
}

fn security(access: Access) -> Value {
    let with = |scope: Scope| {
        ["secret", "bearer", "signature", "console"].map(|name| json!({ name: [scope.word()] })).to_vec()
    };
    match access {
        Access::Health | Access::Public | Access::Holder | Access::Login => json!([]),
        Access::Open(_, scope) => json!([vec![json!({})], with(scope)].concat()),
        Access::Secret(scope) => json!(with(scope)),
        Access::LiveKit => json!([{ "livekit": [] }]),
    }
}

fn describe_parameter(parameter: &Parameter, generator: &mut SchemaGenerator) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.about,
        "schema": (parameter.shape)(generator),
    })
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for (status, codes) in by_status(operation) {
        responses.insert(status.to_string(), refusal(status, &codes));
    }
    // An answer of the operation's own stands for its status.
    for answer in operation.answers {
        responses.insert(answer.status.to_string(), success(operation, answer, generator));
    }
    responses.into()
}

fn success(operation: &Operation, answer: &Success, generator: &mut SchemaGenerator) -> Value {
    let names = answer.headers.iter().copied().chain(["X-Request-Id"]);
    let mut headers = refer(names);
    if let Some(headers) = headers.as_object_mut().filter(|_| operation.asks_a_worker()) {
        let component = if answer.kept { "Kept" } else { "Cache-Control" };
        headers.insert("Cache-Control".to_owned(), json!({ "$ref": format!("#/components/headers/{component}") }));
    }
    let mut described = json!({ "description": answer.about, "headers": headers });
    if let (Some(shape), Some(members)) = (answer.shape, described.as_object_mut()) {
        members.insert("content".to_owned(), json!({ answer.media: { "schema": shape(generator) } }));
    }
    described
}

fn refusal(status: u16, codes: &[Code]) -> Value {
    let lines: Vec<String> = codes.iter().map(|code| format!("- `{}`: {}", code.word(), code.title())).collect();
    let words: Vec<&str> = codes.iter().map(|code| code.word()).collect();
    let more = match status {
        401 => Some("WWW-Authenticate"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    };
    let schema = json!({
        "$ref": "#/components/schemas/Problem",
        "properties": { "status": { "const": status }, "code": { "enum": words } },
    });
    json!({
        "description": lines.join("\n"),
        "headers": refer(more.into_iter().chain(["Cache-Control", "X-Request-Id"])),
        "content": { "application/problem+json": { "schema": schema } },
    })
}

fn refer<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let refer = |name: &str| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    names.map(refer).collect::<Map<_, _>>().into()
}

fn headers() -> Value {
    let header = |about: &str, schema: Value| json!({ "description": about, "required": true, "schema": schema });
    json!({
        "X-Request-Id": header(
            "The request's id, in the log and in every problem document: the caller's own, or ours",
            json!({ "type": "string", "minLength": 1, "maxLength": 64 }),
        ),
        "Cache-Control": header("No cache may keep it", json!({ "type": "string", "const": "no-store" })),
        "Kept": header("How long a cache may keep it", json!({ "type": "string" })),
        "Set-Cookie": header("The console's cookie", json!({ "type": "string" })),
        "Location": header("Where it is now", json!({ "type": "string", "format": "uri-reference" })),
        "WWW-Authenticate": header("How to show a credential", json!({ "type": "string" })),
        "Retry-After": header("When to come back, in seconds", json!({ "type": "integer", "minimum": 1 })),
        "Link": {
            "description": "The next page, as `rel=\"next\"` (RFC 8288), when there may be one",
            "schema": { "type": "string" },
        },
    })
}

fn request_id() -> Value {
    json!({
        "name": "X-Request-Id",
        "in": "header",
        "description": "An id of the caller's own: 1 to 64 of `A-Z a-z 0-9 - _ .`; any other is not used",
        "schema": { "type": "string" },
    })
}

fn traceparent() -> Value {
    json!({
        "name": "traceparent",
        "in": "header",
        "description": "The trace that this request is part of (W3C Trace Context); what is none is not used",
        "schema": { "type": "string" },
    })
}

fn schemes() -> Value {
    json!({
        "secret": { "type": "apiKey", "in": "header", "name": "X-BACKEND-SECRET" },
        "bearer": { "type": "http", "scheme": "bearer", "description": "The same secret, as a bearer's token" },
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": "X-BACKEND-SIGNATURE",
            "description": "`t=<unix seconds>,v1=<hex>`: HMAC-SHA256, with the secret, of `t.METHOD.path?query.body`; \
                            good for five minutes",
        },
        "console": {
            "type": "apiKey",
            "in": "cookie",
            "name": "avanzacast_console",
            "description": "What `POST /api/console/login` gives for the secret (over HTTPS with `__Host-` before its name); \
                            what changes something needs an `Origin` of our own with it",
        },
        "livekit": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "LiveKit's own signature of a webhook: a token by its API key, without `Bearer`, that holds \
                            the body's SHA-256",
        },
    })
}

fn problem() -> Value {
    let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    json!({
        "type": "object",
        "description": "RFC 9457, with a stable word",
        "required": ["type", "title", "status", "detail", "code", "error", "requestId"],
        "properties": {
            "type": { "type": "string", "const": "about:blank" },
            "title": { "type": "string", "description": "The same for every occurrence" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "This occurrence, in a sentence" },
            "code": { "type": "string", "description": "A stable word for programs", "enum": words },
            "error": { "type": "string", "description": "The same as `detail`" },
            "requestId": { "type": "string" },
        },
    })
}

/// A description from the code's own documentation, without its links to code.
pub(super) fn unlinked(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`").replace("`crate::", "`")
}

fn unlink(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = unlinked(text);
            }
            members.values_mut().for_each(unlink);
        }
        Value::Array(items) => items.iter_mut().for_each(unlink),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn operations_have_names_of_their_own_and_parameters_are_those_of_the_path() {
        let mut names = BTreeSet::new();
        for (operation, _) in routes::all() {
            assert!(names.insert(operation.id), "{} is there twice", operation.id);
            let path = operation.shown_path();
            let within: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
            let said = operation.parameters.iter().filter(|parameter| parameter.place == Place::Path);
            assert_eq!(said.map(|parameter| parameter.name).collect::<BTreeSet<_>>(), within, "{}", operation.id);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(value: &Value, whole: &Value) {
            match value {
                Value::Object(members) => {
                    if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                        assert!(whole.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                    }
                    members.values().for_each(|member| check(member, whole));
                }
                Value::Array(items) => items.iter().for_each(|item| check(item, whole)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document = document();
        check(&document, &document);
    }
}
