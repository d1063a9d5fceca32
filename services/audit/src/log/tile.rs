//! Tiles (C2SP tlog-tiles, <https://c2sp.org/tlog-tiles>): 256 hashes of one level, or fewer at the log's end.

use std::{fmt, str::FromStr};

/// Hashes in a full tile.
pub(crate) const FULL: u64 = 256;
/// The highest level that is served: more than any number of events has.
const TOP: u8 = 7;

/// Which tile, and how many of its hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileId {
    /// 0 is that of the events themselves; a hash of each level is that of a full tile of the one below.
    pub level: u8,
    /// Its number within the level.
    pub n: u64,
    /// How many hashes: 1 to 256.
    pub width: u16,
}

/// It is no tile's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no tile's path")]
pub struct NoTile;

impl TileId {
    /// Whether a log of this size has it: whoever keeps a checkpoint asks for tiles of the width that they had then, and is
    /// given them however far the log has gone on since.
    #[must_use]
    pub fn in_log_of(self, size: u64) -> bool {
        let hashes = size >> (8 * u32::from(self.level));
        hashes >= self.first().saturating_add(self.width.into())
    }

    /// Its first hash's number within the level.
    #[must_use]
    pub fn first(self) -> u64 {
        self.n.saturating_mul(FULL)
    }
}

impl FromStr for TileId {
    type Err = NoTile;

    /// Reads what stands after `tile/`: `0/x001/234.p/56`. One spelling only.
    fn from_str(text: &str) -> Result<Self, NoTile> {
        let read = || {
            let (level, rest) = text.split_once('/')?;
            let (number, width) = match rest.split_once(".p/") {
                Some((number, width)) => (number, width.parse().ok().filter(|width| (1..256).contains(width))?),
                None => (rest, 256),
            };
            let mut n = 0_u64;
            for part in number.split('/') {
                let digits = part.strip_prefix('x').unwrap_or(part);
                n = n.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
            }
            Some(Self { level: level.parse().ok().filter(|level| *level <= TOP)?, n, width })
        };
        read().filter(|tile| tile.to_string() == text).ok_or(NoTile)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut path = format!("{:03}", self.n % 1000);
        let mut rest = self.n / 1000;
        while rest > 0 {
            path = format!("x{:03}/{path}", rest % 1000);
            rest /= 1000;
        }
        write!(f, "{}/{path}", self.level)?;
        if self.width < 256 { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_spelled_in_one_way() {
        for good in ["0/000", "0/x001/x234/067", "1/000.p/17", "0/x001/000.p/255", "7/999"] {
            assert_eq!(good.parse::<TileId>().unwrap().to_string(), good);
        }
        let bad = [
            "",
            "0",
            "0/",
            "0/0",
            "0/x000/001",
            "0/1000",
            "00/000",
            "8/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/017",
            "0/x001",
            "0/001/x234",
            "-1/000",
            "0/+01",
            "0/000/",
            "entries/000",
            "0/x99999999999999999999/000",
        ];
        for bad in bad {
            assert_eq!(bad.parse::<TileId>(), Err(NoTile), "{bad}");
        }
    }

    /// The example of the format's text.
    #[test]
    fn a_log_of_seventy_thousand_has_these() {
        let has = |path: &str| path.parse::<TileId>().unwrap().in_log_of(70_000);
        for there in [
            "0/000",
            "0/272",
            "0/273.p/112",
            "0/273.p/111",
            "0/272.p/5",
            "1/000",
            "1/001.p/17",
            "1/001.p/1",
            "2/000.p/1",
        ] {
            assert!(has(there), "{there}");
        }
        for not in ["0/273", "0/274", "0/273.p/113", "1/001", "1/001.p/18", "2/000", "2/000.p/2", "3/000.p/1"] {
            assert!(!has(not), "{not}");
        }
        assert!(
            "0/000".parse::<TileId>().unwrap().in_log_of(256) && "1/000.p/1".parse::<TileId>().unwrap().in_log_of(256)
        );
    }
}
