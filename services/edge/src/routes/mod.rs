//! One file per operation.

pub(crate) mod broadcast_create;
pub(crate) mod broadcast_end;
pub(crate) mod broadcast_get;
pub(crate) mod broadcast_list;
pub(crate) mod broadcast_start;
pub(crate) mod health;
pub(crate) mod livez;
pub(crate) mod readyz;
pub(crate) mod session_consume;
pub(crate) mod session_create;
pub(crate) mod session_get;
pub(crate) mod user_create;
pub(crate) mod user_get;
