//! The published description is the code's own, and is where it says.

use avanzacast_tests::{Stack, workspace_root};
use serde_json::Value;

/// Rewritten by `UPDATE_GOLDEN=1 cargo test --workspace --test edge openapi`.
#[tokio::test]
async fn the_committed_description_is_the_one_that_is_served() {
    let stack = Stack::sqlite().await;
    let api = stack.api();
    let served = api.get("/openapi.json").await.expect(200);
    assert_eq!(served.header("content-type"), Some("application/json"));
    let path = workspace_root().join("schemas/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &served.text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).expect("schemas/openapi.json");
    assert_eq!(served.text, committed, "schemas/openapi.json is stale: see this test");
}

#[tokio::test]
async fn every_operation_is_described_and_there() {
    let stack = Stack::sqlite().await;
    let api = stack.api();
    let document = api.get("/openapi.json").await.expect(200).body;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 10, "{}", paths.len());
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let name = format!("{method} {path}");
            for member in ["operationId", "summary"] {
                assert!(operation[member].as_str().is_some_and(|text| !text.is_empty()), "{name}: {member}");
            }
            let asked = [("{id}", "0123"), ("{seq}", "0123"), ("{path}", "css/base.css")];
            let asked = asked.iter().fold(path.clone(), |path, (name, value)| path.replace(name, value));
            let answer = api.raw(&method.to_uppercase(), &asked, &[], "").await;
            assert_ne!(answer.status, 405, "{name}");
            let described = operation["responses"].as_object().unwrap();
            assert!(described.contains_key(&answer.status.to_string()), "{name}: {} is not described", answer.status);
            let unknown = answer.body.get("code") == Some(&Value::from("not_found"));
            assert!(!unknown || path == "/api/connection-details", "{name} is not there");
        }
    }
}

/// Nobody has to find an endpoint in the description that the README does not speak of.
#[test]
fn the_readme_names_every_endpoint() {
    let text = |path: &str| std::fs::read_to_string(workspace_root().join(path)).unwrap();
    let (readme, document) = (text("README.md"), text("schemas/openapi.json"));
    let document: Value = serde_json::from_str(&document).unwrap();
    let table = readme.split("| endpoint | who | answer |").nth(1).unwrap().split("\n\n").next().unwrap();
    let paths = document["paths"].as_object().unwrap().keys();
    // By the part before its first variable; what pages load is the pages' own.
    let begun = paths.map(|path| path.split("/{").next().unwrap()).filter(|path| !path.starts_with("/assets"));
    let missing: Vec<&str> =
        begun.filter(|path| !table.contains(&format!("{path}`")) && !table.contains(&format!("{path}/"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The page is whole in itself: nothing is loaded, nothing runs.
#[tokio::test]
async fn the_page_needs_nobody_else() {
    let stack = Stack::sqlite().await;
    let api = stack.api();
    let page = api.get("/docs").await.expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")));
    for loaded in ["<script", "<link", "<img", "src=", "@import", "url(", "https://"] {
        assert!(!page.text.contains(loaded), "{loaded}");
    }
    assert!(page.text.contains("/api/session/{id}/consume"));
}
