//! The committed contract of the bus is the one that the types say. A stale file is rewritten with
//! `UPDATE_GOLDEN=1 cargo test -p avanzacast-schemas --test described`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use avanzacast_schemas::{Event, described};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn check(path: &str, value: &Value) {
    let (path, written) = (folder().join(path), format!("{value:#}\n"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &written).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(written, committed, "{} is stale", path.display());
}

#[test]
fn the_bus_is_described() {
    let document = described::asyncapi();
    for kind in Event::KINDS {
        assert!(document["channels"].get(format!("evt-{}", kind.replace('.', "-"))).is_some(), "{kind}");
    }
    check("asyncapi.json", &document);
}

#[test]
fn every_message_has_a_schema_and_no_schema_is_left_over() {
    let schemas = described::json_schemas();
    for (name, schema) in &schemas {
        check(&format!("json/{name}.json"), schema);
    }
    let committed = fs::read_dir(folder().join("json")).unwrap();
    let committed: BTreeSet<String> = committed.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(committed, schemas.keys().map(|name| format!("{name}.json")).collect());
}
