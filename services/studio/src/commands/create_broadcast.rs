//! `cmd.broadcast.create`: a broadcast, which nobody has started.

use avanzacast_schemas::{Actor, BroadcastCreated, BroadcastStatus, Code, CreateBroadcast, Event, Refusal, RoomName};
use avanzacast_worker::{
    Decision, Moment,
    person::{self, Person, Personal},
};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::{
    person::of_broadcast,
    state::{Broadcast, Studio},
};

/// What the inbox keeps: with the command, enough for the same answer. Nothing that somebody wrote.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    id: Uuid,
    created_at: i64,
}

/// The keys of what the decision reads.
pub(crate) fn keys(command: &CreateBroadcast) -> Vec<String> {
    let owner = command.owner_id.map(|id| format!("u:{id}"));
    owner.into_iter().chain(["last".to_owned()]).collect()
}

pub(crate) fn decide(
    studio: &mut Studio,
    command: &CreateBroadcast,
    actor: &Actor,
    moment: &mut Moment<'_>,
) -> Result<Decision, Refusal> {
    if let Some(owner) = command.owner_id
        && !studio.has_user(owner)
    {
        return Err(Refusal::new(Code::OwnerUnknown, format!("there is no user {owner}")));
    }
    let id = next_id(studio.newest_broadcast(), moment);
    let record = Record { id, created_at: moment.now };
    let title = person::salted(command.title.as_str(), moment);
    let description = written(command).map(|text| person::salted(text, moment));
    let event = Event::BroadcastCreated(BroadcastCreated {
        actor: actor.clone(),
        broadcast: id,
        room: RoomName::of_broadcast(id),
        title_hash: title.hash(),
        description_hash: description.as_ref().map(|text| text.hash()),
        owner_id: command.owner_id,
    });
    let kept = |(field, personal): (&'static str, Personal)| Person {
        subject: of_broadcast(id),
        field,
        personal,
        recorded_at: record.created_at,
        registered_by: None,
    };
    let people = [("title", title)].into_iter().chain(description.map(|text| ("description", text))).map(kept);
    studio.add_broadcast(made(command, &record), people);
    Ok(Decision::done(vec![event], &record))
}

/// The description, unless nothing was said.
fn written(command: &CreateBroadcast) -> Option<&str> {
    command.description.as_ref().map(|text| text.as_str()).filter(|text| !text.is_empty())
}

/// A UUID v7 greater than the last one, so that the order of ids is that of creation even within a millisecond and
/// when the clock steps back: the 12 bits after the time count (RFC 9562, 6.2, method 1), and carry into the time.
fn next_id(newest: Option<Uuid>, moment: &mut Moment<'_>) -> Uuid {
    let now = u64::try_from(moment.now).unwrap_or_default() << 12;
    let tick = newest.map_or(now, |newest| now.max(tick_of(newest) + 1));
    let (millis, count) = (tick >> 12, tick & 0xfff);
    let mut tail: [u8; 10] = moment.random.random();
    let [high, low] = [(count >> 8) as u8, (count & 0xff) as u8];
    tail[..2].copy_from_slice(&[high, low]);
    Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

/// Milliseconds and count of a UUID v7, as one number.
fn tick_of(id: Uuid) -> u64 {
    let high = id.as_u64_pair().0;
    ((high >> 16) << 12) | (high & 0xfff)
}

fn made(command: &CreateBroadcast, record: &Record) -> Broadcast {
    Broadcast {
        id: record.id,
        title: command.title.to_string(),
        description: written(command).unwrap_or_default().to_owned(),
        owner_id: command.owner_id,
        status: BroadcastStatus::Created,
        created_at: record.created_at,
        started_at: None,
        ended_at: None,
    }
}

pub(crate) fn answer(command: &CreateBroadcast, record: &Record) -> avanzacast_schemas::Broadcast {
    made(command, record).view()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn ids_grow_within_a_millisecond_past_its_count_and_against_the_clock() {
        let mut random = StdRng::seed_from_u64(7);
        let mut last = None;
        let moments = std::iter::repeat_n(1_770_000_000_000, 5_000).chain([1_769_000_000_000, 0, 1_770_000_000_002]);
        for now in moments.chain([1_780_000_000_000]) {
            let id = next_id(last, &mut Moment { now, random: &mut random });
            assert!(last < Some(id) && last.map(|id: Uuid| id.to_string()) < Some(id.to_string()));
            assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            last = Some(id);
        }
        let (seconds, nanos) = last.unwrap().get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_780_000_000, 0), "it says when");
    }
}
