//! What a person sees who starts everything.

use std::path::Path;

use avanzacast::livekit_server::INSTALL;

/// What there is to say.
pub(crate) struct Banner<'a> {
    pub(crate) base_url: &'a str,
    pub(crate) nats_url: &'a str,
    pub(crate) own_nats: bool,
    pub(crate) database: String,
    pub(crate) data_dir: &'a Path,
    pub(crate) livekit: &'a str,
    pub(crate) own_livekit: OwnLiveKit,
    pub(crate) development: bool,
}

/// What there is to say of a livekit-server of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnLiveKit {
    /// It runs.
    Runs,
    /// It would run, were the program there.
    NotFound,
    /// It does not start.
    Failed,
    /// There is to be none.
    Unwanted,
}

#[expect(clippy::print_stdout, reason = "this is the command's output")]
pub(crate) fn print(banner: &Banner<'_>) {
    let base = banner.base_url;
    let nats = if banner.own_nats { "private, supervised" } else { "yours" };
    println!("\nAvanzaCast {} is up\n", env!("CARGO_PKG_VERSION"));
    println!("  HTTP      {base}");
    println!("  panel     {base}/panel, and {base}/console");
    println!("  API       {base}/docs");
    println!("  NATS      {} ({nats})", banner.nats_url);
    println!("  database  {}", banner.database);
    println!("  LiveKit   {}{}", banner.livekit, of_livekit(banner.own_livekit));
    println!("  data      {}", banner.data_dir.display());
    if banner.development {
        println!("\n  Development mode: LiveKit's published key, this machine only. Anybody here may mint tokens.");
    }
    println!("\nOpen {base}/panel in a browser, or try, in another terminal:\n");
    println!("  curl -s {base}/health");
    println!(
        "  ID=$(curl -s {base}/api/session -H 'content-type: application/json' \
         -d '{{\"room\":\"demo\",\"username\":\"Eva\",\"singleUse\":true}}' | sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/'); echo $ID"
    );
    println!("  curl -s -X POST {base}/api/session/$ID/consume");
    println!("\nCtrl-C stops everything.\n");
}

fn of_livekit(own: OwnLiveKit) -> String {
    match own {
        OwnLiveKit::Runs => " (private, supervised)".to_owned(),
        OwnLiveKit::NotFound => format!(" (not ours: no livekit-server was found; {INSTALL}, a program called server)"),
        OwnLiveKit::Failed => " (not ours: livekit-server was found and does not start, see the log)".to_owned(),
        OwnLiveKit::Unwanted => String::new(),
    }
}

#[expect(clippy::print_stderr, reason = "a person waits at a terminal")]
pub(crate) fn progress(line: &str) {
    eprintln!("{line}");
}
