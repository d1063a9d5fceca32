//! The reactor: which events ask for something in LiveKit, and the calls themselves.

use std::time::Duration;

use avanzacast_kit::{metrics, time};
use avanzacast_livekit::{RoomCallError, RoomService as LiveKitRooms};
use avanzacast_schemas::{
    BroadcastCreated, BroadcastEnded, ParticipantJoined, RoomStarted, SessionRevokedEvent, TokenIssued, TokenOrigin,
    TokenRegistered, TokenReissued, broadcast_of, bus::BusUser, reserved_for_broadcasts,
};
use avanzacast_worker::{
    NotNow, Reactor, Recorded,
    store::{Change, Sql, StoreError, decode},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    reactions::{Call, Reactions, Read},
    statements,
};

/// How often LiveKit is asked for something that it refuses, in case it was only passing trouble of its own.
const TRIES: u32 = 3;
/// The pause between.
const PAUSE: Duration = Duration::from_millis(200);

/// Keeps LiveKit as events ask for.
pub struct RoomReactor(LiveKitRooms);

impl RoomReactor {
    /// Will call this LiveKit.
    #[must_use]
    pub fn new(rooms: LiveKitRooms) -> Self {
        Self(rooms)
    }
}

/// Events that ask for something, by type.
enum Asks {
    Created(BroadcastCreated),
    Ended(BroadcastEnded),
    Revoked(SessionRevokedEvent),
    Joined(ParticipantJoined),
    Started(RoomStarted),
    Registered(TokenRegistered),
    Reissued(TokenReissued),
    Issued(TokenIssued),
}

/// How what an event says is read, by its type; `None` for types that ask for nothing.
fn reader(kind: &str) -> Option<fn(&RawValue) -> serde_json::Result<Asks>> {
    fn read<'a, T: Deserialize<'a>>(data: &'a RawValue, wrap: fn(T) -> Asks) -> serde_json::Result<Asks> {
        serde_json::from_str(data.get()).map(wrap)
    }
    Some(match kind {
        "broadcast.created" => |data| read(data, Asks::Created),
        "broadcast.ended" => |data| read(data, Asks::Ended),
        "session.revoked" => |data| read(data, Asks::Revoked),
        "participant.joined" => |data| read(data, Asks::Joined),
        "room.started" => |data| read(data, Asks::Started),
        "token.registered" => |data| read(data, Asks::Registered),
        "token.reissued" => |data| read(data, Asks::Reissued),
        "token.issued" => |data| read(data, Asks::Issued),
        _ => return None,
    })
}

/// `None` for what asks for nothing. An event of ours that cannot be read is said, and passed.
fn asks(event: &Recorded) -> Option<Asks> {
    let read = reader(&event.kind)?(&event.data);
    read.inspect_err(|error| tracing::error!(%error, kind = event.kind, "an event cannot be read")).ok()
}

impl Reactor for RoomReactor {
    type State = Reactions;
    type Call = Call;

    const NAME: &'static str = "room";
    const USER: BusUser = BusUser::Room;
    const ROWS: Sql = statements::BY_EVENT;

    fn minds(&self, kind: &str) -> bool {
        reader(kind).is_some()
    }

    fn keys(&self, event: &Recorded) -> Option<Vec<String>> {
        let key = match asks(event)? {
            Asks::Created(created) => json!({ "broadcast": created.broadcast }),
            Asks::Ended(ended) => json!({ "ending": ended.room }),
            // Without a token nobody came by it.
            Asks::Revoked(revoked) if revoked.token_expires_at.is_none() => return None,
            Asks::Revoked(revoked) => json!({"subject": revoked.participant, "room": revoked.room}),
            Asks::Joined(joined) => json!({"sid": joined.sid, "room": joined.room}),
            Asks::Started(started) => json!({ "room": started.room }),
            Asks::Registered(TokenRegistered { participant, room, origin, .. }) => {
                if origin == TokenOrigin::Minted && !reserved_for_broadcasts(&room) {
                    return None;
                }
                json!({"subject": participant, "room": room, "broadcast": broadcast_of(&room)})
            }
            Asks::Reissued(TokenReissued { participant, room, .. }) => {
                if !reserved_for_broadcasts(&room) {
                    return None;
                }
                json!({"subject": participant, "room": room, "broadcast": broadcast_of(&room)})
            }
            Asks::Issued(issued) => {
                let broadcast = broadcast_of(&issued.room);
                json!({"subject": format!("t_{}", issued.jti), "room": issued.room, "broadcast": broadcast})
            }
        };
        Some(vec![key.to_string()])
    }

    fn load(&self, rows: &str) -> Result<Reactions, StoreError> {
        decode::<Read>(rows).map(Reactions::from)
    }

    fn react(&self, state: &mut Reactions, event: &Recorded, now: i64) -> Vec<Call> {
        let Some(asks) = asks(event) else { return Vec::new() };
        let end = |token_expires_at: &str| time::parse_rfc3339(token_expires_at).unwrap_or(now);
        let call = match asks {
            Asks::Created(created) => state.broadcast_created(created.broadcast, &created.room),
            Asks::Ended(ended) => Some(state.broadcast_ended(&ended.room, now)),
            Asks::Revoked(revoked) => state.revoked(revoked.participant.as_str(), now),
            Asks::Joined(joined) => state.joined(&joined.sid, now),
            Asks::Started(started) => state.room_started(&started.room, now),
            Asks::Registered(registered) => {
                if registered.origin == TokenOrigin::External {
                    state.registered(registered.participant.as_str());
                }
                state.wanted(&registered.room, end(&registered.token_expires_at))
            }
            Asks::Reissued(reissued) => state.wanted(&reissued.room, end(&reissued.token_expires_at)),
            Asks::Issued(issued) => {
                let until = end(&issued.token_expires_at);
                state.issued(&format!("t_{}", issued.jti), until);
                state.wanted(&issued.room, until)
            }
        };
        call.into_iter().collect()
    }

    async fn call(&self, call: &Call) -> Result<(), NotNow> {
        let mut tries = 0;
        loop {
            let done = match call {
                Call::Create(room) => self.0.create(room).await.map(|()| true),
                Call::Delete(room) => self.0.delete(room).await,
                Call::Remove { room, identity } => self.0.remove(room, identity).await,
            };
            tries += 1;
            match done {
                Ok(found) => {
                    note(call, found);
                    return Ok(());
                }
                Err(RoomCallError::Away(reason)) => return Err(NotNow(reason)),
                Err(RoomCallError::Refused(_)) if tries < TRIES => tokio::time::sleep(PAUSE).await,
                Err(RoomCallError::Refused(code)) => {
                    metrics::room().livekit_refusals.increment(1);
                    tracing::error!(code, what = what(call), "LiveKit refuses, and will again; it was not done");
                    return Ok(());
                }
            }
        }
    }

    fn changes(&self, state: &Reactions) -> Vec<Change> {
        state.changes()
    }
}

fn what(call: &Call) -> &'static str {
    match call {
        Call::Create(_) => "make a room",
        Call::Delete(_) => "end a room",
        Call::Remove { .. } => "put somebody out",
    }
}

fn note(call: &Call, found: bool) {
    if found && matches!(call, Call::Remove { .. }) {
        metrics::room().evictions.increment(1);
    }
    tracing::debug!(what = what(call), found, "LiveKit was asked");
}
