//! The bus: reached, users accepted, streams as provisioned.

use avanzacast_kit::{
    bus::{self, Bus, shown},
    checkup::{Finding, Level},
};
use avanzacast_schemas::bus::{BusUser, consumer, stream};

use super::{Patient, patient};

/// Logs in as every user that the role is, and answers the connections that came about.
pub(super) async fn look(patient: &Patient) -> (Vec<Finding>, Vec<(BusUser, Bus)>) {
    let (mut findings, mut buses) = (Vec::new(), Vec::new());
    if patient.buses.is_empty() && patient.private_bus {
        findings.push(Finding::ok("bus", "private: `avanzacast up` starts a nats-server of its own"));
    }
    for config in &patient.buses {
        match bus::visit(config, "doctor").await {
            Ok(bus) => {
                // The server is the same for all of them.
                let new = bus::server(&bus, config).into_iter().filter(|finding| !findings.contains(finding));
                findings.extend(new.collect::<Vec<_>>());
                buses.push((config.user, bus));
            }
            Err(_) if patient.private_bus => {
                let found = format!("private, and not running at {}", shown(&config.url));
                let advice = format!("`avanzacast up` starts it; nothing runs on {}", patient.data_dir.display());
                findings.push(Finding::warning("bus", found, advice));
                break;
            }
            // Whoever else the role is, it would hear the same.
            Err(finding) if findings.contains(&finding) => {}
            Err(finding) => findings.push(finding),
        }
    }
    (findings, buses)
}

/// What is on the bus, as far as one of the users may see it.
pub(super) async fn streams(patient: &Patient, buses: &[(BusUser, Bus)], ledger_id: Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(bus) = seen_by(buses, BusUser::Admin) {
        let all = [stream::EVENTS, stream::INTAKE, stream::DEAD, stream::KV_SESSIONS];
        findings.extend(bus::streams(bus, &patient.streams.spec(ledger_id.unwrap_or_default()), &all).await);
        for durable in [consumer::INTAKE_SESSION, consumer::INTAKE_ROOM] {
            findings.push(bus::consumer(bus, durable).await);
        }
        findings.extend([bus::stranded(bus).await, bus::pushed(bus).await]);
    } else if let Some(bus) = seen_by(buses, BusUser::Session) {
        let spec = patient.streams.spec(ledger_id.unwrap_or_default());
        findings.extend(bus::streams(bus, &spec, &[stream::EVENTS]).await);
        findings.push(bus::consumer(bus, consumer::INTAKE_SESSION).await);
    } else if let Some(bus) = seen_by(buses, BusUser::Room) {
        let spec = patient.streams.spec(ledger_id.unwrap_or_default());
        findings.extend(bus::streams(bus, &spec, &[stream::EVENTS]).await);
        findings.push(bus::consumer(bus, consumer::INTAKE_ROOM).await);
    } else if let Some(bus) = seen_by(buses, BusUser::Edge) {
        findings.push(bus::bucket(bus).await);
    }
    if !buses.is_empty() {
        findings.push(syncing(patient));
    }
    findings
}

pub(super) fn seen_by(buses: &[(BusUser, Bus)], user: BusUser) -> Option<&Bus> {
    buses.iter().find(|(one, _)| *one == user).map(|(_, bus)| bus)
}

/// The server tells nobody how often it syncs.
fn syncing(patient: &patient::Patient) -> Finding {
    let check = "sync_interval";
    if patient.private_bus {
        return Finding::ok(check, "always: the private server runs with this program's nats.conf");
    }
    let found = "cannot be read over the bus";
    let advice = "see that nats-server runs with this repository's nats.conf (`sync_interval: always`): without it, \
                  what INTAKE acknowledged may be lost with the machine";
    Finding { check, level: Level::Warning, found: found.to_owned(), advice: advice.to_owned() }
}
