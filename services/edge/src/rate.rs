//! How often one client may ask without a credential.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use avanzacast_kit::config::RateConfig;
use avanzacast_schemas::Code;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

use crate::problem::Problem;

/// How often what is known of clients that have been quiet is forgotten.
pub(crate) const FORGET: Duration = Duration::from_secs(60);

/// A client: an IPv4 address, or the /64 that a client with IPv6 has to itself.
type Client = IpAddr;

/// Counts, and says how much is left.
type Telling = RateLimiter<Client, DefaultKeyedStateStore<Client>, DefaultClock, StateInformationMiddleware>;

/// Counts, per client.
#[derive(Debug)]
pub(crate) struct Rates {
    all: Option<DefaultKeyedRateLimiter<Client>>,
    /// Only of look-ups that found nothing.
    unknown: Option<Telling>,
    /// Who has used up the second, and until when they are turned away before they look.
    guessing: Mutex<HashMap<Client, Instant>>,
    clock: DefaultClock,
}

impl Rates {
    pub(crate) fn new(config: RateConfig) -> Self {
        let limiter = |per_minute| NonZeroU32::new(per_minute).map(|n| RateLimiter::keyed(Quota::per_minute(n)));
        Self {
            all: limiter(config.per_minute),
            unknown: limiter(config.unknown_per_minute).map(RateLimiter::with_middleware),
            guessing: Mutex::default(),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request.
    pub(crate) fn request(&self, address: IpAddr) -> Result<(), Problem> {
        match &self.all {
            None => Ok(()),
            Some(all) => {
                let counted = all.check_key(&client(address));
                counted.map_err(|until| limited(until.wait_time_from(self.clock.now())))
            }
        }
    }

    /// Whether a client may look for something that may not be there.
    pub(crate) fn look(&self, address: IpAddr) -> Result<(), Problem> {
        if self.unknown.is_none() {
            return Ok(());
        }
        let guessing = self.guessing.lock().unwrap_or_else(PoisonError::into_inner);
        let until = guessing.get(&client(address)).copied();
        match until.and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(left) => Err(limited(left)),
            None => Ok(()),
        }
    }

    /// Counts a look that found nothing. Whoever has no such look left is turned away before the next one, until one
    /// has come back: otherwise they could go on guessing, and only not be told that they were wrong.
    pub(crate) fn found_nothing(&self, address: IpAddr) {
        let Some(unknown) = &self.unknown else { return };
        let wait = match unknown.check_key(&client(address)) {
            Ok(left) if left.remaining_burst_capacity() > 0 => return,
            Ok(left) => left.quota().replenish_interval(),
            // Looks that were under way together.
            Err(until) => until.wait_time_from(self.clock.now()),
        };
        let mut guessing = self.guessing.lock().unwrap_or_else(PoisonError::into_inner);
        guessing.insert(client(address), Instant::now() + wait);
    }

    /// Forgets who has been quiet, so that what is kept is bounded by who is not.
    pub(crate) fn forget(&self) {
        if let Some(all) = &self.all {
            all.retain_recent();
            all.shrink_to_fit();
        }
        if let Some(unknown) = &self.unknown {
            unknown.retain_recent();
            unknown.shrink_to_fit();
        }
        let now = Instant::now();
        self.guessing.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > now);
    }
}

fn client(address: IpAddr) -> Client {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

fn limited(wait: Duration) -> Problem {
    Problem::from(Code::RateLimited).after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(per_minute: u32, unknown_per_minute: u32) -> Rates {
        Rates::new(RateConfig { per_minute, unknown_per_minute })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        let rates = rates(1, 0);
        assert!(rates.request(address("192.0.2.1")).is_ok());
        assert!(rates.request(address("192.0.2.1")).is_err());
        assert!(rates.request(address("::ffff:192.0.2.1")).is_err(), "the same client over IPv6");
        assert!(rates.request(address("192.0.2.2")).is_ok());
        assert!(rates.request(address("2001:db8::1")).is_ok());
        assert!(rates.request(address("2001:db8::2")).is_err(), "the same network");
        assert!(rates.request(address("2001:db8:0:1::2")).is_ok());
    }

    #[test]
    fn who_guesses_is_turned_away_before_the_next_guess() {
        let rates = rates(0, 2);
        let guesser = address("192.0.2.1");
        for _ in 0..2 {
            assert!(rates.look(guesser).is_ok());
            rates.found_nothing(guesser);
        }
        assert!(rates.look(guesser).is_err());
        assert!(rates.look(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn nothing_is_counted_when_limits_are_off_and_quiet_clients_are_forgotten() {
        let off = rates(0, 0);
        for _ in 0..10_000 {
            off.request(address("192.0.2.1")).unwrap();
            off.found_nothing(address("192.0.2.1"));
            off.look(address("192.0.2.1")).unwrap();
        }
        let on = rates(60_000_000, 1);
        on.request(address("192.0.2.1")).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        on.forget();
        assert_eq!(on.all.as_ref().map(DefaultKeyedRateLimiter::len), Some(0));
    }
}
