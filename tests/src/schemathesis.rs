use std::process::Command;
use std::time::Duration;

use crate::LiveKitKey;
use crate::client_programs::{python, python_available, source};
use crate::daemon::{Daemon, Stop};

/// For some dozens of operations on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs it as its own program does.
const MAIN: &str = "from schemathesis.cli import schemathesis; schemathesis()";

/// Whether there can be one, for [`crate::require!`].
///
/// # Errors
/// What is missing.
pub fn schemathesis_available() -> Result<(), String> {
    python_available()
}

/// Schemathesis: makes requests from an OpenAPI document, good ones and bad ones, and checks what is answered against
/// the document and against HTTP.
#[derive(Debug, Clone)]
pub struct Schemathesis {
    base: String,
    secret: Option<String>,
    key: LiveKitKey,
    examples: u32,
    limit: Duration,
    more: Vec<String>,
}

impl Schemathesis {
    /// For the document at `<base>/openapi.json`.
    #[must_use]
    pub fn of(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            secret: None,
            key: LiveKitKey::random(),
            examples: 30,
            limit: LIMIT,
            more: Vec::new(),
        }
    }

    /// Sends `X-BACKEND-SECRET` with every request.
    #[must_use]
    pub fn with_secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    /// Signs the tokens of good requests with this key; unless said with one that nobody knows.
    #[must_use]
    pub fn with_key(mut self, key: LiveKitKey) -> Self {
        self.key = key;
        self
    }

    /// At most this many random requests for each operation; 30 unless said.
    #[must_use]
    pub fn examples(mut self, examples: u32) -> Self {
        self.examples = examples;
        self
    }

    /// At most this long; ten minutes unless said.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// More of the program's own arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.more.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Runs every check; the same requests each time.
    ///
    /// # Panics
    /// When it finds something, or takes too long: with all that it says.
    pub fn run(&self) {
        let mut command = python("schemathesis");
        self.configure(&mut command);
        command.args(["run", &format!("{}/openapi.json", self.base), "--checks", "all"]);
        // A session that was taken back is still shown to a manager, with what became of it.
        command.args(["--exclude-checks", "use_after_free"]);
        // A stream has no end to wait for.
        command.args(["--exclude-operation-id", "watchEvents"]);
        // Its own `--max-time` is no limit: it goes on until the time is spent.
        command.args(["--max-examples", &self.examples.to_string(), "--generation-deterministic"]);
        command.args(["--no-color", "--continue-on-failure", "--request-timeout", "20"]);
        if let Some(secret) = &self.secret {
            command.args(["--header", &format!("X-BACKEND-SECRET:{secret}")]);
        }
        let folder = tempfile::tempdir().expect("a folder");
        command.args(&self.more).current_dir(folder.path());
        let program = Daemon::spawn("schemathesis", &mut command, Stop::TERMINATE);
        let status = program.wait(self.limit);
        let said = program.output.lines().join("\n");
        assert!(status.is_some_and(|status| status.success()), "schemathesis, {status:?}:\n{said}");
        assert!(said.contains("Test cases"), "schemathesis tested nothing:\n{said}");
    }

    /// What it is told about our requests: `tests/clients/schemathesis`.
    fn configure(&self, command: &mut Command) {
        let folder = source("schemathesis");
        let packages = command.get_envs().find_map(|(name, value)| value.filter(|_| name == "PYTHONPATH"));
        let mut path = packages.expect("where its packages are").to_owned();
        path.push(":");
        path.push(&folder);
        command.env("PYTHONPATH", path).env("SCHEMATHESIS_HOOKS", "hooks");
        command.env("LIVEKIT_API_KEY", self.key.name()).env("LIVEKIT_API_SECRET", self.key.secret());
        command.args(["-c", MAIN, "--config-file"]).arg(folder.join("schemathesis.toml"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Schemathesis, schemathesis_available};
    use crate::{FakeLiveKit, Mood, skipped};

    /// A server that answers 200 and its document to everything, whatever the document says.
    fn try_it(documented: &str) {
        let document = json!({"openapi": "3.1.0", "info": {"title": "one", "version": "1"},
            "paths": {"/thing": {"get": {"responses": {documented: {"description": "this"}}}}}});
        let server = FakeLiveKit::start(Mood::Status(200, document.to_string()));
        let checks = ["--exclude-checks", "unsupported_method,content_type_conformance"];
        Schemathesis::of(&format!("http://{}", server.addr())).examples(3).arguments(&checks).run();
        assert!(server.asked().iter().any(|asked| asked.path == "/thing"), "it was not tried");
    }

    #[test]
    fn a_server_that_does_what_it_says_passes() {
        crate::require!(schemathesis_available());
        try_it("200");
    }

    #[test]
    #[should_panic(expected = "GET /thing")]
    fn what_it_finds_is_shown() {
        if let Err(reason) = schemathesis_available() {
            skipped(&reason);
            panic!("GET /thing");
        }
        try_it("201");
    }
}
