//! Who logs in, and the session that comes of it: an identity's fields rendered, the sessions of others that its login
//! uses, and what a login gave.

use std::sync::Arc;

use jiff::Timestamp;
use url::Origin;

use super::cast::Cast;
use super::done::Done;
use super::given::{certified, session_end};
use super::login::Entry;
use super::session::{Carries, Failure, Session};
use super::world::WorldRun;
use super::{learn, pages, record};
use crate::auth::{Cookies, Credential, Memory, field_fault};
use crate::evidence::Kept;
use crate::http::jar::Jar;
use crate::step::IdentityId;
use crate::template::{Scope, Value, from_json};

/// Who an identity is: its fields rendered, and the names that its scheme sees.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) fields: Vec<(Arc<str>, String)>,
    pub(super) scope: Scope,
    /// The session of whoever approves the login.
    pub(super) approver: Option<(IdentityId, Arc<Session>)>,
}

/// The sessions of others that a login uses.
pub(super) type Needed = Vec<(IdentityId, Arc<Session>)>;

/// What a login gave.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) credential: Credential,
    /// Where the credential may go.
    pub(super) origins: Vec<Origin>,
    pub(super) jar: Jar,
    /// Cookies that the jar did not take.
    pub(super) refused: Vec<Kept>,
}

impl<'a> Entry<'a> {
    /// Gives where it logs in, and what it needs of others for it.
    pub(super) async fn world_and_needed(&self, cast: &Cast) -> Result<(&'a WorldRun, Needed), Arc<Failure>> {
        Ok((self.world()?, self.needed(Some(cast)).await?))
    }

    /// Gets the sessions that the login uses: those of a case where it has them, else those that all share. Whoever
    /// cannot log in since another cannot has no cause of their own.
    pub(super) async fn needed(&self, cast: Option<&Cast>) -> Result<Needed, Arc<Failure>> {
        let mut all = Vec::new();
        for id in &self.identity.needs {
            let own = cast.and_then(|cast| cast.identities.get(id)).and_then(|actor| actor.who.session());
            let session = match own {
                Some((_, session)) => Arc::clone(session),
                None => Box::pin(self.shared.sessions.fresh_enough(self.shared, *id)).await?,
            };
            all.push((*id, session));
        }
        Ok(all)
    }

    /// Renders who the identity is; `sessions` are those of others that its login uses.
    pub(super) fn person(&self, world: &WorldRun, sessions: Needed) -> Result<Person, Arc<Failure>> {
        let mut scope = Scope::above(&world.scope);
        let parts = sessions.iter().map(|(id, session)| {
            let name = self.shared.plan.identities[id.0 as usize].name.to_string();
            (name, session.scope.get("session").cloned().unwrap_or_else(|| Value::from(())))
        });
        if !sessions.is_empty() {
            scope.set_fields("sessions", parts.collect::<Vec<_>>());
        }
        let fields = self.fields(&scope)?;
        let mut visible: Vec<(String, Value)> =
            fields.iter().map(|(n, v)| (n.to_string(), Value::from(v.as_str()))).collect();
        for (name, value) in [("name", Some(&self.identity.name)), ("role", self.identity.role.as_ref())] {
            if visible.iter().all(|(n, _)| n != name) {
                visible.push((name.to_owned(), value.map_or_else(|| Value::from(()), |v| Value::from(&**v))));
            }
        }
        scope.set_fields("identity", visible);
        let approver = sessions.into_iter().find(|(id, _)| self.identity.approver == Some(*id));
        Ok(Person { fields, scope, approver })
    }

    /// Makes the session of what a login gave.
    pub(super) fn session(&self, world: &WorldRun, person: Person, given: Given) -> Result<Session, Arc<Failure>> {
        let Person { fields, mut scope, .. } = person;
        let Given { mut credential, origins, jar, refused } = given;
        let parts = credential.parts.iter().map(|(n, v)| (n.to_string(), from_json(v)));
        scope.set_fields("session", parts.collect::<Vec<_>>());
        let scheme = &*self.identity.login.scheme;
        for (name, value) in &credential.parts {
            learn::part(self.shared, &self.identity.name, name, value);
            if scheme.is_secret(name) {
                learn::secret(self.shared, &format!("{}.{name}", self.identity.name), value);
                if value.is_null() || value == "" {
                    let what = if value.is_null() { "`null`" } else { "empty" };
                    let why = format!("it gave nothing to send: `{name}` is {what}");
                    return Err(self.failed("login-failed", &why, Done::nothing()));
                }
            }
        }
        let keep = scheme.cookies() == Cookies::Keep;
        let only_cookies = credential.parts.is_empty() || pages::needs_token(scheme);
        if keep && only_cookies && jar.is_empty(Timestamp::now()) {
            return Err(self.empty_handed());
        }
        if keep {
            let now = Timestamp::now();
            credential.end_with_cookies(session_end(&jar, &world.base, now), now);
        }
        let memory = Memory::of(&credential);
        let transport = certified(self.shared, self.id, world, &scope)
            .map_err(|why| self.failed("login-failed", &why, Done::nothing()))?;
        let session = Session {
            number: self.shared.sessions.number(),
            credential,
            transport,
            browser: if keep { Jar::default() } else { jar.clone() },
            is_apart: !keep,
            jar: if keep { jar } else { Jar::default() },
            scope: Arc::new(scope),
            fields,
            origins,
            generation: self.generation,
            began: self.began,
            memory,
            shown_by: Vec::new(),
            refused,
            is_spent: Arc::default(),
            is_left: Arc::default(),
            carries: Carries::All,
            aging: tokio::sync::RwLock::default(),
        };
        self.shared.homes.keep(&self.identity.name, &session, &world.origins, |part| scheme.is_secret(part));
        Ok(session)
    }

    fn fields(&self, scope: &Scope) -> Result<Vec<(Arc<str>, String)>, Arc<Failure>> {
        let mut fields = Vec::new();
        for field in &self.identity.fields {
            let value = field.value.render(scope).map_err(|e| {
                let message =
                    format!("the field `{}` of `{}` cannot be rendered: {}", field.name, self.identity.name, e.message);
                let reason = record::reason(self.shared, "template", &message, e.span, Vec::new());
                Arc::new(Failure { reason: self.shared_cause(reason), steps: Vec::new() })
            })?;
            if let Some(fault) = field_fault(self.identity.login.kind, None, &field.name, &value) {
                let message = format!("the field `{}` of `{}` {}", field.name, self.identity.name, fault.describe());
                let reason = record::reason(self.shared, "login-failed", &message, field.value.span(), Vec::new());
                return Err(Arc::new(Failure { reason: self.shared_cause(reason), steps: Vec::new() }));
            }
            if field.secret {
                self.shared.secrets.declare(&format!("{}.{}", self.identity.name, field.name), &value);
            }
            fields.push((Arc::clone(&field.name), value));
        }
        Ok(fields)
    }

    /// A login by cookies that got none would send every request without a credential.
    fn empty_handed(&self) -> Arc<Failure> {
        let name = &self.identity.name;
        let message = format!("`{name}` got no credential: the login was answered, but left no cookie to send");
        self.failed("login-failed", &message, Done::nothing())
    }
}
