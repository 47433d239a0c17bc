//! The forms of a page with their inputs, as a browser knows them (HTML, sections 4.10.3 and 4.10.17.3).

use std::collections::HashMap;

use ego_tree::iter::Edge;
use ego_tree::{NodeId, NodeRef};
use scraper::node::Element;
use scraper::{Node, Selector};

use super::parse::Parsed;
use super::words;

/// A form of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form {
    /// Its `id`.
    pub id: Option<String>,
    /// Its `name`.
    pub name: Option<String>,
    /// `action` as written.
    pub action: Option<String>,
    /// `method` as written.
    pub method: Option<String>,
    /// `enctype` as written.
    pub enctype: Option<String>,
    /// `accept-charset` as written.
    pub accept_charset: Option<String>,
    /// Its inputs and submit buttons, in the order they are sent.
    pub controls: Vec<Control>,
}

/// An input or a submit button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Its `name`; without one it is not sent.
    pub name: String,
    /// Its own `value`, as the page has it.
    pub value: String,
    /// Whether it is disabled, by itself or by a `fieldset`.
    pub disabled: bool,
    /// What it is.
    pub kind: Kind,
    /// `dirname`: the field that says which way its text runs.
    pub dirname: Option<String>,
}

/// The kinds of inputs, as far as they are sent differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A line of text; the word is its `type`.
    Text(String),
    /// `type=hidden`.
    Hidden,
    /// A text of several lines.
    TextArea,
    /// A box, ticked or not.
    Checkbox(bool),
    /// One of several, chosen or not.
    Radio(bool),
    /// A file.
    File,
    /// A list; `true` when several may be chosen.
    Select(Vec<Choice>, bool),
    /// A submit button.
    Button(Button),
}

/// An option of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// Whether it is chosen.
    pub selected: bool,
    /// Whether it cannot be.
    pub disabled: bool,
}

/// A submit button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What it says to people.
    pub text: String,
    /// Whether it is an image, which sends where it was clicked.
    pub image: bool,
    /// `formaction`.
    pub action: Option<String>,
    /// `formmethod`.
    pub method: Option<String>,
    /// `formenctype`.
    pub enctype: Option<String>,
}

impl Form {
    /// The inputs that are no buttons.
    pub fn inputs(&self) -> impl Iterator<Item = &Control> {
        self.controls.iter().filter(|c| !matches!(c.kind, Kind::Button(_)))
    }

    /// The submit buttons that can be pressed, with their places among the controls.
    pub fn buttons(&self) -> impl Iterator<Item = (usize, &Control, &Button)> {
        self.controls.iter().enumerate().filter_map(|(at, control)| match &control.kind {
            Kind::Button(button) => Some((at, control, button)),
            _ => None,
        })
    }

    /// The first input that hides what is typed.
    pub fn password(&self) -> Option<&Control> {
        self.controls.iter().find(|c| !c.disabled && matches!(&c.kind, Kind::Text(t) if t == "password"))
    }

    /// Tells whether people have nothing to fill in or to press.
    pub fn is_hidden(&self) -> bool {
        self.controls.iter().all(|c| c.kind == Kind::Hidden)
    }

    /// Names the form for people: `#login`, or by its fields.
    pub fn title(&self) -> String {
        if let Some(id) = self.id.as_ref().filter(|id| !id.is_empty()) {
            return format!("`#{id}`");
        }
        if let Some(name) = self.name.as_ref().filter(|name| !name.is_empty()) {
            return format!("`[name={name}]`");
        }
        let mut names: Vec<&str> = self.inputs().map(|c| c.name.as_str()).filter(|n| !n.is_empty()).collect();
        names.dedup();
        names.truncate(6);
        if names.is_empty() { "one without fields".to_owned() } else { format!("one with {}", words::quoted(&names)) }
    }
}

/// Reads all forms, in the order of the page; `matching` gets the places of those that a selector matches.
pub(super) fn read(parsed: &Parsed, selector: Option<&Selector>) -> (Vec<Form>, Vec<usize>) {
    let mut walk = Walk::start(parsed);
    for edge in parsed.html.tree.root().traverse() {
        match edge {
            Edge::Open(node) => walk.open(node),
            Edge::Close(node) => walk.close(node),
        }
    }
    let Walk { mut forms, places, .. } = walk;
    forms.iter_mut().for_each(settle_radios);
    let matched = selector.map_or_else(Vec::new, |selector| {
        let found = parsed.html.select(selector);
        let mut at: Vec<usize> = found.filter_map(|element| places.get(&element.id()).copied()).collect();
        at.sort_unstable();
        at
    });
    (forms, matched)
}

/// Of radio buttons with one name only the last checked one is (section 4.10.5.1.16).
fn settle_radios(form: &mut Form) {
    let mut chosen: Vec<String> = Vec::new();
    for control in form.controls.iter_mut().rev() {
        if let Kind::Radio(checked) = &mut control.kind
            && *checked
        {
            *checked = !chosen.contains(&control.name);
            chosen.push(control.name.clone());
        }
    }
}

/// What is open around the element that is looked at.
struct Walk<'a> {
    owners: &'a HashMap<NodeId, NodeId>,
    /// Forms by their nodes.
    places: HashMap<NodeId, usize>,
    /// The first element of every id.
    ids: HashMap<String, NodeId>,
    forms: Vec<Form>,
    open: Vec<usize>,
    fieldsets: Vec<Fieldset>,
    /// The depth within templates and lists of suggestions, whose inputs are none.
    aside: usize,
}

struct Fieldset {
    disabled: bool,
    legend: Option<NodeId>,
    in_legend: bool,
}

impl<'a> Walk<'a> {
    /// Finds the forms and ids, so that `form=` may point forward.
    fn start(parsed: &'a Parsed) -> Self {
        let mut walk = Self {
            owners: &parsed.owners,
            places: HashMap::new(),
            ids: HashMap::new(),
            forms: Vec::new(),
            open: Vec::new(),
            fieldsets: Vec::new(),
            aside: 0,
        };
        let mut aside = 0_usize;
        for edge in parsed.html.tree.root().traverse() {
            let (Edge::Open(node) | Edge::Close(node)) = &edge;
            let Node::Element(element) = node.value() else { continue };
            if element.name() == "template" {
                aside = if matches!(edge, Edge::Open(_)) { aside + 1 } else { aside.saturating_sub(1) };
            }
            if aside > 0 || matches!(edge, Edge::Close(_)) {
                continue;
            }
            if let Some(id) = element.attr("id") {
                walk.ids.entry(id.to_owned()).or_insert(node.id());
            }
            if element.name() == "form" {
                walk.places.insert(node.id(), walk.forms.len());
                walk.forms.push(form(element));
            }
        }
        walk
    }

    fn open(&mut self, node: NodeRef<'_, Node>) {
        let Node::Element(element) = node.value() else { return };
        match element.name() {
            "template" | "datalist" => self.aside += 1,
            "form" => self.open.extend(self.places.get(&node.id())),
            "fieldset" => {
                let legend = node.children().find(|c| is(c, "legend")).map(|c| c.id());
                let disabled = element.attr("disabled").is_some();
                self.fieldsets.push(Fieldset { disabled, legend, in_legend: false });
            }
            "legend" => self.mark_legend(node.id(), true),
            "input" | "textarea" | "select" | "button" if self.aside == 0 => {
                let owner = self.owner(node.id(), element);
                if let (Some(owner), Some(mut control)) = (owner, control(node, element)) {
                    control.disabled |= self.fieldsets.iter().any(|f| f.disabled && !f.in_legend);
                    self.forms[owner].controls.push(control);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, node: NodeRef<'_, Node>) {
        let Node::Element(element) = node.value() else { return };
        match element.name() {
            "template" | "datalist" => self.aside = self.aside.saturating_sub(1),
            "form" if self.places.contains_key(&node.id()) => {
                self.open.pop();
            }
            "fieldset" => {
                self.fieldsets.pop();
            }
            "legend" => self.mark_legend(node.id(), false),
            _ => {}
        }
    }

    /// What stands in the first legend of a disabled fieldset stays enabled (section 4.10.15).
    fn mark_legend(&mut self, node: NodeId, inside: bool) {
        if let Some(fieldset) = self.fieldsets.iter_mut().rev().find(|f| f.legend == Some(node)) {
            fieldset.in_legend = inside;
        }
    }

    /// The form an element belongs to (section 4.10.17.3): `form=`, the parser's, the one around it.
    fn owner(&self, node: NodeId, element: &Element) -> Option<usize> {
        if let Some(id) = element.attr("form") {
            return self.ids.get(id).and_then(|node| self.places.get(node)).copied();
        }
        let tied = self.owners.get(&node).and_then(|form| self.places.get(form)).copied();
        tied.or_else(|| self.open.last().copied())
    }
}

fn is(node: &NodeRef<'_, Node>, name: &str) -> bool {
    node.value().as_element().is_some_and(|e| e.name() == name)
}

fn form(element: &Element) -> Form {
    let attribute = |name: &str| element.attr(name).map(ToOwned::to_owned);
    Form {
        id: attribute("id"),
        name: attribute("name"),
        action: attribute("action"),
        method: attribute("method"),
        enctype: attribute("enctype"),
        accept_charset: attribute("accept-charset"),
        controls: Vec::new(),
    }
}

fn control(node: NodeRef<'_, Node>, element: &Element) -> Option<Control> {
    let attribute = |name: &str| element.attr(name).map(ToOwned::to_owned);
    let kind = element.attr("type").unwrap_or("").to_ascii_lowercase();
    let value = attribute("value").unwrap_or_default();
    let checked = element.attr("checked").is_some();
    let button = |text: String, image: bool| {
        let [action, method, enctype] = ["formaction", "formmethod", "formenctype"].map(attribute);
        Kind::Button(Button { text: words::line(&text), image, action, method, enctype })
    };
    let shown = |standard: &str| if value.is_empty() { standard.to_owned() } else { value.clone() };
    let (kind, value) = match (element.name(), kind.as_str()) {
        ("button" | "input", "reset" | "button") => return None,
        ("button", _) => {
            let text = Some(words::line(&words::text(node))).filter(|t| !t.is_empty());
            let said = text.or_else(|| attribute("aria-label")).or_else(|| attribute("title"));
            (button(said.unwrap_or_default(), false), value)
        }
        ("input", "submit") => (button(shown("Submit"), false), value),
        ("input", "image") => (button(attribute("alt").unwrap_or_default(), true), value),
        ("input", "hidden") => (Kind::Hidden, value),
        ("input", "file") => (Kind::File, String::new()),
        ("input", "checkbox") => (Kind::Checkbox(checked), attribute("value").unwrap_or_else(|| "on".to_owned())),
        ("input", "radio") => (Kind::Radio(checked), attribute("value").unwrap_or_else(|| "on".to_owned())),
        ("textarea", _) => (Kind::TextArea, words::raw(node)),
        ("select", _) => (select(node, element.attr("multiple").is_some(), element), String::new()),
        (_, kind) => (Kind::Text(kind.to_owned()), sanitized(kind, value)),
    };
    Some(Control {
        name: attribute("name").unwrap_or_default(),
        value,
        disabled: element.attr("disabled").is_some(),
        dirname: attribute("dirname").filter(|d| !d.is_empty()),
        kind,
    })
}

/// What a browser makes of the `value` of an input (section 4.10.5.1, "value sanitization algorithm").
fn sanitized(kind: &str, value: String) -> String {
    let one_line = value.replace(['\r', '\n'], "");
    match kind {
        "email" | "url" => one_line.trim_matches([' ', '\t', '\x0c']).to_owned(),
        "number" if one_line.parse::<f64>().is_err() => String::new(),
        "range" if one_line.parse::<f64>().is_err() => "50".to_owned(),
        "color" if one_line.is_empty() => "#000000".to_owned(),
        "number" | "range" | "color" => value,
        _ => one_line,
    }
}

fn select(node: NodeRef<'_, Node>, multiple: bool, element: &Element) -> Kind {
    let mut choices: Vec<Choice> = Vec::new();
    let mut group_disabled = false;
    for edge in node.traverse() {
        let (Edge::Open(inner) | Edge::Close(inner)) = &edge;
        let Node::Element(found) = inner.value() else { continue };
        match (found.name(), &edge) {
            ("optgroup", Edge::Open(_)) => group_disabled = found.attr("disabled").is_some(),
            ("optgroup", Edge::Close(_)) => group_disabled = false,
            ("option", Edge::Open(option)) => choices.push(Choice {
                value: found.attr("value").map_or_else(|| words::line(&words::text(*option)), ToOwned::to_owned),
                selected: found.attr("selected").is_some(),
                disabled: group_disabled || found.attr("disabled").is_some(),
            }),
            _ => {}
        }
    }
    if !multiple {
        let last = choices.iter().rposition(|c| c.selected);
        let rows = element.attr("size").and_then(|s| s.trim().parse::<u32>().ok()).unwrap_or(1);
        // A list of one row always shows one of its options (section 4.10.7).
        let chosen = last.or_else(|| choices.iter().position(|c| !c.disabled).filter(|_| rows <= 1));
        choices.iter_mut().enumerate().for_each(|(at, c)| c.selected = Some(at) == chosen);
    }
    Kind::Select(choices, multiple)
}
