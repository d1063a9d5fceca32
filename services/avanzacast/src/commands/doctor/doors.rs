//! Who may come in: open doors, and pages of other origins.

use avanzacast_kit::{
    checkup::{Finding, Level},
    config::Mode,
};

use super::Patient;

/// What is open unless `OPEN_ENDPOINTS` says otherwise.
const DEFAULT: &str = "session,token,broadcasts";
/// Doors through which anybody gets a token.
const MINTING: [&str; 3] = ["session", "token", "broadcast-session"];
/// Pages at these may call us from a browser.
const ORIGINS: [&str; 3] = ["VITE_STUDIO_URL", "VITE_BROADCASTPANEL_URL", "VITE_TOKEN_SERVER_URL"];

pub(super) fn findings(patient: &Patient) -> Vec<Finding> {
    if patient.is_edge() { vec![doors(patient), cors(patient)] } else { Vec::new() }
}

fn doors(patient: &Patient) -> Finding {
    let check = "open doors";
    let listed = patient.variables.text("OPEN_ENDPOINTS").unwrap_or_else(|| DEFAULT.to_owned());
    let open: Vec<&str> = listed.split(',').map(str::trim).filter(|door| !door.is_empty() && *door != "none").collect();
    let minting: Vec<&str> = open.iter().copied().filter(|door| MINTING.contains(door)).collect();
    if minting.is_empty() {
        let all = if open.is_empty() { "none".to_owned() } else { open.join(", ") };
        return Finding::ok(check, format!("{all}; nobody gets a token without a credential"));
    }
    let found = format!("anybody who reaches this backend gets tokens: {}", minting.join(", "));
    match patient.mode {
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
