//! How doors come to be: links, and tokens with a session or without.

use avanzacast_schemas::{
    Grants, Moment, SessionCreatedEvent, TokenIssued, TokenOrigin, TokenRegistered, TokenReissued,
    who::{Door, Happened, Known, Minted, Token},
};

use super::{
    history::{History, LEEWAY_MS},
    told::{Told, moment},
};

/// As it is when it has just come to be.
fn new(room: &str, made: Happened, expires_at: Moment) -> Door {
    Door {
        participant: None,
        room: room.to_owned(),
        name: None,
        identity: None,
        role: None,
        broadcast: None,
        created_by: None,
        single_use: false,
        made,
        expires_at,
        tokens: Vec::new(),
        consumed: None,
        resume_until: None,
        revoked: None,
        expired: None,
        ended: None,
        erased: None,
    }
}

impl History {
    pub(super) fn link(&mut self, told: &Told, link: &SessionCreatedEvent) {
        let door = Door {
            participant: Some(link.participant.clone()),
            name: Some(Known::hashed(&link.name_hash)),
            role: Some(link.role),
            broadcast: link.broadcast_id,
            single_use: true,
            ..new(link.room.as_str(), told.by(&link.actor), moment(&link.expires_at))
        };
        self.doors.insert(link.participant.to_string(), door);
    }

    /// With its session; or at the consume of a link, which is there already.
    pub(super) fn registered(&mut self, told: &Told, event: &TokenRegistered) {
        let made = told.by(&event.actor);
        let door = self.doors.entry(event.participant.to_string()).or_insert_with(|| Door {
            participant: Some(event.participant.clone()),
            name: Some(Known::hashed(&event.name_hash)),
            identity: event.identity_hash.as_deref().map(Known::hashed),
            role: event.role,
            broadcast: event.broadcast_id,
            created_by: event.created_by,
            single_use: event.single_use.unwrap_or_default(),
            ..new(event.room.as_str(), made.clone(), moment(&event.expires_at))
        });
        let expires_at = moment(&event.token_expires_at);
        door.tokens.push(Token {
            jti: event.jti.clone(),
            fingerprint: event.fingerprint.clone(),
            issuer: event.issuer.clone(),
            origin: event.origin,
            how: Minted::Registered,
            grants: event.grants.clone(),
            made,
            expires_at,
            until: expires_at.plus(LEEWAY_MS),
        });
    }

    /// The key that signed is not said again: it is ours, and the grants are those of the role, as before.
    pub(super) fn reissued(&mut self, told: &Told, event: &TokenReissued) {
        let made = told.by(&event.actor);
        self.door(&event.participant, |door| {
            let first = door.tokens.first();
            let none = Grants { room_join: true, can_publish: false, can_subscribe: false, can_publish_data: false };
            let expires_at = moment(&event.token_expires_at);
            let token = Token {
                jti: Some(event.jti.clone()),
                fingerprint: event.fingerprint.clone(),
                issuer: first.map(|token| token.issuer.clone()).unwrap_or_default(),
                origin: TokenOrigin::Minted,
                how: Minted::Reissued,
                grants: first.map_or(none, |token| token.grants.clone()),
                made,
                expires_at,
                until: expires_at.plus(LEEWAY_MS),
            };
            door.tokens.push(token);
        });
    }

    pub(super) fn issued(&mut self, told: &Told, event: &TokenIssued) {
        let (made, expires_at) = (told.by(&event.actor), moment(&event.token_expires_at));
        let token = Token {
            jti: Some(event.jti.clone()),
            fingerprint: event.fingerprint.clone(),
            issuer: event.issuer.clone(),
            origin: TokenOrigin::Minted,
            how: Minted::Issued,
            grants: event.grants.clone(),
            made: made.clone(),
            expires_at,
            until: expires_at.plus(LEEWAY_MS),
        };
        let door = Door {
            identity: Some(Known::hashed(&event.identity_hash)),
            tokens: vec![token],
            ..new(event.room.as_str(), made, expires_at)
        };
        self.doors.insert(issued_subject(&event.jti), door);
    }
}

/// Under what the identity of a token without a session is kept.
pub(super) fn issued_subject(jti: &str) -> String {
    format!("t_{jti}")
}
