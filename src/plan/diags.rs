//! The wording of what is only found when names are resolved.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic};
use crate::mutate::Standing;
use crate::source::Span;
use crate::term::{did_you_mean, list};

/// The kinds of faults a plan can have.
pub const CODES: &[&Code] = &[
    &UNKNOWN_IDENTITY,
    &UNKNOWN_AUTH,
    &LIKE,
    &WAITING_CIRCLE,
    &NO_PART,
    &DUPLICATE_CASE,
    &NO_TARGET,
    &BAD_TARGET,
    &VAR_CYCLE,
    &UNKNOWN_ENVIRONMENT,
    &SHARED_SESSION,
    &TALK,
    &TLS,
    &NO_EXEC,
    &ACCESS,
    &MUTATION,
];

static MUTATION: Code = Code {
    name: "mutation",
    about: "`with` cannot be used as it is written",
    explain: "`with` takes ids of `authspec list mutations`, packs such as `pack.bearer`, or a list of them, on one step of a case. `except` leaves out what a pack brings, `expect` says by id what must come back instead of what the table says.",
};

static UNKNOWN_IDENTITY: Code = Code {
    name: "unknown-identity",
    about: "`as` names nobody who is declared",
    explain: "Identities stand under `identities:` of the suite or of `authspec.yaml`; `anonymous` always exists.",
};
static UNKNOWN_AUTH: Code = Code {
    name: "unknown-auth",
    about: "an identity names a scheme that is not declared",
    explain: "Schemes stand under `auth:` of the suite or of `authspec.yaml`, or in place: `auth: { scheme: basic }`.",
};
static LIKE: Code = Code {
    name: "like",
    about: "`like` goes round in a circle",
    explain: "An identity or scheme that is `like` another takes its fields, so somebody at the end must stand alone. Its own name means the one of that name in the layer below: the project's for an environment, that of both for a suite.",
};
static WAITING_CIRCLE: Code = Code {
    name: "waiting-circle",
    about: "identities wait for each other",
    explain: "An identity whose login uses the session of another one logs in after it: `sessions.NAME` in its fields or in its scheme, or a person who approves its login. So somebody at the end must be able to log in alone.",
};
static DUPLICATE_CASE: Code = Code {
    name: "duplicate-case",
    about: "two cases have the same id",
    explain: "Ids are made from the file and the names, and reports and `--id` need them to be unique. Rename one.",
};
static NO_TARGET: Code = Code {
    name: "no-target",
    about: "a suite has no target",
    explain: "`target:` in the suite, in `authspec.yaml` or in an environment says where requests go; `--target URL` does for one run. The demo is only used when a file says `target: demo`.",
};
static BAD_TARGET: Code = Code {
    name: "bad-target",
    about: "a target is no address",
    explain: "A target is `demo` or an absolute `http` or `https` URL.",
};
static VAR_CYCLE: Code = Code {
    name: "var-cycle",
    about: "variables need each other",
    explain: "A variable may use others, but not itself, also not by a detour.",
};
static UNKNOWN_ENVIRONMENT: Code = Code {
    name: "unknown-environment",
    about: "`--env` names an environment that no project file has",
    explain: "Environments stand under `environments:` of `authspec.yaml`.",
};
static SHARED_SESSION: Code = Code {
    name: "shared-session",
    about: "a case ends or rotates the session that other cases share",
    explain: "All cases of an identity share one login. A case that logs out or refreshes by hand would pull it away from the others; with `session: fresh` it gets a login of its own.",
};
pub(super) static TALK: Code = Code {
    name: "talk",
    about: "a step asks for a login, a refresh or a logout that its caller's scheme does not have",
    explain: "`request: login`, `refresh` and `logout` do what the scheme of the caller says, and `vary: { exchange.parameter: value }` changes one parameter of it. Exchanges of your own steps are called by the step's `name`, or as the talk is; those of a scheme have fixed names, which the message lists.",
};
static TLS: Code = Code {
    name: "tls",
    about: "TLS settings cannot be used",
    explain: "`ca`, `cert` and `key` are PEM files: below the project's folder, or named by an absolute path. Only a target with `https://` sees the client certificate of a caller with `scheme: mtls`.",
};

static NO_PART: Code = Code {
    name: "no-part",
    about: "what is asked of somebody's session is no part of it",
    explain: "`sessions.NAME.PART` is what the login of `NAME` got: `access_token` and its like with `oauth2`, what the steps capture with `login`, and nothing with schemes that send fields of the identity, such as `basic`. A part that may be lacking is written with `| default(…)` behind it.",
};

static ACCESS: Code = Code {
    name: "access",
    about: "the access matrix names somebody who is no column, or contradicts itself",
    explain: "Columns are `anonymous`, identities, or roles, which stand for every identity that has them. A cell is named by a column, by a role among them, or `others`; `everyone` stands alone. Each cell says that somebody is let in or that somebody is not, and a `closed` row lets nobody in.",
};
static NO_EXEC: Code = Code {
    name: "no-exec",
    about: "a file names a command, and `--no-exec` refuses all of them",
    explain: "`command:` of a target or a secret runs a program with your rights. Read it, and run without `--no-exec`; or give the secret by `env` or `file`, and start the target yourself and name it with `--target URL`.",
};

pub(super) fn no_exec(span: Span) -> Diagnostic {
    Diagnostic::error(&NO_EXEC, span, "this command is refused: `--no-exec` lets no file run a program")
        .label("would run")
        .help("read it, and run without `--no-exec`")
}

pub(super) fn unknown_identity(span: Span, name: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(&UNKNOWN_IDENTITY, span, format!("there is no identity `{name}`"))
        .label("nobody of that name");
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None => diagnostic.help(known_names("identities", known)),
    }
}

pub(super) fn unknown_auth(span: Span, name: &str, known: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&UNKNOWN_AUTH, span, format!("there is no scheme called `{name}` under `auth:`"))
            .label("not declared");
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None => diagnostic.help(known_names("schemes", known)),
    }
}

pub(super) fn like_cycle(span: Span, names: &[&str]) -> Diagnostic {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    Diagnostic::error(&LIKE, span, format!("{} are like each other", list(&quoted, "and")))
        .label("part of the circle")
        .help("one of them must stand alone, without `like`")
}

/// Identities whose logins need each other's sessions.
pub(super) fn waiting_circle(span: Span, names: &[&str]) -> Diagnostic {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    let message = match names {
        [one] => format!("the login of `{one}` waits for itself"),
        _ => format!("the logins of {} wait for each other", list(&quoted, "and")),
    };
    Diagnostic::error(&WAITING_CIRCLE, span, message)
        .label("part of the circle")
        .help("one of them must be able to log in without the session of another")
}

/// A login that uses the session of nobody.
pub(super) fn anonymous_session(span: Span) -> Diagnostic {
    Diagnostic::error(&UNKNOWN_IDENTITY, span, "`anonymous` never logs in, so there is no session of it to use")
        .label("always nobody")
        .help("name an identity that is declared under `identities:`")
}

/// A part of a session that its login does not get.
pub(super) fn no_part(span: Span, name: &str, part: &str, (scheme, known): (&str, &BTreeSet<String>)) -> Diagnostic {
    let message = format!("the session of `{name}` has no part `{part}`");
    let diagnostic = Diagnostic::error(&NO_PART, span, message).label("no such part");
    if let Some(near) = did_you_mean(part, known.iter().map(String::as_str)) {
        return diagnostic.fix(span, near, format!("did you mean `{near}`?"));
    }
    if known.is_empty() {
        return diagnostic
            .help(format!("its scheme `{scheme}` gets nothing at a login: name an identity whose scheme does"));
    }
    let names: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    diagnostic.help(format!("it has {}", list(&names, "and")))
}

pub(super) fn like_anonymous(span: Span) -> Diagnostic {
    Diagnostic::error(&LIKE, span, "nobody can be like `anonymous`, who has no fields").label("always empty")
}

/// `what` with its article.
pub(super) fn like_itself(span: Span, what: &str, name: &str) -> Diagnostic {
    Diagnostic::error(&LIKE, span, format!("`{name}` is like itself, and no layer below has {what} of that name"))
        .label("nothing below it")
        .help("name another one, or write its fields here")
}

fn known_names(what: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return format!("no {what} are declared here");
    }
    let names: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    format!("declared {what}: {}", list(&names, "and"))
}

pub(super) fn duplicate_case(span: Span, first: Span, id: &str) -> Diagnostic {
    Diagnostic::error(&DUPLICATE_CASE, span, format!("two cases have the id `{id}`"))
        .label("give it another name")
        .also(first, "the first one")
}

pub(super) fn no_target(span: Span) -> Diagnostic {
    Diagnostic::error(&NO_TARGET, span, "this suite has no target")
        .label("where should its requests go?")
        .help("add `target: https://…` here or in `authspec.yaml`, or run with `--target URL`")
        .help("`target: demo` starts the embedded demo API")
}

pub(super) fn bad_target(span: Span, why: &str) -> Diagnostic {
    // Without a place it came from the command line.
    let what = if span.is_some() { "this" } else { "`--target`" };
    Diagnostic::error(&BAD_TARGET, span, format!("{what} is no target: {why}"))
        .label("not an address")
        .help("write `demo` or an absolute URL")
}

pub(super) fn signing_key(span: Span) -> Diagnostic {
    Diagnostic::error(&BAD_TARGET, span, "the demo cannot sign with this key")
        .label("no private RSA key of at least 2048 bits in PEM")
        .help("`openssl genpkey -algorithm rsa -out dev.pem` makes one")
}

pub(super) fn var_cycle(span: Span, names: &[&str]) -> Diagnostic {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    let message = match names {
        [one] => format!("`{one}` needs itself"),
        _ => format!("{} need each other", list(&quoted, "and")),
    };
    Diagnostic::error(&VAR_CYCLE, span, message).label("part of the circle")
}

pub(super) fn unknown_environment(name: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(&UNKNOWN_ENVIRONMENT, Span::NONE, format!("there is no environment `{name}`"));
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(known_names("environments", known)),
    }
}

pub(super) fn shared_session(span: Span, identity: &str, what: &str) -> Diagnostic {
    Diagnostic::error(
        &SHARED_SESSION,
        span,
        format!("this step {what} the session of `{identity}` that other cases share"),
    )
    .label("add `session: fresh` to the case")
    .help("with `session: fresh` the case gets a login of its own")
}

pub(super) fn exclusive_nobody(span: Span) -> Diagnostic {
    Diagnostic::error(
        &SHARED_SESSION,
        span,
        "`session: exclusive` keeps an identity for this case, and nobody is named",
    )
    .label("name somebody with `as`")
}

pub(super) fn tls(span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(&TLS, span, why.to_owned()).label("this setting")
}

/// A caller who is known by a certificate, at a target without TLS.
pub(super) fn unseen_certificate(span: Span, name: &str, target: Span) -> Diagnostic {
    let message = format!("`{name}` is known by a client certificate, and nobody sees one without TLS");
    let diagnostic = Diagnostic::error(&TLS, span, message).label("this caller");
    let diagnostic = if target.is_some() { diagnostic.also(target, "the target is `http://`") } else { diagnostic };
    diagnostic.help("name the target by its `https://` address")
}

/// A client that proves itself by a certificate, and none is named anywhere: something on the way may show one.
pub(super) fn no_certificate(span: Span, name: &str, identity: Span) -> Diagnostic {
    let message = format!("the client of `{name}` proves itself by a certificate, and none is named");
    Diagnostic::warning(&TLS, span, message)
        .label("shows nothing")
        .also(identity, "this caller")
        .help("add `cert` and `key`, or `pkcs12` and `password`, to `client`; or name the certificate that all connections show: `tls: { cert: …, key: … }`")
}

pub(super) fn no_columns(span: Span) -> Diagnostic {
    Diagnostic::error(&ACCESS, span, "this matrix has no columns but `anonymous`: no identity has a role")
        .label("whose access?")
        .help("give identities a `role`, or name them: `columns: [anonymous, alice, bob]`")
}

pub(super) fn unknown_column(span: Span, name: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(&ACCESS, span, format!("`{name}` is neither an identity nor a role"))
        .label("nobody of that name");
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
        None => diagnostic.help(known_names("identities and roles", known)),
    }
}

/// `place` is where a column may be added.
pub(super) fn unknown_cell(
    span: Span,
    name: &str,
    is_known: bool,
    columns: &[&str],
    place: Option<Span>,
) -> Diagnostic {
    if !is_known {
        let diagnostic = Diagnostic::error(&ACCESS, span, format!("`{name}` is no column of this matrix"))
            .label("nobody of that name");
        return match did_you_mean(name, columns.iter().copied().chain(["everyone", "others"])) {
            Some(near) => diagnostic.fix(span, near, format!("did you mean `{near}`?")),
            None => diagnostic.help(known_names("columns", columns)),
        };
    }
    let diagnostic = Diagnostic::error(&ACCESS, span, format!("`{name}` is not among the columns of this matrix"))
        .label("no column");
    let help = format!("name `{name}` under `columns:`");
    match place {
        Some(place) => diagnostic.also(place, "the columns").help(help),
        None => diagnostic.help(format!("{help}; without it the columns are `anonymous` and all who have a role")),
    }
}

/// A defect that has to be refused, beside an expectation that somebody is let in.
pub(super) fn with_of_allowed(expect: Span, with: Span) -> Diagnostic {
    let message = "with this `expect` the case passes where the server lets the broken request in";
    Diagnostic::warning(&MUTATION, expect, message)
        .label("holds for what is sent with the defect")
        .also(with, "has to be refused")
        .help("leave `expect` out: each defect says itself how it has to be refused, and that the request is allowed without it is asked beside; where the service is known to take one, say so of it alone: `with: { these: ID, expect: { ID: 200 } }`")
}

/// `missing` beside cells of which none is `hidden`.
pub(super) fn missing_for_nothing(span: Span) -> Diagnostic {
    Diagnostic::warning(&ACCESS, span, "no cell of this row is `hidden`, so nothing is compared with what is missing")
        .label("never sent")
        .help("write `hidden` for whoever may not know that it is there, or leave `missing` out")
}

pub(super) fn column_like_role(span: Span, name: &str, other: &str) -> Diagnostic {
    Diagnostic::error(&ACCESS, span, format!("`{name}` is an identity, and the role of `{other}` is called so too"))
        .label("which of the two is meant?")
        .help("give the identity or the role another name")
}

pub(super) fn column_like_key(span: Span, name: &str) -> Diagnostic {
    taken(span, &format!("`{name}`"), name).help("give the identity another name")
}

pub(super) fn role_taken(span: Span, role: &str) -> Diagnostic {
    taken(span, &format!("the role `{role}`"), role).help("give the role another name")
}

/// A name that means something else in a row.
fn taken(span: Span, who: &str, name: &str) -> Diagnostic {
    let why = match name {
        "anonymous" => "since nobody is called so",
        "everyone" | "others" => "since it means several columns",
        _ => "since a row has a key of that name",
    };
    Diagnostic::error(&ACCESS, span, format!("{who} cannot be a column, {why}")).label("taken")
}

pub(super) fn both_sides(span: Span) -> Diagnostic {
    Diagnostic::error(&ACCESS, span, "this cell holds whether somebody is let in or not")
        .label("says both")
        .help("say one of the two; an API that answers in its own way says so under `outcomes:`")
}

pub(super) fn not_closed(span: Span, closed: Span) -> Diagnostic {
    Diagnostic::error(&ACCESS, span, "this row is closed, and lets somebody in")
        .label("let in")
        .also(closed, "nobody may")
        .help("leave `closed` out, or expect a refusal")
}

pub(super) fn unknown_mutation(span: Span, id: &str) -> Diagnostic {
    let packs = crate::mutate::PACKS.iter().map(|p| format!("pack.{}", p.name));
    let known: Vec<String> = super::with::ids().map(ToOwned::to_owned).chain(packs).collect();
    let what = if id.starts_with("pack.") { "pack" } else { "mutation" };
    let diagnostic = Diagnostic::error(&MUTATION, span, format!("there is no {what} `{id}`"));
    let diagnostic = diagnostic.label(format!("not a {what}"));
    // An id that is known elsewhere, under another name here or not at all.
    let standing = crate::mutate::CATALOGUE.iter().find(|entry| entry.id == id).map(|entry| entry.standing);
    match standing {
        Some(Standing::As(rows)) => {
            let rows: Vec<String> = rows.iter().map(|row| format!("`{row}`")).collect();
            return diagnostic.help(format!("that is {} here", list(&rows, "and")));
        }
        Some(Standing::Flow(name)) => return diagnostic.help(format!("that is a flow: `use: {name}`")),
        Some(Standing::NotHere(why)) => return diagnostic.help(format!("it is no mutation here: {why}")),
        Some(Standing::LeftOut(why)) => return diagnostic.help(format!("it is known and left out: {why}")),
        Some(Standing::Built | Standing::Partly(_)) | None => {}
    }
    let names = || known.iter().map(String::as_str);
    let begun = || Some(names().find(|name| name.starts_with(id))?).filter(|_| id.len() >= 6);
    match begun().or_else(|| did_you_mean(id, names())) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help("`authspec list mutations` and `authspec list packs` name them all"),
    }
}

pub(super) fn excepts_pack(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(&MUTATION, span, format!("`{name}` is a pack, and `except` leaves out single mutations"))
        .label("a pack")
        .help(format!("name them; `authspec explain {name}` lists what is in it"))
}

pub(super) fn excepts_nothing(span: Span, id: &str) -> Diagnostic {
    Diagnostic::error(&MUTATION, span, format!("`{id}` is in none of the packs, so leaving it out changes nothing"))
        .label("not among them")
}

pub(super) fn expects_of_nothing(span: Span, id: &str, sent: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&MUTATION, span, format!("`{id}` is not sent, so nothing can be expected of it"))
            .label("not among `these`");
    match did_you_mean(id, sent.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

pub(super) fn donor_of_nothing(span: Span) -> Diagnostic {
    let rows: Vec<String> = crate::mutate::mutations()
        .filter(|row| row.bad.is_some_and(crate::mutate::Bad::is_elsewhere))
        .map(|row| format!("`{}`", row.id))
        .collect();
    Diagnostic::error(&MUTATION, span, "a donor serves none of these mutations")
        .label("nothing to give here")
        .help(format!("it stands in for {}", crate::term::list(&rows, "and")))
}

pub(super) fn empty_donor(span: Span) -> Diagnostic {
    Diagnostic::error(&MUTATION, span, "`anonymous` has no token to give").label("name an identity")
}

pub(super) fn two_withs(span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(&MUTATION, span, "two steps of one case are sent with a defect")
        .label("a second one")
        .also(first, "the first")
        .help("make two cases of it: each defect is one test")
}

pub(super) fn no_origin(span: Span) -> Diagnostic {
    Diagnostic::error(&MUTATION, span, "the request names no origin whose pages may call")
        .label("starts from one")
        .help("add `headers: { Origin: https://app.example.com }`, the origin of your own pages")
}

pub(super) fn with_of_no_cell(span: Span) -> Diagnostic {
    Diagnostic::error(&MUTATION, span, "no cell of this row can be sent with that")
        .label("of no effect")
        .help("what breaks a credential needs somebody who is let in, a way around somebody who is refused")
}
