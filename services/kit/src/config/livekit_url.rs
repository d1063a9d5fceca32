//! Where our own processes reach LiveKit.

use super::Variables;

/// Reads `LIVEKIT_INTERNAL_URL`: LiveKit's HTTP side as our own processes see it, where that is another address than
/// the one that participants connect to (within a network of containers, behind a proxy).
pub(super) fn internal(variables: &mut Variables) -> Option<String> {
    let url = variables.text("LIVEKIT_INTERNAL_URL")?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        variables.problem("LIVEKIT_INTERNAL_URL must begin with http:// or https://");
    }
    Some(url.trim_end_matches('/').to_owned())
}
