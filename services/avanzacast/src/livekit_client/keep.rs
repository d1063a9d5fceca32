//! Having the module at hand in a process that serves it, from its start or as soon as it can be had.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::{ClientError, Module, Place, Source};

/// How long to wait for a module that cannot be had.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two looks: whoever puts the module there wants to see it served.
    pub look: Duration,
    /// Between the first two attempts to fetch it, doubled from one to the next.
    pub first: Duration,
    /// Between two attempts at the most: nobody else's servers are to be pestered.
    pub longest: Duration,
}

/// A minute; and from a minute to an hour.
const PACE: Pace =
    Pace { look: Duration::from_secs(60), first: Duration::from_secs(60), longest: Duration::from_secs(60 * 60) };

/// How a process fetches the module by itself.
#[derive(Debug, Clone)]
pub struct Fetching {
    /// With what.
    pub source: Source,
    /// Whom to tell what takes long, a line at a time.
    pub progress: fn(&str),
}

/// Gives the module to `take` once it is there, and ends. Until then it looks for it every minute, and, if it is to be
/// fetched, tries to, at growing intervals; says once in the log what is to be done. With no place it ends at once.
pub async fn keep_ready(place: Option<Place>, fetching: Option<Fetching>, take: impl FnOnce(Bytes)) {
    keep_ready_at(PACE, place, fetching, take).await;
}

/// As [`keep_ready()`], at another pace.
pub async fn keep_ready_at(pace: Pace, place: Option<Place>, fetching: Option<Fetching>, take: impl FnOnce(Bytes)) {
    if let Some(place) = place {
        take(wait(&place, fetching.as_ref(), pace).await);
    }
}

async fn wait(place: &Place, fetching: Option<&Fetching>, pace: Pace) -> Bytes {
    let mut attempts = Attempts { fetching, due: Instant::now(), pause: pace.first, longest: pace.longest };
    let mut told = false;
    loop {
        match attempts.next(place).await {
            Ok(Module { path, bytes }) => {
                if told {
                    tracing::info!(file = %path.display(), "livekit-client is there: the studio page has video");
                }
                return bytes;
            }
            Err(error) if told => tracing::debug!(%error, "still no livekit-client"),
            Err(error) => {
                tracing::warn!(%error, "the studio page works without video until livekit-client is there");
                told = true;
            }
        }
        sleep(pace.look).await;
    }
}

struct Attempts<'a> {
    fetching: Option<&'a Fetching>,
    due: Instant,
    pause: Duration,
    longest: Duration,
}

impl Attempts<'_> {
    /// Fetches it when that is due, else looks.
    async fn next(&mut self, place: &Place) -> Result<Module, ClientError> {
        let Some(Fetching { source, progress }) = self.fetching.filter(|_| Instant::now() >= self.due) else {
            return place.look().await;
        };
        let obtained = place.obtain(source, progress).await;
        self.due = Instant::now() + self.pause;
        self.pause = self.pause.saturating_mul(2).min(self.longest);
        obtained
    }
}
