//! `authspec init`: a project to start from, which passes at once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::args::InitArgs;
use super::context::Context;
use super::{cover, schema};
use crate::cover::{FILL_IN, skeleton};
use crate::report::curl::quote;
use crate::schema::Kind;
use crate::source::SourceMap;
use crate::spec::PROJECT_FILE;
use crate::term::{hang, list};
use crate::verdict;

/// The folder of the schemas: hidden, so that nothing in it is taken for a suite.
const SCHEMAS: &str = ".authspec";

/// The target of the project file as it is kept here.
const DEMO: &str = "target: demo\n";

pub(super) fn run(args: &InitArgs, context: &mut Context) -> u8 {
    let folder = context.folder.join(&args.dir);
    let files = match &args.openapi {
        None => files(args),
        Some(path) => match from_document(path, args, context) {
            Ok(files) => files,
            Err(code) => return code,
        },
    };
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
    let page = context.out.page();
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
        context.say(&hang(&format!("{label:<7} {path:<wide$}   "), about, page));
    }
    context.say(&next(args, page));
    verdict::ALL_PASSED
}

/// Name, text and purpose of a file.
type Text = (String, String, &'static str);

/// Every file.
fn files(args: &InitArgs) -> Vec<Text> {
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

/// The files of a project that is made from an API document.
fn from_document(path: &Path, args: &InitArgs, context: &mut Context) -> Result<Vec<Text>, u8> {
    let document = match cover::document(path, &args.roles_key, &mut SourceMap::default(), context) {
        Ok(document) => document,
        Err(stop) => return Err(stop.told(context)),
    };
    let target = Some(args.target.as_str()).filter(|target| *target != "demo");
    let made = skeleton::write(&document, target);
    let access = ("access.yaml".to_owned(), made.access, "a suite: who may do what, a row for each operation");
    let mut all = files(args);
    all[0].1 = made.project;
    all.splice(1..3, [access]);
    Ok(all)
}

fn next(args: &InitArgs, page: usize) -> String {
    let dir = quote(&args.dir.to_string_lossy().replace('\\', "/"));
    let default = dir == "specs";
    let run = if default { "authspec run".to_owned() } else { format!("authspec run {dir}") };
    let go = if default || dir == "." { String::new() } else { format!("cd {dir} && ") };
    let head = "next    ";
    if args.openapi.is_some() {
        return format!(
            "\n{head}put what you know in place of {FILL_IN}\n        authspec check {dir}\n        {run}\n"
        );
    }
    let attempt = format!("{go}authspec try 'GET /me' --as alice");
    if args.target == "demo" {
        return format!("\n{head}{run}\n        {attempt}\n");
    }
    let project = shown(&args.dir, PROJECT_FILE);
    let yours = format!("the paths, people and passwords are the demo's: put yours into {project}");
    format!("\n{}        {attempt}\n        {run}\n", hang(head, &yours, page))
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
