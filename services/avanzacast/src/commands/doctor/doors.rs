//! Who may come in: open doors, and pages of other origins.

use avanzacast_kit::{
    checkup::{Finding, Level},
    config::{Door, Mode},
};

use super::Patient;

/// Pages at these may call us from a browser.
const ORIGINS: [&str; 3] = ["VITE_STUDIO_URL", "VITE_BROADCASTPANEL_URL", "VITE_TOKEN_SERVER_URL"];

pub(super) fn findings(patient: &Patient) -> Vec<Finding> {
    let Some(access) = &patient.access else { return Vec::new() };
    vec![doors(patient.mode, &access.open), cors(patient)]
}

fn doors(mode: Mode, open: &[Door]) -> Finding {
    let check = "open doors";
    let minting: Vec<&str> = open.iter().filter(|door| door.mints()).map(|door| door.word()).collect();
    if minting.is_empty() {
        let words: Vec<&str> = open.iter().map(|door| door.word()).collect();
        let all = if words.is_empty() { "none".to_owned() } else { words.join(", ") };
        return Finding::ok(check, format!("{all}; nobody gets a token without a credential"));
    }
    let found = format!("anybody who reaches this backend gets tokens: {}", minting.join(", "));
    match mode {
        Mode::Development => Finding::ok(check, found),
        Mode::Production => {
            Finding::warning(check, found, "OPEN_ENDPOINTS=none (or fewer) when only programs with a secret should")
        }
    }
}

fn cors(patient: &Patient) -> Finding {
    let check = "CORS";
    if patient.variables.clone().flag("ALLOW_ALL_CORS") {
        let advice = "unset ALLOW_ALL_CORS and name the frontends' URLs";
        let level = if patient.mode == Mode::Production { Level::Warning } else { Level::Ok };
        return Finding { check, level, found: "pages of every origin may call".to_owned(), advice: advice.to_owned() };
    }
    let named: Vec<String> = ORIGINS.iter().filter_map(|name| patient.variables.text(name)).collect();
    match (named.is_empty(), patient.mode) {
        (false, _) => Finding::ok(check, format!("pages at {}", named.join(", "))),
        (true, Mode::Development) => Finding::ok(check, "pages at http://localhost and http://127.0.0.1, any port"),
        (true, Mode::Production) => Finding::ok(check, "only pages of this backend's own origin"),
    }
}
