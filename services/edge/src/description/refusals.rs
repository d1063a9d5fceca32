//! What an operation can refuse: what it says itself, and what follows from how it is asked.

use std::collections::BTreeMap;

use avanzacast_schemas::Code;

use crate::operation::{Access, Operation};

/// By status, in order of the status; each code once.
pub(super) fn by_status(operation: &Operation) -> BTreeMap<u16, Vec<Code>> {
    let mut all: Vec<Code> = operation.refusals.to_vec();
    // In development without a secret, before anything else is looked at.
    all.push(Code::HostNotAllowed);
    all.extend(of_the_access(operation.access));
    if operation.body.is_some() {
        all.extend([Code::Malformed, Code::PayloadTooLarge]);
        all.extend((operation.access != Access::LiveKit).then_some(Code::UnsupportedMediaType));
    }
    if !operation.parameters.is_empty() {
        all.push(Code::Malformed);
    }
    if operation.asks_a_worker() {
        all.extend([Code::Internal, Code::Busy, Code::BusUnavailable, Code::DatabaseUnavailable, Code::LedgerBehind]);
        all.push(Code::NoAnswer);
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in all {
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    by_status
}

/// A credential can be wrong, or come twice, whether or not one is needed.
fn of_the_access(access: Access) -> Vec<Code> {
    let shown = [Code::Malformed, Code::CredentialInvalid, Code::AddressNotAllowed, Code::RateLimited];
    match access {
        Access::Health => Vec::new(),
        Access::Public | Access::Holder => shown.to_vec(),
        Access::Open(..) | Access::Secret(_) => {
            shown.into_iter().chain([Code::CredentialRequired, Code::ScopeMissing, Code::OriginNotAllowed]).collect()
        }
        Access::LiveKit => vec![Code::CredentialInvalid, Code::CredentialRequired, Code::RateLimited],
        Access::Login => vec![Code::CredentialInvalid, Code::AddressNotAllowed, Code::RateLimited],
    }
}
