//! What this machine has: secrets of a length, and room.

use std::path::Path;

use avanzacast_kit::{
    checkup::Finding,
    config::{DatabaseConfig, LiveKitConfig, Mode},
};

use super::Patient;

/// What LiveKit calls too short (livekit-server, `pkg/config/config.go`), and HMAC-SHA256 with it: 32 bytes.
const SECRET_MIN_BYTES: usize = 32;
const MIB: u64 = 1024 * 1024;
/// Some days of a busy ledger; time to notice.
const DISK_WARNING: u64 = 1_024 * MIB;
/// Less than one more segment of INTAKE and a checkpoint of the database.
const DISK_PROBLEM: u64 = 100 * MIB;

/// Their lengths; never they themselves.
pub(super) fn secrets(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(LiveKitConfig { secret, .. }) = &patient.livekit {
        findings.push(match patient.mode {
            Mode::Development if secret.reveal().len() < SECRET_MIN_BYTES => {
                Finding::ok("LiveKit secret", "the one that `livekit-server --dev` takes, or as short")
            }
            Mode::Development | Mode::Production => {
                long_enough("LiveKit secret", "LIVEKIT_API_SECRET", secret.reveal())
            }
        });
    }
    if let Some(edge) = &patient.edge {
        // Several may hold; the shortest is the way in.
        let shortest = edge.access.keys.iter().min_by_key(|key| key.secret.reveal().len());
        findings.push(shortest.map_or_else(
            || Finding::ok("backend secret", "none: in development mode the endpoints that ask for one are open"),
            |key| long_enough("backend secret", &format!("the secret of {}", key.name), key.secret.reveal()),
        ));
    }
    findings
}

fn long_enough(check: &'static str, name: &str, secret: &str) -> Finding {
    let bytes = secret.len();
    if bytes >= SECRET_MIN_BYTES {
        return Finding::ok(check, format!("{bytes} bytes"));
    }
    let advice = format!("{name} should have {SECRET_MIN_BYTES} or more (`openssl rand -hex 32`)");
    Finding::warning(check, format!("{bytes} bytes: short enough to be guessed from what it signed"), advice)
}

/// Room where we keep files; a role that keeps none has nothing to say.
pub(super) fn disk(patient: &Patient) -> Vec<Finding> {
    let keeps = patient.private_bus || matches!(patient.database, Some(DatabaseConfig::Sqlite(_)));
    if !keeps {
        return Vec::new();
    }
    // What is not there yet will lie where its first existing parent does.
    let whole = std::path::absolute(&patient.data_dir).unwrap_or_else(|_| patient.data_dir.clone());
    let Some(existing) = whole.ancestors().find(|path| path.exists()) else { return Vec::new() };
    vec![free(existing, &patient.data_dir)]
}

fn free(existing: &Path, data_dir: &Path) -> Finding {
    let check = "disk";
    let shown = data_dir.display();
    let Ok(found) = rustix::fs::statvfs(existing) else {
        return Finding::problem(check, format!("DATA_DIR {shown} cannot be looked at"), "check who owns it");
    };
    let bytes = found.f_bavail.saturating_mul(found.f_frsize);
    let said = format!("{} MiB free for DATA_DIR {shown}", bytes / MIB);
    let advice = "make room, or move DATA_DIR: a full disk stops every command";
    if bytes < DISK_PROBLEM {
        Finding::problem(check, said, advice)
    } else if bytes < DISK_WARNING {
        Finding::warning(check, said, advice)
    } else {
        Finding::ok(check, said)
    }
}
