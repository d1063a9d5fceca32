//! Beside LiveKit: real participants, rooms, webhooks, and a LiveKit that is ill.

mod client;
mod doors;
mod faults;
mod participants;
mod presence;
mod rooms;
mod validate;
mod webhooks;
mod webhooks_real;
