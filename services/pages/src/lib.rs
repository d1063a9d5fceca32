//! The pages that people use: panel, studio and console. Plain HTML, CSS and ES modules, as they stand in this folder, and
//! the few lines that put them into the program.
//!
//! What a page says stands in `texts`, by language; a `{{key}}` of the HTML is a text. What a page loads is named by what
//! all of it is ([`build`]), so that a browser may keep it for good.

mod assets;
mod html;
mod language;

pub use self::{
    assets::{Asset, asset, build},
    html::{Setting, html},
    language::Language,
};

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Broadcasts, their guests, and the way into the studio.
    Panel,
    /// Where people meet.
    Studio,
    /// What happens and happened, for whoever operates this.
    Console,
}

impl Page {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Panel, Self::Studio, Self::Console];

    /// What it is called in addresses and files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Panel => "panel",
            Self::Studio => "studio",
            Self::Console => "console",
        }
    }
}
