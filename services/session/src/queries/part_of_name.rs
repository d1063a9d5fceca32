//! A part of a name, in capitals or not, in the same way on both databases: each letter is a class of the letters that it may
//! be, so that no database has to know what capitals are (SQLite's own `lower` knows 26 letters, and PostgreSQL's depends on
//! how the database was made).

use avanzacast_schemas::Username;

/// What is looked for: the letters that may stand in each place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartOfName(Vec<Vec<char>>);

impl From<&Username> for PartOfName {
    fn from(part: &Username) -> Self {
        Self(part.as_str().chars().map(class).collect())
    }
}

/// A letter, and those that differ from it by being capitals. Of `ß`, which is two capitals, only itself.
fn class(letter: char) -> Vec<char> {
    let (lower, upper) = (one(letter.to_lowercase()), one(letter.to_uppercase()));
    let others = [lower, upper, upper.and_then(|upper| one(upper.to_lowercase()))];
    let mut class = vec![letter];
    for other in others.into_iter().flatten() {
        if !class.contains(&other) {
            class.push(other);
        }
    }
    class
}

fn one(mut letters: impl Iterator<Item = char>) -> Option<char> {
    letters.next().filter(|_| letters.next().is_none())
}

impl PartOfName {
    /// Whether it is in this name.
    pub(crate) fn is_in(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let fits = |some: &[char]| some.iter().zip(&self.0).all(|(letter, class)| class.contains(letter));
        name.windows(self.0.len().max(1)).any(fits)
    }

    /// A regular expression of PostgreSQL's that says the same.
    pub(crate) fn regular_expression(&self) -> String {
        let place = |class: &Vec<char>| match class.as_slice() {
            [letter] if letter.is_ascii() && !letter.is_ascii_alphanumeric() => format!("\\{letter}"),
            [letter] => letter.to_string(),
            letters => format!("[{}]", letters.iter().collect::<String>()),
        };
        self.0.iter().map(place).collect()
    }

    /// A pattern of SQLite's `GLOB` that says the same.
    pub(crate) fn glob(&self) -> String {
        let place = |class: &Vec<char>| match class.as_slice() {
            ['^'] => "^".to_owned(),
            [letter] if letter.is_alphanumeric() || *letter == ']' => letter.to_string(),
            letters => format!("[{}]", letters.iter().collect::<String>()),
        };
        format!("*{}*", self.0.iter().map(place).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> PartOfName {
        PartOfName::from(&Username::try_from(text.to_owned()).unwrap())
    }

    #[test]
    fn capitals_do_not_matter() {
        for (text, name) in [
            ("ana", "Mariana"),
            ("ÁGUEDA", "águeda"),
            ("águ", "Á ÁGUEDA"),
            ("σ", "ΣΟΦΟΣ"),
            ("ς", "ΣΟΦΟΣ"),
            ("straße", "Straße"),
            ("a", "a"),
            ("^", "a^b"),
        ] {
            assert!(part(text).is_in(name), "{text} in {name}");
        }
        for (text, name) in [("ana", "an"), ("ana", "aña"), ("a", ""), ("a.a", "aba"), ("é", "e")] {
            assert!(!part(text).is_in(name), "{text} in {name}");
        }
    }

    #[test]
    fn what_patterns_mean_something_by_is_taken_as_it_is() {
        let odd = part("a.*[x-]^?\\");
        assert_eq!(odd.regular_expression(), r"[aA]\.\*\[[xX]\-\]\^\?\\");
        assert_eq!(odd.glob(), "*[aA][.][*][[][xX][-]]^[?][\\]*");
    }
}
