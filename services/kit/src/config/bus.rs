//! Where the bus is, and who one is on it.

use avanzacast_schemas::bus::BusUser;

use super::Variables;
use crate::Secret;

/// How to reach the bus as one of its users.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// `nats://host:port`; several, separated by commas, form a cluster.
    pub url: String,
    /// Who.
    pub user: BusUser,
    /// The user's password.
    pub password: Secret,
}

impl BusConfig {
    /// Reads `NATS_URL` and the user's `NATS_…_PASSWORD`, both required.
    pub fn read(variables: &mut Variables, user: BusUser) -> Self {
        let url = variables.text("NATS_URL").unwrap_or_else(|| {
            variables.problem("NATS_URL is required: where the bus is, for example nats://127.0.0.1:4222");
            String::new()
        });
        let name = user.password_variable();
        let password = variables.secret(name).unwrap_or_else(|| {
            variables.problem(format!("{name} is required: the password of the bus user {}", user.name()));
            Secret::new("")
        });
        Self { url, user, password }
    }
}
