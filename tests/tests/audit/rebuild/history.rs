//! Things that people and LiveKit do, drawn at random, through the backend's own doors.

use std::time::Duration;

use avanzacast_schemas::SessionId;
use avanzacast_tests::{Answer, Api, LiveKitKey, Stack, eventually};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

const ROOMS: [&str; 3] = ["blue", "gr\"ün", "a|b'c"];
/// Of the lives that are drawn for sessions, the longest that a test waits for.
const LONGEST_SHORT: Duration = Duration::from_secs(2);
const NAMES: [&str; 3] = ["Ana", "Bö O'Neil", "Élan \\ 7"];

/// What has happened so far, as far as more can come of it.
pub struct History<'a> {
    stack: &'a Stack,
    api: Api,
    key: LiveKitKey,
    random: StdRng,
    sessions: Vec<(String, String)>,
    users: Vec<i64>,
    broadcasts: Vec<String>,
    /// Room sid and name, participant sid, identity, whether they came.
    stays: Vec<(String, String, String, String)>,
    count: u64,
}

impl<'a> History<'a> {
    /// By the seed in `REBUILD_SEED`, or any; it is printed, so that a failure can be had again.
    pub fn of(stack: &'a Stack) -> Self {
        let seed = std::env::var("REBUILD_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed: u64 = seed.unwrap_or_else(|| rand::rng().random());
        println!("REBUILD_SEED={seed}");
        let (name, secret) = stack.signing_key();
        Self {
            stack,
            api: stack.api().with_secret(stack.secret()),
            key: LiveKitKey::new(name, secret),
            random: StdRng::seed_from_u64(seed),
            sessions: Vec::new(),
            users: Vec::new(),
            broadcasts: Vec::new(),
            stays: Vec::new(),
            count: 0,
        }
    }

    /// So many more things, one after the other. Some are refused, as in life; none may fail.
    pub async fn go_on(&mut self, steps: usize) {
        for _ in 0..steps {
            self.count += 1;
            let answer = match self.random.random_range(0..21) {
                0..4 => self.create().await,
                4..7 => self.consume().await,
                7 => self.revoke().await,
                8 | 9 => self.register().await,
                10 => self.issue().await,
                11 => self.user().await,
                12 => self.broadcast().await,
                13 => self.lead().await,
                14 => self.enter_broadcast().await,
                15..18 => self.come().await,
                18 => self.leave().await,
                19 => self.erase().await,
                _ => self.room().await,
            };
            assert!(answer.is_none_or(|answer| answer.status < 500), "step {} failed", self.count);
        }
    }

    /// Until LiveKit's messages have been taken in, what has run out has been ended, and nothing more happens by itself.
    pub async fn settle(&self) {
        eventually("all webhooks are taken in", async || self.stack.stored().await.is_empty()).await;
        tokio::time::sleep(LONGEST_SHORT).await;
        // Nobody registers whom LiveKit let in, so there is nothing to wait ten seconds for.
        self.stack.query("UPDATE presence SET report_at = 1 WHERE report_at IS NOT NULL");
        let due = "SELECT (SELECT count(*) FROM presence WHERE report_at IS NOT NULL)
            + (SELECT count(*) FROM session WHERE state = 'open' AND expires_at < created_at + 3000)";
        eventually("nothing is due", async || self.stack.query(due) == "0").await;
    }

    fn flag(&mut self) -> bool {
        self.random.random()
    }

    fn any<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        all.choose(&mut self.random).cloned()
    }

    fn body(&mut self) -> Value {
        let (username, role) = (self.any(&NAMES), self.any(&["guest", "viewer", "cohost", "host"]));
        let mut body = json!({"username": username, "role": role, "singleUse": self.flag()});
        if let Some(ttl) = self.any(&[None, Some(1), Some(2), Some(600)]).flatten() {
            body["ttl"] = json!(ttl);
        }
        body
    }

    fn keep(&mut self, answer: Answer, room: &str) -> Option<Answer> {
        if answer.status == 201 {
            self.sessions.push((answer.str("id").to_owned(), room.to_owned()));
        }
        Some(answer)
    }

    async fn create(&mut self) -> Option<Answer> {
        let (mut body, room) = (self.body(), self.any(&ROOMS)?);
        body["room"] = json!(room);
        let answer = self.api.post("/api/session", &body).await;
        self.keep(answer, room)
    }

    async fn consume(&mut self) -> Option<Answer> {
        let (id, _) = self.any(&self.sessions.clone())?;
        // The same consumer again, or somebody else.
        let key = if self.flag() { format!("the-consumers-own-key-{}", &id) } else { "k".repeat(32) };
        Some(self.api.clone().with("x-session-resume", &key).post_empty(&format!("/api/session/{id}/consume")).await)
    }

    async fn revoke(&mut self) -> Option<Answer> {
        let (id, _) = self.any(&self.sessions.clone())?;
        Some(self.api.delete(&format!("/api/session/{id}")).await)
    }

    async fn register(&mut self) -> Option<Answer> {
        let (room, identity) = (self.any(&ROOMS)?, format!("foreign-{}", self.count));
        let mut token = self.key.token(&identity, room);
        if self.random.random_ratio(1, 5) {
            token = LiveKitKey::random().token(&identity, room);
        }
        let id = format!("registered-{}", self.count);
        let mut body = json!({"sessionId": id, "token": token, "singleUse": self.flag()});
        if let Some(user) = self.any(&self.users.clone()) {
            body["createdBy"] = json!(user);
        }
        let answer = self.api.post("/api/tokens", &body).await;
        self.keep(answer, room)
    }

    async fn issue(&mut self) -> Option<Answer> {
        Some(self.api.get(&format!("/api/token?room=blue&username=caller-{}", self.count)).await)
    }

    async fn user(&mut self) -> Option<Answer> {
        let n = self.random.random_range(0..50);
        let body = json!({"email": format!("u{n}@example.org"), "username": format!("u{n}"), "isAdmin": self.flag()});
        let answer = self.api.post("/api/users", &body).await;
        self.users.extend((answer.status == 201).then(|| answer.int("id")));
        Some(answer)
    }

    /// A user, with everybody whom their sessions let in; some of them were erased before.
    async fn erase(&mut self) -> Option<Answer> {
        let user = self.any(&self.users.clone())?;
        Some(self.api.delete(&format!("/api/users/{user}")).await)
    }

    async fn broadcast(&mut self) -> Option<Answer> {
        let owner = self.any(&self.users.clone());
        let body = json!({"title": "A title", "ownerId": owner});
        let answer = self.api.post("/api/broadcasts", &body).await;
        self.broadcasts.extend((answer.status == 201).then(|| answer.str("id").to_owned()));
        Some(answer)
    }

    async fn lead(&mut self) -> Option<Answer> {
        let (id, what) = (self.any(&self.broadcasts.clone())?, self.any(&["start", "end"])?);
        Some(self.api.post_empty(&format!("/api/broadcasts/{id}/{what}")).await)
    }

    async fn enter_broadcast(&mut self) -> Option<Answer> {
        let (id, body) = (self.any(&self.broadcasts.clone())?, self.body());
        let answer = self.api.post(&format!("/api/broadcasts/{id}/session"), &body).await;
        self.keep(answer, &format!("broadcast-{id}"))
    }

    async fn webhook(&mut self, event: &str, room: (&str, &str), participant: Option<(&str, &str)>) -> Answer {
        let created = 1_770_000_000 + self.count;
        let id = format!("EV_{}", self.random.next_u64());
        let mut body = json!({"event": event, "id": id, "createdAt": created.to_string(),
            "room": {"sid": room.0, "name": room.1}});
        if let Some((sid, identity)) = participant {
            body["participant"] = json!({"sid": sid, "identity": identity, "joinedAt": created.to_string()});
        }
        self.api.signed_webhook(&self.key, body.to_string()).await.expect(200)
    }

    /// Whom a session let in, or somebody with a token from elsewhere; some of them twice, or after they have left.
    async fn come(&mut self) -> Option<Answer> {
        let (id, room) = self.any(&self.sessions.clone())?;
        let participant = SessionId::try_from(id).unwrap().participant().as_str().to_owned();
        let identity = if self.flag() { participant } else { format!("foreign-{}", self.count / 2) };
        let (room_sid, sid) = (format!("RM_{}", room.len()), format!("PA_{}", self.count));
        self.stays.push((room_sid.clone(), room.clone(), sid.clone(), identity.clone()));
        Some(self.webhook("participant_joined", (&room_sid, &room), Some((&sid, &identity))).await)
    }

    async fn leave(&mut self) -> Option<Answer> {
        let (room_sid, room, sid, identity) = self.any(&self.stays.clone())?;
        Some(self.webhook("participant_left", (&room_sid, &room), Some((&sid, &identity))).await)
    }

    async fn room(&mut self) -> Option<Answer> {
        let (_, room) = self.any(&self.sessions.clone())?;
        let (sid, event) = (format!("RM_{}", room.len()), self.any(&["room_started", "room_finished"])?);
        Some(self.webhook(event, (&sid, &room), None).await)
    }
}
