//! The token-server, and the programs that stand in its place: outsiders with a LiveKit key and the bus.

use std::process::Command;

use avanzacast_schemas::bus::BusUser;
use serde_json::Value;

use crate::client_programs::{json_or_refusal, node, node_available, python, python_available, source};
use crate::stack_env::{common, word};
use crate::{Api, Launch, Process, Stack, binary, pairs};

/// A token-server beside a stack, signing with the stack's own key.
#[derive(Debug)]
pub struct TokenServer {
    /// It.
    pub process: Process,
    secret: String,
}

impl TokenServer {
    /// Starts one, in production mode.
    #[must_use]
    pub fn start(stack: &Stack) -> Self {
        Self::start_with(stack, &[])
    }

    /// The same with more environment variables.
    #[must_use]
    pub fn start_with(stack: &Stack, env: &[(&str, &str)]) -> Self {
        let secret = word(40);
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let launch = Self::program().envs(common()).envs(joining(stack)).env("TOKEN_SERVER_SECRET", &secret);
        let process = launch.envs(env).start();
        for hidden in [secret.as_str(), stack.signing_key().1] {
            // The development key's secret is the word that a log says "secret" with.
            if hidden != "secret" {
                process.forbid_in_logs(hidden);
            }
        }
        drop(process.wait_for_log("listening"));
        Self { process, secret }
    }

    /// The program, with no environment.
    #[must_use]
    pub fn program() -> Launch {
        Launch::program(binary::token_server(), &[]).named("token-server")
    }

    /// A client that shows nothing.
    #[must_use]
    pub fn stranger(&self) -> Api {
        Api::new(self.process.addr())
    }

    /// A client with the secret.
    #[must_use]
    pub fn api(&self) -> Api {
        self.stranger().with("authorization", &format!("Bearer {}", self.secret))
    }
}

/// What an outsider is told: the bus, its password there, and the key that it signs with.
fn joining(stack: &Stack) -> Vec<(String, String)> {
    let bus = match &stack.nats {
        Some(nats) => nats.environment(BusUser::TokenServer),
        None => {
            let password = BusUser::TokenServer.password_variable();
            pairs([("NATS_URL", &stack.dev_env("NATS_URL")), (password, &stack.dev_env(password))])
        }
    };
    let (key, secret) = stack.signing_key();
    bus.into_iter().chain([("LIVEKIT_KEYS".to_owned(), format!("{key}: {secret}"))]).collect()
}

/// The examples for outsiders, in `tests/clients`.
#[derive(Debug, Clone, Copy)]
pub enum RegisterProgram {
    /// With nats-py.
    Python,
    /// With nats.js.
    Node,
}

impl RegisterProgram {
    /// Whether it can run, for [`crate::require!`].
    ///
    /// # Errors
    /// What is missing.
    pub fn available(self) -> Result<(), String> {
        match self {
            Self::Python => python_available(),
            Self::Node => node_available(),
        }
    }

    /// Runs it: what it prints, or the one line that it fails with.
    ///
    /// # Errors
    /// That line.
    ///
    /// # Panics
    /// When it fails otherwise.
    pub fn run(self, stack: &Stack, room: &str, identity: &str) -> Result<Value, String> {
        let mut command = self.command();
        let output = command.args([room, identity]).envs(joining(stack)).output().expect("it starts");
        json_or_refusal(&output)
    }

    fn command(self) -> Command {
        match self {
            Self::Python => {
                let mut command = python("token-server-python");
                command.arg(source("token-server-python").join("register.py"));
                command
            }
            Self::Node => node("token-server-node", "register.mjs"),
        }
    }
}
