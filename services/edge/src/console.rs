//! The console's cookie: what our own pages have in place of the secret, which no script can read and no other page can use.
//!
//! It says until when it counts, signed with the secret that it was given for. So nothing is kept of it, any edge knows it, and
//! it ends with the secret.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use data_encoding::HEXLOWER;

/// How long it counts: a day's work.
pub(crate) const LASTS_S: i64 = 12 * 60 * 60;
/// Over HTTPS a browser keeps it to this host alone, for its name says so (RFC 6265bis, 4.1.3.2).
const NAME: &str = "avanzacast_console";
const NAME_OVER_HTTPS: &str = "__Host-avanzacast_console";
/// Each costs a signature to look at, before anybody is known.
const MOST: usize = 8;

/// What a signature is of, so that it is good for nothing else.
pub(crate) fn signed(until: i64) -> String {
    format!("avanzacast console\0{until}")
}

/// The cookie's value: `<until, Unix seconds>.<HMAC-SHA256, hexadecimal>`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Until when it counts: Unix seconds.
    pub(crate) until: i64,
    /// By the key's secret.
    pub(crate) mac: Vec<u8>,
}

/// It opens what the secret opens.
impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Pass {
    /// Those that a browser sent, under either name: whichever way the edge is reached, they were given by an edge. There
    /// may be several, of which some have run out: of both names, and of other edges on this host, whatever their port.
    pub(crate) fn read(headers: &HeaderMap) -> Vec<Self> {
        let ours = cookies(headers).filter(|(name, _)| [NAME, NAME_OVER_HTTPS].contains(name));
        ours.filter_map(|(_, value)| Self::parse(value)).take(MOST).collect()
    }

    fn parse(value: &str) -> Option<Self> {
        let (until, mac) = value.split_once('.')?;
        let decimal = !until.is_empty() && until.bytes().all(|b| b.is_ascii_digit());
        let until = Some(until).filter(|_| decimal)?.parse().ok()?;
        Some(Self { until, mac: HEXLOWER.decode(mac.as_bytes()).ok()? })
    }

    /// The header that gives it to a browser.
    pub(crate) fn set(&self, https: bool) -> Option<HeaderValue> {
        cookie(&format!("{}.{}", self.until, HEXLOWER.encode(&self.mac)), LASTS_S, https)
    }

    /// The header that takes it away.
    pub(crate) fn unset(https: bool) -> Option<HeaderValue> {
        cookie("", 0, https)
    }
}

/// The cookies that a browser sent: names and values.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

fn cookie(value: &str, lasts_s: i64, https: bool) -> Option<HeaderValue> {
    let (name, secure) = if https { (NAME_OVER_HTTPS, "; Secure") } else { (NAME, "") };
    let text = format!("{name}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).ok()
}

/// Whether a request changes nothing, by what its method means (RFC 9110, 9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Whether a request was made by a page of ours: of `PUBLIC_URL`, or of the very host that it was sent to. A browser sends
/// `Origin` with everything that changes something, and no page can forge it; `SameSite` alone would let other ports of this
/// host through.
pub(crate) fn is_own_page(headers: &HeaderMap, own: Option<&str>) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return false };
    let host = origin.split_once("://").map(|(_, host)| host);
    own == Some(origin) || host.is_some_and(|host| text(header::HOST) == Some(host))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_read_among_others() {
        let pass = Pass { until: 1_800_000_000, mac: vec![1, 2, 254] };
        for https in [false, true] {
            let set = pass.set(https).unwrap();
            let set = set.to_str().unwrap();
            assert!(
                set.ends_with(if https { "SameSite=Strict; Secure" } else { "HttpOnly; SameSite=Strict" }),
                "{set}"
            );
            let sent = format!("a=b; {}; c", set.split(';').next().unwrap());
            assert_eq!(Pass::read(&headers(&[("cookie", &sent)])), slice::from_ref(&pass));
            assert_eq!(Pass::read(&headers(&[("cookie", "x=y"), ("cookie", &sent)])), slice::from_ref(&pass));
        }
        for bad in ["", "1", "1.", "-1.00", "1.0", "1.zz", "99999999999999999999.00", ".00"] {
            let read = Pass::read(&headers(&[("cookie", &format!("{NAME}={bad}"))]));
            assert!(read.iter().all(|pass| pass.mac.is_empty()), "{bad}");
        }
        let several = headers(&[
            ("cookie", "avanzacast_console=x; avanzacast_console=1.00"),
            ("cookie", "__Host-avanzacast_console=2.01"),
        ]);
        let until: Vec<i64> = Pass::read(&several).iter().map(|pass| pass.until).collect();
        assert_eq!(until, [1, 2]);
        let many = "avanzacast_console=1.00; ".repeat(1_000);
        assert_eq!(Pass::read(&headers(&[("cookie", &many)])).len(), MOST);
        assert!(!format!("{pass:?}").contains("254"));
    }

    #[test]
    fn a_page_is_ours_by_its_whole_origin() {
        let own = Some("https://studio.example");
        for (pairs, expected) in [
            (&[("origin", "https://studio.example"), ("host", "10.0.0.7:4000")][..], true),
            (&[("origin", "http://localhost:4000"), ("host", "localhost:4000")], true),
            (&[("origin", "http://localhost:3000"), ("host", "localhost:4000")], false),
            (&[("origin", "http://studio.example"), ("host", "localhost:4000")], false),
            (&[("origin", "https://studio.example.evil.example"), ("host", "localhost:4000")], false),
            (&[("origin", "null"), ("host", "localhost:4000")], false),
            (&[("host", "localhost:4000")], false),
            (&[], false),
        ] {
            assert_eq!(is_own_page(&headers(pairs), own), expected, "{pairs:?}");
        }
    }
}
