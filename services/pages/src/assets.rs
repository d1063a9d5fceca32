//! What pages load: styles, modules, texts, icons. A file of these folders that is not listed here fails a test.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    sync::LazyLock,
};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use crate::{Language, Page};

/// Files as (path, content).
macro_rules! files {
    ($($path:literal,)*) => { &[$(($path, include_str!(concat!("../", $path))),)*] };
}

const STYLES: &[(&str, &str)] = files! {
    "css/base.css",
    "css/console.css",
    "css/panel.css",
    "css/studio.css",
};

const ICONS: &[(&str, &str)] = files! {
    "icons/icon.svg",
};

pub(crate) const MODULES: &[(&str, &str)] = files! {
    "js/console/account.js",
    "js/console/activity.js",
    "js/console/broadcasts.js",
    "js/console/chart.js",
    "js/console/counts.js",
    "js/console/dead.js",
    "js/console/event_row.js",
    "js/console/event_words.js",
    "js/console/feed.js",
    "js/console/health.js",
    "js/console/ledger.js",
    "js/console/listing.js",
    "js/console/main.js",
    "js/console/marks.js",
    "js/console/overview.js",
    "js/console/pane.js",
    "js/console/replay.js",
    "js/console/sessions.js",
    "js/console/stream.js",
    "js/console/type_choice.js",
    "js/console/who.js",
    "js/console/who_rows.js",
    "js/panel/card.js",
    "js/panel/create.js",
    "js/panel/given.js",
    "js/panel/guests.js",
    "js/panel/list.js",
    "js/panel/main.js",
    "js/shared/access.js",
    "js/shared/api.js",
    "js/shared/dom.js",
    "js/shared/page.js",
    "js/shared/say.js",
    "js/studio/call.js",
    "js/studio/capture.js",
    "js/studio/client.js",
    "js/studio/comeback.js",
    "js/studio/controls.js",
    "js/studio/devices.js",
    "js/studio/ending.js",
    "js/studio/entry.js",
    "js/studio/icons.js",
    "js/studio/level.js",
    "js/studio/link.js",
    "js/studio/main.js",
    "js/studio/people.js",
    "js/studio/person.js",
    "js/studio/picker.js",
    "js/studio/preview.js",
    "js/studio/resume.js",
    "js/studio/room.js",
    "js/studio/settings.js",
    "js/studio/sound.js",
    "js/studio/stage.js",
    "js/studio/switch.js",
    "js/studio/tile.js",
    "js/studio/view.js",
    "js/studio/visit.js",
};

/// Something that a page loads.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its media type.
    pub media: &'static str,
    /// As it is.
    pub body: Bytes,
    /// The same as gzip has it (RFC 1952).
    pub gzip: Bytes,
    /// Names these bytes, however they are encoded: a weak entity tag (RFC 9110, 8.8.3).
    pub tag: String,
}

impl Asset {
    /// Of some bytes; they are compressed here, once.
    #[must_use]
    pub fn new(media: &'static str, body: Bytes) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let written = encoder.write_all(&body).and_then(|()| encoder.finish());
        // Into memory nothing fails; and if it did, there would still be the bytes as they are.
        let gzip = written.map_or_else(|_| Bytes::new(), Bytes::from);
        let tag = format!("W/\"{}\"", short(Sha256::digest(&body).as_slice()));
        Self { media, body, gzip, tag }
    }
}

static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let of =
        |media: &'static str| move |&(path, text): &(&str, &'static str)| (path.to_owned(), media, Bytes::from(text));
    let files = (STYLES.iter().map(of("text/css; charset=utf-8")))
        .chain(MODULES.iter().map(of("text/javascript; charset=utf-8")))
        .chain(ICONS.iter().map(of("image/svg+xml")));
    let languages = Language::ALL.into_iter().flat_map(|language| Page::ALL.map(|page| (language, page)));
    let texts = languages.map(|(language, page)| {
        let path = format!("texts/{}/{}.js", language.tag(), page.word());
        (path, "text/javascript; charset=utf-8", Bytes::from(module(page, language)))
    });
    files.chain(texts).map(|(path, media, body)| (path, Asset::new(media, body))).collect()
});

/// Names all of it.
static BUILD: LazyLock<String> = LazyLock::new(|| {
    let all: BTreeMap<&String, &Asset> = ASSETS.iter().collect();
    let mut digest = Sha256::new();
    for (path, asset) in all {
        digest.update(path.as_bytes());
        digest.update(asset.body.len().to_be_bytes());
        digest.update(&asset.body);
    }
    short(digest.finalize().as_slice())
});

/// 16 digits tell what there is apart.
fn short(digest: &[u8]) -> String {
    HEXLOWER.encode(digest.get(..8).unwrap_or_default())
}

/// What stands at a path: `css/base.css`.
#[must_use]
pub fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.get(path)
}

/// What the assets of this program are called together.
#[must_use]
pub fn build() -> &'static str {
    &BUILD
}

/// The texts of a page, and those of all pages.
pub(crate) fn texts(page: Page, language: Language) -> BTreeMap<String, String> {
    let mut texts = common(language);
    texts.extend(own(page, language));
    texts
}

/// A page's texts as a module.
fn module(page: Page, language: Language) -> String {
    // U+2028 and U+2029 are as good as any other character in a string of today's JavaScript.
    format!("export default {};\n", serde_json::json!(texts(page, language)))
}

macro_rules! texts {
    ($language:ident, $name:literal) => {
        parse(match $language {
            Language::Es => include_str!(concat!("../texts/es/", $name, ".json")),
            Language::En => include_str!(concat!("../texts/en/", $name, ".json")),
        })
    };
}

/// Texts that every page may need.
pub(crate) fn common(language: Language) -> BTreeMap<String, String> {
    texts!(language, "common")
}

/// Texts that are a page's own.
pub(crate) fn own(page: Page, language: Language) -> BTreeMap<String, String> {
    match page {
        Page::Panel => texts!(language, "panel"),
        Page::Studio => texts!(language, "studio"),
        Page::Console => texts!(language, "console"),
    }
}

/// The files are ours, and a test reads them all: what could not be read would show its keys in place of its texts.
fn parse(json: &str) -> BTreeMap<String, String> {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::*;
    use crate::{Setting, html};

    /// What a page loads at first, uncompressed, without LiveKit's client.
    const PAGE_MAX_BYTES: usize = 100 * 1024;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn every_file_is_in_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["css", "js", "icons"] {
            for file in files(&root.join(folder)) {
                let path = file.strip_prefix(root).unwrap().to_str().unwrap();
                assert!(asset(path).is_some(), "{path} is not listed in assets.rs");
            }
        }
    }

    #[test]
    fn every_text_can_be_read() {
        for language in Language::ALL {
            assert!(common(language).len() > 10);
            for page in Page::ALL {
                assert!(own(page, language).contains_key("title"), "{page:?} {language:?}");
                let texts = asset(&format!("texts/{}/{}.js", language.tag(), page.word())).unwrap();
                assert!(texts.body.starts_with(b"export default {") && texts.gzip.len() < texts.body.len());
            }
        }
    }

    /// The modules that one loads before it runs, and itself.
    fn loaded(path: &str, all: &mut BTreeSet<String>) {
        if !all.insert(path.to_owned()) {
            return;
        }
        let (_, source) = MODULES.iter().find(|(of, _)| *of == path).unwrap_or_else(|| panic!("{path} is not there"));
        for import in source.lines().filter(|line| line.starts_with("import ") || line.starts_with("export {")) {
            let Some(target) = import.split('\'').nth(1) else { continue };
            let folder = Path::new(path).parent().unwrap();
            let target = match target.strip_prefix("../") {
                Some(target) => folder.parent().unwrap().join(target),
                None => folder.join(target.trim_start_matches("./")),
            };
            loaded(target.to_str().unwrap(), all);
        }
    }

    #[test]
    fn pages_are_light() {
        for page in Page::ALL {
            let word = page.word();
            let mut all = BTreeSet::from(
                ["css/base.css", &format!("css/{word}.css"), &format!("texts/es/{word}.js")].map(str::to_owned),
            );
            loaded(&format!("js/{word}/main.js"), &mut all);
            let origins = serde_json::json!("local");
            let html = html(page, Language::Es, &Setting { origins: &origins, livekit: true, version: "" });
            let size: usize = html.len() + all.iter().map(|path| asset(path).unwrap().body.len()).sum::<usize>();
            assert!(size < PAGE_MAX_BYTES, "{word}: {size} bytes");
        }
    }
}
