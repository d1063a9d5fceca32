//! One file per operation.

use axum::routing::{MethodFilter, MethodRouter, on};

use crate::{
    Edge,
    operation::{Method, Operation},
    problem,
};

/// An operation, and what answers it.
pub(crate) type Route = (&'static Operation, MethodRouter<Edge>);

/// Declares the operations: each file has its `OPERATION` and its `handle`.
macro_rules! routes {
    ($($name:ident,)*) => {
        $(mod $name;)*

        /// All of them.
        pub(crate) fn all() -> Vec<Route> {
            vec![$((&$name::OPERATION, on($name::OPERATION.method.filter(), $name::handle)),)*]
        }
    };
}

routes! {
    session_create,
    session_get,
    session_consume,
    session_revoke,
    session_show,
    session_list,
    session_internal,
    session_validate,
    token_register,
    token_issue,
    broadcast_create,
    broadcast_list,
    broadcast_get,
    broadcast_start,
    broadcast_end,
    broadcast_session,
    user_create,
    user_get,
    user_erase,
    livekit_token,
    livekit_webhook,
    connection_details,
    dead_list,
    dead_redrive,
    dead_drop,
    worker_list,
    event_feed,
    event_list,
    audit_checkpoint,
    audit_tile,
    audit_entries,
    audit_key,
    audit_proof,
    audit_ledger,
    audit_counts,
    audit_who,
    health,
    livez,
    readyz,
    openapi,
    docs,
    console_access,
    console_login,
    console_logout,
    page_home,
    page_panel,
    page_panel_session,
    page_studio,
    page_studio_session,
    page_console,
    page_asset,
}

/// What answers an operation, and what its method must not be taken for.
pub(crate) fn complete((operation, router): Route) -> (&'static Operation, MethodRouter<Edge>) {
    let router = match operation.method {
        Method::GetOnly => router.on(MethodFilter::HEAD, problem::method_not_allowed),
        Method::Get | Method::Post | Method::Delete => router,
    };
    (operation, router)
}
