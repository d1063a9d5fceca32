//! By which names a server is reached that asks nobody for a credential: one in development, without a secret.
//!
//! Any page can have a name of its own lead to this machine (DNS rebinding), and then a browser takes what we answer for that
//! page's. The name that it asked for is what the page cannot hide. An address is no name, and leads nowhere else.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::{Request, header};

/// The host that was asked for. Over HTTP/2, and through a proxy, it stands in the target.
#[must_use]
pub fn asked<B>(request: &Request<B>) -> Option<&str> {
    let target = request.uri().authority().map(|authority| authority.as_str());
    target.or_else(|| request.headers().get(header::HOST)?.to_str().ok())
}

/// Whether that is this machine, or the host of an origin that is ours. The port says nothing: whoever listens there is reached
/// by it.
#[must_use]
pub fn is_ours(host: &str, own: Option<&str>) -> bool {
    let name = name(host);
    let own = own.and_then(|own| own.split_once("://")).map(|(_, host)| self::name(host));
    let is_v6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).map(str::parse::<Ipv6Addr>);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok()
        || is_v6.is_some_and(|address| address.is_ok())
        || own.is_some_and(|own| name.eq_ignore_ascii_case(own))
}

/// Without the port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn this_machine_is_known_by_the_whole_name() {
        for good in
            ["localhost", "LocalHost:4000", "127.0.0.1:1", "[::1]", "[::1]:4000", "192.0.2.7:80", "own.example:81"]
        {
            assert!(is_ours(good, Some("https://own.example")), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "evil.example:4000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "own.example.evil.example",
            "x@localhost",
            "localhost:80:80",
            "localhost:80.evil.example",
            "[::1].evil.example",
            "::1",
        ] {
            assert!(!is_ours(bad, Some("https://own.example:443")), "{bad}");
        }
        assert!(!is_ours("own.example", None));
    }
}
