use crate::{Answer, Api, LiveKitKey, LiveKitOptions, LiveKitServer, Participant, Postgres, Stack, StackOptions};

/// A livekit-server, and a backend that signs for it and hears from it.
#[derive(Debug)]
pub struct LiveStudio {
    /// The backend.
    pub stack: Stack,
    /// Its LiveKit.
    pub livekit: LiveKitServer,
    /// The key that both have.
    pub key: LiveKitKey,
}

impl LiveStudio {
    /// Whether LiveKit and its participants are here, for [`crate::require!`].
    ///
    /// # Errors
    /// What is missing.
    pub fn available() -> Result<(), String> {
        LiveKitServer::available()?;
        Participant::available()
    }

    /// The same, with PostgreSQL.
    ///
    /// # Errors
    /// What is missing.
    pub fn available_with_postgres() -> Result<(), String> {
        Self::available()?;
        Postgres::available()
    }

    /// `avanzacast up` with SQLite in development mode; `env` for it, `auto_create` for LiveKit.
    pub async fn sqlite(auto_create: bool, env: &[(&str, &str)]) -> Self {
        let livekit = LiveKitServer::reserve();
        let stack = Stack::sqlite_with(variables(&livekit, env)).await;
        Self::open(stack, livekit, auto_create)
    }

    /// Processes apart with PostgreSQL in production mode.
    pub async fn postgres(auto_create: bool, env: &[(&str, &str)]) -> Self {
        let livekit = LiveKitServer::reserve();
        let options = StackOptions { env: variables(&livekit, env), rooms: 1, ..Default::default() };
        let stack = Stack::postgres(options).await;
        Self::open(stack, livekit, auto_create)
    }

    /// As [`Self::postgres`] by these options, with a LiveKit that makes rooms, and whose webhooks go to the first edge or
    /// nowhere.
    pub async fn postgres_with(options: StackOptions, webhooks: bool) -> Self {
        let livekit = LiveKitServer::reserve();
        let env = options.env.into_iter().chain(livekit.environment()).collect();
        let stack = Stack::postgres(StackOptions { env, ..options }).await;
        Self::open_with(stack, livekit, true, webhooks)
    }

    fn open(stack: Stack, livekit: LiveKitServer, auto_create: bool) -> Self {
        Self::open_with(stack, livekit, auto_create, true)
    }

    fn open_with(stack: Stack, livekit: LiveKitServer, auto_create: bool, webhooks: bool) -> Self {
        let webhook = webhooks.then(|| format!("{}/api/livekit/webhook", stack.api().base()));
        let options = LiveKitOptions { auto_create, webhook, ..LiveKitOptions::of(stack.signing_key()) };
        livekit.start(&options);
        Self { stack, livekit, key: options.key }
    }

    /// A client of the first edge.
    #[must_use]
    pub fn api(&self) -> Api {
        self.stack.api()
    }

    /// The same with the shared secret.
    #[must_use]
    pub fn keeper(&self) -> Api {
        self.stack.api().with_secret(self.stack.secret())
    }

    /// Joins with the `url` and the `token` of an answer, and nothing else.
    ///
    /// # Panics
    /// When it is not let in, or told to go elsewhere.
    #[must_use]
    pub fn join(&self, answer: &Answer) -> Participant {
        self.join_at(answer.str("url"), answer.str("token"))
    }

    /// The same, under whatever names the answer has for them.
    ///
    /// # Panics
    /// As [`Self::join`].
    #[must_use]
    pub fn join_at(&self, url: &str, token: &str) -> Participant {
        assert_eq!(url, self.livekit.url());
        Participant::join(url, token).unwrap_or_else(|why| panic!("not let in: {why}"))
    }
}

fn variables(livekit: &LiveKitServer, env: &[(&str, &str)]) -> Vec<(String, String)> {
    let more = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    livekit.environment().into_iter().chain(more).collect()
}
