//! `avanzacast audit` beside a stack, as an operator runs it who may read the database and the stream.

use std::process::{Command, Output};

use avanzacast_schemas::bus::BusUser;

use crate::{Stack, binary};

impl Stack {
    /// Runs it in the stack's folder, to whatever end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn audit(&self, arguments: &[&str]) -> Output {
        self.audit_command(arguments).output().expect("the program starts")
    }

    /// The command, to be run as somebody likes.
    #[must_use]
    pub fn audit_command(&self, arguments: &[&str]) -> Command {
        let mut env = self.nats.as_ref().map_or_else(Vec::new, |nats| nats.environment(BusUser::Audit));
        env.push(("DATA_DIR".to_owned(), self.data_dir().display().to_string()));
        env.extend(self.database.iter().map(|name| ("DATABASE_URL".to_owned(), self.cluster().url(name))));
        env.extend(std::env::vars().filter(|(name, _)| name == "PATH"));
        let mut command = Command::new(binary());
        command.arg("audit").args(arguments).env_clear().envs(env).current_dir(self.data_dir());
        command
    }

    /// Runs any command as an operator does: as the bus user `admin`, who is found beside `up` without being told.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn operate(&self, arguments: &[&str]) -> Output {
        let mut env = self.nats.as_ref().map_or_else(Vec::new, |nats| nats.environment(BusUser::Admin));
        env.push(("DATA_DIR".to_owned(), self.data_dir().display().to_string()));
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().envs(env).current_dir(self.data_dir());
        command.output().expect("the program starts")
    }

    /// Runs it to a good end, and answers its output.
    ///
    /// # Panics
    /// When it ends otherwise.
    #[must_use]
    pub fn audited(&self, arguments: &[&str]) -> String {
        let output = self.audit(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs it to a bad end (exit code 1), and answers what it said about it.
    ///
    /// # Panics
    /// When it ends otherwise.
    #[must_use]
    pub fn audit_finds(&self, arguments: &[&str]) -> String {
        let output = self.audit(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}
