//! Reading variables, and collecting what is wrong with them.

use std::{collections::BTreeMap, fmt, str::FromStr};

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
    problems: Vec<String>,
}

impl Variables {
    /// The process's environment; what it leaves unset is taken from a `.env` file in the working folder.
    #[must_use]
    pub fn from_process() -> Self {
        let mut problems = Vec::new();
        let mut values = BTreeMap::new();
        match dotenvy::from_path_iter(".env") {
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
        values.extend(std::env::vars());
        Self { values, problems }
    }

    /// Takes from a file like `.env` what is unset so far. A file that is not there, or cannot be read, says nothing.
    pub fn fill_from(&mut self, path: &std::path::Path) {
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
        Self { values, problems: Vec::new() }
    }

    /// Overrides a variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// A text; empty is unset.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
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
    pub fn finish(self) -> Result<(), ConfigError> {
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
}
