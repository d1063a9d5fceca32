//! `avanzacast probe`: whether the process that runs here is well, for a container that has no other program to ask
//! with.

use std::{net::SocketAddr, time::Duration};

use avanzacast_kit::config::{MetricsConfig, Mode, Variables};

use reqwest::StatusCode;

use super::Failure;

/// Measurements are rendered in milliseconds; a process that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(2);
/// What must not be 0: this process's own bus and, of a worker, its database.
const NEEDED: [&str; 2] = [BUS, "avanzacast_database_up"];
const BUS: &str = "avanzacast_bus_up";

pub(crate) async fn run() -> Result<bool, Failure> {
    let mut variables = Variables::from_process();
    // Where a role in production has it, unless METRICS_ADDR says otherwise.
    let config = MetricsConfig::read(&mut variables, Mode::Production);
    if config.listen.is_none_or(|address| address.port() == 0) {
        variables.problem("METRICS_ADDR must name a port: it is where the process is asked");
    }
    variables.finish()?;
    let Some(address) = config.listen.map(reachable) else { return Ok(false) };
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let answer = client.get(format!("http://{address}/metrics")).send().await;
    let Ok(answer) = answer else { return Err(format!("no process answers at {address}").into()) };
    if answer.status() != StatusCode::OK {
        return Err(format!("{address} answers {}, as no process of ours does", answer.status()).into());
    }
    let text = answer.text().await?;
    match text.lines().find(|line| is_down(line)) {
        Some(line) => Err(format!("not well: {line}").into()),
        // Every process of ours has a bus: what says nothing of one is none, or has not got there yet.
        None if !text.lines().any(is_on_the_bus) => Err(format!("{address} tells of no bus that is up").into()),
        None => Ok(true),
    }
}

fn is_on_the_bus(line: &str) -> bool {
    line.starts_with(BUS) && line.ends_with(" 1")
}

/// A series of what is needed, and it is 0.
fn is_down(line: &str) -> bool {
    NEEDED.iter().any(|name| line.starts_with(name)) && line.ends_with(" 0")
}

/// Who listens everywhere listens here too.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}
