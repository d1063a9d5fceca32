//! Names and keys of the log (C2SP signed-note, <https://c2sp.org/signed-note>).

use std::{fmt, str::FromStr};

use avanzacast_kit::Secret;
use data_encoding::BASE64;
use ed25519_dalek as ed25519;
use signed_note::{StandardSigner, StandardVerifier, is_key_name_valid, new_ed25519_verifier_key};

/// What a private key's text begins with.
const PRIVATE: &str = "PRIVATE+KEY+";
/// The kind of key that C2SP signed-note calls 1.
const ED25519: u8 = 1;

/// It is no name, or no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name.
    #[error("a log's name has 1 to 256 bytes, no space and no plus")]
    Name,
    /// The private key.
    #[error("a signing key is PRIVATE+KEY+name+id+base64, of an Ed25519 key")]
    Private,
    /// The public key.
    #[error("a public key is name+id+base64, of an Ed25519 key")]
    Public,
}

/// The log's name: the first line of its checkpoints, and the name of its keys. By convention a URL without its scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a log that nobody named.
    ///
    /// # Errors
    /// The ledger's id is not one of ours.
    pub fn of_ledger(ledger_id: &str) -> Result<Self, KeyError> {
        format!("avanzacast/{ledger_id}").parse()
    }
}

impl FromStr for Origin {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let plain = (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
        if plain && is_key_name_valid(text) { Ok(Self(text.to_owned())) } else { Err(KeyError::Name) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key: `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vkey {
    text: String,
    origin: Origin,
}

impl Vkey {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose it is.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn verifier(&self) -> Result<StandardVerifier, KeyError> {
        StandardVerifier::new(&self.text).map_err(|_| KeyError::Public)
    }
}

impl FromStr for Vkey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        StandardVerifier::new(text).map_err(|_| KeyError::Public)?;
        let origin = text.split('+').next().unwrap_or_default().parse()?;
        Ok(Self { text: text.to_owned(), origin })
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What checkpoints are signed with.
pub struct SigningKey {
    pub(super) signer: StandardSigner,
    text: Secret,
    vkey: Vkey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.vkey).finish()
    }
}

impl SigningKey {
    /// A new one for a log.
    ///
    /// # Errors
    /// None that is known: what is made here can be read here.
    pub fn generate(origin: &Origin) -> Result<Self, KeyError> {
        let (text, _) = signed_note::generate_key(&mut rand_core::OsRng, origin.as_str());
        text.parse()
    }

    /// The text that it is read from, which nobody else should have.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// What its signatures are checked with.
    #[must_use]
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let signer = StandardSigner::new(text).map_err(|_| KeyError::Private)?;
        let mut parts = text.strip_prefix(PRIVATE).ok_or(KeyError::Private)?.splitn(3, '+');
        let (name, key) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        let key = BASE64.decode(key.as_bytes()).map_err(|_| KeyError::Private)?;
        let seed = match key.split_first() {
            Some((&ED25519, seed)) => seed.try_into().map_err(|_| KeyError::Private)?,
            Some(_) | None => return Err(KeyError::Private),
        };
        let public = ed25519::SigningKey::from_bytes(seed).verifying_key();
        let vkey = new_ed25519_verifier_key(name, &public).parse()?;
        Ok(Self { signer, text: Secret::new(text.to_owned()), vkey })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the documentation of Go's `golang.org/x/mod/sumdb/note`.
    const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn a_private_key_leads_to_its_public_one() {
        let key: SigningKey = SKEY.parse().unwrap();
        assert_eq!((key.vkey().as_str(), key.vkey().origin().as_str()), (VKEY, "PeterNeumann"));
        assert_eq!(format!("{key:?}").matches("AYEK").count(), 0);
    }

    #[test]
    fn a_new_key_can_be_read_again() {
        let key = SigningKey::generate(&"studio.example.com/ledger".parse().unwrap()).unwrap();
        let again: SigningKey = key.text().reveal().parse().unwrap();
        assert_eq!(key.vkey(), again.vkey());
    }

    #[test]
    fn what_is_none_is_refused() {
        for none in ["", "a b", "a+b", "a\u{a0}b", "a\u{7}"] {
            assert_eq!(none.parse::<Origin>(), Err(KeyError::Name), "{none:?}");
        }
        for none in ["", VKEY, &SKEY.replace("c74f20a3", "c74f20a4"), &SKEY[..SKEY.len() - 4]] {
            assert_eq!(none.parse::<SigningKey>().map(|_| ()), Err(KeyError::Private), "{none:?}");
        }
        for none in ["", SKEY, "PeterNeumann+c74f20a3+", &VKEY.replace("c74f20a3", "c74f20a4")] {
            assert_eq!(none.parse::<Vkey>().map(|_| ()), Err(KeyError::Public), "{none:?}");
        }
    }
}
