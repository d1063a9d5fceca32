use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// What an HTTP request came to.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `POST /api/session`, for the messages.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, when it is JSON; else `null`.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    pub(crate) async fn from(request: String, response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        // A stream of events has no end to wait for.
        let endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let text = if endless { Ok(String::new()) } else { response.text().await };
        let text = text.unwrap_or_else(|error| panic!("{request}: the body breaks off: {error}"));
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Self { request, status, headers, body, text };
        assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "no X-Request-Id: {answer:#?}");
        answer
    }

    /// Fails the test, and shows the whole answer, unless it has this status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {}: {self:#?}", self.request, reason(self.status));
        self
    }

    /// The answer is a problem document of this status and code, complete and consistent (RFC 9457 and our own
    /// `code`, `error` and `requestId`).
    pub fn problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:#?}");
        for member in ["type", "title", "detail", "code", "error", "requestId"] {
            let filled = answer.body.get(member).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            assert!(filled, "no {member}: {answer:#?}");
        }
        assert_eq!(answer.body.get("status"), Some(&status.into()), "{answer:#?}");
        assert_eq!(answer.str("code"), code, "{answer:#?}");
        assert_eq!(answer.str("error"), answer.str("detail"), "{answer:#?}");
        assert_eq!(Some(answer.str("requestId")), answer.header("x-request-id"), "{answer:#?}");
        answer
    }

    /// A header's value, when it is there and text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A member of the body that is a string.
    #[must_use]
    pub fn str(&self, member: &str) -> &str {
        let found = self.body.get(member).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text {member:?}: {self:#?}"))
    }

    /// A member of the body that is a whole number.
    #[must_use]
    pub fn int(&self, member: &str) -> i64 {
        let found = self.body.get(member).and_then(Value::as_i64);
        found.unwrap_or_else(|| panic!("no number {member:?}: {self:#?}"))
    }
}

fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("?")
}
