//! The OpenAPI 3.1 document (<https://spec.openapis.org/oas/v3.1.1>).

use std::collections::BTreeSet;

use avanzacast_schemas::Code;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::refusals::by_status;
use crate::{
    operation::{Access, Method, Operation, Parameter, Place, Success},
    routes,
};

const ABOUT: &str = "Sessions, tokens, users and broadcasts for live studios on LiveKit.\n\n\
    Every error is a problem document (RFC 9457) with a stable `code`. 503 means that nothing was done; 504 means that \
    nobody knows, and a repetition with the same `Idempotency-Key` finds out.";

/// The document.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        // The document says once, at its top, which dialect its schemas are in.
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    let mut groups = Vec::new();
    for (operation, _) in routes::all() {
        if !groups.contains(&operation.group) {
            groups.push(operation.group);
        }
        let described = describe(operation, &mut generator);
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(operation.method.word().to_owned(), described);
        }
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem());
    json!({
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
        "components": { "schemas": schemas, "headers": headers(), "securitySchemes": schemes() },
    })
}

impl Method {
    /// As the document spells it.
    fn word(self) -> &'static str {
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
    let about = [operation.about, &scope(operation.access)].join(" ").trim().to_owned();
    if !about.is_empty() {
        members.insert("description".to_owned(), about.into());
    }
    if !operation.parameters.is_empty() {
        let parameters = operation.parameters.iter().map(|parameter| describe_parameter(parameter, generator));
        members.insert("parameters".to_owned(), parameters.collect());
    }
    if let Some(shape) = operation.body {
        let content = json!({ "application/json": { "schema": shape(generator) } });
        members.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    described
}

/// What a key must be allowed, in words.
fn scope(access: Access) -> String {
    match access {
        Access::Health | Access::Public | Access::Holder => String::new(),
        Access::Open(door, scope) => format!(
            "Open to anybody while `OPEN_ENDPOINTS` lists `{}`; a key needs the scope `{}`.",
            door.word(),
            scope.word()
        ),
        Access::Secret(scope) => format!("Needs a credential; a key needs the scope `{}`.", scope.word()),
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Health | Access::Public | Access::Holder => json!([]),
        Access::Open(..) => json!([{}, { "secret": [] }, { "bearer": [] }, { "signature": [] }]),
        Access::Secret(_) => json!([{ "secret": [] }, { "bearer": [] }, { "signature": [] }]),
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
        responses.insert(answer.status.to_string(), success(answer, generator));
    }
    responses.into()
}

fn success(answer: &Success, generator: &mut SchemaGenerator) -> Value {
    let names = answer.headers.iter().copied().chain(["X-Request-Id"]);
    let mut described = json!({ "description": answer.about, "headers": refer(names) });
    if let (Some(shape), Some(members)) = (answer.shape, described.as_object_mut()) {
        members.insert("content".to_owned(), json!({ answer.media: { "schema": shape(generator) } }));
    }
    described
}

fn refusal(status: u16, codes: &[Code]) -> Value {
    let sentences: Vec<String> = codes.iter().map(|code| format!("{} (`{}`)", code.title(), code.word())).collect();
    let more = match status {
        401 => Some("WWW-Authenticate"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    };
    json!({
        "description": sentences.join(" · "),
        "headers": refer(more.into_iter().chain(["X-Request-Id"])),
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

fn refer<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let refer = |name: &str| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    names.map(refer).collect::<Map<_, _>>().into()
}

fn headers() -> Value {
    let text = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    json!({
        "X-Request-Id": text("The request's id, in the log and in every problem document: the caller's own, or ours"),
        "Location": text("Where it is now"),
        "Link": text("The next page, as `rel=\"next\"` (RFC 8288), when there may be one"),
        "WWW-Authenticate": text("How to show a credential"),
        "Retry-After": {
            "description": "When to come back, in seconds",
            "schema": { "type": "integer", "minimum": 1 },
        },
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
