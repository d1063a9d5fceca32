//! The pages: over HTTP, and in a real browser.

mod browser;
mod console_doors;
mod http;
