//! The pages that people use, on their way out: in which language, under which policy, and kept for how long.

use std::sync::{Arc, OnceLock};

use avanzacast_kit::config::{BrowserConfig, Origins};
use avanzacast_pages::{Asset, Language, Page, Setting, html};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{console::cookies, problem::Problem};

/// Where the choice of a language is kept.
const LANGUAGE_COOKIE: &str = "avanzacast_lang";
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// What every page may do. Text can't become markup anywhere: there is no policy that makes trusted types.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// LiveKit's client for browsers, once it is there.
#[derive(Debug, Clone, Default)]
pub struct LiveKitClient(Arc<OnceLock<Asset>>);

impl LiveKitClient {
    /// Has it from now on. It is compressed here, which takes a part of a second; a second one changes nothing.
    pub fn put(&self, module: Bytes) {
        self.0.get_or_init(|| Asset::new("text/javascript; charset=utf-8", module));
    }

    pub(crate) fn get(&self) -> Option<&Asset> {
        self.0.get()
    }
}

/// What the pages are told, and what browsers are told of them.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) client: LiveKitClient,
    origins: Value,
    policy: HeaderValue,
    studio_policy: HeaderValue,
}

impl Pages {
    pub(crate) fn new(browsers: &BrowserConfig, livekit: &str, client: LiveKitClient) -> Self {
        let (origins, frames) = match &browsers.origins {
            Origins::All => (json!("all"), "*".to_owned()),
            Origins::Local => (json!("local"), "'self' http://localhost:* http://127.0.0.1:*".to_owned()),
            Origins::These(origins) => (json!(origins), format!("'self' {}", origins.join(" "))),
        };
        let own = format!("{POLICY}; connect-src 'self'; frame-ancestors 'none'");
        let studio = format!(
            "{POLICY}; connect-src 'self'{}; media-src 'self' blob:; frame-ancestors {frames}",
            reached(livekit)
        );
        // Addresses of the configuration are checked there; one that is no header is a page that reaches nothing.
        let header = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(POLICY));
        Self { client, origins, policy: header(&own), studio_policy: header(&studio) }
    }

    /// A page, for the reader who asks.
    pub(crate) fn answer(&self, page: Page, uri: &Uri, headers: &HeaderMap) -> Response {
        let chosen = uri.query().and_then(chosen);
        let language = chosen.or_else(|| kept(headers)).or_else(|| preferred(headers)).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        let setting = Setting { origins: &self.origins, livekit: self.client.get().is_some(), version };
        let mut response = Response::new(Body::from(html(page, language, &setting)));
        let headers = response.headers_mut();
        headers.extend([
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag())),
            (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
            (header::VARY, HeaderValue::from_static("origin, accept-language, cookie")),
        ]);
        match page {
            Page::Studio => headers.extend([
                (header::CONTENT_SECURITY_POLICY, self.studio_policy.clone()),
                (PERMISSIONS_POLICY, HeaderValue::from_static(STUDIO_PERMISSIONS)),
            ]),
            // The studio may be opened by a panel that hands it a session; nobody has to reach these.
            Page::Panel | Page::Console => headers.extend([
                (header::CONTENT_SECURITY_POLICY, self.policy.clone()),
                (PERMISSIONS_POLICY, HeaderValue::from_static(PERMISSIONS)),
                (OPENER_POLICY, HeaderValue::from_static("same-origin")),
            ]),
        }
        if let Some(language) = chosen {
            headers.insert(header::SET_COOKIE, keep(language));
        }
        response
    }
}

const STUDIO_PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), \
                                  autoplay=(self), geolocation=(), payment=(), usb=()";
const PERMISSIONS: &str = "camera=(), microphone=(), display-capture=(), geolocation=(), payment=(), usb=()";

/// LiveKit's host, as the policy names it: its signalling, and what its client asks over HTTP when that fails. A project of
/// LiveKit's cloud is also reached by the hosts of its regions.
fn reached(livekit: &str) -> String {
    let Some((scheme, rest)) = livekit.split_once("://") else { return String::new() };
    let host = rest.split('/').next().unwrap_or_default();
    let http = if scheme == "wss" { "https" } else { "http" };
    let cloud = if host.ends_with(".livekit.cloud") { " wss://*.livekit.cloud https://*.livekit.cloud" } else { "" };
    format!(" {scheme}://{host} {http}://{host}{cloud}")
}

/// `?lang=en`
fn chosen(query: &str) -> Option<Language> {
    query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Language::tagged)
}

fn kept(headers: &HeaderMap) -> Option<Language> {
    cookies(headers).find_map(|(name, value)| (name == LANGUAGE_COOKIE).then(|| Language::tagged(value))?)
}

fn preferred(headers: &HeaderMap) -> Option<Language> {
    headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok().and_then(Language::preferred)
}

fn keep(language: Language) -> HeaderValue {
    HeaderValue::from_static(match language {
        Language::Es => "avanzacast_lang=es; Path=/; Max-Age=31536000; SameSite=Lax",
        Language::En => "avanzacast_lang=en; Path=/; Max-Age=31536000; SameSite=Lax",
    })
}

/// How long a browser may keep what a page loads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    /// Its address names its bytes.
    ForGood,
    /// It is asked for again, and sent only when it is another.
    Asked,
}

/// What a page loads, compressed if the browser takes that.
pub(crate) fn answer(asset: &Asset, kept: Kept, asked: &HeaderMap) -> Result<Response, Problem> {
    let text = |name| asked.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = text(header::IF_NONE_MATCH).split(',').any(|tag| tag.trim() == asset.tag);
    let gzip = !asset.gzip.is_empty() && takes_gzip(text(header::ACCEPT_ENCODING));
    let body = match (known, gzip) {
        (true, _) => Bytes::new(),
        (false, true) => asset.gzip.clone(),
        (false, false) => asset.body.clone(),
    };
    let mut response = Response::new(Body::from(body));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.extend([
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.media)),
        (header::VARY, HeaderValue::from_static("origin, accept-encoding")),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static(match kept {
                Kept::ForGood => "public, max-age=31536000, immutable",
                Kept::Asked => "public, no-cache",
            }),
        ),
    ]);
    if let Ok(tag) = HeaderValue::from_str(&asset.tag) {
        headers.insert(header::ETAG, tag);
    }
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response.into_response())
}

/// RFC 9110, 12.5.3: named, and not with a weight of nought.
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named && !parts.any(|weight| weight.strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_livekit_and_nobody_else() {
        for (livekit, expected) in [
            ("ws://localhost:7880", " ws://localhost:7880 http://localhost:7880"),
            ("wss://live.example/base", " wss://live.example https://live.example"),
            (
                "wss://p.livekit.cloud",
                " wss://p.livekit.cloud https://p.livekit.cloud wss://*.livekit.cloud https://*.livekit.cloud",
            ),
            ("", ""),
        ] {
            assert_eq!(reached(livekit), expected);
        }
    }

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        for (accepted, expected) in [
            ("gzip, br", true),
            ("br;q=1, GZIP;q=0.1", true),
            ("gzip;q=0", false),
            ("gzip;q=0.0", false),
            ("", false),
            ("x-gzip", false),
        ] {
            assert_eq!(takes_gzip(accepted), expected, "{accepted}");
        }
    }
}
