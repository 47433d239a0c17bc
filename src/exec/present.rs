//! Logs one identity in, and gives what would travel with its requests: for scripts that need a credential.

use jiff::Timestamp;

use super::kit::Holder;
use super::runner::Runner;
use super::session::Session;
use super::world::WorldRun;
use super::{Shared, suite};
use crate::event::{Reason, StepRecord};
use crate::http::{Address, Headers, Request};
use crate::mutate::{Aim, Mutation, Unfit};
use crate::step::IdentityId;

/// What a login gave. Raw: it is for the one stream that asked for it.
#[derive(Debug, Clone)]
pub struct Presented {
    /// Header fields, names as they are written.
    pub headers: Vec<(String, String)>,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// The parts of the session that are text or numbers, by name.
    pub parts: Vec<(String, String)>,
}

/// Why there is nothing to give.
#[derive(Debug, Clone)]
pub enum Unpresented {
    /// The login did not work; with what was sent.
    Failed(Box<Reason>, Vec<StepRecord>),
    /// The credential is made for each request; the session has these parts all the same.
    PerRequest(Vec<(String, String)>),
    /// The run was stopped.
    Stopped,
    /// The defect that is asked for cannot be made.
    Unfit {
        /// Why, one sentence.
        message: String,
        /// What to do.
        help: Vec<String>,
    },
    /// It could not be put on a request.
    Fault(String),
}

impl Runner {
    /// Logs an identity in, and does nothing else. What it presents has a defect where one is asked for.
    pub async fn login(self, id: IdentityId, defect: Option<&Mutation>) -> Result<Presented, Unpresented> {
        let shared = self.shared();
        let watch = tokio::spawn(suite::enforce(std::sync::Arc::clone(&shared)));
        let made = tokio::select! {
            made = shared.sessions.get(&shared, id) => Some(made),
            _ = shared.stop.cut_off() => None,
        };
        watch.abort();
        match made {
            None => Err(Unpresented::Stopped),
            Some(Err(failure)) => Err(Unpresented::Failed(Box::new(failure.reason.clone()), failure.steps.clone())),
            Some(Ok(session)) => present(&shared, id, &session, defect).await,
        }
    }
}

/// Puts the credential on a request that is never sent, and reads what is new.
async fn present(
    shared: &Shared,
    id: IdentityId,
    session: &Session,
    defect: Option<&Mutation>,
) -> Result<Presented, Unpresented> {
    let identity = &shared.plan.identities[id.0 as usize];
    let scheme = &identity.login.scheme;
    let parts = session.credential.parts.iter();
    let parts: Vec<(String, String)> = parts
        .filter_map(|(name, value)| match value {
            serde_json::Value::String(text) => Some((name.to_string(), text.clone())),
            serde_json::Value::Number(number) => Some((name.to_string(), number.to_string())),
            _ => None,
        })
        .collect();
    if scheme.is_per_request() {
        return Err(Unpresented::PerRequest(parts));
    }
    let base = shared.worlds[identity.world].as_ref().map(|w| w.base.clone()).unwrap_or_default();
    let address = Address::parse(&base).map_err(|e| Unpresented::Fault(e.to_string()))?;
    let mut request =
        Request { method: "GET".to_owned(), address, headers: Headers::default(), body: bytes::Bytes::new() };
    let before = request.address.target().to_owned();
    let cookies: Vec<String> = session
        .jar
        .iter(Timestamp::now())
        .filter(|cookie| cookie.goes_to(request.address.url()))
        .map(|c| format!("{}={}", String::from_utf8_lossy(c.name.as_bytes()), c.value.text()))
        .collect();
    if !cookies.is_empty() {
        request.headers.add("Cookie", cookies.join("; "));
    }
    scheme.sign(&session.seal(), &mut request).map_err(|e| Unpresented::Fault(e.message))?;
    if let Some(row) = defect {
        let world = shared.worlds[identity.world].as_ref();
        let world = world.ok_or_else(|| Unpresented::Fault("there is no target".to_owned()))?;
        request = defective(Holder::new(shared, Some((id, session))), world, row, &request).await?;
    }
    let headers = request.headers.iter();
    let headers = headers.map(|(n, v)| (title_case(n), String::from_utf8_lossy(v).into_owned())).collect();
    let added = request.address.target().strip_prefix(before.as_str()).unwrap_or_default();
    let query = url::form_urlencoded::parse(added.trim_start_matches(['?', '&']).as_bytes());
    let query = query.map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
    Ok(Presented { headers, query, parts })
}

/// The request with a defect in its credential.
async fn defective(
    holder: Holder<'_>,
    world: &WorldRun,
    row: &Mutation,
    request: &Request,
) -> Result<Request, Unpresented> {
    let refuse = |why: &str, help: Vec<String>| {
        Err(Unpresented::Unfit { message: format!("`{}` cannot be made: {why}", row.id), help })
    };
    match row.aim {
        Aim::Credential => {}
        Aim::Change => {
            return refuse("it is about a request that changes something, and changes no credential", Vec::new());
        }
        Aim::Bypass => return refuse("it is a way around a refusal, and changes no credential", Vec::new()),
        Aim::Origin => return refuse("it is about pages of other origins, and changes no credential", Vec::new()),
    }
    match holder.forge(row, world, &holder.presented(request), None, None).await {
        Ok(forged) if forged.head.is_some() => refuse("no client would send it in a header field", Vec::new()),
        Ok(forged) => Ok(forged.request),
        Err(Unfit::NotApplicable(why)) => refuse(&why, Vec::new()),
        Err(Unfit::Held(_) | Unfit::Broken(_)) => refuse("it is tried on the credential as it is", Vec::new()),
        Err(Unfit::Unavailable { why, add }) => refuse(&why, add),
    }
}

/// `authorization` as people write it.
fn title_case(name: &str) -> String {
    let word = |w: &str| {
        let mut chars = w.chars();
        chars.next().map_or_else(String::new, |c| c.to_ascii_uppercase().to_string() + chars.as_str())
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}
