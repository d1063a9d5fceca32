//! What decisions go by besides state and command: configuration, and the key to sign with.

use avanzacast_kit::config::{Links, LiveKitConfig, SessionLimits};
use avanzacast_livekit::{Bearer, Minter, Stamp, Verifier};
use avanzacast_schemas::{Code, Refusal, TokenOrigin};

use crate::state::Session;

/// The rules of one worker.
pub struct Rules {
    pub(crate) minter: Minter,
    pub(crate) verifier: Verifier,
    pub(crate) limits: SessionLimits,
    pub(crate) links: Links,
    /// What a browser connects to.
    pub(crate) livekit_url: String,
}

impl Rules {
    /// By this configuration.
    #[must_use]
    pub fn new(livekit: &LiveKitConfig, limits: SessionLimits, links: Links) -> Self {
        Self {
            minter: Minter::new(&livekit.key, &livekit.secret),
            verifier: Verifier::new(livekit),
            limits,
            links,
            livekit_url: livekit.ws_url.clone(),
        }
    }

    /// A session's token: signed by us from the stamp, or the one that came from outside.
    pub(crate) fn token(&self, session: &Session, stamp: Option<&Stamp>) -> Result<String, Refusal> {
        match (session.origin, stamp, &session.token) {
            (TokenOrigin::External, _, Some(token)) => Ok(token.clone()),
            (TokenOrigin::Minted, Some(stamp), _) => {
                let participant = session.id.participant();
                let name = session.name.as_ref().map_or("", |name| name.value.as_str());
                let bearer =
                    Bearer { identity: participant.as_str(), name, room: session.room.as_str(), role: session.role };
                self.minter.mint(bearer, stamp)
            }
            // Only erasing the person takes it away, and the session with it.
            (TokenOrigin::External, _, None) => Err(Code::SessionRevoked.into()),
            (TokenOrigin::Minted, None, _) => Err(Code::Internal.into()),
        }
    }
}
