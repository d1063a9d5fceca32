//! Which web pages of other origins may call the edge, and what browsers are told.

use super::{Mode, Variables};

/// Pages that may call from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// `ALLOW_ALL_CORS`.
    All,
    /// Any port of this machine, over plain HTTP: development.
    Local,
    /// Exactly these, as browsers write them: `https://panel.example`.
    These(Vec<String>),
}

/// What concerns browsers.
#[derive(Debug, Clone)]
pub struct BrowserConfig {
    /// Who may call.
    pub origins: Origins,
    /// Where the edge's own pages are, as browsers write it; unset while `PUBLIC_URL` is.
    pub own: Option<String>,
    /// Whether the edge is reached over HTTPS from outside, so that browsers may be told to use nothing else.
    pub https: bool,
}

/// The frontends' addresses, which are also where links lead.
const FRONTENDS: [&str; 3] = ["VITE_BROADCASTPANEL_URL", "VITE_STUDIO_URL", "VITE_TOKEN_SERVER_URL"];

impl BrowserConfig {
    /// Reads `ALLOW_ALL_CORS`, the three frontends' addresses and `PUBLIC_URL`.
    pub fn read(variables: &mut Variables, mode: Mode) -> Self {
        let mut frontends: Vec<String> = Vec::new();
        for name in FRONTENDS {
            let Some(url) = variables.text(name) else { continue };
            match origin(&url) {
                Some(origin) if frontends.contains(&origin) => {}
                Some(origin) => frontends.push(origin),
                None => variables.problem(format!("{name} must begin with http:// or https:// and a host")),
            }
        }
        let all = variables.flag("ALLOW_ALL_CORS");
        if all {
            tracing::warn!("pages of any origin may call this backend (ALLOW_ALL_CORS)");
        }
        let origins = match mode {
            _ if all => Origins::All,
            Mode::Development if frontends.is_empty() => Origins::Local,
            Mode::Development | Mode::Production => Origins::These(frontends),
        };
        // Whether it is an address at all is looked at where links are made of it.
        let own = variables.text("PUBLIC_URL").as_deref().and_then(origin);
        let https = own.as_ref().is_some_and(|own| own.starts_with("https://"));
        Self { origins, own, https }
    }
}

/// The origin of an address, as browsers write it in `Origin` (RFC 6454, 6.2): lower case, no default port.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let sane = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let host = authority.strip_suffix(default_port).unwrap_or(&authority);
    (!host.is_empty() && host.chars().all(sane)).then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)], mode: Mode) -> Result<BrowserConfig, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut variables = Variables::from_map(pairs.collect());
        let config = BrowserConfig::read(&mut variables, mode);
        variables.finish().map(|()| config).map_err(|error| error.to_string())
    }

    #[test]
    fn an_origin_is_what_browsers_write() {
        for (url, expected) in [
            ("https://Panel.Example/s/{id}", Some("https://panel.example")),
            ("https://panel.example:443?x", Some("https://panel.example")),
            ("http://panel.example:443", Some("http://panel.example:443")),
            ("http://[::1]:3000/", Some("http://[::1]:3000")),
            ("http://", None),
            ("http:///x", None),
            ("http://user@panel.example", None),
            ("ftp://panel.example", None),
        ] {
            assert_eq!(origin(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn nobody_is_let_in_by_default_but_this_machine_in_development() {
        assert_eq!(read(&[], Mode::Production).unwrap().origins, Origins::These(Vec::new()));
        assert_eq!(read(&[], Mode::Development).unwrap().origins, Origins::Local);
        let two = [("VITE_STUDIO_URL", "https://a.example/x"), ("VITE_BROADCASTPANEL_URL", "https://a.example")];
        let origins = Origins::These(vec!["https://a.example".to_owned()]);
        assert_eq!(read(&two, Mode::Development).unwrap().origins, origins);
        assert_eq!(read(&[("ALLOW_ALL_CORS", "1")], Mode::Production).unwrap().origins, Origins::All);
    }

    #[test]
    fn a_frontend_without_a_host_is_a_problem() {
        let error = read(&[("VITE_TOKEN_SERVER_URL", "https:///x")], Mode::Production).unwrap_err();
        assert!(error.contains("VITE_TOKEN_SERVER_URL"), "{error}");
    }
}
