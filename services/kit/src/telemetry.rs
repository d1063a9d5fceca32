//! Logs and traces.

use std::{fmt, io::IsTerminal};

use rand::RngExt;
use tracing_subscriber::EnvFilter;

/// What is logged when `RUST_LOG` says nothing. One request is a line only when it failed or at `debug`: at
/// thousands of requests per second a line each would cost more than the work.
const DEFAULT_FILTER: &str = "info,async_nats=warn,sqlx=warn,hyper=warn";

/// Starts logging to stderr: for people when stderr is a terminal, JSON otherwise.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (tests) changes nothing.
    let _ = if std::io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}

/// W3C trace context (<https://www.w3.org/TR/trace-context/>): which request a piece of work belongs to, over any
/// number of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    sampled: bool,
}

impl TraceContext {
    /// A trace of our own.
    #[must_use]
    pub fn generate() -> Self {
        let mut random = rand::rng();
        Self { trace: random.random::<u128>().max(1), span: random.random::<u64>().max(1), sampled: true }
    }

    /// The caller's trace, when the header is well formed, with a span of our own.
    #[must_use]
    pub fn continue_from(header: Option<&str>) -> Self {
        match header.and_then(Self::parse) {
            Some(parent) => Self { span: rand::rng().random::<u64>().max(1), ..parent },
            None => Self::generate(),
        }
    }

    /// Reads a `traceparent` header.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // A later version may append fields; version 00 has exactly these four.
        let known = version.len() == 2 && version != "ff" && (version != "00" || parts.next().is_none());
        let hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if !known || !hex(version, 2) || !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2) {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let context = Self {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
            sampled: flags & 1 == 1,
        };
        (context.trace != 0 && context.span != 0).then_some(context)
    }

    /// The `traceparent` header's value.
    #[must_use]
    pub fn header(self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// The trace's id.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_continued_with_a_span_of_its_own() {
        let ours = TraceContext::continue_from(Some(GOOD));
        assert_eq!(ours.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(ours.header(), GOOD);
        assert_eq!(TraceContext::parse(GOOD).unwrap().header(), GOOD);
    }

    #[test]
    fn a_malformed_header_starts_a_new_trace() {
        for bad in [
            "",
            "00",
            "zz",
            &GOOD.replace("4bf9", "4BF9"),
            &GOOD.replace("00-4", "ff-4"),
            &format!("{GOOD}-x"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }
}
