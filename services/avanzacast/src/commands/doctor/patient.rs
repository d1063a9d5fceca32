//! The configuration of the role that is examined, read as that role reads it.

use std::path::PathBuf;

use avanzacast::livekit_client::Place;
use avanzacast_edge::EdgeConfig;
use avanzacast_kit::config::{BusConfig, ConfigError, DatabaseConfig, LiveKitConfig, Mode, Variables};
use avanzacast_schemas::bus::BusUser;

use super::Role;
use crate::commands::{
    audit_worker, edge,
    provision::{self, StreamSettings},
    room_worker,
    session_worker::{self, data_dir},
    studio_worker, up,
};

/// What there is to examine; what a role does not have is not looked at.
pub(super) struct Patient {
    pub(super) role: Role,
    pub(super) mode: Mode,
    pub(super) data_dir: PathBuf,
    /// Each user that the role logs in as; none when a private bus does not run.
    pub(super) buses: Vec<BusConfig>,
    /// The bus is one that `up` starts.
    pub(super) private_bus: bool,
    /// Who may call, and from where, of a role that answers HTTP.
    pub(super) edge: Option<EdgeConfig>,
    /// Where such a role has LiveKit's client for browsers from; `None` when it serves none.
    pub(super) client: Option<Place>,
    pub(super) database: Option<DatabaseConfig>,
    pub(super) livekit: Option<LiveKitConfig>,
    pub(super) streams: StreamSettings,
    pub(super) variables: Variables,
}

/// Reads it.
///
/// # Errors
/// Everything that keeps the role from starting.
pub(super) fn read(role: Role, mut variables: Variables) -> Result<Patient, ConfigError> {
    let as_given = variables.clone();
    let mut patient = match role {
        Role::Up => return read_up(variables),
        Role::Edge => {
            let edge::Configured { mode, edge, bus, client, .. } = edge::configure(&mut variables);
            Patient { buses: vec![bus], edge: Some(edge), client, ..Patient::new(role, mode, as_given) }
        }
        Role::Worker | Role::SessionWorker => {
            let session_worker::Configured { mode, settings, bus, .. } = session_worker::configure(&mut variables);
            let (database, livekit) = (Some(settings.database), Some(settings.livekit));
            let mut buses = vec![bus];
            if role == Role::Worker {
                buses.push(BusConfig::read(&mut variables, BusUser::Studio));
                buses.push(BusConfig::read(&mut variables, BusUser::Room));
                buses.push(BusConfig::read(&mut variables, BusUser::AuditWorker));
            }
            Patient { buses, database, livekit, ..Patient::new(role, mode, as_given) }
        }
        Role::StudioWorker => {
            let studio_worker::Configured { mode, database, bus, .. } = studio_worker::configure(&mut variables);
            Patient { buses: vec![bus], database: Some(database), ..Patient::new(role, mode, as_given) }
        }
        Role::RoomWorker => {
            let room_worker::Configured { mode, database, livekit, bus, .. } = room_worker::configure(&mut variables);
            let (database, livekit) = (Some(database), Some(livekit));
            Patient { buses: vec![bus], database, livekit, ..Patient::new(role, mode, as_given) }
        }
        Role::AuditWorker => {
            let audit_worker::Configured { mode, database, bus, .. } = audit_worker::configure(&mut variables);
            Patient { buses: vec![bus], database: Some(database), ..Patient::new(role, mode, as_given) }
        }
        Role::Provision => {
            let provision::Configured { database, streams, bus } = provision::configure(&mut variables);
            let patient = Patient::new(role, Mode::Production, as_given);
            Patient { buses: vec![bus], database: Some(database), streams, ..patient }
        }
    };
    variables.finish()?;
    // Whoever has the operator's password too can see more.
    if role != Role::Provision && patient.variables.secret(BusUser::Admin.password_variable()).is_some() {
        patient.buses.push(BusConfig::read(&mut patient.variables, BusUser::Admin));
    }
    Ok(patient)
}

fn read_up(variables: Variables) -> Result<Patient, ConfigError> {
    let up = up::configure(variables.clone())?;
    let mut patient = Patient {
        private_bus: up.own_nats,
        edge: Some(up.edge),
        client: up.client,
        database: Some(up.database),
        livekit: Some(up.livekit),
        streams: up.streams,
        ..Patient::new(Role::Up, up.mode, variables)
    };
    if up.own_nats {
        patient.variables.fill_from(&up.data_dir.join("dev.env"));
    }
    if patient.variables.text("NATS_URL").is_some() {
        let read = |user| BusConfig::read(&mut patient.variables, user);
        let users = [BusUser::Session, BusUser::Studio, BusUser::Room, BusUser::AuditWorker, BusUser::Edge];
        patient.buses = users.into_iter().chain([BusUser::Admin]).map(read).collect();
    }
    Ok(patient)
}

impl Patient {
    fn new(role: Role, mode: Mode, mut variables: Variables) -> Self {
        let data_dir = data_dir(&variables);
        let streams = StreamSettings::read(&mut variables);
        let (buses, private_bus) = (Vec::new(), false);
        let (edge, client, database, livekit) = (None, None, None, None);
        Self { role, mode, data_dir, buses, private_bus, edge, client, database, livekit, streams, variables }
    }

    /// What a person should know before the rest.
    pub(super) fn summary(&self) -> String {
        let mode = match self.mode {
            Mode::Development => "development mode (LiveKit's published key, or AVANZACAST_DEV=1)",
            Mode::Production => "production",
        };
        let role =
            clap::ValueEnum::to_possible_value(&self.role).map_or_else(String::new, |role| role.get_name().into());
        format!("complete for `avanzacast {role}`, {mode}")
    }
}
