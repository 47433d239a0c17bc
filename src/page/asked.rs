//! What pages ask for beside a name and a password: consent, and the code of a device.

use super::Pick;
use super::form::{Control, Form, Kind};
use super::login::passwords;

/// Words on buttons that agree, and on those that do not.
pub(super) const YES: &[&str] = &[
    "allow",
    "authorize",
    "authorise",
    "accept",
    "agree",
    "approve",
    "consent",
    "continue",
    "confirm",
    "grant",
    "yes",
];
const NO: &[&str] =
    &["cancel", "deny", "decline", "reject", "abort", "disallow", "refuse", "don't", "not ", "no,", "stay"];
/// Words on buttons that log out.
pub(super) const LEAVE: &[&str] =
    &["log out", "logout", "log me out", "sign out", "signout", "sign me out", "end session"];

/// The button of a form that agrees to what the page asks.
pub(super) fn agreeing(form: &Form, words: &[&[&str]]) -> Option<Pick> {
    let says = |text: &str, words: &[&str]| words.iter().any(|w| text.contains(w));
    let found = form.buttons().find(|(_, control, button)| {
        let text = format!("{} {}", button.text, control.value).to_lowercase();
        !control.disabled && words.iter().any(|w| says(&text, w)) && !says(&text, NO)
    });
    found.map(|(_, control, button)| {
        if control.name.is_empty() {
            Pick::Text(button.text.clone())
        } else {
            Pick::Named(control.name.clone(), Some(control.value.clone()))
        }
    })
}

/// The input for the code that a device shows (RFC 8628, section 3.3), as its name says.
pub(super) fn code_input(form: &Form) -> Option<&Control> {
    let asks = |c: &&Control| {
        let name: String = c.name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let is_line = matches!(&c.kind, Kind::Text(kind) if matches!(kind.as_str(), "" | "text"));
        is_line && !c.disabled && (name.contains("usercode") || matches!(name.as_str(), "code" | "devicecode"))
    };
    form.controls.iter().find(asks).filter(|_| passwords(form).count() == 0)
}

#[cfg(test)]
mod tests {
    use super::super::login::{Agree, Guide, Known, Turn};
    use super::super::tests::page;
    use super::super::{Fill, Pick};

    fn guide() -> Guide {
        let (username, password) = (Some("ann".to_owned()), Some("secret-1".to_owned()));
        let user_code = Some("AB-CD".to_owned());
        Guide::new(Known { username, password, agree: Agree::ToConsent, user_code, ..Known::default() })
    }

    #[test]
    fn the_code_of_a_device_is_filled_in_where_a_page_asks_for_it_and_once() {
        const CODE: &str = "<p role=alert>No.</p><form><input name=user_code><button>Continue</button></form>";
        let mut guide = guide();
        let Turn::Fill(0, filling) = guide.next(&page(CODE)) else { panic!() };
        assert_eq!(filling.fields, [("user_code".to_owned(), Fill::Text("AB-CD".to_owned()))]);
        let Turn::Stuck(fault) = guide.next(&page(CODE)) else { panic!() };
        assert_eq!(fault.message, "the page asks for the code of the device once more; it says \"No.\"");
        let mut answered = self::guide();
        answered.next(&page("<form><button>Deny</button><button>Allow</button></form>"));
        assert!(matches!(answered.next(&page(CODE)), Turn::Arrived), "what the answer was is for the server to say");
    }

    #[test]
    fn whoever_is_known_has_arrived_once_they_agreed_and_not_before() {
        const DONE: &str = "<h1>Done</h1>";
        let asked = page("<form><button name=a value=no>Deny</button><button name=a value=yes>Allow</button></form>");
        assert!(matches!(guide().next(&page(DONE)), Turn::Stuck(_)), "nobody agreed to anything");
        let mut found = guide();
        let fields = vec![("login".to_owned(), Fill::Text("ann".to_owned()))];
        let mut named = Guide::new(Known { fields: Some(fields), agree: Agree::ToConsent, ..Known::default() });
        for guide in [&mut found, &mut named] {
            assert!(matches!(guide.next(&asked), Turn::Agree(0, _)));
            assert!(matches!(guide.next(&page(DONE)), Turn::Arrived));
            assert!(guide.missed(None).is_none() && guide.has_filled());
        }
        let mut asked_late = guide();
        asked_late.next(&asked);
        let login = "<form><input name=user><input type=password name=pw></form>";
        assert!(matches!(asked_late.next(&page(login)), Turn::Fill(0, _)), "a login may come behind it");
    }

    #[test]
    fn nobody_logs_in_with_a_name_that_they_do_not_have() {
        let mut known = Guide::new(Known { agree: Agree::ToConsent, ..Known::default() });
        let login = "<form><input name=user><input type=password name=pw><button>Go</button></form>";
        let Turn::Stuck(fault) = known.next(&page(login)) else { panic!() };
        assert!(fault.message.contains("has no field `username`"), "{}", fault.message);
    }

    #[test]
    fn of_two_buttons_beside_a_code_the_one_is_pressed_that_agrees() {
        const CODE: &str = "<form><input name=otp><input name=UserCode type=text value=AB><button name=no>Deny</button>\
            <button name=yes>Allow</button></form>";
        let Turn::Fill(0, filling) = guide().next(&page(CODE)) else { panic!() };
        assert_eq!(
            (filling.fields[0].0.as_str(), filling.button),
            ("UserCode", Pick::Named("yes".into(), Some(String::new())))
        );
    }

    #[test]
    fn a_code_beside_a_password_is_another_one_and_so_is_a_hidden_one() {
        const LOGIN: &str =
            "<form><input name=user><input type=password name=pw><input name=code><button>Go</button></form>";
        let Turn::Fill(0, filling) = guide().next(&page(LOGIN)) else { panic!() };
        assert_eq!(filling.fields.len(), 2, "{filling:?}");
        const CONFIRM: &str = "<form><input type=hidden name=user_code value=AB><button>Allow</button></form>";
        assert!(matches!(guide().next(&page(CONFIRM)), Turn::Agree(0, _)));
    }
}
