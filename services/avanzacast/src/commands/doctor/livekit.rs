//! LiveKit: there, at the same time, and taking what we sign.

use std::time::Duration;

use avanzacast_kit::{
    bus::shown,
    checkup::{Finding, Level, clock},
    config::{LiveKitConfig, Mode},
    time,
};
use avanzacast_livekit::{Bearer, Minter, Stamp};
use avanzacast_schemas::Role;
use reqwest::{Client, Response, header::DATE};
use uuid::Uuid;

use super::Patient;

/// A LiveKit that takes longer keeps people waiting at every door.
const PATIENCE: Duration = Duration::from_secs(3);
/// The token only has to survive one request.
const TOKEN_MS: i64 = 60_000;
/// The header has whole seconds: on average half of one is lost, give or take as much.
const DATE_DOUBT_MS: i64 = 500;

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let Some(config) = &patient.livekit else { return Vec::new() };
    // No redirects: a token goes to the configured server and nowhere else.
    let client = Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
    let Ok(client) = client else {
        return vec![Finding::problem(
            "LiveKit",
            "no HTTP client can be made",
            "see that this machine has root certificates",
        )];
    };
    let asked = time::now_ms();
    match client.get(&config.http_url).send().await {
        Ok(answer) => {
            let heard = time::now_ms();
            let mut findings = vec![reached(config, answer.status().as_u16())];
            findings.extend(
                date(&answer).map(|date| clock("LiveKit's clock", date + DATE_DOUBT_MS, DATE_DOUBT_MS, asked, heard)),
            );
            findings.push(key(&client, config).await);
            findings
        }
        Err(error) => vec![away(patient.mode, config, &error)],
    }
}

/// livekit-server answers `GET /` with 200, or 406 while it is not ready (`pkg/service/server.go`).
fn reached(config: &LiveKitConfig, status: u16) -> Finding {
    let at = shown(&config.http_url);
    match status {
        200 => Finding::ok("LiveKit", format!("ready at {at}")),
        406 => Finding::warning("LiveKit", format!("at {at}, and it says that it is not ready"), "look at its log"),
        other => Finding::warning(
            "LiveKit",
            format!("something at {at} answers {other}, where LiveKit would say 200"),
            "see whether LIVEKIT_WS_URL names LiveKit itself",
        ),
    }
}

fn away(mode: Mode, config: &LiveKitConfig, error: &reqwest::Error) -> Finding {
    let why =
        if error.is_timeout() { "it does not answer in time" } else { "nobody listens, or not with this protocol" };
    // In development people begin without one; nothing here needs it.
    let level = match mode {
        Mode::Development => Level::Warning,
        Mode::Production => Level::Problem,
    };
    let found = format!("not reached at {}: {why}", shown(&config.http_url));
    let advice = "start livekit-server, or correct LIVEKIT_WS_URL; tokens are made all the same".to_owned();
    Finding { check: "LiveKit", level, found, advice }
}

fn date(answer: &Response) -> Option<i64> {
    answer.headers().get(DATE).and_then(|value| value.to_str().ok()).and_then(time::parse_http_date)
}

/// Whether LiveKit takes a token of ours. What it says is not shown: some releases repeat the token.
async fn key(client: &Client, config: &LiveKitConfig) -> Finding {
    let check = "LiveKit key";
    let now = time::now_ms();
    let bearer = Bearer { identity: "p_doctor", name: "doctor", room: "doctor", role: Role::Viewer };
    let stamp = Stamp::new(Uuid::new_v4(), now, now + TOKEN_MS);
    let Ok(token) = Minter::new(&config.key, &config.secret).mint(bearer, &stamp) else {
        return Finding::problem(check, "no token can be signed", "set another LIVEKIT_API_SECRET");
    };
    let url = format!("{}/rtc/validate", config.http_url);
    match client.get(url).bearer_auth(token).send().await.map(|answer| answer.status().as_u16()) {
        Ok(200) => Finding::ok(check, format!("a token signed with {} is accepted", config.key)),
        // It looks for the room only after it has believed the token (`pkg/service/rtcservice.go`).
        Ok(404) => {
            Finding::ok(check, format!("a token signed with {} is accepted; rooms are not made on joining", config.key))
        }
        Ok(401) => Finding::problem(
            check,
            format!("a token signed with {} is refused", config.key),
            "LIVEKIT_API_KEY and LIVEKIT_API_SECRET must be a pair of LiveKit's own `keys`; if they are, see the clocks",
        ),
        Ok(other) => {
            Finding::warning(check, format!("asked about a token, it answers {other}"), "look at LiveKit's log")
        }
        Err(_) => Finding::warning(check, "asked about a token, it does not answer", "look at LiveKit's log"),
    }
}
