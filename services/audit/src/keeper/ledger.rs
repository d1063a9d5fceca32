//! Where the ledger stands now, and where it stood when it was signed last.

use avanzacast_schemas::{Code, LedgerState, Moment, SignedState};
use avanzacast_worker::{ledger::Frontier, store::Session};

use super::answers::Unanswered;
use crate::{
    Reach, Root,
    log::{self, Checkpoint, Origin},
};

/// The state of the ledger of this name.
pub(super) async fn state(session: &mut Session, origin: &Origin) -> Result<LedgerState, Unanswered> {
    // In this order, so that nothing is signed or indexed beyond its end.
    let signed = log::newest(session).await?;
    let reach = Reach::of(session).await?;
    let head = session.head().await?;
    let size = u64::try_from(head.size).unwrap_or_default();
    let frontier = Frontier::read(size, &head.frontier).map_err(|_| Code::Internal)?;
    let signed = signed.map(|signed| {
        let Checkpoint { size, root, .. } = Checkpoint::unverified(&signed.note).map_err(|_| Code::Internal)?;
        Ok::<_, Code>(SignedState { size, root: root.to_string(), at: Moment(signed.signed_at) })
    });
    Ok(LedgerState {
        origin: origin.to_string(),
        size,
        root: Root(frontier.root()).to_string(),
        indexed: reach.indexed,
        signed: signed.transpose()?,
    })
}
