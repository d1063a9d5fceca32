//! The lines of a stream of events (the HTML standard, "Server-sent events").

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

/// Where the stream begins, and how soon a browser may come back.
pub(super) fn start(retry: Duration, at: Option<u64>) -> Bytes {
    let mut text = format!("retry: {}\n", retry.as_millis());
    text.extend(at.map(|at| format!("id: {at}\n")));
    text.push('\n');
    text.into()
}

/// A sign of life. It moves on the place where a reader resumes, past events that it did not ask for.
pub(super) fn alive(at: Option<u64>) -> Bytes {
    at.map_or_else(|| ":\n\n".to_owned(), |at| format!(":\nid: {at}\n\n")).into()
}

/// A remark that programs do not see.
pub(super) fn remark(text: &str) -> Bytes {
    format!(": {text}\n\n").into()
}

/// Events before this are kept elsewhere.
pub(super) fn archived(through: u64) -> Bytes {
    format!("id: {through}\nevent: archived\ndata: {{\"through\":{through}}}\n\n").into()
}

/// An event, byte for byte. One that says neither place nor type, because somebody has changed it, is shown all the same.
pub(super) fn event(named: Option<(u64, &str)>, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(body.len() + 64);
    if let Some((seq, kind)) = named {
        frame.put_slice(format!("id: {seq}\n").as_bytes());
        // A line's end in it would be the end of the line.
        if kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'.') {
            frame.put_slice(format!("event: {kind}\n").as_bytes());
        }
    }
    for line in body.split(|byte| matches!(byte, b'\n' | b'\r')) {
        frame.put_slice(b"data: ");
        frame.put_slice(line);
        frame.put_u8(b'\n');
    }
    frame.put_u8(b'\n');
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_lines_and_end_with_an_empty_one() {
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(start(Duration::from_secs(2), Some(41))), "retry: 2000\nid: 41\n\n");
        assert_eq!(text(start(Duration::from_secs(2), None)), "retry: 2000\n\n");
        assert_eq!(text(alive(Some(41))), ":\nid: 41\n\n");
        assert_eq!(text(event(Some((42, "session.consumed")), b"{}")), "id: 42\nevent: session.consumed\ndata: {}\n\n");
        // Forged: nothing of it becomes a field of its own.
        assert_eq!(text(event(Some((42, "x\nid: 1")), b"{\nid: 1\r}")), "id: 42\ndata: {\ndata: id: 1\ndata: }\n\n");
    }
}
