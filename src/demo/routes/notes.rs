//! Notes: their owner's alone. An admin may read and delete them; to anybody else they do not exist.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{empty, json};
use crate::demo::bearer::Caller;
use crate::demo::body::{Input, Shape};
use crate::demo::error::{Answer, ApiError};
use crate::demo::state::App;
use crate::demo::store::{self, Audience, Note};
use crate::demo::users::Role;

/// How many notes a list holds unless asked otherwise.
const USUAL_LIMIT: usize = 100;
/// The longest title and text, in bytes.
const LONGEST: (usize, usize) = (200, 10_000);

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/notes", get(own).post(write))
        .route("/notes/shared", get(shared))
        .route("/notes/{id}", get(read).put(change).delete(remove))
}

#[derive(Deserialize)]
struct Limit {
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct Draft {
    title: String,
    text: String,
    #[serde(default)]
    shared: bool,
}

impl Shape for Draft {
    const SHAPE: &'static str = "{\"title\": text, \"text\": text}, and may have \"shared\": true";
}

impl Draft {
    fn check(&self) -> Result<(), ApiError> {
        if self.title.is_empty() || self.title.len() > LONGEST.0 || self.text.len() > LONGEST.1 {
            let message = format!("a title has 1 to {} bytes, a text at most {}", LONGEST.0, LONGEST.1);
            return Err(ApiError::bad_request(message));
        }
        Ok(())
    }

    fn audience(&self) -> Audience {
        if self.shared { Audience::Everyone } else { Audience::Owner }
    }
}

fn view(note: &Note) -> Value {
    json!({
        "id": note.id,
        "owner": note.owner,
        "title": note.title,
        "text": note.text,
        "shared": note.audience == Audience::Everyone,
    })
}

/// The one answer for a note that is missing and for one that is somebody else's.
fn hidden() -> ApiError {
    ApiError::not_found("there is no such note among those you may see")
}

/// What a caller may do with a note.
#[derive(PartialEq, Eq)]
enum Right {
    Own,
    Manage,
    Read,
}

/// The caller's right to a note they may see.
fn right(app: &App, note: Option<&Note>, caller: &Caller) -> Result<Right, ApiError> {
    match note {
        Some(note) if note.owner == caller.name => Ok(Right::Own),
        Some(_) if caller.has(Role::Admin) => Ok(Right::Manage),
        Some(note) if note.audience == Audience::Everyone => Ok(Right::Read),
        Some(_) if app.is_weak("existence-oracle") => Err(ApiError::forbidden("this note is somebody else's")),
        _ => Err(hidden()),
    }
}

async fn own(State(app): State<App>, caller: Caller, Query(page): Query<Limit>) -> Answer {
    let store = app.store();
    let limit = page.limit.unwrap_or(USUAL_LIMIT);
    if app.is_weak("lists-everybody") {
        let notes: Vec<Value> = store.notes.all().take(limit).map(view).collect();
        return Ok(json(StatusCode::OK, &notes));
    }
    let notes: Vec<Value> = store.notes.of(&caller.name).take(limit).map(view).collect();
    Ok(json(StatusCode::OK, &notes))
}

async fn shared(State(app): State<App>, _: Caller) -> Answer {
    let store = app.store();
    let notes: Vec<Value> = store.notes.shared().take(USUAL_LIMIT).map(view).collect();
    Ok(json(StatusCode::OK, &notes))
}

async fn write(State(app): State<App>, caller: Caller, Input(draft): Input<Draft>) -> Answer {
    draft.check()?;
    let (id, audience) = (store::note_id(), draft.audience());
    let note = Note { id, owner: caller.name, title: draft.title, text: draft.text, audience };
    let (body, location) = (view(&note), format!("/notes/{}", note.id));
    if !app.store().notes.add(note) {
        return Err(ApiError::conflict("full", "the demo keeps no more notes; delete some"));
    }
    let mut response = json(StatusCode::CREATED, &body);
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::internal())?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

async fn read(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    let store = app.store();
    let note = store.notes.get(&id);
    if note.is_none() || !app.is_weak("bola-read") {
        right(&app, note, &caller)?;
    }
    Ok(json(StatusCode::OK, &note.map(view)))
}

async fn change(State(app): State<App>, caller: Caller, Path(id): Path<String>, Input(draft): Input<Draft>) -> Answer {
    let mut store = app.store();
    let old = store.notes.get(&id);
    let owner = old.map_or_else(|| caller.name.clone(), |note| note.owner.clone());
    let allowed = right(&app, old, &caller).and_then(|right| match right {
        Right::Own => Ok(()),
        Right::Manage | Right::Read => Err(ApiError::forbidden("only the owner may change a note")),
    });
    let unchecked = old.is_some() && app.weak.any(&["bola-write", "refuses-after-writing"]);
    if !unchecked {
        allowed.as_ref().map_err(ApiError::clone)?;
    }
    draft.check()?;
    let audience = draft.audience();
    let note = Note { id, owner, title: draft.title, text: draft.text, audience };
    let body = view(&note);
    store.notes.replace(note);
    if app.is_weak("refuses-after-writing") {
        allowed?;
    }
    Ok(json(StatusCode::OK, &body))
}

async fn remove(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Answer {
    let mut store = app.store();
    let note = store.notes.get(&id);
    if note.is_some() && app.is_weak("bola-delete") {
        store.notes.remove(&id);
        return Ok(empty());
    }
    match right(&app, note, &caller)? {
        Right::Own | Right::Manage => store.notes.remove(&id),
        Right::Read => {
            return Err(ApiError::forbidden("only the owner or an admin may delete a note"));
        }
    }
    Ok(empty())
}
