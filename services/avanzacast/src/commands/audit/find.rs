//! `avanzacast audit find`.

use avanzacast_audit::answers::{Asked, find};
use avanzacast_worker::store::Store;
use clap::{ArgGroup, Args};

use super::{Failure, ledger, operator, told};

/// Says what is known of somebody, by what they are called: the users, the sessions and tokens, where to, how those stand,
/// and when whoever had them was there. It reads the database, and finds nobody whose name was erased.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["email", "name", "identity"])))]
pub(super) struct Find {
    /// The user with this e-mail address, in whatever case, and the sessions that they registered
    #[arg(long)]
    email: Option<String>,
    /// Whoever is called exactly that: in a session, or as a user
    #[arg(long)]
    name: Option<String>,
    /// Whoever has exactly that identity in LiveKit, which is not a participant `p_…` of ours
    #[arg(long)]
    identity: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Find {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let asked = match (self.email, self.name, self.identity) {
            (Some(email), _, _) => Asked::Email(email),
            (None, Some(name), _) => Asked::Name(name),
            (None, None, Some(identity)) => Asked::Identity(identity),
            (None, None, None) => return Err(operator::Usage("whom?".to_owned()).into()),
        };
        let found = find(&Store::new(ledger()?), asked).await?;
        operator::write(&if self.json {
            format!("{}\n", serde_json::to_string(&found)?)
        } else {
            told::found(&found)
        })?;
        Ok(true)
    }
}
