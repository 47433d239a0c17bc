//! `authspec completions` and `authspec man`: made of the arguments themselves.

use std::path::Path;

use clap::CommandFactory;

use super::args::{Args, CompletionsArgs, ManArgs};
use super::context::Context;
use crate::verdict;

pub(super) fn completions(args: &CompletionsArgs, context: &mut Context) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "authspec", &mut script);
    context.say(&String::from_utf8_lossy(&script));
    verdict::ALL_PASSED
}

pub(super) fn man(args: &ManArgs, context: &mut Context) -> u8 {
    let done = match &args.dir {
        None => page().map(|page| context.say(&page)),
        Some(folder) => pages(&context.folder.join(folder)).map(|count| {
            context.say(&format!("{} in {}\n", crate::term::plural(count, "page"), folder.display()));
        }),
    };
    match done {
        Ok(()) => verdict::ALL_PASSED,
        Err(error) => {
            let place = args.dir.as_deref().unwrap_or(Path::new("the page")).display();
            let why = error.to_string();
            let why = why.split(" (os error").next().unwrap_or_default().to_lowercase();
            context.complain(&format!("error: {place} cannot be written: {why}\n"));
            verdict::REPORT
        }
    }
}

/// The page of the program itself.
fn page() -> std::io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Args::command()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Writes a page for the program and for each command; gives their number.
fn pages(folder: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let command = Args::command().disable_help_subcommand(true);
    let count = 1 + command.get_subcommands().count();
    clap_mangen::generate_to(command, folder)?;
    Ok(count)
}
