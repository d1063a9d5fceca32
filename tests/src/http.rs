use reqwest::{Client, ClientBuilder};

use crate::Process;

/// What every HTTP client of a test is made from: ready for TLS, which it wants even for plain HTTP, and deaf to the
/// proxies of the environment.
pub fn http_client() -> ClientBuilder {
    // A second installation is refused, and harmless.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().no_proxy()
}

impl Process {
    /// What it measures: the text of its `/metrics`.
    ///
    /// # Panics
    /// When it does not serve them.
    pub async fn metrics(&self) -> String {
        let log = self.wait_for_log("serving metrics");
        let url = format!("http://{}/metrics", log["addr"].as_str().unwrap());
        let response = http_client().build().unwrap().get(url).send().await.unwrap();
        response.text().await.unwrap()
    }
}
