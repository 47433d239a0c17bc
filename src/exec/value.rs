//! Brings secrets and variables to life: reads the environment, files and commands that a world names.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::once::{Once, Seen};
use super::program::{Unheard, heard};
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::files::one_end_less;
use crate::plan::{SecretPlan, World};
use crate::secret::{Secret, SecretSet, TextKind};
use crate::source::Span;
use crate::spec::SecretSource;
use crate::step::read_file_or_absolute;
use crate::template::{Lookup, Scope, TemplateError, Value, from_json};

/// The kinds of faults that only a run can find.
pub const CODES: &[&Code] = &[&SECRET, &VARIABLE, &KEPT];

static SECRET: Code = Code {
    name: "secret",
    about: "a secret cannot be had",
    explain: "The environment variable is not set, the file cannot be read, or the command failed. Nothing was sent. `authspec check` needs no secrets.",
};
/// What is told of a file of kept tokens.
pub(super) static KEPT: Code = Code {
    name: "kept-tokens",
    about: "a file of kept tokens cannot be used",
    explain: "With `AUTHSPEC_KEEP_KEY` set, access tokens are kept between runs in `.authspec/kept/`, a file for each identity of a target, sealed under that key. This one cannot be opened, since its key is another or it is damaged, or it cannot be written. No token of it is used, it is left as it is, and the run goes on without it; delete it to begin anew. `docs/mutations.md` says what is kept.",
};
static VARIABLE: Code = Code {
    name: "variable",
    about: "a variable, target or setting cannot be computed",
    explain: "Its template could not be rendered before the first request. Nothing was sent.",
};

/// Reads the secrets of a world, those that no world before it had, and makes them known to the masks.
fn secrets(world: &World, once: &mut Once, known: &SecretSet, diags: &mut Diagnostics) -> Vec<(Arc<str>, Value)> {
    let mut out = Vec::new();
    for secret in &world.secrets {
        let read = || match read_secret(secret, world, diags) {
            Ok(value) => {
                known.declare(&format!("secrets.{}", secret.name), value.expose());
                Some(value)
            }
            Err(Unheard { why, says }) => {
                let message = format!("the secret `{}` cannot be had: {why}", secret.name);
                let fault = Diagnostic::error(&SECRET, secret.spec.span, message).label("from here");
                // The command's own words may name other secrets of the run.
                diags.push(match says {
                    Some(says) => fault.help(format!("it says: {}", known.mask_text(TextKind::Plain, &says))),
                    None => fault,
                });
                None
            }
        };
        let value = once.secret(secret.span, &world.folder, read);
        out.extend(value.map(|v| (Arc::clone(&secret.name), Value::from(v.expose()))));
    }
    out
}

impl From<String> for Unheard {
    fn from(why: String) -> Self {
        Self { why, says: None }
    }
}

impl From<&str> for Unheard {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}

fn read_secret(secret: &SecretPlan, world: &World, diags: &mut Diagnostics) -> Result<Secret, Unheard> {
    let SecretPlan { spec, folder, root, .. } = secret;
    let text = match &spec.source {
        SecretSource::Env(name) => {
            let value = world.variables.get(&*name.value);
            value.cloned().ok_or_else(|| format!("the environment variable `{}` is not set", name.value))?
        }
        SecretSource::File(path) => {
            let bytes = read_file_or_absolute(folder, root, &path.value)
                .map_err(|why| format!("the file `{}` cannot be used: {why}", path.value))?;
            String::from_utf8(bytes.to_vec()).map_err(|_| format!("the file `{}` holds no text", path.value))?
        }
        SecretSource::Command(words, _) => command(words, folder)?,
    };
    let trimmed = one_end_less(&text);
    let value = match &spec.json {
        None => trimmed.to_owned(),
        Some(path) => pick(trimmed, &path.scalar().unwrap_or_default())?,
    };
    if value.is_empty() {
        return Err("it is empty".into());
    }
    if let Some(date) = &spec.expires {
        check_expiry(&date.value, date.span, diags)?;
    }
    // A command ends its line; elsewhere a newline may have been meant.
    let meant = !matches!(spec.source, SecretSource::Command(..)) && spec.json.is_none();
    // A file with a key in PEM ends with one, and the key is the same without.
    let meant = meant && !trimmed.trim_end().ends_with("-----");
    if meant && trimmed.len() != text.len() {
        let message = "the secret ends in a newline, which was trimmed";
        diags.push(Diagnostic::warning(&SECRET, spec.span, message).label("from here"));
    }
    Ok(Secret::new(value))
}

fn command(words: &[Arc<str>], folder: &Path) -> Result<String, Unheard> {
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    let mut command = Command::new(&**program);
    command.args(arguments.iter().map(|a| &**a)).current_dir(folder).stdin(std::process::Stdio::null());
    heard(program, command.output())
}

fn pick(text: &str, path: &str) -> Result<String, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|_| "it is not JSON")?;
    let path = crate::jsonpath::Path::parse(path).map_err(|f| f.message)?;
    match path.find(&json)[..] {
        [serde_json::Value::String(text)] => Ok(text.clone()),
        [serde_json::Value::Number(n)] => Ok(n.to_string()),
        [] => Err("its `json` path finds nothing".to_owned()),
        _ => Err("its `json` path finds something that is no text".to_owned()),
    }
}

fn check_expiry(date: &str, span: Span, diags: &mut Diagnostics) -> Result<(), String> {
    let date: jiff::civil::Date = date.parse().map_err(|_| format!("`{date}` is no date (write 2027-01-31)"))?;
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    if date < today {
        return Err(format!("it expired on {date}"));
    }
    let days = today.until(date).map_or(i64::MAX, |s| i64::from(s.get_days()));
    if days <= 14 {
        let message = format!("this secret expires on {date}");
        diags.push(Diagnostic::warning(&SECRET, span, message).label("soon"));
    }
    Ok(())
}

struct Environment(Arc<std::collections::BTreeMap<String, String>>);

impl Lookup for Environment {
    fn get(&self, name: &str) -> Option<Value> {
        self.0.get(name).map(|v| Value::from(v.as_str()))
    }
}

/// Reads the secrets and computes the variables of a world, those that no world before it had.
pub(super) fn scope(world: &World, once: &mut Once, known: &SecretSet, diags: &mut Diagnostics) -> Scope {
    let secrets = secrets(world, once, known, diags);
    let mut scope = Scope::default();
    scope.set_folder(&world.folder);
    scope.set_lookup("env", Arc::new(Environment(Arc::clone(&world.variables))));
    scope.set_fields("secrets", secrets.into_iter().map(|(n, v)| (n.to_string(), v)));
    let mut seen = Seen::of(&world.secrets, &world.folder);
    for var in &world.vars {
        let compute = || match var.value.value(&scope) {
            Ok(value) => Some(from_json(&value)),
            Err(error) => {
                diags.push(variable(&error, &format!("the variable `{}`", var.name)));
                None
            }
        };
        if let Some(value) = once.var(var, &mut seen, compute) {
            scope.set(Arc::clone(&var.name), value);
        }
    }
    scope
}

/// A template that must be rendered before the run and cannot be.
pub(super) fn variable(error: &TemplateError, what: &str) -> Diagnostic {
    Diagnostic::error(&VARIABLE, error.span, format!("{what} cannot be computed: {}", error.message)).label("here")
}
