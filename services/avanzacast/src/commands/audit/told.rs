//! Answers, for people: who could enter and who did, and what is known of somebody.

use std::fmt::Display;

use avanzacast_audit::answers::{Found, Person, User};
use avanzacast_schemas::{
    Actor, PresenceSource, TokenOrigin,
    who::{
        Could, Door, Entered, Gap, Happened, Known, Limits, Means, Minted, Period, Seen, Standing, Stay, Token, Way,
        Who,
    },
};

use super::operator::plain;

/// Digits of a fingerprint that tell it from others.
const SHORT: usize = 16;

/// All of it.
pub(super) fn who(answer: &Who) -> String {
    let mut text = String::new();
    let whom = answer.room.as_ref().map(|room| format!("room {}", plain(room)));
    let whom = whom.or_else(|| answer.participant.as_ref().map(|participant| format!("session {participant}")));
    let when = answer.period.map_or_else(|| ", ever".to_owned(), when);
    text.push_str(&format!("{}{when}\n", whom.unwrap_or_default()));
    let part = |title: &str, lines: Vec<String>| format!("\n{title} ({})\n{}", lines.len(), lines.concat());
    text.push_str(&part("could enter", answer.could_enter.iter().map(could).collect()));
    text.push_str(&part("entered", answer.entered.iter().map(entered).collect()));
    text.push_str(&part("entered without a token of ours", answer.strangers.iter().map(stay).collect()));
    text.push_str("\nwhat this cannot say\n");
    text.push_str(&limits(&answer.not_covered, answer.period));
    text
}

fn when(Period { from, to }: Period) -> String {
    let Period { from: first, to: last } = Period::ALWAYS;
    match (from == first, to == last) {
        _ if from == to => format!(", at {from}"),
        (true, true) => ", ever".to_owned(),
        (true, false) => format!(", up to {to}"),
        (false, true) => format!(", from {from} on"),
        (false, false) => format!(", from {from} to {to}"),
    }
}

fn actor(actor: &Actor) -> String {
    let kind = serde_json::to_value(actor.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    let kind = kind.unwrap_or_default();
    actor.name.as_ref().map_or(kind.clone(), |name| format!("{kind} {}", plain(name)))
}

/// A value that the ledger has the hash of.
fn known(known: &Known) -> String {
    match (&known.value, known.standing) {
        (Some(value), Standing::Proved) => format!("{} (proved)", plain(value)),
        (Some(value), Standing::Mismatch | Standing::Erased) => {
            format!("{} (NOT what the ledger says: {})", plain(value), short(&known.hash))
        }
        (None, _) => format!("(erased, {})", short(&known.hash)),
    }
}

fn short(hash: &str) -> &str {
    hash.get(..SHORT).unwrap_or(hash)
}

fn whose(participant: Option<&impl Display>, names: [Option<&Known>; 2]) -> String {
    let participant = participant.map_or_else(|| "no session".to_owned(), ToString::to_string);
    let names: Vec<String> = names.into_iter().flatten().map(known).collect();
    format!("{participant}  {}", names.join("  "))
}

fn door(door: &Door) -> String {
    let Door { participant, name, identity, role, single_use, made, .. } = door;
    let role = role.map_or(String::new(), |role| format!("  {}", role.as_str()));
    let kind = match (participant.is_some(), single_use) {
        (false, _) => "token without a session",
        (true, true) => "single-use link",
        (true, false) => "session",
    };
    let mut text = format!("  {}{role}\n", whose(participant.as_ref(), [name.as_ref(), identity.as_ref()]));
    text.push_str(&format!("    {kind} made {} by {} (event {})\n", made.at, actor(&made.actor), made.seq));
    if let Some(user) = door.created_by {
        text.push_str(&format!("    registered by user {user}\n"));
    }
    door.tokens.iter().for_each(|one| text.push_str(&token(one)));
    text.push_str(&fate(door));
    text
}

/// What became of it.
fn fate(door: &Door) -> String {
    let mut text = String::new();
    let mut say = |what: &str, happened: &Option<Happened>| {
        if let Some(Happened { seq, at, actor: whom }) = happened {
            text.push_str(&format!("    {what} {at} by {} (event {seq})\n", actor(whom)));
        }
    };
    say("used", &door.consumed);
    say("revoked", &door.revoked);
    say("expired", &door.expired);
    say("ended with its broadcast", &door.ended);
    if let Some(seq) = door.erased {
        text.push_str(&format!("    erased (event {seq})\n"));
    }
    text
}

fn token(token: &Token) -> String {
    let jti = token.jti.as_deref().map_or_else(|| "without jti".to_owned(), plain);
    let origin = match token.origin {
        TokenOrigin::Minted => "minted here",
        TokenOrigin::External => "minted elsewhere",
    };
    let how = match token.how {
        Minted::Registered => "registered",
        Minted::Reissued => "resumed: made anew",
        Minted::Issued => "issued",
    };
    let Happened { seq, at, actor: whom } = &token.made;
    format!(
        "    token {jti}, fingerprint {}, {origin} with key {}, {how} {at} by {} (event {seq}), expires {}, counts until {}\n",
        short(&token.fingerprint),
        plain(&token.issuer),
        actor(whom),
        token.expires_at,
        token.until
    )
}

fn could(Could { door: by, ways }: &Could) -> String {
    let ways: String = ways.iter().map(way).collect();
    format!("{}{ways}", door(by))
}

fn way(Way { means, fingerprint, from, until }: &Way) -> String {
    let means = match means {
        Means::Token => "a token",
        Means::Link => "the link",
        Means::Resume => "the key of whoever used the link",
        Means::Refreshed => "the token that LiveKit hands to whoever is connected",
    };
    let which = fingerprint.as_ref().map_or_else(String::new, |hash| format!(" {}", short(hash)));
    let until = until.map_or_else(|| "while connected".to_owned(), |until| format!("until {until}"));
    format!("    → could enter by {means}{which} from {from} {until}\n")
}

fn seen(what: &str, seen: Option<&Seen>) -> String {
    let Some(Seen { seq, at, source, reason }) = seen else { return format!("{what}: nobody saw it") };
    let reason = reason.as_ref().map_or_else(String::new, |reason| format!(", {}", plain(reason)));
    let source = match source {
        PresenceSource::Webhook => "",
        PresenceSource::Reconciliation => ", found by asking",
    };
    format!("{what} {at}{reason}{source} (event {seq})")
}

fn stay(stay: &Stay) -> String {
    format!("  {}\n{}", whose(stay.participant.as_ref(), [stay.identity.as_ref(), None]), times(stay))
}

fn times(stay: &Stay) -> String {
    let left = match &stay.left {
        None => "not seen to leave".to_owned(),
        left => seen("left", left.as_ref()),
    };
    format!("    {}; {left}; stay {}\n", seen("joined", stay.joined.as_ref()), plain(&stay.sid))
}

fn entered(Entered { stay, door, by, refreshed }: &Entered) -> String {
    let names = [door.as_ref().and_then(|door| door.name.as_ref()), stay.identity.as_ref()];
    let mut text = format!("  {}\n{}", whose(stay.participant.as_ref(), names), times(stay));
    match (door, refreshed) {
        (_, true) => text.push_str("    by a token that LiveKit had made anew: none of theirs counted any more\n"),
        (None, false) => text.push_str("    by a token that is known, and not kept any more or archived\n"),
        (Some(_), false) => {}
    }
    by.iter().for_each(|one| text.push_str(&token(one)));
    if let Some(door) = door {
        text.push_str(&fate(door));
    }
    text
}

fn limits(limits: &Limits, period: Option<Period>) -> String {
    let Limits { size, indexed, archived, gaps, known_until } = limits;
    let mut lines = vec![match size.saturating_sub(*indexed) {
        0 => format!("the index reaches {indexed}, the ledger's end"),
        rest => format!("the index reaches {indexed} of {size}; the {rest} events after it were looked at one by one"),
    }];
    if *archived > 0 {
        lines.push(format!(
            "events up to {archived} are archived and were not looked at: name their files by --archive"
        ));
    }
    let gap = |gap: &Gap| {
        let (from, to, seq) = (gap.from, gap.to, gap.seq);
        format!(
            "who came and went from {from} to {to}: nobody was told, and what had begun and ended is unknown (event {seq})"
        )
    };
    lines.extend(gaps.iter().map(gap));
    lines.push(match known_until {
        None => "who came and went: LiveKit was never asked".to_owned(),
        Some(known) if period.is_none_or(|period| period.to > *known) => {
            format!("LiveKit was last asked at {known}: who has come or gone since may not be known yet")
        }
        Some(_) => "a room's name stands in the ledger in clear, and a later life of the room has the same".to_owned(),
    });
    lines.push("a token from outside may have been held before it was registered".to_owned());
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

/// What is known of somebody.
pub(super) fn found(found: &Found) -> String {
    let Found { asked: _, users, sessions, stays, archived, archived_through, more, indexed } = found;
    let part = |title: &str, lines: Vec<String>| format!("{title} ({})\n{}", lines.len(), lines.concat());
    let mut text = part("users", users.iter().map(user).collect());
    text.push_str(&part("\nsessions and tokens", sessions.iter().map(person).collect()));
    text.push_str(&part("\nother stays", stays.iter().map(stay_where).collect()));
    if !archived.is_empty() {
        let archived: String = archived.iter().map(|participant| format!("  {participant}\n")).collect();
        text.push_str(&format!("\nonly in the files of `audit archive`\n{archived}"));
    }
    if *more {
        text.push_str("\nthere are more; the newest are here\n");
    }
    text.push_str(&format!("\nthe index reaches {indexed}; what is after it was looked at one by one\n"));
    if *archived_through > 0 {
        text.push_str(&format!("events up to {archived_through} are archived and were not looked at\n"));
    }
    text
}

fn user(user: &User) -> String {
    let User { id, created_at, email, username, display_name } = user;
    let names: Vec<String> = [email, username, display_name].into_iter().flatten().map(|name| plain(name)).collect();
    format!("  user {id}  {}  since {created_at}\n", names.join("  "))
}

fn person(Person { door: by, state, stays }: &Person) -> String {
    let stays: String = stays.iter().map(times).collect();
    format!("{}    room {}, now {state}\n{stays}", door(by), plain(&by.room))
}

fn stay_where(one: &Stay) -> String {
    format!("{}    room {}\n", stay(one), plain(&one.room))
}
