//! An edge and a bus, and nothing else: what is behind it is the test's to play.

use crate::stack_env::{Credentials, common, pairs};
use crate::{Api, EventSource, FakeRecord, Launch, Nats, NatsOptions, Process};
use avanzacast_schemas::bus::BusUser;

/// An edge alone.
#[derive(Debug)]
pub struct LoneEdge {
    /// The edge.
    pub edge: Process,
    /// What it asks.
    pub record: FakeRecord,
    /// The bus.
    pub nats: Nats,
    credentials: Credentials,
    env: Vec<(String, String)>,
}

impl LoneEdge {
    /// Starts bus and edge.
    pub async fn start(env: &[(&str, &str)]) -> Self {
        let (nats, credentials) = (Nats::start(NatsOptions::default()), Credentials::random());
        let record = FakeRecord::start(&nats).await;
        let env = pairs(env.iter().copied());
        let edge = launch(&nats, &credentials, &env);
        Self { edge, record, nats, credentials, env }
    }

    /// Another edge in its place, after a `kill -9`; on another port.
    pub fn restart(&mut self) {
        self.edge.kill9();
        self.edge = launch(&self.nats, &self.credentials, &self.env);
    }

    /// A client.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.edge.addr())
    }

    /// What `BACKEND_REGISTER_SECRET` is.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.credentials.register_secret
    }

    /// Watches `/api/events` with this query.
    pub async fn watch(&self, query: &str, last_id: Option<&str>) -> EventSource {
        let url = format!("http://{}/api/events{query}", self.edge.addr());
        EventSource::open(&url, self.secret(), last_id).await
    }
}

fn launch(nats: &Nats, credentials: &Credentials, env: &[(String, String)]) -> Process {
    let launch = Launch::product(&["edge"]).envs(common()).envs(credentials.register());
    let launch = launch.envs(nats.environment(BusUser::Edge)).envs(env.iter().cloned());
    let edge = launch.start();
    edge.wait_for_log("listening");
    edge
}
