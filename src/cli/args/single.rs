//! The arguments of commands for one request or one login: `try`, `login`, `token`.

use std::path::PathBuf;

use clap::{ArgAction, Args as ClapArgs};

/// The exit codes of `login` and `token`.
pub(super) const LOGIN_CODES: &str = "Exit codes:\n    0  the login worked\n    2  the command line or a file is faulty\n    3  the login failed\n  130  interrupted";

/// Whose login.
#[derive(Debug, ClapArgs)]
pub struct WhoArgs {
    /// An identity of the project.
    #[arg(value_name = "IDENTITY")]
    pub identity: String,

    /// The suite that declares the identity, if not the project file.
    #[arg(long, value_name = "FILE")]
    pub suite: Option<PathBuf>,

    /// Under which circumstances.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Arguments of `login`.
#[derive(Debug, ClapArgs)]
pub struct LoginArgs {
    /// Whose.
    #[command(flatten)]
    pub who: WhoArgs,

    /// Every request and answer whole, masked.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
}

/// Arguments of `token`.
#[derive(Debug, ClapArgs)]
pub struct TokenArgs {
    /// Whose.
    #[command(flatten)]
    pub who: WhoArgs,

    /// The whole header line, as `curl -H "$(authspec token alice --header)"` takes it.
    #[arg(long)]
    pub header: bool,

    /// A part of the session instead, such as `refresh_token`.
    #[arg(long, value_name = "NAME", conflicts_with = "header")]
    pub part: Option<String>,

    /// The credential with a defect: one of `authspec list mutations`.
    #[arg(long, value_name = "MUTATION", conflicts_with = "part")]
    pub with: Option<String>,
}

/// How a project is taken.
#[derive(Debug, ClapArgs)]
pub struct PlaceArgs {
    /// Run no command that a file names: `command:` of targets and secrets is a fault.
    #[arg(long)]
    pub no_exec: bool,

    /// The environment of the project file to use.
    #[arg(long = "env", value_name = "NAME")]
    pub environment: Option<String>,

    /// Where requests go, whatever the project says: a URL, or `demo`.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
}

/// Arguments of `try`.
#[derive(Debug, ClapArgs)]
pub struct TryArgs {
    /// `METHOD target`, as in a case: `'GET /me'`.
    #[arg(value_name = "REQUEST")]
    pub request: String,

    /// Who sends it: an identity of the project, or of the suite; without it whoever the suite's `defaults` name, else
    /// nobody.
    #[arg(long = "as", value_name = "IDENTITY")]
    pub caller: Option<String>,

    /// The suite it is sent as a case of: with its identities, variables, defaults, `setup` and `teardown`.
    #[arg(long, value_name = "FILE")]
    pub suite: Option<PathBuf>,

    /// Every request and answer whole, those of the login, too; and why a request may have been refused.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// A header field; several times for several.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,

    /// The body as JSON.
    #[arg(long, value_name = "JSON", value_parser = json_text)]
    pub json: Option<serde_json::Value>,

    /// The name of the case.
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,

    /// Add the case to this suite, which is made if it is missing.
    #[arg(long, value_name = "FILE")]
    pub append: Option<PathBuf>,

    /// Under which circumstances.
    #[command(flatten)]
    pub place: PlaceArgs,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE")?;
    if name.trim().is_empty() {
        return Err("write NAME: VALUE".to_owned());
    }
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn json_text(text: &str) -> Result<serde_json::Value, String> {
    // The parser's own words may hold a piece of the text, which may be a password.
    serde_json::from_str(text).map_err(|e| format!("this is no JSON (line {}, column {})", e.line(), e.column()))
}
