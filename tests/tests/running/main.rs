//! The program as an operator runs it: its commands, its roles, its shape.

mod architecture;
mod doctor;
mod doctor_database;
mod infra;
mod roles;
mod stopping;
mod up;
mod up_livekit;
mod workers;
