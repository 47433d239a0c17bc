//! What a filled form sends: its entry list (HTML, section 4.10.21.4), with the button that was pressed.

use super::form::{Button, Choice, Control, Form, Kind};
use super::words::quoted;
use super::{Fault, Fill, Filling, Pick};

/// One field as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: String,
    /// Whether the value is the name of a file.
    pub(super) file: bool,
}

/// What a form sends, before it is encoded.
#[derive(Debug)]
pub(super) struct Filled<'f> {
    pub(super) entries: Vec<Entry>,
    pub(super) button: Option<&'f Button>,
    pub(super) notes: Vec<String>,
}

/// Fills a form and presses a button. `charset` is what an input `_charset_` tells.
pub(super) fn fill<'f>(form: &'f Form, filling: &Filling, charset: &str) -> Result<Filled<'f>, Fault> {
    for (name, _) in &filling.fields {
        if form.inputs().all(|c| c.name != *name) {
            return Err(unknown_field(form, name));
        }
    }
    let pressed = press(form, &filling.button)?;
    let mut entries = Vec::new();
    let mut notes = Vec::new();
    let mut written: Vec<&str> = Vec::new();
    for (at, control) in form.controls.iter().enumerate() {
        if let Kind::Button(button) = &control.kind {
            if pressed == Some(at) {
                entries.extend(of_button(control, button));
            }
            continue;
        }
        if control.name.is_empty() {
            continue;
        }
        let wanted = filling.fields.iter().find(|(name, _)| *name == control.name).map(|(_, fill)| fill);
        let wanted = wanted.filter(|fill| matches!(fill, Fill::Drop) || is_filled(form, control));
        // What is disabled is not sent, unless the test says what to send.
        if control.disabled && wanted.is_none() {
            continue;
        }
        let first = !written.contains(&control.name.as_str());
        match wanted {
            Some(Fill::Drop) => {}
            Some(fill) => {
                written.push(&control.name);
                entries.extend(filled(form, control, fill, first, &mut notes));
            }
            None => entries.extend(untouched(control, charset)),
        }
        if let (Some(direction), true) = (&control.dirname, wanted != Some(&Fill::Drop)) {
            entries.push(Entry { name: direction.clone(), value: "ltr".to_owned(), file: false });
        }
    }
    let button = pressed.and_then(|at| match &form.controls[at].kind {
        Kind::Button(button) => Some(button),
        _ => None,
    });
    Ok(Filled { entries, button, notes })
}

/// Several inputs may have one name, as a hidden `0` before a box `1`: people fill the one they see.
fn is_filled(form: &Form, control: &Control) -> bool {
    control.kind != Kind::Hidden || form.inputs().filter(|c| c.name == control.name).all(|c| c.kind == Kind::Hidden)
}

fn entry(name: &str, value: impl Into<String>) -> Entry {
    Entry { name: name.to_owned(), value: value.into(), file: false }
}

fn of_button(control: &Control, button: &Button) -> Vec<Entry> {
    if button.image {
        let prefix = if control.name.is_empty() { String::new() } else { format!("{}.", control.name) };
        return ["x", "y"].map(|axis| entry(&format!("{prefix}{axis}"), "0")).into();
    }
    if control.name.is_empty() { Vec::new() } else { vec![entry(&control.name, control.value.as_str())] }
}

/// What an input sends that nobody touched.
fn untouched(control: &Control, charset: &str) -> Vec<Entry> {
    let own = || vec![entry(&control.name, control.value.as_str())];
    match &control.kind {
        Kind::Hidden if control.name.eq_ignore_ascii_case("_charset_") => vec![entry(&control.name, charset)],
        Kind::Text(_) | Kind::Hidden | Kind::TextArea | Kind::Checkbox(true) | Kind::Radio(true) => own(),
        Kind::Checkbox(false) | Kind::Radio(false) | Kind::Button(_) => Vec::new(),
        Kind::File => vec![Entry { file: true, ..entry(&control.name, "") }],
        Kind::Select(choices, _) => {
            let chosen = choices.iter().filter(|c| c.selected && !c.disabled);
            chosen.map(|c| entry(&control.name, c.value.as_str())).collect()
        }
    }
}

/// What an input sends that was filled. Of several inputs with one name the first takes a single text, and a list
/// goes to them one by one.
fn filled(form: &Form, control: &Control, fill: &Fill, first: bool, notes: &mut Vec<String>) -> Vec<Entry> {
    let values = match fill {
        Fill::Drop => return Vec::new(),
        Fill::Tick(ticked) => return tick(control, *ticked, first),
        Fill::Text(value) => std::slice::from_ref(value),
        Fill::Several(values) => values.as_slice(),
    };
    let sent = |value: &String| entry(&control.name, value.as_str());
    match &control.kind {
        Kind::Checkbox(_) | Kind::Radio(_) => {
            let offered: Vec<&str> =
                form.inputs().filter(|c| c.name == control.name).map(|c| c.value.as_str()).collect();
            let mut out: Vec<Entry> = values.iter().filter(|v| **v == control.value).map(sent).collect();
            if first {
                out.extend(values.iter().filter(|v| !offered.contains(&v.as_str())).map(|value| {
                    notes.push(not_offered(&control.name, &offered));
                    sent(value)
                }));
            }
            out
        }
        Kind::Select(choices, _) if first => {
            let offered: Vec<&str> = choices.iter().map(|c: &Choice| c.value.as_str()).collect();
            if values.iter().any(|v| !offered.contains(&v.as_str())) {
                notes.push(not_offered(&control.name, &offered));
            }
            values.iter().map(sent).collect()
        }
        Kind::File if first => values.iter().map(|v| Entry { file: true, ..sent(v) }).collect(),
        Kind::Text(_) | Kind::Hidden | Kind::TextArea if first => values.iter().map(sent).collect(),
        Kind::Select(..) | Kind::File | Kind::Text(_) | Kind::Hidden | Kind::TextArea | Kind::Button(_) => Vec::new(),
    }
}

/// `true` ticks a box, `false` clears it; elsewhere they are texts.
fn tick(control: &Control, ticked: bool, first: bool) -> Vec<Entry> {
    match &control.kind {
        Kind::Checkbox(_) if ticked && first => vec![entry(&control.name, control.value.as_str())],
        Kind::Checkbox(_) => Vec::new(),
        _ if first => vec![entry(&control.name, ticked.to_string())],
        _ => Vec::new(),
    }
}

fn not_offered(name: &str, offered: &[&str]) -> String {
    format!("the form does not offer what is sent as `{name}`; it offers {}", quoted(offered))
}

fn unknown_field(form: &Form, name: &str) -> Fault {
    let mut names: Vec<&str> = form.inputs().map(|c| c.name.as_str()).filter(|n| !n.is_empty()).collect();
    names.dedup();
    let message = format!("the form has no field `{name}`");
    let near = crate::term::did_you_mean(name, names.iter().copied());
    let help = match (near, names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`? the fields are {}", quoted(&names)),
        (None, false) => format!("the fields are {}", quoted(&names)),
        (None, true) => "the form has no fields at all; is it the right one?".to_owned(),
    };
    Fault { message, help: vec![help] }
}

/// Finds the button to press.
fn press(form: &Form, pick: &Pick) -> Result<Option<usize>, Fault> {
    let buttons: Vec<(usize, &Control, &Button)> = form.buttons().collect();
    let named: Vec<String> = buttons.iter().map(|(_, c, b)| describe(c, b)).collect();
    let there = if named.is_empty() { "it has none".to_owned() } else { format!("it has {}", quoted(&named)) };
    let found: Vec<&(usize, &Control, &Button)> = match pick {
        Pick::None => return Ok(None),
        Pick::Only => buttons.iter().filter(|(_, c, _)| !c.disabled).collect(),
        Pick::Text(text) => {
            let exact: Vec<_> = buttons.iter().filter(|(.., b)| b.text == *text).collect();
            let close = || buttons.iter().filter(|(.., b)| b.text.eq_ignore_ascii_case(text)).collect();
            if exact.is_empty() { close() } else { exact }
        }
        Pick::Named(name, value) => {
            let fits = |c: &Control| c.name == *name && value.as_ref().is_none_or(|v| c.value == *v);
            buttons.iter().filter(|(_, c, _)| fits(c)).collect()
        }
    };
    match (found.as_slice(), pick) {
        // A form without a button is sent by the Enter key (section 4.10.21.2).
        ([], Pick::Only) => Ok(None),
        ([], _) => Err(Fault { message: "the form has no such button".to_owned(), help: vec![there] }),
        ([(at, control, button)], _) if control.disabled => {
            let _ = at;
            let message = format!("the button {} is disabled", describe(control, button));
            Err(Fault { message, help: vec!["a browser cannot press it".to_owned()] })
        }
        ([(at, ..)], _) => Ok(Some(*at)),
        ([(at, ..), ..], Pick::Text(_) | Pick::Named(..)) => Ok(Some(*at)),
        (_, Pick::Only | Pick::None) => Err(Fault {
            message: format!("the form has {} buttons, and which one is pressed matters", found.len()),
            help: vec![format!("say `button:` with one of its texts; {there}")],
        }),
    }
}

/// What a button is called: what it says, else what it sends.
fn describe(control: &Control, button: &Button) -> String {
    let sent = || format!("{{ name: {}, value: {} }}", control.name, control.value);
    if button.text.is_empty() { sent() } else { button.text.clone() }
}
