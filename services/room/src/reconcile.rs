//! Asks LiveKit, every half minute, who is where: webhooks can be lost (LiveKit keeps them in memory, and gives up).
//!
//! A webhook may be on its way, so a difference counts only when it is seen twice.

use std::{collections::BTreeSet, time::Duration};

use avanzacast_livekit::{RoomCallError, RoomService as LiveKitRooms, SeenParticipant, SeenRoom};
use avanzacast_schemas::{Identity, RoomName};
use avanzacast_worker::{
    Guard, Own,
    store::{Store, StoreError, decode},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    facts::{RoomFact, StayFact, moment},
    look::Look,
    rows::{Room, Stay},
    service::LOOKED,
    statements,
};

/// How often.
const INTERVAL: Duration = Duration::from_secs(30);
/// How often while LiveKit does not answer.
const RETRY: Duration = Duration::from_secs(5);
/// How long a webhook may be on its way.
const TWICE: Duration = Duration::from_secs(3);
/// Questions to LiveKit at once.
const ASKING: usize = 8;
/// Differences taken in by one look, each of which is rows and an event; the next look takes the rest.
const MOST: usize = 1_000;

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error(transparent)]
    LiveKit(#[from] RoomCallError),
    #[error("the state has no JSON")]
    Json(#[from] serde_json::Error),
}

/// All that is open here.
#[derive(Default, Deserialize)]
struct Open {
    rooms: Option<Vec<Room>>,
    stays: Option<Vec<Stay>>,
}

/// Compares what we know with what LiveKit knows, in whichever process leads.
pub struct Reconciler {
    rooms: LiveKitRooms,
    store: Store,
    guard: Guard,
    own: Own,
    leading: watch::Receiver<bool>,
}

impl Reconciler {
    /// Will ask this LiveKit while this process leads.
    #[must_use]
    pub fn new(rooms: LiveKitRooms, store: Store, guard: Guard, own: Own, leading: watch::Receiver<bool>) -> Self {
        Self { rooms, store, guard, own, leading }
    }

    /// Looks until the process stops.
    pub async fn run(mut self, stopping: CancellationToken) {
        let mut away = false;
        while !stopping.is_cancelled() {
            let looked = tokio::select! {
                looked = self.turn() => looked,
                () = stopping.cancelled() => return,
            };
            let pause = match looked {
                Ok(()) => {
                    if std::mem::take(&mut away) {
                        tracing::info!("LiveKit answers again who is where");
                    }
                    INTERVAL
                }
                Err(error) => {
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!(%error, "nobody knows who is where; it will be asked again");
                    }
                    RETRY
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopping.cancelled() => return,
            }
        }
    }

    async fn turn(&mut self) -> Result<(), Failed> {
        // The follower holds the other end for as long as the process takes work.
        if self.leading.wait_for(|leading| *leading).await.is_err() || self.guard.sound().await.is_err() {
            return Ok(());
        }
        let mut look = self.look().await?;
        if !is_empty(&look) {
            tokio::time::sleep(TWICE).await;
            look = both(&look, self.look().await?);
        }
        self.own.apply(LOOKED, serde_json::to_vec(&look)?).await;
        Ok(())
    }

    /// LiveKit first, so that what is new here by then is not taken for gone there for longer than one look.
    async fn look(&self) -> Result<Look, Failed> {
        let (_, at) = self.store.connect().await?.select(statements::OPEN, &[]).await?;
        let seen = self.rooms.rooms().await?;
        let (rows, _) = self.store.connect().await?.select(statements::OPEN, &[]).await?;
        let open: Open = decode(&rows)?;
        let (rooms, stays) = (open.rooms.unwrap_or_default(), open.stays.unwrap_or_default());
        let names: BTreeSet<String> = seen.iter().map(|room| room.name.clone()).collect();
        let ask = |name: String| async { Ok::<_, Failed>((self.rooms.participants(&name).await?, name)) };
        let present: Vec<(Vec<SeenParticipant>, String)> =
            stream::iter(names).map(ask).buffer_unordered(ASKING).try_collect().await?;
        Ok(compare(at, (&rooms, &stays), &seen, &present))
    }
}

/// The differences between what is open here and what LiveKit says.
fn compare(
    at: i64,
    (rooms, stays): (&[Room], &[Stay]),
    seen: &[SeenRoom],
    present: &[(Vec<SeenParticipant>, String)],
) -> Look {
    let mut look = Look { at, ..Look::default() };
    for room in seen.iter().filter(|seen| !rooms.iter().any(|room| room.sid == seen.sid)) {
        look.started.extend(room_fact(room));
    }
    for room in rooms.iter().filter(|room| !seen.iter().any(|seen| seen.sid == room.sid)) {
        look.finished.push(RoomFact { sid: room.sid.clone(), name: room.name.clone(), at });
    }
    let here: BTreeSet<&str> = stays.iter().map(|stay| stay.sid.as_str()).collect();
    let mut there = BTreeSet::new();
    for (participants, name) in present {
        let Some(room) = seen.iter().find(|room| room.name == *name) else { continue };
        for participant in participants.iter().filter(|participant| participant.is_active()) {
            there.insert(participant.sid.as_str());
            if !here.contains(participant.sid.as_str()) {
                look.joined.extend(stay_fact(room, participant));
            }
        }
    }
    for stay in stays.iter().filter(|stay| !there.contains(stay.sid.as_str())) {
        look.left.push(StayFact {
            sid: stay.sid.clone(),
            room_sid: stay.room_sid.clone(),
            room: stay.room.clone(),
            identity: stay.identity.clone(),
            at,
            reason: None,
        });
    }
    look
}

/// Rooms and people with names and times that we would not take are not ours.
fn room_fact(room: &SeenRoom) -> Option<RoomFact> {
    let name = RoomName::try_from(room.name.clone()).ok()?;
    Some(RoomFact { sid: room.sid.clone(), name, at: moment(room.created_at()).ok()? })
}

fn stay_fact(room: &SeenRoom, participant: &SeenParticipant) -> Option<StayFact> {
    Some(StayFact {
        sid: participant.sid.clone(),
        room_sid: room.sid.clone(),
        room: RoomName::try_from(room.name.clone()).ok()?,
        identity: Identity::try_from(participant.identity.clone()).ok()?,
        at: moment(participant.joined_at()).ok()?,
        reason: None,
    })
}

fn is_empty(look: &Look) -> bool {
    look.started.is_empty() && look.finished.is_empty() && look.joined.is_empty() && look.left.is_empty()
}

/// What both looks saw, as the later one saw it, and not too much of it at once.
fn both(first: &Look, second: Look) -> Look {
    let rooms = |first: &[RoomFact], second: Vec<RoomFact>| -> Vec<RoomFact> {
        second.into_iter().filter(|room| first.iter().any(|seen| seen.sid == room.sid)).take(MOST).collect()
    };
    let stays = |first: &[StayFact], second: Vec<StayFact>| -> Vec<StayFact> {
        let known: BTreeSet<&str> = first.iter().map(|stay| stay.sid.as_str()).collect();
        second.into_iter().filter(|stay| known.contains(stay.sid.as_str())).take(MOST).collect()
    };
    let look = Look {
        at: first.at,
        started: rooms(&first.started, second.started),
        finished: rooms(&first.finished, second.finished),
        joined: stays(&first.joined, second.joined),
        left: stays(&first.left, second.left),
        more: false,
    };
    let more = [look.started.len(), look.finished.len(), look.joined.len(), look.left.len()].contains(&MOST);
    Look { more, ..look }
}
