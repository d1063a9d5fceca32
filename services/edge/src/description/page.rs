//! The description as one page of plain HTML: no script, nothing loaded, so that it can be read anywhere.

use std::fmt::Write;

use serde_json::Value;

const STYLE: &str = include_str!("page.css");
const METHODS: [&str; 3] = ["get", "post", "delete"];

/// Text as it may stand in HTML.
fn text(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text in which `` `words` `` are code.
fn prose(raw: &str) -> String {
    let parts = text(raw);
    let parts = parts.split('`').enumerate();
    parts.map(|(n, part)| if n % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

fn word<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Renders the OpenAPI document.
pub(super) fn render(document: &Value) -> String {
    let (mut body, mut menu) = (String::new(), String::new());
    let empty = Vec::new();
    let info = document.get("info").unwrap_or(&Value::Null);
    for tag in document.get("tags").and_then(Value::as_array).unwrap_or(&empty) {
        let group = word(tag, "name");
        let _ = write!(body, "<h2 id=\"{0}\">{0}</h2>", text(group));
        let _ = write!(menu, "<a href=\"#{0}\">{0}</a>", text(group));
        for (path, methods) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
            for method in METHODS {
                let operation = methods.get(method);
                let Some(operation) = operation.filter(|operation| operation.pointer("/tags/0") == tag.get("name"))
                else {
                    continue;
                };
                body.push_str(&section(method, path, operation));
            }
        }
    }
    body.push_str("<h2 id=\"Schemas\">Schemas</h2>");
    for (name, schema) in document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten() {
        let _ = write!(
            body,
            "<details id=\"{0}\"><summary><code>{0}</code> <span>{1}</span></summary><pre>{2}</pre></details>",
            text(name),
            prose(first_line(word(schema, "description"))),
            text(&format!("{schema:#}"))
        );
    }
    let about =
        word(info, "description").split("\n\n").map(|part| format!("<p>{}</p>", prose(part))).collect::<String>();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>AvanzaCast API</title>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{STYLE}</style>\
         <header><h1>AvanzaCast API <small>{version}</small></h1>{about}\
         <nav>{menu}<a href=\"#Schemas\">Schemas</a><a href=\"/openapi.json\">openapi.json</a></nav></header>\
         <main>{body}</main></html>",
        version = text(word(info, "version")),
    )
}

fn first_line(raw: &str) -> &str {
    raw.lines().next().unwrap_or_default()
}

fn section(method: &str, path: &str, operation: &Value) -> String {
    let mut html = format!(
        "<details class=\"operation\" id=\"{id}\"><summary><b class=\"{method}\">{method}</b> <code>{path}</code> \
         <span>{summary}</span></summary><p>{about}</p>",
        id = text(word(operation, "operationId")),
        path = text(path),
        summary = prose(word(operation, "summary")),
        about = prose(word(operation, "description")),
    );
    let parameters = operation.get("parameters").and_then(Value::as_array);
    if let Some(parameters) = parameters {
        html.push_str("<h3>Parameters</h3><table>");
        for parameter in parameters {
            let required = parameter.get("required") == Some(&Value::Bool(true));
            let _ = write!(
                html,
                "<tr><td><code>{}</code><td>{}{}<td>{}<td>{}",
                text(word(parameter, "name")),
                word(parameter, "in"),
                if required { ", required" } else { "" },
                prose(word(parameter, "description")),
                schema(parameter.get("schema"))
            );
        }
        html.push_str("</table>");
    }
    if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") {
        let _ = write!(html, "<h3>Body</h3><p>{}</p>", schema(Some(body)));
    }
    html.push_str("<h3>Answers</h3><table>");
    for (status, answer) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let shape = answer.get("content").and_then(Value::as_object).and_then(|content| content.values().next());
        let _ = write!(
            html,
            "<tr><td><b>{}</b><td>{}<td>{}",
            text(status),
            prose(word(answer, "description")),
            schema(shape.and_then(|content| content.get("schema")))
        );
    }
    html.push_str("</table></details>");
    html
}

/// A schema in a word, with a link where it has a name.
fn schema(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return String::new() };
    if let Some(name) = word(schema, "$ref").rsplit('/').next().filter(|name| !name.is_empty()) {
        return format!("<a href=\"#{0}\"><code>{0}</code></a>", text(name));
    }
    if let Some(items) = schema.get("items") {
        return format!("array of {}", self::schema(Some(items)));
    }
    format!("<code>{}</code>", text(&schema.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_page_is_taken_for_markup() {
        assert_eq!(prose("a `<b>` & c"), "a <code>&lt;b&gt;</code> &amp; c");
        let page = render(&crate::openapi());
        assert!(page.contains("id=\"createSession\"") && !page.contains("<script") && !page.contains("http://"));
    }
}
