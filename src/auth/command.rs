//! A program of the user's own prints the credential: whatever a company has for it, without a line of code here.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::send::{SEND_KEYS, Send};
use super::{
    Credential, Ctx, Flow, Heard, Move, Part, Program, ReadScheme, Refused, Scheme, SchemeKind, Seal, diags, fields,
    pairs, troubles,
};
use crate::http::Request;
use crate::jsonpath::Path;
use crate::source::Span;
use crate::spec::{Fields, Node, Shape, key};
use crate::template::{Template, TemplateError};

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "command",
    about: "a program prints the credential: a token, or JSON that holds one",
    keys: &[
        key("command", "the program and its arguments, run without a shell in the folder of the file; `identity.*` is in scope")
            .is(Shape::Filled(&Shape::List(&Shape::Text)))
            .needed(),
        key("env", "variables for the program, where others on the machine cannot read them, as they can arguments").is(Shape::FIELDS).usually("those of the run"),
        key("capture", "the parts of the credential, each a JSONPath into what is printed; without it all that is printed is `token`")
            .is(Shape::Named(r"^[A-Za-z_]\w*$", &Shape::Like(r"^\$"))).usually("`token`: all of it"),
        key("send", "how the credential travels: `{ bearer: part }`, `{ header | cookie | query: { name: value } }`; the first part as Bearer without it")
            .is(Shape::Keys(SEND_KEYS)).usually("the first part as Bearer"),
    ],
    needs: &[],
    logs_in: false,
    look: fields::anything,
    example: include_str!("examples/command.yaml"),
    troubles: troubles::COMMAND,
    read,
};

/// What is printed when nothing says otherwise.
const TOKEN: &str = "token";

#[derive(Debug)]
struct Command {
    plan: Arc<Plan>,
    send: Send,
}

#[derive(Debug)]
struct Plan {
    words: Vec<Template>,
    variables: Vec<(Arc<str>, Template)>,
    folder: PathBuf,
    /// None: everything that is printed is the token.
    parts: Option<Vec<(Arc<str>, Path)>>,
    /// Where the program stands, and what is taken from what it prints.
    places: (Span, Span),
}

fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    let words = cx.compile.reader.need(fields, node, "command", "the scheme `command`")?;
    let places = (words.span, fields.get("capture").map_or(words.span, |capture| capture.span));
    let items = cx.compile.reader.list(words)?;
    if items.is_empty() {
        cx.compile.reader.fault(diags::no_program(words.span));
        return None;
    }
    let words: Vec<Template> = items.iter().filter_map(|n| cx.compile.reader.template(n)).collect();
    let variables = fields.get("env").map_or_else(Vec::new, |n| pairs(n, cx));
    let parts = match fields.get("capture") {
        None => None,
        Some(node) => Some(read_parts(node, cx)?),
    };
    let names: Vec<Arc<str>> = match &parts {
        None => vec![TOKEN.into()],
        Some(parts) => parts.iter().map(|(name, _)| Arc::clone(name)).collect(),
    };
    let send = match fields.get("send") {
        Some(node) => cx.with_session(&names, |cx| Send::read(node, &names, cx))?,
        None => Send::bearer(Arc::clone(names.first()?), node.span),
    };
    let folder = cx.compile.folder.to_owned();
    Some(Box::new(Command { plan: Arc::new(Plan { words, variables, folder, parts, places }), send }))
}

fn read_parts(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Vec<(Arc<str>, Path)>> {
    let map = cx.compile.reader.map(node)?;
    let mut parts = Vec::new();
    for entry in map.iter() {
        let text = cx.compile.reader.word(&entry.value)?;
        match Path::parse(&text.value) {
            Ok(path) => parts.push((Arc::clone(&entry.key), path)),
            Err(fault) => cx.compile.reader.fault(diags::bad_path(text.span, &fault.message)),
        }
    }
    if parts.is_empty() { None } else { Some(parts) }
}

const NOTHING: &str = "run it by itself, in the folder of this file: the credential has to come on standard output, and what is told beside it on standard error";
const LINES: &str = "a token is one line; for JSON say under `capture:` what is to be taken from it";
const NO_JSON: &str = "`capture` reads JSON and nothing beside it: what else the command tells belongs on standard error; where it prints the token alone, leave `capture` out";
const OTHER_PATH: &str = "run it by itself, and hold what it prints against this path";
/// What helps where a value is there and cannot be sent.
pub const PRINTED: &str = "the command printed it so: run it by itself, and see why";

struct Run(Arc<Plan>, Span);

impl Flow for Run {
    fn next(&mut self, heard: Heard, cx: &Ctx<'_>) -> Move {
        match heard {
            Heard::Start => match self.0.program(cx) {
                Ok(program) => Move::Run(Box::new(program)),
                Err(error) => Move::Refused(Refused { message: error.message, help: Vec::new() }),
            },
            Heard::Printed(text) => match self.0.credential(&text).inspect_err(|_| self.1 = self.0.places.1) {
                Ok(mut credential) => {
                    credential.set_expiry(cx.now);
                    Move::Ready(credential)
                }
                Err(refused) => Move::Refused(refused),
            },
            Heard::Steps(_) | Heard::Answer(_) | Heard::Landed(_) | Heard::Waited => Move::Refused(Refused::unasked()),
        }
    }

    fn at(&self) -> Option<Span> {
        Some(self.1)
    }
}

impl Plan {
    fn program(&self, cx: &Ctx<'_>) -> Result<Program, TemplateError> {
        let words = self.words.iter().map(|w| w.render(cx.scope)).collect::<Result<Vec<_>, _>>()?;
        let variables = self.variables.iter().map(|(n, v)| Ok((n.to_string(), v.render(cx.scope)?)));
        let variables = variables.collect::<Result<Vec<_>, TemplateError>>()?;
        Ok(Program { words, variables, folder: self.folder.clone() })
    }

    /// Reads what was printed; nothing of it is told, since it may hold the credential.
    fn credential(&self, text: &str) -> Result<Credential, Refused> {
        let refused = |message: &str, help: &str| Refused { message: message.to_owned(), help: vec![help.to_owned()] };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(refused("the command printed nothing", NOTHING));
        }
        let Some(parts) = &self.parts else {
            if text.contains(['\r', '\n']) {
                return Err(refused("the command printed several lines", LINES));
            }
            return Ok(Credential { parts: vec![(TOKEN.into(), text.into())], ..Credential::default() });
        };
        let json: Value =
            serde_json::from_str(text).map_err(|_| refused("what the command printed is no JSON", NO_JSON))?;
        let mut found = Vec::new();
        for (name, path) in parts {
            match path.find(&json)[..] {
                [value] => found.push((Arc::clone(name), value.clone())),
                [] => return Err(refused(&format!("what the command printed has no value for `{name}`"), OTHER_PATH)),
                _ => {
                    let message = format!("what the command printed has several values for `{name}`");
                    return Err(refused(&message, OTHER_PATH));
                }
            }
        }
        Ok(Credential { parts: found, ..Credential::default() })
    }
}

impl Scheme for Command {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(Run(Arc::clone(&self.plan), self.plan.places.0))
    }

    /// The program is asked again: it knows best whether it still has one.
    fn refresh(&self, _: &Credential) -> Option<Box<dyn Flow>> {
        Some(self.begin())
    }

    fn parts(&self) -> Vec<Arc<str>> {
        match &self.plan.parts {
            None => vec![TOKEN.into()],
            Some(parts) => parts.iter().map(|(name, _)| Arc::clone(name)).collect(),
        }
    }

    fn is_secret(&self, part: &str) -> bool {
        self.send.carries(part)
    }

    fn field_at(&self, name: &str) -> Option<Span> {
        self.send.field_at(name)
    }

    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        self.send.sign(seal, request)
    }

    fn fields(&self) -> Vec<String> {
        self.send.fields()
    }

    fn travels(&self) -> Vec<Part> {
        self.send.travels()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(parts: Option<&[(&str, &str)]>) -> Plan {
        let parts = parts.map(|p| p.iter().map(|(n, path)| ((*n).into(), Path::parse(path).unwrap())).collect());
        Plan {
            words: Vec::new(),
            variables: Vec::new(),
            folder: PathBuf::new(),
            parts,
            places: (Span::NONE, Span::NONE),
        }
    }

    #[test]
    fn one_line_is_a_token() {
        let credential = plan(None).credential("abc.def\r\n").unwrap();
        assert_eq!(credential.parts, [(TOKEN.into(), "abc.def".into())]);
        for (text, why) in [("", "nothing"), ("\n", "nothing"), ("a\nb\n", "several lines")] {
            assert!(plan(None).credential(text).unwrap_err().message.contains(why), "{text:?}");
        }
    }

    #[test]
    fn json_gives_the_parts_that_are_named() {
        let plan = plan(Some(&[("access_token", "$.t"), ("expires_in", "$.e")]));
        let credential = plan.credential(r#"{"t": "x", "e": 60, "other": 1}"#).unwrap();
        assert_eq!(credential.parts, [("access_token".into(), "x".into()), ("expires_in".into(), 60.into())]);
        for text in ["sesame", "{\"t\": \"sesame\"}"] {
            assert!(!plan.credential(text).unwrap_err().message.contains("sesame"), "{text}");
        }
    }
}
