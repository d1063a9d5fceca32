use std::time::{Duration, Instant};

/// How long a condition may take on a slow machine, unless it promises less.
const LIMIT: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(20);

/// Waits for what a test expects to happen by itself.
///
/// # Panics
/// After 40 s.
pub fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !reached() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(POLL);
    }
}

/// The same for what has to be asked for.
///
/// # Panics
/// After 40 s.
pub async fn eventually(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !reached().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(POLL).await;
    }
}
