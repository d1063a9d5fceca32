//! How often one client may be wrong.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

use crate::rate::{Client, client};

/// Counts, and says how much is left.
type Telling = RateLimiter<Client, DefaultKeyedStateStore<Client>, DefaultClock, StateInformationMiddleware>;

/// Counts one kind of wrong guess, per client.
#[derive(Debug)]
pub(crate) struct Guesses {
    wrong: Telling,
    /// Who has none left, and until when they are turned away.
    turned_away: Mutex<HashMap<Client, Instant>>,
    clock: DefaultClock,
}

impl Guesses {
    /// So many a minute.
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        Self {
            wrong: RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware(),
            turned_away: Mutex::default(),
            clock: DefaultClock::default(),
        }
    }

    /// How long a client must wait before it may guess again; `None` when it may now.
    pub(crate) fn wait(&self, address: IpAddr) -> Option<Duration> {
        let turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        let until = turned_away.get(&client(address)).copied();
        until.and_then(|until| until.checked_duration_since(Instant::now()))
    }

    /// Counts a wrong guess. Whoever has none left is turned away before the next one, until one has come back:
    /// otherwise they could go on guessing, and only not be told that they were wrong.
    pub(crate) fn wrong(&self, address: IpAddr) {
        let wait = match self.wrong.check_key(&client(address)) {
            Ok(left) if left.remaining_burst_capacity() > 0 => return,
            Ok(left) => left.quota().replenish_interval(),
            // Guesses that were under way together.
            Err(until) => until.wait_time_from(self.clock.now()),
        };
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        turned_away.insert(client(address), Instant::now() + wait);
    }

    /// Forgets who has been quiet.
    pub(crate) fn forget(&self) {
        self.wrong.retain_recent();
        self.wrong.shrink_to_fit();
        let now = Instant::now();
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > now);
    }
}
