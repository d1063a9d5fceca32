//! Requests at the edge.

use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
    time::Duration,
};

use metrics::{Counter, Histogram, counter, histogram};

use super::described::{HTTP_REQUESTS, HTTP_SECONDS};

/// The methods that get a name of their own: any word can be a method, and each would be a series of its own.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const OTHER_METHOD: &str = "other";

/// Of one route: the handles of each method and status seen. Some ten at most, so a list does.
type Seen = Vec<(&'static str, u16, Counter, Histogram)>;

/// Routes, methods and statuses are few, so the map soon stands still and is only read.
static SEEN: LazyLock<RwLock<HashMap<Box<str>, Seen>>> = LazyLock::new(RwLock::default);

/// Counts a request that has been answered. `route` is the pattern of its path, or empty when it matched none.
pub fn request(route: &str, method: &str, status: u16, elapsed: Duration) {
    let method = METHODS.into_iter().find(|known| *known == method).unwrap_or(OTHER_METHOD);
    let seen = SEEN.read().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, _, count, time)) = seen.get(route).and_then(|seen| find(seen, method, status)) {
        count.increment(1);
        time.record(elapsed);
        return;
    }
    drop(seen);
    let count =
        counter!(HTTP_REQUESTS, "route" => route.to_owned(), "method" => method, "status" => status.to_string());
    let time = histogram!(HTTP_SECONDS, "route" => route.to_owned(), "method" => method);
    count.increment(1);
    time.record(elapsed);
    let mut all = SEEN.write().unwrap_or_else(PoisonError::into_inner);
    let seen = all.entry(route.into()).or_default();
    // Another may have been as quick; both handles count the same.
    if find(seen, method, status).is_none() {
        seen.push((method, status, count, time));
    }
}

fn find<'a>(seen: &'a Seen, method: &str, status: u16) -> Option<&'a (&'static str, u16, Counter, Histogram)> {
    seen.iter().find(|(known, code, ..)| *known == method && *code == status)
}
