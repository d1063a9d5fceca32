//! One file per operation.

pub(crate) mod health;
pub(crate) mod livez;
pub(crate) mod readyz;
pub(crate) mod session_consume;
pub(crate) mod session_create;
pub(crate) mod session_get;
