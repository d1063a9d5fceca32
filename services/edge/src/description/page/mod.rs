//! The page for people: HTML made on the server from the table of operations. It needs no script and nothing from
//! elsewhere, so it works offline and under a strict policy.

mod html;
mod schema;

use std::sync::LazyLock;

use avanzacast_schemas::Code;
use base64::{Engine, prelude::BASE64_STANDARD};
use html::{code, escape, prose};
use schema::Schemas;
use sha2::{Digest, Sha256};

use super::{openapi, refusals::by_status};
use crate::{
    operation::{Access, Operation, Parameter, Place, Success},
    routes,
};

const STYLE: &str = include_str!("style.css");

/// What the page may do: show itself in its own style.
pub(in crate::description) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The whole page.
pub(in crate::description) fn render() -> String {
    let mut schemas = Schemas::new();
    let groups = groups();
    let menu: String = groups.iter().map(|(name, operations)| menu(name, operations)).collect();
    let sections: String = groups.iter().map(|(name, operations)| section(name, operations, &mut schemas)).collect();
    let shapes = schemas.all();
    let about: String = openapi::ABOUT.split("\n\n").map(|paragraph| format!("<p>{}</p>", prose(paragraph))).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>AvanzaCast backend</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the operations</a>\n\
         <header><h1>AvanzaCast backend <small>{version}</small></h1>{about}\
         <p>For programs: <a href=\"/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p></header>\n\
         <div class=\"columns\"><nav aria-label=\"Operations\">{menu}\
         <h2><a href=\"#credentials\">Credentials</a></h2><h2><a href=\"#shapes\">Shapes</a></h2></nav>\n\
         <main id=\"main\">{sections}{CREDENTIALS}\
         <section><h2 id=\"shapes\">Shapes</h2>{shapes}</section></main></div>\n</body>\n</html>\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}

const CREDENTIALS: &str = "<section><h2 id=\"credentials\">Credentials</h2>\
    <p>One of three headers shows a credential, never a query or a body:</p><ul>\
    <li><code>X-BACKEND-SECRET: &lt;secret&gt;</code></li>\
    <li><code>Authorization: Bearer &lt;secret&gt;</code></li>\
    <li><code>X-BACKEND-SIGNATURE: t=&lt;unix seconds&gt;,v1=&lt;hex&gt;</code>, where hex is the HMAC-SHA256 of \
    <code>t.METHOD.path?query.body</code> with the secret as its key, within five minutes</li></ul>\
    <p>Our own pages have a cookie, which <code>POST /api/console/login</code> gives for the secret.</p>\
    <p>The secret is <code>BACKEND_REGISTER_SECRET</code>, which has every scope, or one of \
    <code>BACKEND_API_KEYS</code>, which has the scopes named there.</p></section>";

type Group = (&'static str, Vec<&'static Operation>);

/// The operations by their groups, in the order of the table.
fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (operation, _) in routes::all() {
        match groups.iter_mut().find(|(name, _)| *name == operation.group) {
            Some((_, operations)) => operations.push(operation),
            None => groups.push((operation.group, vec![operation])),
        }
    }
    groups
}

fn menu(name: &str, operations: &[&Operation]) -> String {
    let line =
        |operation: &&Operation| format!("<li><a href=\"#{}\">{}</a></li>", operation.id, escape(operation.summary));
    format!("<h2>{}</h2><ul>{}</ul>", escape(name), operations.iter().map(line).collect::<String>())
}

fn section(name: &str, operations: &[&Operation], schemas: &mut Schemas) -> String {
    let articles: String = operations.iter().map(|operation| article(operation, schemas)).collect();
    format!("<section><h2>{}</h2>{articles}</section>\n", escape(name))
}

fn article(operation: &Operation, schemas: &mut Schemas) -> String {
    let Operation { id, method, summary, about, access, parameters, body, answers, .. } = operation;
    let class = method.word();
    let body = body.map(|shape| format!("<h4>Body</h4>{}", schemas.shown(shape))).unwrap_or_default();
    format!(
        "<article id=\"{id}\"><h3><a href=\"#{id}\">{summary}</a></h3>\
         <p class=\"line\"><b class=\"{class}\">{word}</b> <code>{path}</code> {badge}</p>\
         <p>{about}</p><p class=\"who\">{who}</p>{parameters}{body}<h4>Answers</h4><table>{answers}{refusals}</table>\
         </article>\n",
        summary = escape(summary),
        word = class.to_uppercase(),
        path = escape(&operation.shown_path()),
        badge = badge(*access),
        about = prose(about),
        who = prose(&openapi::access(*access)),
        parameters = parameters_table(parameters, schemas),
        answers = answers.iter().map(|answer| success(answer, schemas)).collect::<String>(),
        refusals = by_status(operation).values().flatten().map(refusal).collect::<String>(),
    )
}

fn badge(access: Access) -> &'static str {
    match access {
        Access::Health | Access::Public => "<span class=\"open\">public</span>",
        Access::Holder => "<span class=\"open\">session id</span>",
        Access::Open(..) => "<span class=\"door\">open door</span>",
        Access::Secret(_) => "<span class=\"key\">credential</span>",
        Access::LiveKit => "<span class=\"key\">LiveKit</span>",
        Access::Login => "<span class=\"key\">secret</span>",
    }
}

fn parameters_table(parameters: &[Parameter], schemas: &mut Schemas) -> String {
    if parameters.is_empty() {
        return String::new();
    }
    let row = |parameter: &Parameter| {
        let place = match parameter.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
        };
        let needed = if parameter.required { "" } else { ", optional" };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{place}{needed}</td><td>{} {}</td></tr>",
            code(parameter.name),
            prose(parameter.about),
            schemas.kind(parameter.shape),
        )
    };
    format!("<h4>Parameters</h4><table>{}</table>", parameters.iter().map(row).collect::<String>())
}

fn success(answer: &Success, schemas: &mut Schemas) -> String {
    let body = answer.shape.map(|shape| schemas.kind(shape)).unwrap_or_default();
    let headers: String = answer.headers.iter().map(|name| format!(" {}", code(name))).collect();
    format!(
        "<tr class=\"good\"><th scope=\"row\">{}</th><td colspan=\"2\">{} {body}{headers}</td></tr>",
        answer.status,
        prose(answer.about),
    )
}

fn refusal(refusal: &Code) -> String {
    let (status, word, title) = (refusal.status(), code(refusal.word()), escape(refusal.title()));
    format!("<tr><th scope=\"row\">{status}</th><td>{word}</td><td>{title}</td></tr>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_operation_and_loads_nothing() {
        let page = render();
        for (operation, _) in routes::all() {
            assert!(page.contains(&format!("<article id=\"{}\">", operation.id)), "{}", operation.id);
        }
        for forbidden in ["<script", "<link", "src=", "url(", "@import", "http://", "https://", "onclick", "style=\""] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(!STYLE.contains("</"), "the style ends where it should");
    }

    #[test]
    fn every_link_within_the_page_leads_somewhere() {
        let page = render();
        for link in page.split("href=\"#").skip(1) {
            let target = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
        }
    }
}
