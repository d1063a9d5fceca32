//! Users and broadcasts as decisions see them: the rows that a batch read, and what became of them.

use std::collections::{HashMap, HashSet};

use avanzacast_kit::time;
use avanzacast_schemas::{BroadcastStatus, Email, User, Username};
use avanzacast_worker::{
    person::{self, Person},
    store::{Change, Op, Table},
};
use uuid::Uuid;

use crate::store;

/// What an e-mail address is compared by.
pub(crate) fn email_key(email: &Email) -> String {
    email.as_str().to_lowercase()
}

/// What a username is compared by.
pub(crate) fn username_key(username: &Username) -> String {
    username.as_str().to_lowercase()
}

/// A new user's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) email_key: String,
    pub(crate) username_key: String,
    pub(crate) is_admin: bool,
    /// Unix milliseconds.
    pub(crate) created_at: i64,
}

/// A broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broadcast {
    pub(crate) id: Uuid,
    /// Empty once it was erased.
    pub(crate) title: String,
    /// Empty when there is none.
    pub(crate) description: String,
    pub(crate) owner_id: Option<i64>,
    pub(crate) status: BroadcastStatus,
    /// Unix milliseconds.
    pub(crate) created_at: i64,
    /// Unix milliseconds.
    pub(crate) started_at: Option<i64>,
    /// Unix milliseconds.
    pub(crate) ended_at: Option<i64>,
}

impl Broadcast {
    /// As callers see it.
    pub(crate) fn view(&self) -> avanzacast_schemas::Broadcast {
        avanzacast_schemas::Broadcast {
            id: self.id,
            title: self.title.clone(),
            description: self.description.clone(),
            owner_id: self.owner_id,
            status: self.status,
            created_at: time::rfc3339(self.created_at),
        }
    }
}

struct Entry {
    broadcast: Broadcast,
    op: Option<Op>,
}

/// The users and broadcasts that a batch knows of.
#[derive(Default)]
pub struct Studio {
    users: HashMap<i64, User>,
    emails: HashSet<String>,
    usernames: HashSet<String>,
    greatest_user: i64,
    accounts: Vec<Account>,
    broadcasts: HashMap<Uuid, Entry>,
    newest_broadcast: Option<Uuid>,
    people: Vec<Person>,
}

impl Studio {
    /// Takes in what was read of the ids that were given last, as far as anybody asked for them.
    pub(crate) fn continue_from(&mut self, greatest_user: i64, newest_broadcast: Option<Uuid>) {
        self.greatest_user = greatest_user;
        self.newest_broadcast = newest_broadcast;
    }

    /// Takes in a user that was read, with what it is compared by.
    pub(crate) fn user_read(&mut self, user: User, email_key: Option<String>, username_key: Option<String>) {
        self.emails.extend(email_key);
        self.usernames.extend(username_key);
        self.users.insert(user.id, user);
    }

    /// Takes in a broadcast that was read.
    pub(crate) fn broadcast_read(&mut self, broadcast: Broadcast) {
        self.broadcasts.insert(broadcast.id, Entry { broadcast, op: None });
    }

    pub(crate) fn user(&self, id: i64) -> Option<&User> {
        self.users.get(&id)
    }

    /// Whether there is such a user, perhaps one that this batch made.
    pub(crate) fn has_user(&self, id: i64) -> bool {
        self.users.contains_key(&id) || self.accounts.iter().any(|account| account.id == id)
    }

    pub(crate) fn has_email(&self, key: &str) -> bool {
        self.emails.contains(key)
    }

    pub(crate) fn has_username(&self, key: &str) -> bool {
        self.usernames.contains(key)
    }

    /// The id of the next user. Rows are never deleted, so none is given twice.
    pub(crate) fn next_user(&self) -> i64 {
        self.greatest_user + 1
    }

    /// The broadcast that was made last.
    pub(crate) fn newest_broadcast(&self) -> Option<Uuid> {
        self.newest_broadcast
    }

    pub(crate) fn broadcast(&self, id: Uuid) -> Option<&Broadcast> {
        self.broadcasts.get(&id).map(|entry| &entry.broadcast)
    }

    /// Adds a new user, with what can be forgotten about the person.
    pub(crate) fn add_user(&mut self, account: Account, people: impl IntoIterator<Item = Person>) {
        self.greatest_user = self.greatest_user.max(account.id);
        self.emails.insert(account.email_key.clone());
        self.usernames.insert(account.username_key.clone());
        self.accounts.push(account);
        self.people.extend(people);
    }

    /// Adds a new broadcast, with what somebody wrote about it.
    pub(crate) fn add_broadcast(&mut self, broadcast: Broadcast, people: impl IntoIterator<Item = Person>) {
        self.newest_broadcast = self.newest_broadcast.max(Some(broadcast.id));
        self.people.extend(people);
        self.broadcasts.insert(broadcast.id, Entry { broadcast, op: Some(Op::Insert) });
    }

    /// Changes a broadcast.
    pub(crate) fn update_broadcast(&mut self, broadcast: Broadcast) {
        // One that this batch made is written once, as it is in the end.
        let op = match self.broadcasts.get(&broadcast.id).and_then(|entry| entry.op) {
            Some(Op::Insert) => Op::Insert,
            Some(Op::Update | Op::Delete) | None => Op::Update,
        };
        self.broadcasts.insert(broadcast.id, Entry { broadcast, op: Some(op) });
    }

    /// The rows to be written; users before the broadcasts that they own.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let broadcasts = |wanted: Op| {
            let changed = self.broadcasts.values().filter(move |entry| entry.op == Some(wanted));
            changed.map(|entry| store::broadcast_row(&entry.broadcast)).collect()
        };
        let accounts = self.accounts.iter().map(store::account_row).collect();
        let all: [(&'static Table, Op, Vec<_>); 3] = [
            (&store::ACCOUNT, Op::Insert, accounts),
            (&store::BROADCAST, Op::Insert, broadcasts(Op::Insert)),
            (&store::BROADCAST, Op::Update, broadcasts(Op::Update)),
        ];
        let changed = all.into_iter().filter(|(_, _, rows)| !rows.is_empty());
        let changed = changed.map(|(table, op, rows)| Change { table, op, rows });
        changed.chain(person::change(&self.people)).collect()
    }
}
