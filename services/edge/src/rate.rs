//! How often one client may ask without a credential.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use avanzacast_kit::config::RateConfig;
use avanzacast_schemas::Code;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use crate::{guesses::Guesses, problem::Problem};

/// How often what is known of clients that have been quiet is forgotten.
pub(crate) const FORGET: Duration = Duration::from_secs(60);

/// A client: an IPv4 address, or the /64 that a client with IPv6 has to itself.
pub(crate) type Client = IpAddr;

/// Counts, per client.
#[derive(Debug)]
pub(crate) struct Rates {
    all: Option<DefaultKeyedRateLimiter<Client>>,
    /// Look-ups that found nothing.
    unknown: Option<Guesses>,
    /// Webhooks that LiveKit did not sign. Apart from the look-ups: LiveKit may share its address with browsers, in
    /// development for one, and is not to suffer for what they look for.
    unsigned: Option<Guesses>,
    /// Secrets that were none, at the console's login.
    logins: Option<Guesses>,
    clock: DefaultClock,
}

impl Rates {
    pub(crate) fn new(config: RateConfig) -> Self {
        let guesses = || NonZeroU32::new(config.unknown_per_minute).map(Guesses::new);
        Self {
            all: NonZeroU32::new(config.per_minute).map(|n| RateLimiter::keyed(Quota::per_minute(n))),
            unknown: guesses(),
            unsigned: guesses(),
            logins: guesses(),
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
        may_guess(self.unknown.as_ref(), address)
    }

    /// Counts a look that found nothing.
    pub(crate) fn found_nothing(&self, address: IpAddr) {
        if let Some(unknown) = &self.unknown {
            unknown.wrong(address);
        }
    }

    /// Whether a client may show a signature.
    pub(crate) fn show(&self, address: IpAddr) -> Result<(), Problem> {
        may_guess(self.unsigned.as_ref(), address)
    }

    /// Counts a signature that was none of LiveKit's.
    pub(crate) fn not_signed(&self, address: IpAddr) {
        if let Some(unsigned) = &self.unsigned {
            unsigned.wrong(address);
        }
    }

    /// Whether a client may try a secret.
    pub(crate) fn log_in(&self, address: IpAddr) -> Result<(), Problem> {
        self.request(address)?;
        may_guess(self.logins.as_ref(), address)
    }

    /// Counts a secret that was none.
    pub(crate) fn not_logged_in(&self, address: IpAddr) {
        if let Some(logins) = &self.logins {
            logins.wrong(address);
        }
    }

    /// Forgets who has been quiet, so that what is kept is bounded by who is not.
    pub(crate) fn forget(&self) {
        if let Some(all) = &self.all {
            all.retain_recent();
            all.shrink_to_fit();
        }
        for guesses in self.unknown.iter().chain(&self.unsigned).chain(&self.logins) {
            guesses.forget();
        }
    }
}

fn may_guess(guesses: Option<&Guesses>, address: IpAddr) -> Result<(), Problem> {
    guesses.and_then(|guesses| guesses.wait(address)).map_or(Ok(()), |wait| Err(limited(wait)))
}

pub(crate) fn client(address: IpAddr) -> Client {
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
        assert!(rates.show(guesser).is_ok(), "LiveKit may be where somebody guesses session ids");
        rates.not_signed(guesser);
        rates.not_signed(guesser);
        assert!(rates.show(guesser).is_err());
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
