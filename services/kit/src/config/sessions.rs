//! How long things live.

use std::time::Duration;

use super::Variables;

/// Life times, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// `SESSION_TTL_SECONDS`: a session's, when the request names none.
    pub session_ttl: u32,
    /// `SESSION_MAX_TTL_SECONDS`: the longest a session may ask for.
    pub session_max_ttl: u32,
    /// A single-use link's, when the request names none: a day.
    pub link_ttl: u32,
    /// `LINK_MAX_TTL_SECONDS`: the longest a single-use link may wait.
    pub link_max_ttl: u32,
    /// `TOKEN_TTL_SECONDS`: a token minted at a consume.
    pub token_ttl: u32,
    /// `SESSION_RESUME_SECONDS`: how long after the consume the same consumer may come back.
    pub resume: u32,
    /// `PERSON_RETENTION_DAYS`: how many days it is kept what participants were called; 0 is for ever.
    pub person_retention_days: u32,
}

/// Ten years: nothing here is meant to outlive that.
const LONGEST: u32 = 315_360_000;

impl SessionLimits {
    /// Reads them, and refuses a default beyond its own limit.
    pub fn read(variables: &mut Variables) -> Self {
        let session_max_ttl = variables.number("SESSION_MAX_TTL_SECONDS", 86_400, 1..=LONGEST);
        let session_ttl = variables.number("SESSION_TTL_SECONDS", 300, 1..=LONGEST);
        let link_max_ttl = variables.number("LINK_MAX_TTL_SECONDS", 2_592_000, 1..=LONGEST);
        if session_ttl > session_max_ttl {
            variables.problem("SESSION_TTL_SECONDS must not be greater than SESSION_MAX_TTL_SECONDS");
        }
        Self {
            session_ttl,
            session_max_ttl,
            link_ttl: link_max_ttl.min(86_400),
            link_max_ttl,
            token_ttl: variables.number("TOKEN_TTL_SECONDS", 300, 1..=LONGEST),
            person_retention_days: variables.number("PERSON_RETENTION_DAYS", 365, 0..=36_500),
            resume: variables.number("SESSION_RESUME_SECONDS", 43_200, 0..=LONGEST),
        }
    }
}

impl SessionLimits {
    /// How long it is kept what participants were called; `None` is for ever.
    #[must_use]
    pub fn person_retention(&self) -> Option<Duration> {
        let days = u64::from(self.person_retention_days);
        (days > 0).then(|| Duration::from_secs(days * 24 * 60 * 60))
    }
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self::read(&mut Variables::from_map(std::collections::BTreeMap::new()))
    }
}
