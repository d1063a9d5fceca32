//! The database, and whether the ledger in it is the one that the bus knows.

use avanzacast_kit::{
    bus::{Bus, EventsStream},
    checkup::Finding,
};
use avanzacast_schemas::bus::BusUser;
use avanzacast_worker::{
    Seen, Standing, look_once,
    store::{Session, Store, checkup},
};

use super::{Patient, bus::seen_by};

/// Server, settings, tables, clock.
pub(super) async fn look(patient: &Patient) -> (Vec<Finding>, Option<Session>) {
    match &patient.database {
        Some(config) => checkup(config).await,
        None => (Vec::new(), None),
    }
}

/// Compares ledger and EVENTS, and answers which ledger the database holds.
pub(super) async fn ledger(
    patient: &Patient,
    session: Option<Session>,
    buses: &[(BusUser, Bus)],
) -> (Vec<Finding>, Option<String>) {
    let (Some(mut session), Some(config)) = (session, &patient.database) else { return (Vec::new(), None) };
    let Ok(head) = session.head().await else {
        let advice = "the tables are not ours, or not all there: restore the database, or name another";
        return (vec![Finding::problem("ledger", "it cannot be read", advice)], None);
    };
    // Only these two users may look where EVENTS ends.
    let Some(bus) = seen_by(buses, BusUser::Session).or_else(|| seen_by(buses, BusUser::Admin)) else {
        let found = format!("{} events; not compared with EVENTS, which this role may not see", head.size);
        return (vec![Finding::ok("ledger", found)], Some(head.ledger_id));
    };
    let events = EventsStream::new(bus.clone());
    let seen = look_once(&Store::new(config.clone()), session, &events).await;
    (vec![standing(seen)], Some(head.ledger_id))
}

fn standing(seen: Option<Seen>) -> Finding {
    let check = "ledger";
    let Some(Seen { standing, ledger, events }) = seen else {
        return Finding::warning(check, "it could not be compared with EVENTS", "look at the bus first");
    };
    let ends = format!("{ledger} events, EVENTS ends at {}", events.unwrap_or_default());
    match (standing, events) {
        (_, None) => Finding::warning(
            check,
            format!("{ledger} events, and no EVENTS stream to compare with"),
            "run `avanzacast provision`; the relay then fills it",
        ),
        (Standing::Sound, _) => Finding::ok(check, ends),
        (Standing::Behind, _) => Finding::problem(
            check,
            format!("ledger_behind: {ends}, and they do not agree: this database lost events"),
            "restore the newer database, or run `avanzacast audit reconcile`; commands are refused until then",
        ),
        (Standing::Foreign, _) => Finding::problem(
            check,
            format!("ledger_foreign: {ends}, of another ledger"),
            "use the database that belongs to this bus, or delete the stream EVENTS and run `avanzacast provision`",
        ),
        (Standing::Unknown, _) => Finding::warning(check, ends, "look again"),
    }
}
