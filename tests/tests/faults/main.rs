//! What is promised for the case that something is killed, hangs, forgets or lies.

mod bus;
mod clock;
mod consume;
mod database;
mod poison;
mod restored;
mod room;
mod sqlite;
mod studio;
mod sweep;
mod worker;
mod worker_hung;
