//! `authspec init`: a project to start from, which passes at once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::args::InitArgs;
use super::context::Context;
use super::schema;
use crate::report::curl::quote;
use crate::schema::Kind;
use crate::spec::PROJECT_FILE;
use crate::term::list;
use crate::verdict;

/// The folder of the schemas: hidden, so that nothing in it is taken for a suite.
const SCHEMAS: &str = ".authspec";

/// The target of the project file as it is kept here.
const DEMO: &str = "target: demo\n";

pub(super) fn run(args: &InitArgs, context: &mut Context) -> u8 {
    let folder = context.folder.join(&args.dir);
    let files = files(args);
    let there: Vec<String> = files
        .iter()
        .filter(|(name, ..)| folder.join(name).exists())
        .map(|(name, ..)| format!("`{}`", shown(&args.dir, name)))
        .collect();
    if !there.is_empty() {
        let is = if there.len() == 1 { "is" } else { "are" };
        context.complain(&format!(
            "error: {} {is} there already; nothing was written\nhelp: name another folder: authspec init DIR\n",
            list(&there, "and")
        ));
        return verdict::USAGE;
    }
    let wide = files.iter().map(|(name, ..)| shown(&args.dir, name).len()).max().unwrap_or(0);
    for (i, (name, text, about)) in files.iter().enumerate() {
        let path = shown(&args.dir, name);
        if let Err(error) = write(&folder.join(name), text) {
            let why = error.to_string();
            let why = why.split(" (os error").next().unwrap_or_default().to_lowercase();
            context.complain(&format!("error: {path} cannot be written: {why}\n"));
            return verdict::USAGE;
        }
        let label = if i == 0 { "wrote" } else { "" };
        context.say(&format!("{label:<7} {path:<wide$}   {about}\n"));
    }
    context.say(&next(args));
    verdict::ALL_PASSED
}

/// Name, text and purpose of every file.
fn files(args: &InitArgs) -> Vec<(String, String, &'static str)> {
    let target = serde_json::Value::from(args.target.as_str());
    let target = if args.target == "demo" { DEMO.to_owned() } else { format!("target: {target}\n") };
    let project = include_str!("init/authspec.yaml").replace(DEMO, &target);
    let schema = |kind: Kind| (format!("{SCHEMAS}/{}", kind.file()), schema::text(kind));
    let (suite, of_suite) = schema(Kind::Suite);
    let (base, of_project) = schema(Kind::Project);
    vec![
        (PROJECT_FILE.to_owned(), project, "where requests go, how a login works, who there is"),
        (
            "first-steps.yaml".to_owned(),
            include_str!("init/first-steps.yaml").to_owned(),
            "a suite: requests and answers",
        ),
        (
            "who-gets-in.yaml".to_owned(),
            include_str!("init/who-gets-in.yaml").to_owned(),
            "a suite: who may and who may not",
        ),
        (suite, of_suite, "for editors: completion and checks"),
        (base, of_project, "the same for authspec.yaml"),
    ]
}

fn next(args: &InitArgs) -> String {
    let dir = quote(&args.dir.to_string_lossy().replace('\\', "/"));
    let default = dir == "specs";
    let run = if default { "authspec run".to_owned() } else { format!("authspec run {dir}") };
    let go = if default || dir == "." { String::new() } else { format!("cd {dir} && ") };
    let attempt = format!("{go}authspec try 'GET /me' --as alice");
    if args.target == "demo" {
        return format!("\nnext    {run}\n        {attempt}\n");
    }
    format!(
        "\nnext    the paths, people and passwords are the demo's: put yours into {}\n        {attempt}\n        {run}\n",
        shown(&args.dir, PROJECT_FILE)
    )
}

/// A path as people read it.
fn shown(dir: &Path, name: &str) -> String {
    let path = dir.join(name).to_string_lossy().replace('\\', "/");
    path.strip_prefix("./").unwrap_or(&path).to_owned()
}

/// Writes a file that must not be there yet, with the folders above it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
