//! The languages that the pages speak.

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Spanish, unless somebody asks for another.
    #[default]
    Es,
    /// English.
    En,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Es, Self::En];

    /// Its tag (BCP 47).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::En => "en",
        }
    }

    /// The language with this tag; a region does not matter.
    #[must_use]
    pub fn tagged(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next()?.trim();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The one that a browser likes best (`Accept-Language`, RFC 9110, 12.5.4): the first of those with the highest weight.
    #[must_use]
    pub fn preferred(accepted: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for range in accepted.split(',') {
            let mut parts = range.split(';');
            let language = parts.next().and_then(Self::tagged);
            let weight =
                parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if let Some(language) = language
                && weight > best.map_or(0.0, |(_, weight)| weight)
            {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_liked_best() {
        for (accepted, expected) in [
            ("en-GB,en;q=0.9,es;q=0.8", Some(Language::En)),
            ("es-AR, en;q=0.5", Some(Language::Es)),
            ("fr, en;q=0.2, es;q=0.7", Some(Language::Es)),
            ("EN", Some(Language::En)),
            ("en;q=0, es;q=0.1", Some(Language::Es)),
            ("en;q=x", None),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(Language::preferred(accepted), expected, "{accepted}");
        }
    }
}
