//! The command line: arguments, the outside world (read once), the commands, the streams.
//!
//! Only this layer holds streams and exit codes. To add a command: a variant of [`args::Command`],
//! a file here with its `run`, and a line in `dispatch`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::verdict;

pub mod args;
mod attempt;
mod check;
mod codes;
mod context;
mod cover;
mod demo;
mod explain;
mod failed;
mod init;
mod list;
mod load;
mod login;
mod manual;
mod outputs;
mod reports;
mod run;
mod schema;
mod signals;
mod single;
mod telling;
mod watch;

use args::{Args, Command};
use context::Context;

/// Runs the program: the only place that reads the environment and gives an exit code.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        // A panic's own text may hold anything, so only its place is told.
        let place = info.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        let _ = writeln!(std::io::stderr(), "authspec: internal error{place}; please report it");
    }));
    let args = match Args::try_parse_from(list::with_word(std::env::args_os().collect())) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors.
            if !error.use_stderr() {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            context::usage(&error.render());
            return ExitCode::from(verdict::USAGE);
        }
    };
    let context = Context::read(&args);
    ExitCode::from(dispatch(args, context))
}

fn dispatch(args: Args, mut context: Context) -> u8 {
    match args.command {
        Command::Run(run) => run::run(*run, context),
        Command::Check(check) => check::run(&check, &mut context),
        Command::List(list) => list::run(&list, &mut context),
        Command::Explain(explain) => explain::run(&explain, &mut context),
        Command::Init(init) => init::run(&init, &mut context),
        Command::Try(args) => attempt::run(&args, &mut context),
        Command::Login(args) => login::run(&args, &mut context),
        Command::Token(args) => login::token(&args, &mut context),
        Command::Cover(args) => cover::run(&args, &mut context),
        Command::Demo(demo) => demo::run(&demo, &mut context),
        Command::Schema(schema) => schema::run(&schema, &mut context),
        Command::Completions(args) => manual::completions(&args, &mut context),
        Command::Man(args) => manual::man(&args, &mut context),
    }
}
