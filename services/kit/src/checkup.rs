//! What a look at something that we depend on found.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and something is better known or changed.
    Warning,
    /// It does not work, or promises are not kept.
    Problem,
}

/// One thing that was looked at. None of its texts holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: a word or two.
    pub check: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do; empty when there is nothing to be done.
    pub advice: String,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), advice: String::new() }
    }

    /// It works, but.
    #[must_use]
    pub fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, found: found.into(), advice: advice.into() }
    }

    /// It does not work.
    #[must_use]
    pub fn problem(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Problem, found: found.into(), advice: advice.into() }
    }
}

/// How far another clock is from ours: what it said, and our own moments of asking and of hearing (Unix milliseconds).
/// The answer was written somewhere in between, so half of the wait is doubt.
#[must_use]
pub fn clock(check: &'static str, theirs: i64, doubt_ms: i64, asked: i64, heard: i64) -> Finding {
    let ahead = theirs - asked.midpoint(heard);
    let doubt = doubt_ms + (heard - asked) / 2;
    let found = format!("{} ms {} ours (± {doubt} ms)", ahead.abs(), if ahead < 0 { "behind" } else { "ahead of" });
    let surely = ahead.abs() - doubt;
    if surely > CLOCK_PROBLEM_MS {
        return Finding::problem(
            check,
            found,
            "set both clocks (NTP): tokens are refused and sessions end at wrong times",
        );
    }
    if surely > CLOCK_WARNING_MS {
        return Finding::warning(check, found, "set both clocks (NTP) before they are further apart");
    }
    Finding::ok(check, found)
}

/// Beyond this a short session is noticeably longer or shorter at the edge, which reads the cache by its own clock.
const CLOCK_WARNING_MS: i64 = 2_000;
/// LiveKit and its SDKs forgive 60 s (protocol `auth/verifier.go`); half of it leaves room for a third clock.
const CLOCK_PROBLEM_MS: i64 = 30_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_wrong_clock() {
        let level = |theirs, doubt, heard| clock("clock", theirs, doubt, 0, heard).level;
        assert_eq!(level(0, 0, 10), Level::Ok);
        assert_eq!(level(3_000, 0, 10), Level::Warning);
        assert_eq!(level(-3_000, 0, 10), Level::Warning);
        assert_eq!(level(3_000, 0, 8_000), Level::Ok, "it may have been read at the end of 8 s");
        assert_eq!(level(2_400, 500, 10), Level::Ok);
        assert_eq!(level(-61_000, 500, 10), Level::Problem);
    }
}
