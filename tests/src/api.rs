use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, RequestBuilder};
use serde_json::Value;

use crate::{Answer, http_client};

/// Longer than the edge's own deadline, so that a test sees the edge's answer and not its own impatience.
const REQUEST_LIMIT: Duration = Duration::from_secs(20);

/// A client of one edge.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: String,
    headers: HeaderMap,
}

impl Api {
    /// For the edge at this address.
    #[must_use]
    pub fn new(addr: SocketAddr) -> Self {
        let client = http_client().timeout(REQUEST_LIMIT).redirect(reqwest::redirect::Policy::none());
        Self { client: client.build().unwrap(), base: format!("http://{addr}"), headers: HeaderMap::new() }
    }

    /// The same client, sending one more header with every request.
    #[must_use]
    pub fn with(mut self, header: &str, value: &str) -> Self {
        self.headers.insert(header.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        self
    }

    /// The same client with the shared secret.
    #[must_use]
    pub fn with_secret(self, secret: &str) -> Self {
        self.with("x-backend-secret", secret)
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, |request| request).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, |request| request.json(body)).await
    }

    /// POST without a body.
    pub async fn post_empty(&self, path: &str) -> Answer {
        self.send(Method::POST, path, |request| request).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, |request| request).await
    }

    /// Anything: any method, any headers, any bytes.
    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.send(method, path, |request| {
            headers.iter().fold(request.body(body), |request, (name, value)| request.header(*name, *value))
        })
        .await
    }

    /// As [`Self::post`], for a test that may meet a dead edge.
    ///
    /// # Errors
    /// When no answer arrives.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        self.try_send(Method::POST, path, |request| request.json(body)).await
    }

    async fn send(&self, method: Method, path: &str, fill: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Answer {
        let sent = self.try_send(method, path, fill).await;
        sent.unwrap_or_else(|error| panic!("no answer from {}{path}: {error:?}", self.base))
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, reqwest::Error> {
        let name = format!("{method} {path}");
        let request = self.client.request(method, format!("{}{path}", self.base)).headers(self.headers.clone());
        let response = fill(request).send().await?;
        Ok(Answer::from(name, response).await)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::thread;

    use super::Api;

    fn serve_once(response: String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let read = stream.read(&mut [0; 4096]).unwrap();
            assert!(read > 0);
            stream.write_all(response.as_bytes()).unwrap();
        });
        addr
    }

    fn refusal(request_id_header: &str, error: &str) -> String {
        let body = format!(
            r#"{{"type":"t","title":"Gone","status":410,"detail":"d","code":"session_revoked","error":"{error}","requestId":"r"}}"#
        );
        let length = body.len();
        format!(
            "HTTP/1.1 410 Gone\r\n{request_id_header}content-type: application/problem+json\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    }

    #[tokio::test]
    async fn a_complete_problem_passes() {
        let api = Api::new(serve_once(refusal("x-request-id: r\r\n", "d")));
        let answer = api.get("/").await.problem(410, "session_revoked");
        assert_eq!(answer.int("status"), 410);
    }

    #[tokio::test]
    #[should_panic(expected = "no X-Request-Id")]
    async fn an_answer_without_request_id_fails() {
        drop(Api::new(serve_once(refusal("", "d"))).get("/").await);
    }

    #[tokio::test]
    #[should_panic(expected = "left == right")]
    async fn a_problem_that_contradicts_itself_fails() {
        drop(Api::new(serve_once(refusal("x-request-id: r\r\n", "e"))).get("/").await.problem(410, "session_revoked"));
    }
}
