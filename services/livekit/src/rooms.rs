//! LiveKit's room service: Twirp over HTTP with JSON (livekit/protocol `livekit_room.proto`).
//!
//! Answers are read field by field: a room's `turn_password` is among them, and is a secret.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use avanzacast_kit::config::LiveKitConfig;
use avanzacast_schemas::Refusal;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::minting::{Minter, NOT_BEFORE_MARGIN_S};

/// A call takes milliseconds; a LiveKit that takes longer than this is as good as away.
const PATIENCE: Duration = Duration::from_secs(5);
/// A token for one call lives a little longer than LiveKit's and our clocks may differ.
const TOKEN_TTL_S: i64 = 60;

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RoomCallError {
    /// LiveKit, or what stands before it, is away: worth another try.
    #[error("LiveKit cannot be reached: {0}")]
    Away(String),
    /// LiveKit looked at the call and did not do it: its Twirp code.
    #[error("LiveKit refused: {0}")]
    Refused(String),
}

impl From<Refusal> for RoomCallError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.detail)
    }
}

/// A room that is to exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewRoom {
    /// Its name.
    pub name: String,
    /// How long it stays when nobody has come: seconds.
    pub empty_timeout: u32,
    /// How long it stays when everybody has left: seconds.
    pub departure_timeout: u32,
    /// Shown to everybody in it.
    pub metadata: String,
}

/// A room that exists.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SeenRoom {
    /// `RM_…`.
    pub sid: String,
    /// Its name.
    pub name: String,
    /// Unix seconds, in decimal.
    #[serde(default)]
    creation_time: String,
}

impl SeenRoom {
    /// When it was made: Unix seconds.
    #[must_use]
    pub fn created_at(&self) -> i64 {
        self.creation_time.parse().unwrap_or_default()
    }
}

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SeenParticipant {
    /// `PA_…`.
    pub sid: String,
    /// Who.
    pub identity: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    joined_at: String,
}

impl SeenParticipant {
    /// Whether its media is connected: what LiveKit sends `participant_joined` for.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == "ACTIVE"
    }

    /// When it came: Unix seconds.
    #[must_use]
    pub fn joined_at(&self) -> i64 {
        self.joined_at.parse().unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Rooms {
    #[serde(default)]
    rooms: Vec<SeenRoom>,
}

#[derive(Deserialize)]
struct Participants {
    #[serde(default)]
    participants: Vec<SeenParticipant>,
}

#[derive(Deserialize)]
struct Nothing {}

/// Twirp's error body.
#[derive(Deserialize)]
struct TwirpError {
    code: String,
}

/// The grant of a token for one call.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    nbf: i64,
    exp: i64,
    video: Value,
}

/// Calls LiveKit's room service.
pub struct RoomService {
    http: reqwest::Client,
    url: String,
    minter: Minter,
}

impl RoomService {
    /// At LiveKit's HTTP address, with its key.
    #[must_use]
    pub fn new(livekit: &LiveKitConfig) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap_or_default();
        Self { http, url: livekit.http_url.clone(), minter: Minter::new(&livekit.key, &livekit.secret) }
    }

    /// Makes a room, or changes the one that is there.
    ///
    /// # Errors
    /// [`RoomCallError`].
    pub async fn create(&self, room: &NewRoom) -> Result<(), RoomCallError> {
        self.call::<Nothing>("CreateRoom", json!({"roomCreate": true}), room).await.map(|_| ())
    }

    /// Ends a room, for everybody in it. Answers whether it was there.
    ///
    /// # Errors
    /// [`RoomCallError`].
    pub async fn delete(&self, room: &str) -> Result<bool, RoomCallError> {
        let done: Option<Nothing> =
            self.call("DeleteRoom", json!({"roomCreate": true}), &json!({ "room": room })).await?;
        Ok(done.is_some())
    }

    /// Disconnects somebody. Answers whether they were there.
    ///
    /// # Errors
    /// [`RoomCallError`].
    pub async fn remove(&self, room: &str, identity: &str) -> Result<bool, RoomCallError> {
        let asked = json!({ "room": room, "identity": identity });
        let done: Option<Nothing> = self.call("RemoveParticipant", admin(room), &asked).await?;
        Ok(done.is_some())
    }

    /// The rooms that exist.
    ///
    /// # Errors
    /// [`RoomCallError`].
    pub async fn rooms(&self) -> Result<Vec<SeenRoom>, RoomCallError> {
        let seen: Option<Rooms> = self.call("ListRooms", json!({"roomList": true}), &json!({})).await?;
        Ok(seen.map(|seen| seen.rooms).unwrap_or_default())
    }

    /// Who is in a room; nobody, when it does not exist.
    ///
    /// # Errors
    /// [`RoomCallError`].
    pub async fn participants(&self, room: &str) -> Result<Vec<SeenParticipant>, RoomCallError> {
        let seen: Option<Participants> = self.call("ListParticipants", admin(room), &json!({ "room": room })).await?;
        Ok(seen.map(|seen| seen.participants).unwrap_or_default())
    }

    /// One call; `None` for what LiveKit does not find.
    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        grant: Value,
        asked: &impl Serialize,
    ) -> Result<Option<T>, RoomCallError> {
        let away = |error: reqwest::Error| RoomCallError::Away(error.without_url().to_string());
        let url = format!("{}/twirp/livekit.RoomService/{method}", self.url);
        let request = self.http.post(url).bearer_auth(self.token(grant)?).json(asked);
        let response = request.send().await.map_err(away)?;
        let status = response.status();
        let body = response.bytes().await.map_err(away)?;
        if status.is_success() {
            // What is wrong with it is said without what stands in it.
            let unread =
                |error: serde_json::Error| RoomCallError::Refused(format!("unreadable: {:?}", error.classify()));
            return serde_json::from_slice(&body).map(Some).map_err(unread);
        }
        match refusal(status, &body) {
            Some(code) if code == "not_found" => Ok(None),
            Some(code) => Err(RoomCallError::Refused(code)),
            None => Err(RoomCallError::Away(format!("status {}", status.as_u16()))),
        }
    }

    fn token(&self, video: Value) -> Result<String, Refusal> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(now).unwrap_or_default();
        let claims = Claims { iss: self.minter.key(), nbf: now - NOT_BEFORE_MARGIN_S, exp: now + TOKEN_TTL_S, video };
        self.minter.sign(&claims)
    }
}

fn admin(room: &str) -> Value {
    json!({"roomAdmin": true, "room": room})
}

/// The Twirp code of a call that LiveKit looked at; `None` when it is away, or something before it answered.
fn refusal(status: StatusCode, body: &[u8]) -> Option<String> {
    let code = serde_json::from_slice::<TwirpError>(body).ok()?.code;
    let away = ["unavailable", "deadline_exceeded", "resource_exhausted", "canceled"].contains(&code.as_str());
    // A code is a word of a few letters; anything else is not Twirp's.
    let word = code.len() < 40 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    (!away && word && status != StatusCode::TOO_MANY_REQUESTS).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_livekit_itself_said_is_a_refusal() {
        let said = |status: u16, body: &str| refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!(said(404, r#"{"code":"not_found","msg":"no"}"#).as_deref(), Some("not_found"));
        assert_eq!(said(401, r#"{"code":"unauthenticated","msg":"no"}"#).as_deref(), Some("unauthenticated"));
        for (status, body) in [
            (502, "<html>"),
            (404, "not found"),
            (503, r#"{"code":"unavailable","msg":"no"}"#),
            (429, r#"{"code":"slow_down"}"#),
            (500, r#"{"code":"<SCRIPT>"}"#),
        ] {
            assert_eq!(said(status, body), None, "{body}");
        }
    }
}
