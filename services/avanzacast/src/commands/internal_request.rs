//! `avanzacast internal-request`: a session with its token from a running backend, as another program would ask for
//! one; for trying, and for scripts.

use std::time::Duration;

use avanzacast_kit::{
    Secret,
    config::{ConfigError, Variables},
};
use clap::Args;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;

use super::{Failure, session_worker::data_dir};

/// Longer than the backend's own deadline of 5 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of an answer that is no problem document, this much is shown.
const EXCERPT_CHARS: usize = 200;

/// What is asked for, and of whom.
#[derive(Debug, Args)]
pub(crate) struct InternalRequest {
    /// The room
    #[arg(long, default_value = "test-room")]
    room: String,
    /// The participant's name on the screen
    #[arg(long, default_value = "e2e")]
    username: String,
    /// Where the backend is: else AVANZACAST_URL, else PUBLIC_URL, else this machine at PORT
    #[arg(long)]
    url: Option<String>,
}

/// The part of a problem document that a person needs.
#[derive(Deserialize)]
struct Document {
    code: String,
    detail: String,
}

/// Where to send it, and with which secret.
struct Target {
    url: Url,
    secret: Option<Secret>,
}

impl InternalRequest {
    /// Asks, and prints the answer. Answers whether there was one.
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        let target = target(self.url, Variables::from_process())?;
        let answer = ask(&target, &self.room, &self.username).await?;
        print(&answer);
        Ok(true)
    }
}

#[expect(clippy::print_stdout, reason = "this is the command's output")]
fn print(answer: &str) {
    println!("{answer}");
}

fn target(url: Option<String>, mut variables: Variables) -> Result<Target, ConfigError> {
    let given = url.or_else(|| variables.text("AVANZACAST_URL")).or_else(|| variables.text("PUBLIC_URL"));
    // A backend that `avanzacast up` started here says where it is, and what its secret is.
    variables.fill_from(&data_dir(&variables).join("dev.env"));
    let port: u16 = variables.parse("PORT", 4000, "a port from 0 to 65535");
    let here = || format!("http://localhost:{port}");
    let base = given.or_else(|| variables.text("AVANZACAST_URL")).unwrap_or_else(here);
    let url = format!("{}/api/internal/session", base.trim_end_matches('/')).parse::<Url>();
    let url = url.ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    // While one secret takes the place of another, any of them holds.
    let secrets = variables.text("BACKEND_REGISTER_SECRET");
    let secret = secrets.and_then(|all| all.split(',').next().map(|first| Secret::new(first.trim())));
    if url.is_none() {
        variables.problem("--url, AVANZACAST_URL and PUBLIC_URL must begin with http:// or https://");
    }
    variables.finish()?;
    url.map(|url| Target { url, secret }).ok_or(ConfigError(Vec::new()))
}

async fn ask(target: &Target, room: &str, username: &str) -> Result<String, Failure> {
    // No redirects: the secret goes to the named server and nowhere else.
    let client = Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
    let mut request = client.post(target.url.clone()).json(&json!({ "room": room, "username": username }));
    if let Some(secret) = &target.secret {
        request = request.header("x-backend-secret", secret.reveal());
    }
    let answer = request.send().await.map_err(|error| away(&target.url, &error))?;
    let status = answer.status();
    let body = answer.text().await?;
    if status.is_success() { Ok(body) } else { Err(refused(&target.url, status, &body, target.secret.is_some())) }
}

fn away(url: &Url, error: &reqwest::Error) -> Failure {
    let why = if error.is_timeout() { "does not answer in time" } else { "is not there" };
    format!("the backend at {} {why}: start it, or name it with --url or AVANZACAST_URL", origin(url)).into()
}

/// What the problem document said; of anything else an excerpt.
fn refused(url: &Url, status: StatusCode, body: &str, with_secret: bool) -> Failure {
    let said = serde_json::from_str::<Document>(body).map_or_else(
        |_| body.chars().take(EXCERPT_CHARS).collect(),
        |Document { code, detail }| format!("{code}: {detail}"),
    );
    let hint = match (status, with_secret) {
        (StatusCode::UNAUTHORIZED, false) => "; set BACKEND_REGISTER_SECRET",
        (StatusCode::UNAUTHORIZED, true) => "; BACKEND_REGISTER_SECRET must be the backend's own",
        _ => "",
    };
    format!("{} refuses with {status}: {said}{hint}", origin(url)).into()
}

/// Without a user and password that may stand in it.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
