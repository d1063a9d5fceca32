//! The contract as a machine reads it: what the OpenAPI document promises, the edge keeps, for requests that nobody
//! thought of.

use avanzacast_tests::{
    FakeLiveKit, LiveKitKey, Mood, Postgres, Schemathesis, Stack, StackOptions, require, schemathesis_available,
};

/// Every endpoint that there can be, for a caller who is in a hurry, and a LiveKit that takes every token.
fn env(livekit: &FakeLiveKit) -> Vec<(String, String)> {
    let more = [("MEET_COMPAT", "1"), ("RATE_LIMIT_PER_MINUTE", "0")];
    let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
    livekit.environment().into_iter().chain(more).collect()
}

fn tried(stack: &Stack) -> Schemathesis {
    let (key, secret) = stack.signing_key();
    Schemathesis::of(stack.api().base()).with_secret(stack.secret()).with_key(LiveKitKey::new(key, secret))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_with_sqlite() {
    require!(schemathesis_available());
    let livekit = FakeLiveKit::start(Mood::Success);
    let stack = Stack::sqlite_with(env(&livekit)).await;
    tried(&stack).run();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_with_postgres() {
    require!(schemathesis_available());
    require!(Postgres::available());
    let livekit = FakeLiveKit::start(Mood::Success);
    let stack = Stack::postgres(StackOptions { env: env(&livekit), audits: 1, ..Default::default() }).await;
    // The edge is the same; only what the database refuses can differ.
    tried(&stack).examples(10).run();
}
