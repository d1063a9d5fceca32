//! `GET /livez`: the process lives.

use crate::operation::{Access, Method, OPERATIONS, Operation, Success};

pub(crate) static OPERATION: Operation = Operation {
    id: "live",
    method: Method::Get,
    path: "/livez",
    group: OPERATIONS,
    summary: "Whether the process lives",
    about: "",
    access: Access::Health,
    parameters: &[],
    body: None,
    answers: &[Success::text("It does")],
    refusals: &[],
};

pub(crate) async fn handle() -> &'static str {
    "ok"
}
