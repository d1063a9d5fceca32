//! What can be asked of the edge: one [`Operation`] per route, from which the router, the access check and the
//! published description are all made, so that they cannot disagree.

use avanzacast_kit::config::{Door, Scope};
use avanzacast_schemas::Code;
use axum::routing::MethodFilter;
use schemars::{Schema, SchemaGenerator, json_schema};

/// Makes the schema of a type: `SchemaGenerator::subschema_for::<T>`.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// An HTTP method of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    /// GET, but a HEAD is not the same: it has an effect.
    GetOnly,
    Post,
    Delete,
}

impl Method {
    pub(crate) fn filter(self) -> MethodFilter {
        match self {
            Self::Get | Self::GetOnly => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody, as often as they like.
    Health,
    /// Anybody.
    Public,
    /// Whoever has the session id in the path.
    Holder,
    /// Anybody while the door is open; else, as with every credential that is shown, one with the scope.
    Open(Door, Scope),
    /// A credential with the scope.
    Secret(Scope),
    /// LiveKit, by its own signature.
    LiveKit,
    /// Whoever knows a secret, which is in the body.
    Login,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) about: &'static str,
    pub(crate) shape: Shape,
}

impl Parameter {
    pub(crate) const fn path(name: &'static str, about: &'static str, shape: Shape) -> Self {
        Self { name, place: Place::Path, required: true, about, shape }
    }

    pub(crate) const fn query(name: &'static str, required: bool, about: &'static str, shape: Shape) -> Self {
        Self { name, place: Place::Query, required, about, shape }
    }

    pub(crate) const fn header(name: &'static str, about: &'static str, shape: Shape) -> Self {
        Self { name, place: Place::Header, required: false, about, shape }
    }
}

/// What makes a repeated request the same request.
pub(crate) const IDEMPOTENCY_KEY: Parameter = Parameter::header(
    "Idempotency-Key",
    "A repetition with the same key gets the same answer for 24 hours; without a credential at least 16 characters",
    |_| json_schema!({ "type": "string", "minLength": 1, "maxLength": 255 }),
);

/// An answer that is a success.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Success {
    pub(crate) status: u16,
    pub(crate) about: &'static str,
    /// The body; without one there is none.
    pub(crate) shape: Option<Shape>,
    /// The body's media type.
    pub(crate) media: &'static str,
    /// Names of headers that it may have.
    pub(crate) headers: &'static [&'static str],
    /// Whether caches may keep it for a while.
    pub(crate) kept: bool,
}

impl Success {
    pub(crate) const fn json(status: u16, about: &'static str, shape: Shape) -> Self {
        Self { status, about, shape: Some(shape), media: "application/json", headers: &[], kept: false }
    }

    pub(crate) const fn empty(status: u16, about: &'static str) -> Self {
        Self { status, about, shape: None, media: "", headers: &[], kept: false }
    }

    /// Something that is not JSON.
    pub(crate) const fn of(media: &'static str, about: &'static str, shape: Shape) -> Self {
        Self { status: 200, about, shape: Some(shape), media, headers: &[], kept: false }
    }

    /// `ok`, as plain text.
    pub(crate) const fn text(about: &'static str) -> Self {
        Self::of("text/plain", about, |_| json_schema!({ "type": "string", "const": "ok" }))
    }

    pub(crate) const fn kept(self) -> Self {
        Self { kept: true, ..self }
    }

    pub(crate) const fn with(self, headers: &'static [&'static str]) -> Self {
        Self { headers, ..self }
    }
}

/// One thing that can be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// Its name in the description: `createSession`.
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    /// With `{id}` where a parameter stands, and `{*rest}` where one stands that holds slashes.
    pub(crate) path: &'static str,
    /// The group it is shown in.
    pub(crate) group: &'static str,
    /// One line.
    pub(crate) summary: &'static str,
    /// What a caller has to know besides; may be empty.
    pub(crate) about: &'static str,
    pub(crate) access: Access,
    pub(crate) parameters: &'static [Parameter],
    /// The body: see [`Operation::media`].
    pub(crate) body: Option<Shape>,
    pub(crate) answers: &'static [Success],
    /// What is refused, besides what follows from the access, the body and the parameters.
    pub(crate) refusals: &'static [Code],
}

impl Operation {
    /// Its path as OpenAPI has it, which knows no parameters with slashes.
    pub(crate) fn shown_path(&self) -> String {
        self.path.replace("{*", "{")
    }

    /// Whether it is answered by a worker, over the bus.
    pub(crate) fn asks_a_worker(&self) -> bool {
        ![OPERATIONS, PAGES].contains(&self.group)
    }

    /// The media type of its body. LiveKit has one of its own, and whatever it signed is read, whatever it is called.
    pub(crate) fn media(&self) -> &'static str {
        if self.access == Access::LiveKit { "application/webhook+json" } else { "application/json" }
    }
}

/// The groups of what the edge answers by itself.
pub(crate) const OPERATIONS: &str = "Operations";
/// What people see.
pub(crate) const PAGES: &str = "Pages";
