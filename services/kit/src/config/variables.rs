//! Reading variables, and collecting what is wrong with them.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::Path,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::Secret;

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} problem(s):", self.0.len())?;
        for problem in &self.0 {
            write!(f, "\n  - {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The environment, and the problems found in it so far.
#[derive(Clone)]
pub struct Variables {
    values: BTreeMap<String, String>,
    /// Those that are not UTF-8, and whether anybody asked for them: what is not ours may be anything.
    unreadable: BTreeMap<String, Arc<AtomicBool>>,
    problems: Vec<String>,
}

impl Variables {
    /// The process's environment; what it leaves unset is taken from a `.env` file in the working folder.
    #[must_use]
    pub fn from_process() -> Self {
        Self::read(Path::new(".env"), std::env::vars_os())
    }

    /// This file alone: in the folders above there may be somebody else's.
    fn read(file: &Path, environment: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let (mut values, mut unreadable, mut problems) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        match dotenvy::from_path_iter(file) {
            Ok(lines) => {
                for line in lines {
                    match line {
                        Ok((name, value)) => drop(values.insert(name, value)),
                        Err(error) => problems.push(format!(".env: {error}")),
                    }
                }
            }
            Err(error) if error.not_found() => {}
            Err(error) => problems.push(format!(".env: {error}")),
        }
        for (name, value) in environment {
            // A name that is not UTF-8 is none of ours.
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(values.insert(name, value)),
                Err(_) => {
                    values.remove(&name);
                    unreadable.insert(name, Arc::default());
                }
            }
        }
        Self { values, unreadable, problems }
    }

    /// Takes from a file like `.env` what is unset so far. A file that is not there, or cannot be read, says nothing.
    pub fn fill_from(&mut self, path: &Path) {
        let Ok(lines) = dotenvy::from_path_iter(path) else { return };
        for (name, value) in lines.flatten() {
            if self.text(&name).is_none() {
                self.values.insert(name, value);
            }
        }
    }

    /// A given environment, for tests and for one process that configures several roles.
    #[must_use]
    pub fn from_map(values: BTreeMap<String, String>) -> Self {
        Self { values, unreadable: BTreeMap::new(), problems: Vec::new() }
    }

    /// Overrides a variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.unreadable.remove(name);
        self.values.insert(name.to_owned(), value.into());
    }

    /// A text; empty is unset.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        if let Some(asked) = self.unreadable.get(name) {
            asked.store(true, Ordering::Relaxed);
        }
        self.values.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A secret; empty is unset.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// A value of some type, or the default.
    pub fn parse<T: FromStr>(&mut self, name: &str, default: T, expected: &str) -> T {
        match self.text(name).map(|text| text.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.problem(format!("{name} must be {expected}"));
                default
            }
        }
    }

    /// A whole number within limits, or the default.
    pub fn number(&mut self, name: &str, default: u32, limits: std::ops::RangeInclusive<u32>) -> u32 {
        let expected = format!("a whole number from {} to {}", limits.start(), limits.end());
        let value = self.parse(name, default, &expected);
        if !limits.contains(&value) {
            self.problem(format!("{name} must be {expected}"));
        }
        value
    }

    /// A switch: `1` or `true`, `0` or `false`; unset is off.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(_) => {
                self.problem(format!("{name} must be 1 or 0"));
                false
            }
        }
    }

    /// Notes something wrong.
    pub fn problem(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.problems.contains(&text) {
            self.problems.push(text);
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Every problem noted, if there is one.
    pub fn finish(mut self) -> Result<(), ConfigError> {
        for (name, asked) in std::mem::take(&mut self.unreadable) {
            if asked.load(Ordering::Relaxed) {
                self.problem(format!("{name} must be UTF-8"));
            }
        }
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigError(self.problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_listed_at_once() {
        let map = [("PORT", "many"), ("TTL", "0"), ("FLAG", "maybe"), ("EMPTY", " ")];
        let mut variables = Variables::from_map(map.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert_eq!(variables.parse("PORT", 4000_u16, "a port"), 4000);
        variables.number("TTL", 300, 1..=60);
        variables.flag("FLAG");
        assert_eq!(variables.text("EMPTY"), None);
        let error = variables.finish().unwrap_err().to_string();
        assert!(error.contains("PORT must be a port") && error.contains("FLAG must be 1 or 0"), "{error}");
        assert!(error.contains("TTL must be a whole number from 1 to 60"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_utf_8_is_a_problem_where_it_is_ours() {
        use std::os::unix::ffi::OsStringExt;
        let bad = |text: &[u8]| OsString::from_vec(text.to_vec());
        let environment = || {
            let pairs = [(bad(b"X\xff"), bad(b"1")), (bad(b"THEIRS"), bad(b"\xff")), (bad(b"OURS"), bad(b"a\xff"))];
            pairs.into_iter().chain([(bad(b"PORT"), bad(b"1"))])
        };
        let nowhere = Path::new("/nonexistent/.env");
        let variables = Variables::read(nowhere, environment());
        assert_eq!(variables.text("PORT").as_deref(), Some("1"));
        variables.finish().unwrap();
        let variables = Variables::read(nowhere, environment());
        assert_eq!(variables.text("OURS"), None);
        let error = variables.finish().unwrap_err();
        assert_eq!(error.0, ["OURS must be UTF-8"]);
        let mut variables = Variables::read(nowhere, environment());
        variables.set("OURS", "b");
        assert_eq!(variables.text("OURS").as_deref(), Some("b"));
        variables.finish().unwrap();
    }
}
