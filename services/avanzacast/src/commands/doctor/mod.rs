//! `avanzacast doctor`: what is wrong, before it hurts. It changes nothing, and prints no secret.

mod bus;
mod client;
mod database;
mod doors;
mod livekit;
mod machine;
mod patient;

use avanzacast_kit::{
    checkup::{Finding, Level},
    config::Variables,
};
use clap::{Args, ValueEnum};

use self::patient::Patient;
use super::Failure;

/// What `doctor` is told.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Whose configuration to read and check
    #[arg(long, value_enum, default_value_t = Role::Up)]
    role: Role,
}

/// A way to start this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Up,
    Edge,
    Worker,
    SessionWorker,
    StudioWorker,
    RoomWorker,
    AuditWorker,
    Provision,
}

impl Doctor {
    /// Answers whether there is no problem; wrong configuration is an error.
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        let patient = patient::read(self.role, Variables::from_process())?;
        let findings = examine(&patient).await;
        Ok(findings.iter().all(|finding| finding.level < Level::Problem))
    }
}

/// Looks at one thing after the other, and says each at once.
async fn examine(patient: &Patient) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut note = |findings: Vec<Finding>| {
        print(&findings);
        all.extend(findings);
    };
    note(vec![Finding::ok("configuration", patient.summary())]);
    note(machine::secrets(patient));
    note(doors::findings(patient));
    note(machine::disk(patient));
    let (findings, buses) = bus::look(patient).await;
    note(findings);
    let (findings, session) = database::look(patient).await;
    note(findings);
    let (findings, ledger_id) = database::ledger(patient, session, &buses).await;
    note(findings);
    note(bus::streams(patient, &buses, ledger_id).await);
    note(livekit::look(patient).await);
    note(client::look(patient).await);
    all
}

/// One line each: how it is, what was looked at, what was found, what to do.
#[expect(clippy::print_stdout, reason = "this is the command's output")]
fn print(findings: &[Finding]) {
    for Finding { check, level, found, advice } in findings {
        let level = match level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "problem",
        };
        let advice = if advice.is_empty() { String::new() } else { format!(" -> {advice}") };
        // What others say may have several lines.
        println!("{level:<8} {check:<18} {}", format!("{found}{advice}").replace(['\r', '\n'], " "));
    }
}
