//! Users: the command that makes one, what is answered, and the event.
//!
//! A user's id is a whole number, as the panel knows it. An e-mail address and what somebody is called stand in no
//! event: it carries SHA-256(salt ‖ value), with salt and value in a table of their own, so that they can be forgotten.

use std::{borrow::Cow, fmt};

use email_address::{EmailAddress, Options};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    Actor, Invalid, Username,
    names::{NOT_BLANK, check_name, name},
};

/// The longest address that mail can be sent to, in bytes (RFC 3696, erratum 1690).
const EMAIL_MAX_BYTES: usize = 254;

name! {
    /// An e-mail address and nothing beside it: at most 254 bytes, no display name, no control characters. Any host
    /// name will do as its domain.
    Email, { "type": "string", "format": "email", "maxLength": 254 }, |value| {
        let sane = value.len() <= EMAIL_MAX_BYTES && !value.chars().any(char::is_control);
        let options = Options::default().without_display_text().without_domain_literal();
        if sane && EmailAddress::parse_with_options(value, options).is_ok() {
            Ok(())
        } else {
            Err(Invalid("email must be an e-mail address of at most 254 bytes"))
        }
    }
}

name! {
    /// What a user is called where people read it: limits as for a username.
    DisplayName, {
        "type": "string", "minLength": 1, "maxLength": 256, "pattern": NOT_BLANK
    }, |value| check_name(value, "displayName must not be empty or blank",
        "displayName must be at most 256 bytes", "displayName must not contain control characters")
}

/// `cmd.user.create`: the body of `POST /api/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateUser {
    /// No two users have the same, whatever the case of its letters.
    pub email: Email,
    /// No two users have the same, whatever the case of its letters.
    pub username: Username,
    /// What people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// Whether the panel shows what administrators see.
    #[serde(default)]
    pub is_admin: bool,
}

/// `qry.user.get`. The answer is a [`User`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetUser {
    /// The user.
    pub id: i64,
}

/// A user, as answered. What was erased reads as empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The first is 1; one is never given twice.
    pub id: i64,
    /// As it was given.
    pub email: String,
    /// As it was given.
    pub username: String,
    /// What people read, if it was given.
    pub display_name: Option<String>,
    /// Whether the panel shows what administrators see.
    pub is_admin: bool,
    /// RFC 3339, milliseconds, UTC.
    pub created_at: String,
}

/// Data of `user.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserCreated {
    /// Who asked.
    pub actor: Actor,
    /// The user's id.
    pub user: i64,
    /// Lower-case hex of SHA-256(salt ‖ e-mail address).
    pub email_hash: String,
    /// Lower-case hex of SHA-256(salt ‖ username).
    pub username_hash: String,
    /// Lower-case hex of SHA-256(salt ‖ display name), if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name_hash: Option<String>,
    /// As it was given.
    pub is_admin: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_are_checked_at_their_edges() {
        let longest = format!("{}@{}.{}.{}", "l".repeat(64), "a".repeat(63), "b".repeat(63), "c".repeat(61));
        assert_eq!(longest.len(), EMAIL_MAX_BYTES);
        for good in ["a@b", "ana.lopez+live@example.com", "ñandú@correo.example", "\"a b\"@example.com", &longest] {
            assert!(Email::try_from(good.to_owned()).is_ok(), "{good}");
        }
        let (too_long, newline) = (format!("{longest}d"), "a@example.com\nbcc:b@example.com".to_owned());
        for bad in [
            "",
            " ",
            "ana",
            "@example.com",
            "ana@",
            "ana@@example.com",
            "Ana <ana@example.com>",
            "ana@exa mple.com",
            " ana@example.com",
            "ana@example.com ",
            "a@b,c@d",
            "ana..l@example.com",
            ".ana@example.com",
            "a@[127.0.0.1]",
            "a@-example.com",
            "a\u{0}@example.com",
            &too_long,
            &newline,
        ] {
            assert!(Email::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
