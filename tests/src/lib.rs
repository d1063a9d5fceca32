//! What the black-box tests share: real processes on 127.0.0.1 and free ports, each with a folder of its own,
//! each ended by whoever started it.
//!
//! Nothing outlives the test program, however that ends (see [`guard`]), and a test that fails prints what its
//! processes logged.

mod answer;
mod api;
mod audit_command;
mod binary;
mod books;
mod bus_readers;
mod client_programs;
mod daemon;
mod event_source;
mod fake_livekit;
mod fake_record;
mod guard;
mod http;
mod inspect;
mod live_studio;
mod livekit;
mod livekit_client;
mod livekit_key;
mod livekit_program;
mod livekit_server;
mod load;
mod lone_edge;
mod nats;
mod on_both;
mod output;
mod participant;
mod port;
mod postgres;
mod postgres_program;
mod process;
mod proxy;
mod require;
mod schemathesis;
mod stack;
mod stack_env;
mod stand_in;
mod token_server;
mod token_source;
mod wait;
mod webhook;

pub use answer::Answer;
pub use api::Api;
pub use binary::{binary, workspace_root};
pub use books::{assert_books, assert_events_equal_ledger, assert_same_lines, events};
pub use bus_readers::{asyncapi_available, asyncapi_check, cloudevents_available, cloudevents_read, pymerkle_check};
pub use event_source::{Dispatched, EventSource};
pub use fake_livekit::{Asked, FakeLiveKit, Mood};
pub use fake_record::FakeRecord;
pub use http::http_client;
pub use inspect::payload;
pub use live_studio::LiveStudio;
pub use livekit::{livekit_node_available, livekit_node_verify, livekit_python_available, livekit_python_verify};
pub use livekit_client::{livekit_client, livekit_client_available};
pub use livekit_key::LiveKitKey;
pub use livekit_server::{LiveKitOptions, LiveKitServer};
pub use load::Load;
pub use lone_edge::LoneEdge;
pub use nats::{Nats, NatsOptions};
pub use participant::Participant;
pub use postgres::{Postgres, PostgresOptions};
pub use process::{Launch, Process};
pub use proxy::{Action, Proxy, Trap};
pub use require::skipped;
pub use schemathesis::{Schemathesis, schemathesis_available};
pub use stack::{Stack, StackOptions};
pub use stack_env::pairs;
pub use stand_in::StandIn;
pub use token_server::{RegisterProgram, TokenServer};
pub use token_source::{token_source_available, token_source_fetch};
pub use wait::{eventually, wait_until};
pub use webhook::Stored;
