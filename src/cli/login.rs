//! `authspec login`: the login of one identity, exchange by exchange; and `authspec token`: its credential, for
//! scripts, and nothing else on standard output.

use super::args::{Files, LoginArgs, TokenArgs, WhoArgs};
use super::context::Context;
use super::load::{Loaded, load_text, ready};
use super::run::commands;
use super::single::{self, start};
use crate::diagnose;
use crate::event::{Certainty, Event, Login};
use crate::exec::{Presented, Unpresented};
use crate::mutate::{Mutation, mutation, mutations};
use crate::plan::Identity;
use crate::secret::SecretSet;
use crate::step::IdentityId;
use crate::term::{did_you_mean, hang, list};
use crate::verdict;

/// What came of a login.
struct Done {
    given: Result<Presented, Unpresented>,
    logins: Vec<Login>,
    secrets: SecretSet,
    worth: Worth,
}

/// Shows the login, exchange by exchange.
pub(super) fn run(args: &LoginArgs, context: &mut Context) -> u8 {
    let done = match enter(&args.who, None, context, |_| None) {
        Ok(done) => done,
        Err(code) => return code,
    };
    let shown = single::exchanged(&done.logins, &args.who.identity, args.verbose > 0, &done.secrets, context.out);
    context.say(&done.secrets.mask(&shown));
    match done.given {
        Ok(given) => {
            let parts: Vec<String> = given.parts.iter().map(|(name, _)| format!("`{name}`")).collect();
            let with = if parts.is_empty() { String::new() } else { format!(" with {}", list(&parts, "and")) };
            say(&format!("{}{with}", done.worth.told(&args.who.identity)), context);
            verdict::ALL_PASSED
        }
        Err(Unpresented::PerRequest(_)) => {
            let told = done.worth.told(&args.who.identity);
            say(&format!("{told}; its scheme makes a credential for each request"), context);
            verdict::ALL_PASSED
        }
        Err(why) => refuse(why, &done.secrets, context),
    }
}

/// Says a sentence, in lines.
fn say(sentence: &str, context: &mut Context) {
    let line = hang("  ", sentence, context.out.page());
    // Its first line begins at the edge, as the exchanges do.
    context.say(line.trim_start());
}

/// What is known of a credential once it is there.
#[derive(Debug, Clone, Copy)]
enum Worth {
    /// A server gave it.
    LoggedIn,
    /// It was there before, and `whoami` was answered as it says.
    Accepted,
    /// It was there before, and nothing says what a server makes of it.
    Untried,
}

impl Worth {
    fn of(identity: &Identity) -> Self {
        match (identity.login.kind.logs_in, identity.login.whoami) {
            (true, _) => Self::LoggedIn,
            (false, Some(_)) => Self::Accepted,
            (false, None) => Self::Untried,
        }
    }

    fn told(self, name: &str) -> String {
        match self {
            Self::LoggedIn => format!("{name} is logged in"),
            Self::Accepted => format!("{name} is accepted, as `whoami` shows"),
            Self::Untried => format!("{name} has a credential, and no `whoami` shows whether it is accepted"),
        }
    }
}

/// Prints the credential.
pub(super) fn token(args: &TokenArgs, context: &mut Context) -> u8 {
    let defect = match args.with.as_deref().map(defect).transpose() {
        Ok(defect) => defect,
        Err(message) => {
            context.complain(&format!("error: {message}\n"));
            return verdict::USAGE;
        }
    };
    let name = &args.who.identity;
    // Whoever wants a part of the session logs in for it; of a credential there is none, whatever the server says.
    let none = |identity: &Identity| {
        let is_none = args.part.is_none() && identity.login.scheme.is_per_request();
        is_none.then(|| {
            format!(
                "error: the scheme of `{name}` makes a credential for each request, so there is none to print\nhelp: `authspec try 'GET /…' --as {name}` sends a request with it\n"
            )
        })
    };
    let done = match enter(&args.who, defect, context, none) {
        Ok(done) => done,
        Err(code) => return code,
    };
    let given = match done.given {
        Ok(given) => given,
        Err(Unpresented::PerRequest(parts)) => Presented { headers: Vec::new(), query: Vec::new(), parts },
        Err(why) => return refuse(why, &done.secrets, context),
    };
    match wanted(&given, args) {
        Ok(lines) => {
            // Asked for in so many words: this one stream is not masked.
            context.say(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
            verdict::ALL_PASSED
        }
        Err(message) => {
            context.complain(&format!("error: {message}\n"));
            verdict::USAGE
        }
    }
}

fn defect(id: &str) -> Result<&'static Mutation, String> {
    mutation(id).ok_or_else(|| {
        let hint = did_you_mean(id, mutations().map(|m| m.id)).map_or_else(
            || "`authspec list mutations` lists them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        format!("there is no mutation `{id}`\nhelp: {hint}")
    })
}

/// The lines to print, or why there are none.
fn wanted(given: &Presented, args: &TokenArgs) -> Result<Vec<String>, String> {
    let name = &args.who.identity;
    if let Some(part) = &args.part {
        if let Some((_, value)) = given.parts.iter().find(|(n, _)| n == part) {
            return Ok(vec![value.clone()]);
        }
        let known: Vec<&str> = given.parts.iter().map(|(n, _)| n.as_str()).collect();
        let hint = did_you_mean(part, known.iter().copied()).map_or_else(
            || {
                let names: Vec<String> = known.iter().map(|n| format!("`{n}`")).collect();
                if names.is_empty() { "it has no parts".to_owned() } else { format!("it has {}", list(&names, "and")) }
            },
            |near| format!("did you mean `{near}`?"),
        );
        return Err(format!("the session of `{name}` has no part `{part}`\nhelp: {hint}"));
    }
    if args.header {
        if given.headers.is_empty() {
            return Err(format!("the credential of `{name}` travels in no header field"));
        }
        return Ok(given.headers.iter().map(|(n, v)| format!("{n}: {v}")).collect());
    }
    let values: Vec<String> =
        given
            .headers
            .iter()
            // `Bearer` is how it travels, not what it is.
            .map(|(n, v)| {
                if n == "Authorization" {
                    v.split_once(' ').map_or(v.as_str(), |(_, t)| t).to_owned()
                } else {
                    v.clone()
                }
            })
            .chain(given.query.iter().map(|(_, v)| v.clone()))
            .collect();
    match values.len() {
        0 => Err(format!("`{name}` has no credential that travels with its requests")),
        1 => Ok(values),
        _ => Err(format!(
            "the credential of `{name}` has several parts\nhelp: `--header` prints them as header lines, `--part NAME` one part of the session"
        )),
    }
}

fn refuse(why: Unpresented, secrets: &SecretSet, context: &mut Context) -> u8 {
    let width = context.err.page();
    // Masked before lines are broken.
    let tell = |head: &str, text: &str| hang(head, &secrets.mask(text), width);
    match why {
        Unpresented::Stopped => verdict::INTERRUPTED,
        Unpresented::PerRequest(_) => verdict::USAGE,
        Unpresented::Unfit { message, help } => {
            let help: String = help.iter().map(|h| tell("help: ", h)).collect();
            context.complain(&format!("{}{help}", tell("error: ", &message)));
            verdict::USAGE
        }
        Unpresented::Fault(message) => {
            context.complain(&tell("error: ", &message));
            verdict::NOT_JUDGED
        }
        Unpresented::Failed(reason, steps) => {
            let help: String = reason.help.iter().map(|h| tell("help: ", h)).collect();
            let place = &reason.place;
            let at = if place.line > 0 { format!("  --> {place}\n") } else { String::new() };
            let facts = reason.step.and_then(|step| steps.get(step)).and_then(|step| step.facts.as_deref());
            let found = facts.map(|facts| diagnose::told(facts, secrets)).unwrap_or_default();
            let likely = found.iter().filter(|one| one.certainty != Certainty::Possible);
            let why = single::causes(likely.take(2), tell);
            context.complain(&format!("{}{at}{help}{why}", tell("error: ", &reason.message)));
            verdict::NOT_JUDGED
        }
    }
}

/// Loads, finds the identity, and logs it in, unless there is a complaint about it first.
fn enter(
    who: &WhoArgs,
    defect: Option<&'static Mutation>,
    context: &mut Context,
    complaint: impl Fn(&Identity) -> Option<String>,
) -> Result<Done, u8> {
    let loaded = loaded(who, context)?;
    let Some(at) = loaded.plan.identities.iter().position(|i| *i.name == *who.identity) else {
        let known: Vec<&str> = loaded.plan.identities.iter().map(|i| &*i.name).collect();
        let hint = match did_you_mean(&who.identity, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "no identity is declared here; `--suite FILE` looks into a suite".to_owned(),
            None => {
                let names: Vec<String> = known.iter().map(|n| format!("`{n}`")).collect();
                format!("there are {}", list(&names, "and"))
            }
        };
        context.complain(&format!("error: there is no identity `{}`\nhelp: {hint}\n", who.identity));
        return Err(verdict::USAGE);
    };
    if let Some(complaint) = complaint(&loaded.plan.identities[at]) {
        context.complain(&complaint);
        return Err(verdict::USAGE);
    }
    let id = IdentityId(u32::try_from(at).unwrap_or(u32::MAX));
    single::run(context, async |context| log_in(loaded, (id, defect), context).await)
}

fn loaded(who: &WhoArgs, context: &mut Context) -> Result<Loaded, u8> {
    if let Some(suite) = &who.suite {
        let files = Files {
            paths: vec![suite.clone()],
            environment: who.place.environment.clone(),
            target: who.place.target.clone(),
            ..Files::default()
        };
        return ready(&files, commands(who.place.no_exec), context);
    }
    // A suite of one case that is never run stands for the project.
    let text = "cases: [ { name: nothing, request: GET /, expect: 200 } ]\n".to_owned();
    load_text(text, &who.place, context)
}

async fn log_in(
    loaded: Loaded,
    (id, defect): (IdentityId, Option<&Mutation>),
    context: &mut Context,
) -> Result<Done, u8> {
    let secrets = loaded.secrets.clone();
    let worth = Worth::of(&loaded.plan.identities[id.0 as usize]);
    let (runner, mut heard) = start(loaded, context).await?;
    let given = runner.login(id, defect).await;
    let mut logins = Vec::new();
    while let Ok(event) = heard.try_recv() {
        if let Event::Login(login) = event {
            logins.push(login);
        }
    }
    Ok(Done { given, logins, secrets, worth })
}
