//! Who could enter, who entered, and who entered without a token of ours: pure functions over what happened.

use avanzacast_schemas::TokenOrigin;
use serde::Serialize;

use super::{
    history::{Door, Gap, History, LEEWAY_MS, Stay, Token},
    told::At,
};

/// Whoever is connected holds a token of LiveKit's own, made anew every few minutes, that counts for so long (livekit-server
/// `pkg/service/roommanager.go`, `refreshToken`).
pub(super) const REFRESHED_MS: i64 = 600_000;

const SECOND_MS: i64 = 1_000;

/// A time that is asked about; of a moment, both ends are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    /// From here on.
    pub from: At,
    /// Up to here.
    pub to: At,
}

impl Period {
    /// All of it: up to the last moment that can be written in every time zone, 9999-12-30T22:00:00.999Z.
    pub const ALWAYS: Self = Self { from: At(0), to: At(253_402_207_200_999) };

    /// Whether something is in it that lasts from one moment until before another; or for ever.
    fn meets(&self, from: At, until: Option<At>) -> bool {
        from <= self.to && until.is_none_or(|until| until > self.from)
    }
}

/// What could be used to enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// A token, until its `exp` and LiveKit's leeway.
    Token,
    /// A link that had not been used, had not run out, and gave a token to whoever came.
    Link,
    /// The key of whoever had used the link: it gave another token.
    Resume,
    /// The token that LiveKit hands to whoever is connected: 10 minutes after they left, and its leeway.
    Refreshed,
}

/// A way in, and when it was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// What it takes.
    pub means: Means,
    /// The token's fingerprint, where it is one of those that are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// From when on.
    pub from: At,
    /// Until when; unset while somebody is still connected.
    pub until: Option<At>,
}

/// Somebody who could enter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Could {
    /// By what.
    #[serde(flatten)]
    pub door: Door,
    /// How, in the time that is asked about.
    pub ways: Vec<Way>,
}

/// Somebody who entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entered {
    /// Their stay.
    #[serde(flatten)]
    pub stay: Stay,
    /// What let them in; none, when it came to be in what is archived, or nobody knows any more whose it was.
    pub door: Option<Door>,
    /// The tokens with which they may have come: those of theirs that counted when they did. LiveKit does not say which.
    pub by: Vec<Token>,
    /// None of those counted any more: they came by a token that LiveKit had made anew for them.
    pub refreshed: bool,
}

/// What the answer cannot say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Events in the ledger.
    pub size: u64,
    /// What is up to here was found by the index; what follows was looked at one by one.
    pub indexed: u64,
    /// What is up to here is in the files of `audit archive`, and was not looked at.
    pub archived: u64,
    /// Nobody knows who came and went in these times, except where it could be seen afterwards.
    pub gaps: Vec<Gap>,
    /// When LiveKit was last asked who is where, and all was as it is known here: who has come or gone since may not be known.
    /// Unset, when it never was.
    pub known_until: Option<At>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    /// The room that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The session that was asked about, by its participant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// The time that was asked about; unset: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Who could enter.
    pub could_enter: Vec<Could>,
    /// Who entered, by a token that is known here.
    pub entered: Vec<Entered>,
    /// Who entered without one.
    pub strangers: Vec<Stay>,
    /// What this cannot say.
    pub not_covered: Limits,
}

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
        let shut = door.shut();
        let before = move |until: At| shut.map_or(until, |shut| shut.min(until));
        let way = move |means, from, until: Option<At>| Way {
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

/// Whether a stay is that of whoever a door let in: by the participant; by the identity, where there is no session.
fn belongs(stay: &Stay, door: &Door) -> bool {
    match (&stay.participant, &door.participant) {
        (Some(stay), Some(door)) => stay == door,
        (None, None) if stay.room == door.room => {
            let proved = |known: &Option<super::Known>| known.as_ref()?.proved().map(str::to_owned);
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
