//! `GET /livez`: the process lives.

pub(crate) async fn handle() -> &'static str {
    "ok"
}
