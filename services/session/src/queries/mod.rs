//! One file per query that is more than a look at one session.

pub(crate) mod list;
mod part_of_name;
pub(crate) mod registration;
pub(crate) mod validate;

use avanzacast_kit::time;
use avanzacast_schemas::{GetSession, ManagedSession, ShowSession};
use avanzacast_worker::person;

use crate::state::{Session, State};

/// Any query of this service.
#[derive(Debug)]
pub enum Query {
    /// `qry.session.get`
    Get(GetSession),
    /// `qry.session.show`
    Show(ShowSession),
    /// `qry.session.list`
    List(list::Listing),
    /// `qry.session.validate`
    Validate(validate::Examined),
    /// `qry.registration.get`
    Registration(registration::Registered),
}

/// What a manager sees of a session at `now`: one whose time is over has expired, whether or not the sweep has been.
pub(crate) fn managed(session: &Session, now: i64) -> ManagedSession {
    let state = match session.state {
        State::Open if !session.is_open(now) => State::Expired,
        state @ (State::Open | State::Consumed | State::Revoked | State::Expired) => state,
    };
    ManagedSession {
        id: session.id.clone(),
        room: session.room.clone(),
        username: person::value_of(session.name.as_ref()),
        role: session.role,
        state: state.into(),
        single_use: session.single_use,
        broadcast_id: session.broadcast,
        created_at: time::rfc3339(session.created_at),
        expires_at: time::rfc3339(session.expires_at),
        consumed_at: session.consumption.as_ref().map(|consumption| time::rfc3339(consumption.at)),
    }
}
