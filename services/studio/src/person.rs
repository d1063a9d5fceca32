//! Whose values stand in `person`: users' and broadcasts'.

use uuid::Uuid;

/// The person's part of a user.
pub(crate) fn of_user(id: i64) -> String {
    format!("user_{id}")
}

/// What somebody wrote about a broadcast.
pub(crate) fn of_broadcast(id: Uuid) -> String {
    format!("broadcast_{id}")
}
