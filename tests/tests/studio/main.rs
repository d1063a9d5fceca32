//! Sessions, broadcasts and users, from outside, on both databases.

mod broadcast_sessions;
mod broadcasts;
mod manage;
mod session_ends;
mod sessions;
mod users;
mod users_erase;
