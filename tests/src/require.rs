use std::io::Write;

/// Leaves the test when what it needs is missing on this machine; fails it where `CI=true`.
///
/// Takes a `Result<(), String>` whose error says what is missing and how to install it.
///
/// ```no_run
/// avanzacast_tests::require!(avanzacast_tests::Postgres::available());
/// ```
#[macro_export]
macro_rules! require {
    ($available:expr) => {
        if let Err(reason) = $available {
            $crate::skipped(&reason);
            return;
        }
    };
}

/// Says loudly that a test does not run, and why. Use [`require!`].
///
/// # Panics
/// Where `CI=true`: there a missing program is a mistake, not a circumstance.
pub fn skipped(reason: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "missing, and CI=true allows no skipping: {reason}");
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    // Not `eprintln!`: the test runner swallows what a passing test prints with it.
    drop(writeln!(std::io::stderr(), "SKIPPED: {test}: {reason}"));
}
