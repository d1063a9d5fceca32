//! Who could enter, who entered, and who entered without a token of ours: pure functions over what happened.

use avanzacast_schemas::{
    Moment, TokenOrigin,
    who::{Could, Door, Entered, Known, Means, Period, Stay, Token, Way},
};

use super::history::{History, LEEWAY_MS};

/// Whoever is connected holds a token of LiveKit's own, made anew every few minutes, that counts for so long (livekit-server
/// `pkg/service/roommanager.go`, `refreshToken`).
pub(super) const REFRESHED_MS: i64 = 600_000;

const SECOND_MS: i64 = 1_000;

impl History {
    /// Who could enter in this time, in the order of their coming to be.
    pub(super) fn could_enter(&self, period: Period) -> Vec<Could> {
        let could = self.doors.values().filter_map(|door| {
            let ways: Vec<Way> = self.ways(door).filter(|way| period.meets(way.from, way.until)).collect();
            (!ways.is_empty()).then(|| Could { door: door.clone(), ways })
        });
        let mut could: Vec<Could> = could.collect();
        could.sort_by_key(|could| could.door.made.seq);
        could
    }

    /// Every way in that there ever was.
    fn ways(&self, door: &Door) -> impl Iterator<Item = Way> {
        let shut = shut(door);
        let before = move |until: Moment| shut.map_or(until, |shut| shut.min(until));
        let way = move |means, from, until: Option<Moment>| Way {
            means,
            fingerprint: None,
            from,
            until: until.map(before).or(shut),
        };
        let tokens = door.tokens.iter().filter(|token| token.grants.room_join).map(move |token| {
            let fingerprint = Some(token.fingerprint.clone());
            Way { fingerprint, ..way(Means::Token, token.made.at, Some(token.until)) }
        });
        let used = door.consumed.as_ref().map(|consumed| consumed.at);
        let link = door.participant.as_ref().map(|_| {
            let end = used.map_or(door.expires_at, |used| used.min(door.expires_at));
            way(Means::Link, door.made.at, Some(end))
        });
        let last = door.tokens.iter().map(|token| token.expires_at).max();
        let resume = used.zip(door.resume_until).map(|(used, until)| {
            // A token from outside cannot be signed anew, and is given again while it lasts.
            let external = door.tokens.iter().any(|token| token.origin == TokenOrigin::External);
            way(Means::Resume, used, Some(last.filter(|_| external).map_or(until, |last| until.min(last))))
        });
        let refreshed = self.stays_of(door).filter_map(move |stay| {
            let (from, until) = (stay.joined.as_ref()?.at, stay.left.as_ref().map(|left| left.at));
            Some(way(Means::Refreshed, from, until.map(|left| left.plus(REFRESHED_MS + LEEWAY_MS))))
        });
        let ways: Vec<Way> = link.into_iter().chain(tokens).chain(resume).chain(refreshed).collect();
        ways.into_iter().filter(|way| way.until.is_none_or(|until| until > way.from))
    }

    /// The stays of whoever it let in.
    pub(super) fn stays_of<'a>(&'a self, door: &'a Door) -> impl Iterator<Item = &'a Stay> {
        self.stays.values().filter(|stay| belongs(stay, door))
    }

    /// Who entered in this time, in the order of their coming.
    pub(super) fn entered(&self, period: Period) -> (Vec<Entered>, Vec<Stay>) {
        let mut stays: Vec<&Stay> = self.stays.values().filter(|stay| was_there(stay, period)).collect();
        stays.sort_by_key(|stay| stay.joined.as_ref().or(stay.left.as_ref()).map(|seen| (seen.at, seen.seq)));
        let (strangers, known): (Vec<&Stay>, Vec<&Stay>) = stays.into_iter().partition(|stay| stay.unknown.is_some());
        let entered = known.into_iter().map(|stay| self.came_by(stay)).collect();
        (entered, strangers.into_iter().cloned().collect())
    }

    fn came_by(&self, stay: &Stay) -> Entered {
        let doors = self.doors.values().filter(|door| belongs(stay, door));
        let came = stay.joined.as_ref().or(stay.left.as_ref()).map(|seen| seen.at);
        let (mut by, mut had, mut last) = (Vec::new(), false, None);
        for door in doors {
            // LiveKit's clock is another than ours, and counts in seconds. One from outside may be registered late.
            let made = |token: &&Token| {
                token.origin == TokenOrigin::External || came.is_none_or(|came| token.made.at <= came.plus(LEEWAY_MS))
            };
            let some: Vec<&Token> = door.tokens.iter().filter(made).collect();
            had |= !some.is_empty();
            if !some.is_empty() || last.is_none() {
                last = Some(door.clone());
            }
            by.extend(some.into_iter().filter(|token| came.is_none_or(|came| token.until > came)).cloned());
        }
        Entered { stay: stay.clone(), door: last, refreshed: had && by.is_empty(), by }
    }
}

/// When it was shut, whatever was still to run.
fn shut(door: &Door) -> Option<Moment> {
    [&door.revoked, &door.ended].into_iter().flatten().map(|happened| happened.at).min()
}

/// Whether a stay is that of whoever a door let in: by the participant; by the identity, where there is no session.
fn belongs(stay: &Stay, door: &Door) -> bool {
    match (&stay.participant, &door.participant) {
        (Some(stay), Some(door)) => stay == door,
        (None, None) if stay.room == door.room => {
            let proved = |known: &Option<Known>| known.as_ref()?.proved().map(str::to_owned);
            proved(&stay.identity).is_some_and(|identity| proved(&door.identity) == Some(identity))
        }
        (Some(_), None) | (None, Some(_) | None) => false,
    }
}

/// One that nobody saw begin, or end, lasts from when it may have begun to when it may have ended. LiveKit's clock counts in
/// seconds, so whoever left at one may have been there until the next.
fn was_there(stay: &Stay, period: Period) -> bool {
    let until = stay.left.as_ref().map(|left| left.at.plus(if left.at.0 % SECOND_MS == 0 { SECOND_MS } else { 0 }));
    stay.joined
        .as_ref()
        .map_or_else(|| until.is_none_or(|until| until > period.from), |joined| period.meets(joined.at, until))
}
