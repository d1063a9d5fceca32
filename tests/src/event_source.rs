//! A reader of server-sent events, as the HTML standard has it ("Server-sent events", parsing an event stream).

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::{error::Elapsed, timeout};

use crate::http_client;

/// Longer than anything that a stream does by itself.
const LIMIT: Duration = Duration::from_secs(40);

/// An event that was dispatched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatched {
    /// The last `id` so far.
    pub id: String,
    /// Its type; `message` unless said.
    pub event: String,
    /// Its data.
    pub data: String,
}

impl Dispatched {
    /// The data, when it is JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or(Value::Null)
    }
}

/// One connection of a reader. For another, it is opened again with [`EventSource::last_id`].
#[derive(Debug)]
pub struct EventSource {
    response: Response,
    text: Vec<u8>,
    last_id: String,
    retry: Option<u64>,
    comments: Vec<String>,
}

impl EventSource {
    /// Opens a stream.
    ///
    /// # Panics
    /// When it is not answered by one.
    pub async fn open(url: &str, secret: &str, last_id: Option<&str>) -> Self {
        let client = http_client().build().unwrap();
        let request = client.get(url).header("x-backend-secret", secret).header("accept", "text/event-stream");
        let request = last_id.into_iter().fold(request, |request, id| request.header("last-event-id", id));
        let response = timeout(LIMIT, request.send()).await.expect("an answer in time").expect("an answer");
        assert_eq!(response.status(), 200, "{url}: {response:#?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let last_id = last_id.unwrap_or_default().to_owned();
        Self { response, text: Vec::new(), last_id, retry: None, comments: Vec::new() }
    }

    /// The next event; `None` at the end of the stream, clean or not.
    ///
    /// # Panics
    /// When nothing comes for 40 s.
    pub async fn next(&mut self) -> Option<Dispatched> {
        timeout(LIMIT, self.read()).await.expect("an event, or an end, in time")
    }

    /// The next so many events.
    ///
    /// # Panics
    /// When the stream ends before.
    pub async fn take(&mut self, count: usize) -> Vec<Dispatched> {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(self.next().await.unwrap_or_else(|| panic!("it ends after {all:#?}: {:?}", self.comments)));
        }
        all
    }

    /// What comes within a time; nothing is an answer too.
    ///
    /// # Errors
    /// Nothing came.
    pub async fn within(&mut self, time: Duration) -> Result<Option<Dispatched>, Elapsed> {
        timeout(time, self.read()).await
    }

    /// What a reader sends as `Last-Event-ID` when it comes back.
    #[must_use]
    pub fn last_id(&self) -> &str {
        &self.last_id
    }

    /// How soon it may come back, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Comments so far.
    #[must_use]
    pub fn comments(&self) -> &[String] {
        &self.comments
    }

    async fn read(&mut self) -> Option<Dispatched> {
        let (mut event, mut data): (String, Option<String>) = (String::new(), None);
        loop {
            let line = self.line().await?;
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() => match data.take() {
                    Some(data) => {
                        let event = if event.is_empty() { "message".to_owned() } else { event };
                        return Some(Dispatched { id: self.last_id.clone(), event, data });
                    }
                    None => event.clear(),
                },
                "" => self.comments.push(value.to_owned()),
                "id" => value.clone_into(&mut self.last_id),
                "event" => value.clone_into(&mut event),
                "data" => {
                    let more = data.take().map_or_else(String::new, |data| data + "\n");
                    data = Some(more + value);
                }
                "retry" => self.retry = value.parse().ok(),
                other => panic!("no field of an event stream: {other}"),
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).take(end).collect();
                return Some(String::from_utf8(line).expect("an event stream is UTF-8"));
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.text.extend_from_slice(&chunk);
        }
    }
}
