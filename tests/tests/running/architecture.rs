//! The rooms of the house: who may depend on whom, and who alone may know a library.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Each crate, and the crates of ours that it may know.
const ARROWS: &[(&str, &[&str])] = &[
    ("avanzacast-schemas", &[]),
    ("avanzacast-kit", &["avanzacast-schemas"]),
    ("avanzacast-livekit", &["avanzacast-kit", "avanzacast-schemas"]),
    ("avanzacast-worker", &["avanzacast-kit", "avanzacast-schemas"]),
    ("avanzacast-pages", &[]),
    // The edge and the workers never see each other.
    ("avanzacast-edge", &["avanzacast-pages", "avanzacast-kit", "avanzacast-schemas"]),
    ("avanzacast-session", &["avanzacast-livekit", "avanzacast-worker", "avanzacast-kit", "avanzacast-schemas"]),
    ("avanzacast-room", &["avanzacast-livekit", "avanzacast-worker", "avanzacast-kit", "avanzacast-schemas"]),
    ("avanzacast-studio", &["avanzacast-worker", "avanzacast-kit", "avanzacast-schemas"]),
    ("avanzacast-audit", &["avanzacast-worker", "avanzacast-kit", "avanzacast-schemas"]),
    // Outside: it knows how to sign, and the bus.
    ("avanzacast-token-server", &["avanzacast-livekit", "avanzacast-kit", "avanzacast-schemas"]),
    (
        "avanzacast",
        &[
            "avanzacast-audit",
            "avanzacast-edge",
            "avanzacast-livekit",
            "avanzacast-room",
            "avanzacast-session",
            "avanzacast-studio",
            "avanzacast-worker",
            "avanzacast-kit",
            "avanzacast-schemas",
        ],
    ),
];

/// A library, and the only crates that may know it.
const ALONE: &[(&str, &[&str])] = &[
    ("async-nats", &["avanzacast-kit"]),
    ("axum", &["avanzacast-edge", "avanzacast-token-server"]),
    ("sqlx", &["avanzacast-worker"]),
    ("jsonwebtoken", &["avanzacast-livekit"]),
];

/// What each of our crates depends on, tests of its own aside.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version", "1"]).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let normal = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| dependency["kind"] != "dev").map(name).collect()
    };
    packages.iter().map(|package| (name(package), normal(package))).collect()
}

fn name(value: &Value) -> String {
    value["name"].as_str().unwrap().to_owned()
}

/// Crates that exist only to test or to measure the others, and may know everything.
fn is_product(name: &str) -> bool {
    !["avanzacast-tests", "avanzacast-bench"].contains(&name)
}

#[test]
fn arrows_point_one_way() {
    for (name, known) in dependencies().into_iter().filter(|(name, _)| is_product(name)) {
        let (_, allowed) = ARROWS.iter().find(|(other, _)| *other == name).unwrap_or_else(|| {
            panic!("{name} is new: give it a line in ARROWS and in ARCHITECTURE.md");
        });
        for dependency in known.iter().filter(|dependency| dependency.starts_with("avanzacast")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not know {dependency}");
        }
    }
}

#[test]
fn libraries_stay_in_their_rooms() {
    for (name, known) in dependencies().into_iter().filter(|(name, _)| is_product(name)) {
        for (library, allowed) in ALONE {
            let may = allowed.contains(&name.as_str());
            assert!(may || !known.iter().any(|dependency| dependency == library), "{name} must not know {library}");
        }
    }
}
