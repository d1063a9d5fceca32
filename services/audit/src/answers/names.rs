//! What people are called: kept beside the ledger, which has the hash of it.

use std::collections::{BTreeMap, BTreeSet};

use avanzacast_schemas::who::{Known, Standing};
use avanzacast_worker::{
    person::Personal,
    store::{Session, Sql, StoreError, decode},
};

use super::history::History;

/// Whose names are read at once.
const SUBJECTS: usize = 500;

/// `[subject, field, salt, value]` of each.
const PEOPLE: Sql = Sql {
    postgres: "SELECT json_agg(json_build_array(subject, field, salt, value)) FROM person
        WHERE subject = ANY($1::text[])",
    sqlite: "SELECT json_group_array(json_array(subject, field, salt, value)) FROM person
        WHERE subject IN (SELECT value FROM json_each(?1))",
};

/// Subject, field, salt, value.
type Row = (String, String, String, String);

fn look_up(known: &mut Known, personal: Option<&Personal>) {
    if let Some(personal) = personal {
        known.standing = if personal.hash() == known.hash { Standing::Proved } else { Standing::Mismatch };
        known.value = Some(personal.value.clone());
    }
}

/// Values with their salts, by subject and field; and by their hash, for what is called again what it was called before.
#[derive(Debug, Clone, Default)]
pub(crate) struct People {
    kept: BTreeMap<(String, String), Personal>,
    hashed: BTreeMap<String, Personal>,
}

impl People {
    /// Reads what is kept about these subjects.
    pub(crate) async fn read(session: &mut Session, subjects: &BTreeSet<String>) -> Result<Self, StoreError> {
        let mut rows_of = Vec::new();
        let subjects: Vec<String> = subjects.iter().cloned().collect();
        for some in subjects.chunks(SUBJECTS) {
            let (rows, _) = session.select(PEOPLE, some).await?;
            rows_of.extend(decode::<Vec<Row>>(&rows)?);
        }
        Ok(Self::of(rows_of))
    }

    pub(super) fn of(rows: Vec<Row>) -> Self {
        let mut people = Self::default();
        for (subject, field, salt, value) in rows {
            let personal = Personal { salt, value };
            people.hashed.insert(personal.hash(), personal.clone());
            people.kept.insert((subject, field), personal);
        }
        people
    }

    fn get(&self, subject: &str, field: &str) -> Option<&Personal> {
        self.kept.get(&(subject.to_owned(), field.to_owned()))
    }
}

impl History {
    /// Whose names it asks for.
    pub(crate) fn subjects(&self) -> BTreeSet<String> {
        let of_doors = self.doors.keys().cloned();
        let hidden = self.stays.values().filter(|stay| stay.identity.is_some());
        let of_stays = hidden.flat_map(|stay| {
            let whose = stay.participant.as_ref().map(ToString::to_string);
            [Some(stay.sid.clone()), whose].into_iter().flatten()
        });
        of_doors.chain(of_stays).collect()
    }

    /// Puts names to hashes.
    pub(crate) fn name(&mut self, people: &People) {
        for (subject, door) in &mut self.doors {
            let named = [("name", &mut door.name), ("identity", &mut door.identity)];
            for (field, known) in named.into_iter().filter_map(|(field, known)| Some((field, known.as_mut()?))) {
                look_up(known, people.get(subject, field));
            }
        }
        for stay in self.stays.values_mut() {
            // That of somebody whom a session let in is kept with the session; of somebody who came back, with the stay before.
            if let Some(identity) = &mut stay.identity {
                let kept = people.hashed.get(&identity.hash);
                look_up(identity, kept.or_else(|| people.get(&stay.sid, "identity")));
            }
        }
    }
}
