//! `authspec schema`: the JSON Schema of a kind of file.

use super::args::{SchemaArgs, SchemaOf};
use super::context::Context;
use crate::schema::{Kind, schema};
use crate::verdict;

pub(super) fn run(args: &SchemaArgs, context: &mut Context) -> u8 {
    let kind = match args.of {
        SchemaOf::Suite => Kind::Suite,
        SchemaOf::Project => Kind::Project,
    };
    context.say(&text(kind));
    verdict::ALL_PASSED
}

/// A schema as the text of its file.
pub(super) fn text(kind: Kind) -> String {
    format!("{:#}\n", schema(kind))
}
