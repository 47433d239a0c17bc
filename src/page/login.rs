//! Finds the way through the pages of a login, one page at a time. It decides and sends nothing, so that whoever drives
//! it shows every exchange, and may stop where it likes.

use std::time::Duration;

use super::asked::{self, LEAVE, YES};
use super::form::{Control, Form, Kind};
use super::words::quoted;
use super::{Fault, Fill, Filling, Page, Pick};
use crate::http::Address;
use crate::term::did_you_mean;

/// The longest a page may wait before it leads on; what waits longer is there to be read.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most pages that lead on by themselves or are filled in one login.
const MOST: usize = 20;

/// What is known at the start.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// A CSS selector of the login form.
    pub form: Option<String>,
    /// What goes into the fields; without it the inputs are found by what they are.
    pub fields: Option<Vec<(String, Fill)>>,
    /// The button that is pressed.
    pub button: Pick,
    /// Who logs in; a session may say so as well.
    pub username: Option<String>,
    /// Their password.
    pub password: Option<String>,
    /// What pages are agreed to that ask for more than a login.
    pub agree: Agree,
    /// The code that a device shows.
    pub user_code: Option<String>,
}

/// What pages are agreed to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Agree {
    /// Nothing.
    #[default]
    ToNothing,
    /// That a client or a device may have what it asks for.
    ToConsent,
    /// That somebody logs out; nothing is filled in.
    ToLeave,
}

/// The next thing to do.
#[derive(Debug)]
pub enum Turn {
    /// Go to another page.
    Visit(Address),
    /// Send a form without anybody's doing.
    Send(usize),
    /// Fill and send a form.
    Fill(usize, Filling),
    /// Press the button of a form that agrees to something.
    Agree(usize, Filling),
    /// The login is over, as far as its pages can tell.
    Arrived,
    /// It cannot go on, or has failed.
    Stuck(Fault),
}

/// Goes through the pages of one login.
#[derive(Debug)]
pub struct Guide {
    known: Known,
    /// Fields that were filled in, by name.
    given: Vec<String>,
    /// The names of all inputs of the forms that were filled in.
    seen: Vec<String>,
    named: bool,
    passed: bool,
    /// Whether the code of a device was filled in.
    coded: bool,
    /// Whether a page was agreed to.
    agreed: bool,
    turns: usize,
}

impl Guide {
    /// Starts before the first page.
    pub const fn new(known: Known) -> Self {
        Self {
            known,
            given: Vec::new(),
            seen: Vec::new(),
            named: false,
            passed: false,
            coded: false,
            agreed: false,
            turns: 0,
        }
    }

    /// Starts where the code of a device was left out on the way to its page: it is not filled in there, either.
    pub fn without_code(self) -> Self {
        Self { coded: true, ..self }
    }

    /// Tells whether anything was filled in yet.
    pub const fn has_filled(&self) -> bool {
        !self.is_unasked() || self.coded || self.agreed
    }

    /// Tells whether no page asked who somebody is: at the end that is somebody whom a session made known.
    const fn is_unasked(&self) -> bool {
        !self.named && !self.passed && self.given.is_empty()
    }

    /// Says what to do on a page.
    pub fn next(&mut self, page: &Page) -> Turn {
        if let Some(turn) = self.settle(page) {
            return turn;
        }
        if self.known.agree == Agree::ToLeave {
            return self.agree(page).unwrap_or(Turn::Arrived);
        }
        if let Some(turn) = self.fill_code(page) {
            return turn;
        }
        let turn = match self.known.fields.clone() {
            Some(fields) => self.fill_named(page, &fields),
            None => self.fill_found(page),
        };
        match turn {
            // Before any login there may be consent alone: whoever is known by a cookie is not asked again.
            Turn::Arrived => self.agree(page).unwrap_or(turn),
            Turn::Stuck(_) if self.is_unasked() => {
                let is_over = self.agreed && page.forms.iter().all(|f| passwords(f).count() == 0);
                self.agree(page).unwrap_or(if is_over { Turn::Arrived } else { turn })
            }
            _ => turn,
        }
    }

    /// What is wrong when the login is over and a field was on no page: it is misspelt, or one too many.
    pub fn missed(&self, page: Option<&Page>) -> Option<Fault> {
        let fields = self.known.fields.as_ref().filter(|_| !(self.agreed && self.is_unasked()))?;
        let left: Vec<&str> = fields.iter().map(|(n, _)| n.as_str()).filter(|n| !self.is_given(n)).collect();
        let others = || self.seen.iter().map(String::as_str).filter(|n| !self.is_given(n));
        let near = left.iter().find_map(|name| Some((name, did_you_mean(name, others())?)));
        if let Some((name, near)) = near {
            let help = vec![format!("did you mean `{near}`?")];
            return Some(Fault { message: format!("the form has no field `{name}`"), help });
        }
        (!left.is_empty()).then(|| unasked(page, &left))
    }

    fn is_given(&self, name: &str) -> bool {
        self.given.iter().any(|g| g == name)
    }

    /// Agrees to what a page asks, where the login goes on behind it.
    fn agree(&mut self, page: &Page) -> Option<Turn> {
        let (words, what): (&[&[&str]], _) = match self.known.agree {
            Agree::ToNothing => return None,
            Agree::ToConsent => (&[YES], "for consent"),
            Agree::ToLeave => (&[LEAVE, YES], "whether to log out"),
        };
        let (at, button) =
            page.forms.iter().enumerate().find_map(|(at, form)| Some((at, asked::agreeing(form, words)?)))?;
        self.turns += 1;
        if self.turns > MOST {
            let message = format!("the pages asked {what} more than {MOST} times");
            return Some(Turn::Stuck(Fault { message, help: Vec::new() }));
        }
        self.agreed = true;
        Some(Turn::Agree(at, Filling { fields: Vec::new(), button }))
    }

    /// What the page does by itself: a form that a script sends, a refresh.
    pub fn settle(&mut self, page: &Page) -> Option<Turn> {
        let turn = match (page.signs.sends_itself, &page.signs.refresh) {
            (Some(form), _) => Turn::Send(form),
            (None, Some(refresh))
                if refresh.after <= PATIENCE && refresh.to.to_string() != page.address.to_string() =>
            {
                Turn::Visit(refresh.to.clone())
            }
            (None, _) => return None,
        };
        self.turns += 1;
        if self.turns > MOST {
            let message = format!("the pages lead on by themselves more than {MOST} times");
            return Some(Turn::Stuck(Fault { message, help: Vec::new() }));
        }
        Some(turn)
    }

    /// Tells whether a page asks for the password once more, which is how most sites say no.
    pub fn shown_again(page: &Page) -> Option<Fault> {
        let asks = page.forms.iter().any(|f| passwords(f).count() == 1 && !f.is_hidden());
        asks.then(|| refused(page))
    }

    /// Fills in the code that a device shows, where a page asks for it and the user does not say what goes there.
    fn fill_code(&mut self, page: &Page) -> Option<Turn> {
        let code = self.known.user_code.clone()?;
        let (form, input) = page.forms.iter().find_map(|form| Some((form, asked::code_input(form)?)))?;
        if self.known.fields.iter().flatten().any(|(name, _)| *name == input.name) {
            return None;
        }
        if self.agreed {
            // Behind an answer it is asked for the next device.
            return Some(Turn::Arrived);
        }
        if self.coded {
            let said = page.signs.error.as_ref().map(|e| format!("; it says \"{e}\"")).unwrap_or_default();
            let message = format!("the page asks for the code of the device once more{said}");
            return Some(Turn::Stuck(Fault { message, help: Vec::new() }));
        }
        self.coded = true;
        let several = form.buttons().count() > 1;
        let agree = several.then(|| asked::agreeing(form, &[YES])).flatten();
        let fields = vec![(input.name.clone(), Fill::Text(code))];
        Some(self.go(page, form, Filling { fields, button: agree.unwrap_or_else(|| self.known.button.clone()) }))
    }

    /// Fills the inputs that the user named, page after page, until all were asked for.
    fn fill_named(&mut self, page: &Page, fields: &[(String, Fill)]) -> Turn {
        let left: Vec<&(String, Fill)> = fields.iter().filter(|(n, _)| !self.given.contains(n)).collect();
        let chosen = self.known.form.as_ref().map(|selector| page.choose(Some(selector)));
        let has = |form: &Form, name: &str| form.inputs().any(|c| c.name == name);
        let form = match &chosen {
            Some(Ok(form)) => Some(*form),
            Some(Err(fault)) if self.given.is_empty() => return Turn::Stuck(fault.clone()),
            Some(Err(_)) => None,
            None => page.forms.iter().find(|f| left.iter().any(|(n, _)| has(f, n))),
        };
        let form =
            form.or_else(|| page.forms.iter().find(|f| self.given.iter().any(|n| has(f, n)) && f.password().is_some()));
        let Some(form) = form else {
            let names: Vec<&str> = left.iter().map(|(n, _)| n.as_str()).collect();
            return match (names.is_empty(), self.given.is_empty()) {
                (true, false) => Turn::Arrived,
                (_, true) => Turn::Stuck(nothing_to_fill(page, &format!("with a field {}", quoted(&names)))),
                (false, false) => self.missed(Some(page)).map_or(Turn::Arrived, Turn::Stuck),
            };
        };
        let fill: Vec<(String, Fill)> = left.into_iter().filter(|(n, _)| has(form, n)).cloned().collect();
        if fill.is_empty() {
            if self.given.is_empty() {
                let names: Vec<&str> = fields.iter().map(|(n, _)| n.as_str()).collect();
                return Turn::Stuck(nothing_to_fill(page, &format!("with a field {}", quoted(&names))));
            }
            let again = self.given.iter().any(|n| has(form, n));
            if again {
                return Turn::Stuck(refused(page));
            }
            return self.missed(Some(page)).map_or(Turn::Arrived, Turn::Stuck);
        }
        self.given.extend(fill.iter().map(|(n, _)| n.clone()));
        self.seen
            .extend(form.inputs().filter(|c| c.kind != Kind::Hidden && !c.name.is_empty()).map(|c| c.name.clone()));
        self.go(page, form, Filling { fields: fill, button: self.known.button.clone() })
    }

    /// Finds the inputs for name and password by what they are, on one page or on two.
    fn fill_found(&mut self, page: &Page) -> Turn {
        let chosen = self.known.form.as_ref().map(|selector| page.choose(Some(selector)));
        let form = match chosen {
            Some(Ok(form)) => form,
            Some(Err(fault)) if !self.named && !self.passed => return Turn::Stuck(fault),
            Some(Err(_)) | None => match self.find(page) {
                Ok(Some(form)) => form,
                Ok(None) if self.passed => return Turn::Arrived,
                Ok(None) if self.named => return Turn::Stuck(unasked(Some(page), &["the password"])),
                Ok(None) => return Turn::Stuck(nothing_to_fill(page, "with a password input")),
                Err(fault) => return Turn::Stuck(fault),
            },
        };
        let password = form.password().filter(|p| !p.name.is_empty());
        let name = name_input(form);
        if (password.is_some() && self.passed) || (password.is_none() && self.named && name.is_some()) {
            return if self.passed && password.is_none() { Turn::Arrived } else { Turn::Stuck(refused(page)) };
        }
        let mut fill = Vec::new();
        if let Some(name) = name {
            let Some(username) = &self.known.username else { return Turn::Stuck(unknown("user name", "username")) };
            fill.push((name.name.clone(), Fill::Text(username.clone())));
            self.named = true;
        }
        if let Some(input) = password {
            let Some(password) = &self.known.password else { return Turn::Stuck(unknown("password", "password")) };
            fill.push((input.name.clone(), Fill::Text(password.clone())));
            self.passed = true;
        }
        if fill.is_empty() {
            return if self.passed {
                Turn::Arrived
            } else {
                Turn::Stuck(nothing_to_fill(page, "with a password input"))
            };
        }
        self.go(page, form, Filling { fields: fill, button: self.known.button.clone() })
    }

    fn find<'p>(&self, page: &'p Page) -> Result<Option<&'p Form>, Fault> {
        // One that asks for two passwords changes the password or makes an account.
        let secret: Vec<&Form> = page.forms.iter().filter(|f| passwords(f).count() == 1).collect();
        match secret.as_slice() {
            [form] => return Ok(Some(form)),
            [] => {}
            several => {
                let titles: Vec<String> = several.iter().map(|f| f.title()).collect();
                let message = format!("the page has {} forms with a password", several.len());
                let there = crate::term::list(&titles, "and");
                return Err(Fault { message, help: vec![format!("say which with `form:`; there are {there}")] });
            }
        }
        if self.passed {
            return Ok(None);
        }
        Ok(page.forms.iter().find(|f| passwords(f).count() == 0 && name_input(f).is_some()))
    }

    fn go(&mut self, page: &Page, form: &Form, filling: Filling) -> Turn {
        self.turns += 1;
        if self.turns > MOST {
            let message = format!("the login asked for more than {MOST} pages");
            return Turn::Stuck(Fault { message, help: Vec::new() });
        }
        let at = page.forms.iter().position(|f| std::ptr::eq(f, form)).unwrap_or_default();
        Turn::Fill(at, filling)
    }
}

pub(super) fn passwords(form: &Form) -> impl Iterator<Item = &Control> {
    form.controls.iter().filter(|c| !c.disabled && matches!(&c.kind, Kind::Text(kind) if kind == "password"))
}

/// Words in the names of inputs that ask who somebody is.
const NAMES: &[&str] = &["user", "email", "mail", "login", "account", "identifier", "name"];

/// The input that asks who somebody is: by its name or type, else the only one there is.
fn name_input(form: &Form) -> Option<&Control> {
    let line = |c: &&Control| {
        matches!(&c.kind, Kind::Text(kind) if matches!(kind.as_str(), "" | "text" | "email" | "tel" | "username"))
            && !c.disabled
            && !c.name.is_empty()
    };
    let lines: Vec<&Control> = form.controls.iter().filter(line).collect();
    let telling = |c: &&&Control| {
        let name = c.name.to_ascii_lowercase();
        matches!(&c.kind, Kind::Text(kind) if kind == "email") || NAMES.iter().any(|n| name.contains(n))
    };
    let only = || if lines.len() == 1 && form.password().is_some() { lines.first() } else { None };
    lines.iter().find(telling).or_else(only).copied()
}

/// A page asks for what the identity does not have.
fn unknown(what: &str, field: &str) -> Fault {
    let message = format!("the page asks for a {what}, and whoever goes through it has no field `{field}`");
    let help = "whom the page does not know by a session needs `username` and `password`, or `fields:`";
    Fault { message, help: vec![help.to_owned()] }
}

/// The login was refused, in the page's own words.
fn refused(page: &Page) -> Fault {
    let said = page.signs.error.as_ref().map(|e| format!("; it says \"{e}\"")).unwrap_or_default();
    let help = "check the identity's fields; if the page asks for something else than a name and a password, say so under `fields:` or `pages:`";
    Fault { message: format!("the login page was shown again{said}"), help: vec![help.to_owned()] }
}

fn nothing_to_fill(page: &Page, what: &str) -> Fault {
    let titles: Vec<String> = page.forms.iter().map(Form::title).collect();
    let there = match titles.as_slice() {
        [] => "it has none at all: is this the login page? a form that a script makes is not seen; `pages:` says what is sent in its place".to_owned(),
        titles => format!(
            "it has {}; say which with `form:`, and what goes where with `fields:`",
            crate::term::list(titles, "and")
        ),
    };
    let title = page.signs.title.as_ref().map_or_else(String::new, |t| format!(" \"{t}\""));
    Fault { message: format!("the page{title} has no form {what}"), help: vec![there] }
}

fn unasked(page: Option<&Page>, names: &[&str]) -> Fault {
    let error = page.and_then(|page| page.signs.error.as_ref());
    let said = error.map(|e| format!("; the last page says \"{e}\"")).unwrap_or_default();
    Fault {
        message: format!("no page of the login asked for {}{said}", crate::term::list(names, "and")),
        help: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::page;
    use super::*;

    const LOGIN: &str =
        "<p role=alert>No.</p><form id=in><input name=user><input type=password name=pw><button>Go</button></form>";

    fn guide() -> Guide {
        Guide::new(Known { username: Some("ann".into()), password: Some("secret-1".into()), ..Known::default() })
    }

    fn fill(turn: Turn) -> Vec<String> {
        match turn {
            Turn::Fill(_, filling) => filling.fields.into_iter().map(|(n, _)| n).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn stuck(turn: Turn) -> String {
        match turn {
            Turn::Stuck(fault) => fault.message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_login_is_filled_once_and_shown_again_it_has_failed() {
        let mut guide = guide();
        assert_eq!(fill(guide.next(&page(LOGIN))), ["user", "pw"]);
        assert_eq!(stuck(guide.next(&page(LOGIN))), "the login page was shown again; it says \"No.\"");
    }

    #[test]
    fn what_comes_after_a_login_is_no_login_page() {
        for after in [
            "<h1>Hi</h1>",
            "<form><input name=q></form>",
            "<form><input type=password name=old><input type=password name=new></form>",
        ] {
            let mut guide = guide();
            guide.next(&page(LOGIN));
            assert!(matches!(guide.next(&page(after)), Turn::Arrived), "{after}");
        }
    }

    #[test]
    fn name_and_password_may_be_asked_on_two_pages() {
        let mut guide = guide();
        let first = page("<form role=search><input name=q></form><form><input type=email name=who></form>");
        assert_eq!(fill(guide.next(&first)), ["who"]);
        assert_eq!(fill(guide.next(&page("<form><input type=password name=pw></form>"))), ["pw"]);
        let mut again = self::guide();
        again.next(&first);
        assert!(stuck(again.next(&first)).starts_with("the login page was shown again"));
        let mut lost = self::guide();
        lost.next(&first);
        assert_eq!(stuck(lost.next(&page("<h1>Hi</h1>"))), "no page of the login asked for the password");
    }

    #[test]
    fn named_fields_are_given_where_they_are_asked_for() {
        let fields = ["user", "pw", "code"].map(|n| (n.to_owned(), Fill::Text("x".into())));
        let known = || Known { fields: Some(fields.to_vec()), ..Known::default() };
        let mut guide = Guide::new(known());
        assert_eq!(fill(guide.next(&page(LOGIN))), ["user", "pw"]);
        assert_eq!(fill(guide.next(&page("<form><input name=code></form>"))), ["code"]);
        assert!(matches!(guide.next(&page("<h1>Hi</h1>")), Turn::Arrived));
        let mut guide = Guide::new(known());
        guide.next(&page(LOGIN));
        assert!(stuck(guide.next(&page(LOGIN))).starts_with("the login page was shown again"));
        let mut guide = Guide::new(known());
        guide.next(&page(LOGIN));
        assert_eq!(stuck(guide.next(&page("<h1>Hi</h1>"))), "no page of the login asked for code");
    }

    #[test]
    fn pages_that_lead_on_are_followed_but_not_for_ever() {
        let mut guide = guide();
        let on = page(
            "<form onsubmit=x action=/n><input type=hidden name=a></form><script>document.forms[0].submit()</script>",
        );
        assert!(matches!(guide.next(&on), Turn::Send(0)));
        assert!(matches!(guide.next(&page("<meta http-equiv=refresh content='0;url=/n'>")), Turn::Visit(_)));
        let later = page(&format!("<meta http-equiv=refresh content='900;url=/out'>{LOGIN}"));
        assert_eq!(fill(guide.next(&later)), ["user", "pw"]);
        for _ in 0..MOST {
            guide.next(&on);
        }
        assert!(stuck(guide.next(&on)).contains("more than 20 times"));
    }

    #[test]
    fn consent_is_given_by_the_button_that_agrees_and_only_when_asked_to() {
        const CONSENT: &str =
            "<form><button name=a value=no>Deny</button><button name=a value=yes>Allow</button></form>";
        let mut guide = Guide::new(Known { agree: Agree::ToConsent, ..guide().known });
        assert_eq!(fill(guide.next(&page(LOGIN))), ["user", "pw"]);
        let Turn::Agree(0, filling) = guide.next(&page(CONSENT)) else { panic!() };
        assert_eq!(filling.button, Pick::Named("a".into(), Some("yes".into())));
        let unnamed = page(
            "<form><button>Cancel</button></form><form><input type=hidden name=x><button>Continue</button></form>",
        );
        let Turn::Agree(1, filling) = guide.next(&unnamed) else { panic!() };
        assert_eq!(filling.button, Pick::Text("Continue".into()));
        assert!(matches!(guide.next(&page("<form><button>Log out</button></form>")), Turn::Arrived));
        let mut known = Guide::new(Known { agree: Agree::ToConsent, ..self::guide().known });
        assert!(
            matches!(known.next(&page(CONSENT)), Turn::Agree(..)),
            "whoever is logged in is asked for consent alone"
        );
        let mut plain = self::guide();
        plain.next(&page(LOGIN));
        assert!(matches!(plain.next(&page(CONSENT)), Turn::Arrived));
    }

    #[test]
    fn whoever_leaves_says_yes_and_fills_nothing_in() {
        const ASKED: &str = "<form id=f><input type=hidden name=x value=1></form>\
            <button form=f name=logout value=no>No, stay signed in</button>\
            <button form=f name=logout value=yes>Yes, sign me out</button>";
        let mut guide = Guide::new(Known { agree: Agree::ToLeave, ..guide().known });
        let Turn::Agree(0, filling) = guide.next(&page(ASKED)) else { panic!() };
        assert_eq!(filling.button, Pick::Named("logout".into(), Some("yes".into())));
        assert!(matches!(guide.next(&page(LOGIN)), Turn::Arrived), "a login page is where a logout may end");
    }

    #[test]
    fn a_page_without_a_login_says_what_it_has() {
        assert_eq!(
            stuck(guide().next(&page("<title>Shop</title>"))),
            "the page \"Shop\" has no form with a password input"
        );
        let two = format!("{LOGIN}<form id=other><input type=password name=pin></form>");
        assert_eq!(stuck(guide().next(&page(&two))), "the page has 2 forms with a password");
        let mut chosen = Guide::new(Known { form: Some("#other".into()), ..guide().known });
        assert_eq!(fill(chosen.next(&page(&two))), ["pin"]);
    }
}
