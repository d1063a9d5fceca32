use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use super::control::{Control, Counted, Gate};
use super::trap::{Action, Trap};

const BUFFER_BYTES: usize = 64 * 1024;
/// A server that has been quiet for so long has said all that it had to say.
const QUIET: Duration = Duration::from_millis(100);

/// The answer that is to be dropped, agreed between the two directions of a connection.
type Doomed = Mutex<Option<(Option<Box<dyn FnOnce() + Send>>, Trap)>>;

/// Passes data both ways until one side ends, or the proxy is cut.
pub(super) async fn run(client: TcpStream, upstream: SocketAddr, control: Arc<Control>, _open: Counted) {
    let mut mode = control.watch();
    tokio::select! {
        _ = mode.wait_for(|mode| mode.gate == Gate::Cut) => {}
        // Whichever side broke off, the other one sees a closed connection.
        _ = pass(client, upstream, &control) => {}
    }
}

async fn pass(client: TcpStream, upstream: SocketAddr, control: &Control) -> io::Result<()> {
    hold(control).await;
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let doomed = Doomed::default();
    tokio::select! {
        ended = questions(from_client, to_server, control, &doomed) => ended,
        ended = answers(from_server, to_client, control, &doomed) => ended,
    }
}

async fn questions(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    control: &Control,
    doomed: &Doomed,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut old = Vec::new();
    loop {
        let new = read(&mut client, &mut buffer).await?;
        hold(control).await;
        let sprung = control.traps.check(&old, new);
        old.extend_from_slice(new);
        old.drain(..old.len().saturating_sub(control.traps.memory()));
        match sprung {
            None => server.write_all(new).await?,
            Some((Action::Cut, trap)) => {
                trap.spring();
                return Ok(());
            }
            Some((Action::Swallow(callback), trap)) => {
                *doomed.lock().unwrap_or_else(PoisonError::into_inner) = Some((callback, trap));
                server.write_all(new).await?;
            }
            Some((Action::Before(callback), trap)) => {
                call(callback).await;
                server.write_all(new).await?;
                trap.spring();
            }
            Some((Action::Run(callback), trap)) => {
                server.write_all(new).await?;
                act(callback, trap).await;
            }
        }
    }
}

async fn answers(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    control: &Control,
    doomed: &Doomed,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let new = read(&mut server, &mut buffer).await?;
        hold(control).await;
        let trapped = doomed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if trapped.is_none() && !control.watch().borrow().swallow {
            client.write_all(new).await?;
            continue;
        }
        // The first bytes may be those of an earlier answer: the server is done when it has no more to say.
        while timeout(QUIET, read(&mut server, &mut buffer)).await.is_ok_and(|more| more.is_ok()) {}
        control.count_swallowed();
        if let Some((callback, trap)) = trapped {
            act(callback.unwrap_or_else(|| Box::new(|| {})), trap).await;
        }
        return Ok(());
    }
}

/// What arrives next; the end of the stream is an error like any other.
async fn read<'buffer>(from: &mut OwnedReadHalf, buffer: &'buffer mut [u8]) -> io::Result<&'buffer [u8]> {
    match from.read(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => buffer.get(..length).ok_or_else(|| io::ErrorKind::InvalidData.into()),
    }
}

/// Waits as long as the proxy is frozen, and for its delay.
async fn hold(control: &Control) {
    let mut mode = control.watch();
    let delay = mode.borrow().delay;
    if !delay.is_zero() {
        sleep(delay).await;
    }
    drop(mode.wait_for(|mode| mode.gate != Gate::Frozen).await);
}

/// Runs what a test gave us, and says so. On a task of its own: what kills the client ends this connection, and with it
/// whatever waits here.
async fn act(callback: Box<dyn FnOnce() + Send>, trap: Trap) {
    drop(
        tokio::spawn(async move {
            call(callback).await;
            trap.spring();
        })
        .await,
    );
}

/// Runs what a test gave us where it may block.
async fn call(callback: Box<dyn FnOnce() + Send>) {
    drop(tokio::task::spawn_blocking(callback).await);
}
