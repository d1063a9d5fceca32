//! Who may come in: open doors, and pages of other origins.

use avanzacast_kit::{
    checkup::Finding,
    config::{Door, Mode, Origins},
};

use super::Patient;

pub(super) fn findings(patient: &Patient) -> Vec<Finding> {
    let Some(edge) = &patient.edge else { return Vec::new() };
    vec![doors(patient.mode, &edge.access.open), cors(patient.mode, &edge.browsers.origins)]
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

fn cors(mode: Mode, origins: &Origins) -> Finding {
    let check = "CORS";
    match (origins, mode) {
        (Origins::All, Mode::Production) => Finding::warning(
            check,
            "pages of every origin may call",
            "unset ALLOW_ALL_CORS and name the frontends' URLs",
        ),
        (Origins::All, Mode::Development) => Finding::ok(check, "pages of every origin may call"),
        (Origins::Local, _) => Finding::ok(check, "pages at http://localhost and http://127.0.0.1, any port"),
        (Origins::These(named), _) if named.is_empty() => Finding::ok(check, "only pages of this backend's own origin"),
        (Origins::These(named), _) => Finding::ok(check, format!("pages at {}", named.join(", "))),
    }
}
