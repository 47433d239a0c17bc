//! What a key takes, as far as a JSON Schema can tell: editors complete and check by it.
//!
//! The reader stays the judge. A shape may let pass what the reader refuses (a template that cannot be
//! compiled, a file that is not there), never the other way round; `tests/schema.rs` holds both together.

use super::reader::Key;

/// The form of a value.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Anything at all.
    Any,
    /// Nothing.
    Null,
    /// A scalar, taken by its spelling.
    Text,
    /// Text that YAML does not take for a number or a truth value.
    Quoted,
    /// Text that this regular expression is found in.
    Like(&'static str),
    /// `true` or `false`.
    Flag,
    /// A number.
    Number,
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// A duration with its unit.
    Duration,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A list of such.
    List(&'static Shape),
    /// One such or a list of them.
    OneOrMore(&'static Shape),
    /// A map with free keys.
    Map(&'static Shape),
    /// A map whose keys all look like the regular expression.
    Named(&'static str, &'static Shape),
    /// A map with these keys and no others.
    Keys(&'static [Key]),
    /// A list or map of such a shape that is not empty.
    Filled(&'static Shape),
    /// One of these.
    Either(&'static [Shape]),
    /// Something that the language has a name for.
    The(Def),
}

/// The named parts of the language, one definition of the schema each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Def {
    /// A step.
    Step,
    /// A case.
    Case,
    /// A scheme.
    Scheme,
    /// An identity.
    Identity,
    /// What a project, an environment and a suite share.
    Environment,
    /// What must come back.
    Expect,
    /// An expected value: a scalar, a list, or operators.
    Value,
    /// A map of operators.
    Operators,
    /// What a capture takes.
    Capture,
    /// A row of the access matrix.
    Row,
}

impl Def {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Step,
        Self::Case,
        Self::Scheme,
        Self::Identity,
        Self::Environment,
        Self::Expect,
        Self::Value,
        Self::Operators,
        Self::Capture,
        Self::Row,
    ];

    /// Its name under `$defs`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Case => "case",
            Self::Scheme => "scheme",
            Self::Identity => "identity",
            Self::Environment => "environment",
            Self::Expect => "expect",
            Self::Value => "value",
            Self::Operators => "operators",
            Self::Capture => "capture",
            Self::Row => "row",
        }
    }
}

impl Shape {
    /// A text with a template in it.
    pub const TEMPLATE: Self = Self::Like(r"\{\{");
    /// A word or several.
    pub const TEXTS: Self = Self::OneOrMore(&Self::Text);
    /// A map of texts; a list repeats one, `null` removes one.
    pub const FIELDS: Self = Self::Map(&Self::FIELD);
    /// Header fields.
    pub const HEADERS: Self = Self::Named(r"^[0-9A-Za-z!#$%&'*+.^_`|~-]+$", &Self::FIELD);
    /// The value of a field.
    const FIELD: Self = Self::Either(&[Self::Text, Self::Null, Self::List(&Self::Text)]);
    /// A step or several.
    pub const STEPS: Self = Self::OneOrMore(&Self::The(Def::Step));
    /// A map of expected values.
    pub const VALUES: Self = Self::Filled(&Self::Map(&Self::The(Def::Value)));
    /// A number or a template that gives one.
    pub const NUMBER: Self = Self::Either(&[Self::Number, Self::TEMPLATE]);
    /// A duration or a template that gives one.
    pub const TIME: Self = Self::Either(&[Self::Duration, Self::TEMPLATE]);
    /// A status, a class, a word, or a list of these.
    pub const STATUS: Self =
        Self::Filled(&Self::OneOrMore(&Self::Either(&[Self::Count(100, 599), Self::Words(STATUS_WORDS)])));
    /// Tells whether a value without parts can be of this shape.
    pub fn takes_scalars(self) -> bool {
        match self {
            Self::Null | Self::List(_) | Self::Map(_) | Self::Named(..) | Self::Keys(_) => false,
            Self::The(def) => matches!(def, Def::Expect | Def::Value),
            Self::OneOrMore(of) | Self::Filled(of) => of.takes_scalars(),
            Self::Either(of) => of.iter().any(|s| s.takes_scalars()),
            Self::Any
            | Self::Text
            | Self::Quoted
            | Self::Like(_)
            | Self::Flag
            | Self::Number
            | Self::Count(..)
            | Self::Duration
            | Self::Words(_) => true,
        }
    }

    /// A map whose names templates can use. The pattern is one that every dialect reads; not all know `\P{…}`.
    pub const fn by_name(of: &'static Self) -> Self {
        Self::Named(r"^([\w.\-]|[^\x00-\x7F])+$", of)
    }
}

/// The words for statuses.
const STATUS_WORDS: &[&str] = &["2xx", "3xx", "5xx", "allow", "deny", "hidden"];
