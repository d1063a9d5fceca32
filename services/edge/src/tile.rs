//! Names of tiles, read strictly (<https://c2sp.org/tlog-tiles>): each has one name, and everything else is nobody's.

/// Hashes or entries in a full tile.
pub(crate) const FULL: u64 = 256;
/// The highest level there can be.
const LEVEL_MAX: u8 = 63;

/// Which tile of its level, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Index {
    number: u64,
    /// 1 to 256.
    width: u64,
}

impl Index {
    /// Reads `x001/x234/067` or `x001/x234/067.p/8`, as it stands in the path, with nothing decoded.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (number, width) = match text.split_once(".p/") {
            Some((number, width)) => (number, decimal(width).filter(|width| (1..FULL).contains(width))?),
            None => (text, FULL),
        };
        let digits: String = number.split('/').map(|element| element.strip_prefix('x').unwrap_or(element)).collect();
        let read = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
        // One tile has one name: what is written otherwise is none.
        (written(read) == number).then_some(Self { number: read, width })
    }

    /// Of a tile of entries: how many events are before it, and how many with it. Nothing where there can be none.
    pub(crate) fn events(self) -> Option<(u64, u64)> {
        let before = self.number.checked_mul(FULL)?;
        Some((before, before.checked_add(self.width)?))
    }
}

/// Whether this is a level's number.
pub(crate) fn is_level(text: &str) -> bool {
    decimal(text).is_some_and(|level| level <= LEVEL_MAX.into())
}

/// A number in decimal, with no leading zeros.
fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A tile's number as paths have it: three digits an element, `x` before all but the last.
fn written(number: u64) -> String {
    let mut path = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_name() {
        for (text, number, width) in [
            ("000", 0, 256),
            ("067", 67, 256),
            ("x001/x234/067", 1_234_067, 256),
            ("x001/x234/067.p/8", 1_234_067, 8),
            ("x018/x446/x744/x073/x709/x551/615.p/255", u64::MAX, 255),
        ] {
            assert_eq!(Index::read(text), Some(Index { number, width }), "{text}");
        }
        for text in [
            "",
            "0",
            "67",
            "0067",
            "x067",
            "x000/067",
            "001/234/067",
            "x001/234/067",
            "x001/x234/x067",
            "x001x234/067",
            "x001//067",
            "/067",
            "067/",
            "067.p",
            "067.p/",
            "067.p/0",
            "067.p/08",
            "067.p/256",
            "067.p/1.p/1",
            "+67",
            "067.P/8",
            "%30%30%30",
            "x001%2F067",
            "٠٦٧",
            "x018/x446/x744/x073/x709/x551/616",
            "xx001/067",
        ] {
            assert_eq!(Index::read(text), None, "{text}");
        }
    }

    #[test]
    fn levels_are_0_to_63() {
        assert!(["0", "7", "63"].into_iter().all(is_level));
        assert!(!["64", "00", "-1", "+1", "x", "", "entries", "0x1"].into_iter().any(is_level));
    }

    #[test]
    fn entries_are_of_events_in_order() {
        assert_eq!(Index::read("000.p/3").and_then(Index::events), Some((0, 3)));
        assert_eq!(Index::read("002").and_then(Index::events), Some((512, 768)));
        assert_eq!(Index::read("x018/x446/x744/x073/x709/x551/615").and_then(Index::events), None);
    }
}
