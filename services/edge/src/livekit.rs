//! LiveKit, as the edge sees it: only whether it would take a token.

use std::time::Duration;

use avanzacast_schemas::Code;
use reqwest::{Client, StatusCode, header, redirect};

use crate::problem::Problem;

/// A LiveKit that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The configured LiveKit. No other host is ever asked, whatever a token or an answer says.
#[derive(Debug)]
pub(crate) struct LiveKit {
    client: Client,
    url: String,
}

impl LiveKit {
    /// At its HTTP address.
    pub(crate) fn new(http_url: &str) -> Result<Self, reqwest::Error> {
        let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).no_proxy().build()?;
        // The first form of the endpoint: the second wants a join request that only a client has.
        Ok(Self { client, url: format!("{http_url}/rtc/validate") })
    }

    /// Whether it would let the bearer of the token join. Only the status of its answer counts: the body can hold the
    /// whole token (livekit-server, `pkg/service/auth.go`).
    pub(crate) async fn takes(&self, token: &str) -> Result<bool, Problem> {
        let Ok(mut bearer) = header::HeaderValue::from_str(&format!("Bearer {token}")) else { return Ok(false) };
        bearer.set_sensitive(true);
        let asked = self.client.get(&self.url).header(header::AUTHORIZATION, bearer).send().await;
        match asked.map(|response| response.status()) {
            Ok(StatusCode::OK) => Ok(true),
            Ok(StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) => {
                Ok(false)
            }
            Ok(status) => {
                tracing::warn!(status = status.as_u16(), "LiveKit did not answer as LiveKit does");
                Err(Code::LiveKitFailed.into())
            }
            Err(error) if error.is_timeout() => Err(Code::LiveKitTimeout.into()),
            Err(error) => {
                tracing::warn!(error = %error.without_url(), "LiveKit could not be asked");
                Err(Code::LiveKitFailed.into())
            }
        }
    }
}
