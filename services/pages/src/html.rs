//! A page's HTML: the layout that all share, what is the page's own, and the texts of a language.

use std::borrow::Cow;

use serde_json::json;

use crate::{
    Language, Page,
    assets::{build, texts},
};

const LAYOUT: &str = include_str!("../html/layout.html");
const NAV: &str = include_str!("../html/nav.html");
const CURRENT: &str = " aria-current=\"page\"";

/// What a page has to know of the server that it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Who may hand the studio a session: `"all"`, `"local"` (any port of this machine), or a list of origins.
    pub origins: &'a serde_json::Value,
    /// Whether LiveKit's client is there.
    pub livekit: bool,
    /// The program's version.
    pub version: &'a str,
}

/// The whole page.
#[must_use]
pub fn html(page: Page, language: Language, setting: &Setting<'_>) -> String {
    let texts = texts(page, language);
    let text = |key: &str| texts.get(key).map_or_else(|| key.to_owned(), |text| escape(text).into_owned());
    let config = json!({
        "page": page.word(),
        "version": setting.version,
        "origins": setting.origins,
        "livekit": setting.livekit,
    });
    fill(LAYOUT, &|slot| {
        let Some(slot) = slot.strip_prefix('@') else { return text(slot) };
        match slot {
            "lang" => language.tag().to_owned(),
            "page" => page.word().to_owned(),
            "assets" => format!("/assets/{}", build()),
            "config" => escape(&config.to_string()).into_owned(),
            // People look at video, and whoever was invited has no business with the other pages.
            "scheme" if page == Page::Studio => " data-scheme=\"dark\"".to_owned(),
            "home" if page == Page::Studio => "/studio".to_owned(),
            "home" => "/panel".to_owned(),
            "nav" if page != Page::Studio => fill(NAV, &|slot| match slot.strip_prefix('@') {
                Some(of) if of == page.word() => CURRENT.to_owned(),
                Some(_) => String::new(),
                None => text(slot),
            }),
            "main" => fill(own(page), &text),
            of if of == language.tag() => " aria-current=\"true\"".to_owned(),
            _ => String::new(),
        }
    })
}

fn own(page: Page) -> &'static str {
    match page {
        Page::Panel => include_str!("../html/panel.html"),
        Page::Studio => include_str!("../html/studio.html"),
        Page::Console => include_str!("../html/console.html"),
    }
}

/// Replaces each `{{slot}}` by what it is.
fn fill(template: &str, slot: &dyn Fn(&str) -> String) -> String {
    let mut parts = template.split("{{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("}}") {
            Some((name, rest)) => {
                filled.push_str(&slot(name));
                filled.push_str(rest);
            }
            None => filled.push_str(part),
        }
    }
    filled
}

/// A text that means nothing to HTML, also within a quoted attribute.
fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::assets::{MODULES, common, own as own_texts};

    fn rendered(page: Page, language: Language) -> String {
        let origins = json!(["https://panel.example/\"><script>"]);
        html(page, language, &Setting { origins: &origins, livekit: true, version: "1.2.3" })
    }

    #[test]
    fn every_page_is_whole_in_every_language() {
        for page in Page::ALL {
            for language in Language::ALL {
                let html = rendered(page, language);
                assert!(!html.contains("{{") && !html.contains("}}"), "{page:?} {language:?}");
                assert!(html.contains(&format!("<html lang=\"{}\"", language.tag())));
                assert_eq!(html.matches("aria-current=\"true\"").count(), 1, "the language that it is in");
                assert_eq!(html.matches(CURRENT).count(), usize::from(page != Page::Studio), "{page:?}");
            }
        }
    }

    /// What a strict Content-Security-Policy would not let run, and what would come from elsewhere.
    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for page in Page::ALL {
            let html = rendered(page, Language::Es);
            let scripts = html.matches("<script").count();
            assert_eq!(scripts, html.matches("<script type=\"module\" src=\"/assets/").count(), "{page:?}");
            for forbidden in ["<style", "style=\"", " on", "javascript:", "src=\"http", "href=\"http", "src=\"//"] {
                let found = html.match_indices(forbidden).find(|(at, _)| forbidden != " on" || is_listener(&html, *at));
                assert_eq!(found, None, "{page:?}: {forbidden}");
            }
        }
    }

    /// ` onclick=`, and not a word that begins so.
    fn is_listener(html: &str, at: usize) -> bool {
        let word: String = html[at + 1..].chars().take_while(char::is_ascii_alphabetic).collect();
        html[at + 1 + word.len()..].starts_with('=')
    }

    /// A key stands in HTML as `{{key}}`, and in a module as a string; one made of parts as `'begin.' + …` or `` `begin.${…}` ``.
    #[test]
    fn texts_are_the_same_in_all_languages_and_each_is_used() {
        let keys = |texts: std::collections::BTreeMap<String, String>| texts.into_keys().collect::<BTreeSet<_>>();
        let all: Vec<&str> = MODULES.iter().map(|(_, source)| *source).chain([LAYOUT, NAV]).collect();
        assert_eq!(keys(common(Language::Es)), keys(common(Language::En)));
        for key in keys(common(Language::Es)) {
            assert!(
                all.iter().any(|source| uses(source, &key)) || uses(own(Page::Panel), &key),
                "common: {key} is unused"
            );
        }
        for page in Page::ALL {
            let (es, en) = (keys(own_texts(page, Language::Es)), keys(own_texts(page, Language::En)));
            assert_eq!(es, en, "{page:?}");
            let folder = format!("js/{}/", page.word());
            let modules = MODULES.iter().filter(|(path, _)| path.starts_with(&folder)).map(|(_, source)| *source);
            let sources: Vec<&str> = modules.chain([own(page), LAYOUT]).collect();
            for key in es {
                assert!(sources.iter().any(|source| uses(source, &key)), "{page:?}: {key} is unused");
            }
        }
    }

    fn uses(source: &str, key: &str) -> bool {
        let beginnings = key.match_indices('.').map(|(at, _)| &key[..=at]);
        let made = |begin: &str| source.contains(&format!("`{begin}${{")) || source.contains(&format!("'{begin}' +"));
        source.contains(&format!("'{key}'"))
            || source.contains(&format!("{{{{{key}}}}}"))
            || beginnings.into_iter().any(made)
    }

    #[test]
    fn every_text_that_is_asked_for_is_there() {
        for page in Page::ALL {
            let texts = texts(page, Language::Es);
            let folders = [format!("js/{}/", page.word()), "js/shared/".to_owned()];
            let modules = MODULES.iter().filter(|(path, _)| folders.iter().any(|folder| path.starts_with(folder)));
            for (path, source) in modules {
                for (at, call) in source.match_indices("t('") {
                    // Not `get('`.
                    let alone = !source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.');
                    let key = source[at + call.len()..].split('\'').next().unwrap();
                    assert!(!alone || texts.contains_key(key) || key.ends_with('.'), "{path} asks for {key}");
                }
            }
            for asked in own(page).split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
                assert!(texts.contains_key(asked.0), "{page:?}: {}", asked.0);
            }
        }
    }
}
