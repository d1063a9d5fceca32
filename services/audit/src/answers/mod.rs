//! Answers about who could enter a room, and who did.
