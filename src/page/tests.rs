//! One test per rule of the standard that a form is sent by.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::http::Headers;

fn page_of(body: &[u8], fields: &[(&str, &str)]) -> Page {
    let mut headers = Headers::default();
    headers.add("content-type", "text/html");
    for (name, value) in fields {
        headers.set(*name, (*value).to_owned());
    }
    let response = Response { status: 200, version: "HTTP/1.1", headers, body: Bytes::copy_from_slice(body) };
    Page::read(&response, &Address::parse("http://a.test/x/login?next=1").unwrap()).unwrap()
}

pub(super) fn page(html: &str) -> Page {
    page_of(html.as_bytes(), &[])
}

fn send(html: &str, filling: &Filling) -> Result<Submission, Fault> {
    let page = page(html);
    page.submit(page.choose(None)?, filling)
}

/// The body of a form of these inputs, with a button that is not named.
fn body_with(inputs: &str, filling: &Filling) -> String {
    let sent = send(&format!("<form method=post>{inputs}</form>"), filling).unwrap();
    String::from_utf8(sent.request.body.to_vec()).unwrap()
}

fn body(inputs: &str) -> String {
    body_with(inputs, &Filling::default())
}

fn text(name: &str, value: &str) -> (String, Fill) {
    (name.to_owned(), Fill::Text(value.to_owned()))
}

fn fields<const N: usize>(fields: [(String, Fill); N]) -> Filling {
    Filling { fields: fields.into(), button: Pick::Only }
}

fn pressing(pick: Pick) -> Filling {
    Filling { fields: Vec::new(), button: pick }
}

#[test]
fn successful_controls_are_sent_in_the_order_of_the_page() {
    let inputs = "<input name=a value=1><textarea name=b>\nx\ny</textarea><input name=c type=hidden value='&lt;'>\
        <input type=password name=d><select name=e><option>one<option value=2 selected>two</select><input name=a value=2>";
    assert_eq!(body(inputs), "a=1&b=x%0D%0Ay&c=%3C&d=&e=2&a=2");
}

#[test]
fn what_has_no_name_or_is_disabled_or_not_chosen_is_not_sent() {
    let inputs = "<input value=1><input name='' value=2><input name=a disabled value=3>\
        <fieldset disabled><legend><input name=b value=4></legend><legend><input name=c></legend><input name=d></fieldset>\
        <input type=checkbox name=e><input type=radio name=f value=1><input type=reset name=g><input type=button name=h>\
        <button type=button name=i></button><datalist><input name=j></datalist><template><input name=k></template>";
    assert_eq!(body(inputs), "b=4");
}

#[test]
fn boxes_and_radio_buttons_send_their_value_or_on() {
    let inputs = "<input type=checkbox name=a checked><input type=CHECKBOX name=a value=2 checked>\
        <input type=radio name=r value=1 checked><input type=radio name=r value=2 checked>";
    assert_eq!(body(inputs), "a=on&a=2&r=2", "of radio buttons only the last checked one is");
    let fill = fields([("a".into(), Fill::Tick(false)), text("r", "1")]);
    assert_eq!(body_with(inputs, &fill), "r=1");
    let fill = fields([("a".into(), Fill::Several(vec!["2".into(), "on".into()]))]);
    assert_eq!(body_with(inputs, &fill), "a=on&a=2&r=2");
    let hidden = "<input type=hidden name=m value=0><input type=checkbox name=m value=1>";
    assert_eq!(body_with(hidden, &fields([("m".into(), Fill::Tick(true))])), "m=0&m=1", "the one that people see");
    assert_eq!(body_with(hidden, &fields([("m".into(), Fill::Drop)])), "");
}

#[test]
fn lists_send_what_is_selected() {
    assert_eq!(body("<select name=a><option disabled>x<option> two  words </select>"), "a=two+words");
    assert_eq!(body("<select name=a size=3><option>x</select>"), "");
    let groups = "<select name=a multiple><optgroup disabled><option selected>x</optgroup>\
        <option selected>y<option selected disabled>z<option selected value=''>w</select>";
    assert_eq!(body(groups), "a=y&a=");
    assert_eq!(body("<select name=a><option selected>x<option selected>y</select>"), "a=y");
    let list = "<select name=a><option value=1>one<option value=2>two</select>";
    assert_eq!(body_with(list, &fields([text("a", "2")])), "a=2");
    let sent = send(&format!("<form>{list}</form>"), &fields([text("a", "9")])).unwrap();
    assert_eq!(sent.request.address.target(), "/x/login?a=9");
    assert_eq!(sent.notes, ["the form does not offer what is sent as `a`; it offers `1` and `2`"]);
}

#[test]
fn values_are_cleaned_as_their_type_says() {
    let inputs = "<input name=a value='x\ny'><input name=b type=email value=' a@b '><input name=c type=number value=x>\
        <input name=d type=color><input name=e type=range><input name=f type=number value=1.5>";
    assert_eq!(body(inputs), "a=xy&b=a%40b&c=&d=%23000000&e=50&f=1.5");
}

#[test]
fn null_drops_and_unknown_is_a_fault_that_names_what_is_there() {
    let inputs = "<input name=login><input name=_csrf type=hidden value=t>";
    let fill = fields([text("login", "é b"), ("_csrf".into(), Fill::Drop)]);
    assert_eq!(body_with(inputs, &fill), "login=%C3%A9+b");
    let fault = send(&format!("<form>{inputs}</form>"), &fields([text("logn", "x")])).unwrap_err();
    assert_eq!(fault.message, "the form has no field `logn`");
    assert_eq!(fault.help, ["did you mean `login`? the fields are `login` and `_csrf`"]);
}

#[test]
fn a_field_belongs_to_the_form_it_names() {
    let html = "<input name=a value=1 form=f><form id=f method=post><input name=b value=2 form=other>\
        <input name=c value=3></form><form id=g></form><button name=d value=4 form=f>go</button>";
    let page = page(html);
    let sent = page.submit(page.choose(Some("#f")).unwrap(), &Filling::default()).unwrap();
    assert_eq!(sent.request.body, "a=1&c=3&d=4");
    assert_eq!(page.forms[1].controls, []);
}

#[test]
fn a_field_in_a_table_belongs_to_the_form_the_parser_saw() {
    assert_eq!(
        send("<table><form><tr><td><input name=a value=1></td></tr></form></table>", &Filling::default())
            .unwrap()
            .request
            .address
            .target(),
        "/x/login?a=1"
    );
}

#[test]
fn the_action_is_resolved_against_the_base_and_an_empty_one_is_the_page() {
    let to = |html: &str| send(html, &Filling::default()).unwrap().request.address.to_string();
    let post = |base: &str, action: &str| to(&format!("{base}<form method=post {action}></form>"));
    assert_eq!(post("", ""), "http://a.test/x/login?next=1");
    assert_eq!(post("<base href='/b/'>", "action=''"), "http://a.test/x/login?next=1");
    assert_eq!(post("<base href='/b/'>", "action=in"), "http://a.test/b/in");
    assert_eq!(post("<base href='//c.test/b/'><base href=/d/>", "action=in"), "http://c.test/b/in");
    assert_eq!(post("", "action=' in?q=1#top '"), "http://a.test/x/in?q=1");
    assert_eq!(post("", "action='?q'"), "http://a.test/x/login?q");
    assert_eq!(post("", "action=https://c.test"), "https://c.test/");
    assert_eq!(to("<form method=get action='/s?old=1'><input name=q value='a b'></form>"), "http://a.test/s?q=a+b");
    assert_eq!(to("<form action='/s?old=1'></form>"), "http://a.test/s?");
    for action in ["javascript:void(0)", "mailto:a@b", "http://u:p@a.test/"] {
        assert!(send(&format!("<form action='{action}'></form>"), &Filling::default()).is_err(), "{action}");
    }
}

#[test]
fn a_dialog_sends_nothing() {
    let fault = send("<form method=Dialog></form>", &Filling::default()).unwrap_err();
    assert!(fault.message.contains("dialog"));
    let sent = send("<form method=put><input name=a></form>", &Filling::default()).unwrap();
    assert_eq!(sent.request.method, "GET", "an unknown method is GET");
}

#[test]
fn the_button_changes_action_method_and_encoding() {
    let html = "<form action=/a><input name=q value=1><button name=b value=2 formaction=/c formmethod=post \
        formenctype=text/plain>Go</button><button>Other</button></form>";
    let sent = send(html, &pressing(Pick::Text("Go".into()))).unwrap().request;
    assert_eq!((sent.method.as_str(), sent.address.target()), ("POST", "/c"));
    assert_eq!(sent.headers.text("content-type").as_deref(), Some("text/plain"));
    assert_eq!(sent.body, "q=1\r\nb=2\r\n");
}

#[test]
fn one_button_is_pressed_and_of_several_one_must_be_named() {
    let one =
        "<input name=a value=1><button name=go value=now disabled>Now</button><input type=submit name=go value=Later>";
    assert_eq!(body(one), "a=1&go=Later");
    assert_eq!(body_with(one, &pressing(Pick::None)), "a=1");
    let two = "<form><button name=allow value=1> Allow\n access </button><input type=submit name=deny value=No></form>";
    let fault = send(two, &Filling::default()).unwrap_err();
    assert_eq!(fault.message, "the form has 2 buttons, and which one is pressed matters");
    assert_eq!(fault.help, ["say `button:` with one of its texts; it has `Allow access` and `No`"]);
    let target = |pick: Pick| send(two, &pressing(pick)).map(|s| s.request.address.target().to_owned());
    assert_eq!(target(Pick::Text("allow access".into())).unwrap(), "/x/login?allow=1");
    assert_eq!(target(Pick::Named("deny".into(), None)).unwrap(), "/x/login?deny=No");
    let none = target(Pick::Named("deny".into(), Some("Yes".into()))).unwrap_err();
    assert_eq!(none.message, "the form has no such button");
    let off = send("<form><button disabled>Go</button></form>", &pressing(Pick::Text("Go".into()))).unwrap_err();
    assert_eq!(off.message, "the button Go is disabled");
    assert_eq!(
        send("<form><input name=a></form>", &Filling::default()).unwrap().request.address.target(),
        "/x/login?a="
    );
}

#[test]
fn an_image_sends_where_it_was_clicked() {
    assert_eq!(body("<input type=image name=map alt=Go value=x>"), "map.x=0&map.y=0");
    assert_eq!(body("<input type=image>"), "x=0&y=0");
}

#[test]
fn multipart_is_written_as_browsers_write_it() {
    let inputs =
        "<input name='a\"b' value='1\n2' type=hidden><input type=file name=f><textarea name=t>\u{fc}\nx</textarea>";
    let sent = send(&format!("<form method=post enctype=Multipart/Form-Data>{inputs}</form>"), &Filling::default());
    let request = sent.unwrap().request;
    let boundary = "----AuthspecFormBoundary0000000000000000";
    assert_eq!(request.headers.text("content-type").unwrap(), format!("multipart/form-data; boundary={boundary}"));
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\n1\r\n2\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n\u{fc}\r\nx\r\n--{boundary}--\r\n"
    );
    assert_eq!(String::from_utf8(request.body.to_vec()).unwrap(), expected);
    let clash = fields([text("t", boundary)]);
    let other = send("<form method=post enctype=multipart/form-data><textarea name=t></textarea></form>", &clash);
    assert!(other.unwrap().request.headers.text("content-type").unwrap().ends_with("0001"));
}

#[test]
fn a_file_is_sent_by_its_name_alone() {
    assert_eq!(body_with("<input type=file name=f>", &fields([text("f", "a.txt")])), "f=a.txt");
    assert_eq!(body("<input type=file name=f>"), "f=");
}

#[test]
fn a_form_is_sent_in_its_own_encoding() {
    let form =
        "<form method=post><input type=hidden name=_charset_><input name=a value='\u{fc}\u{20ac}\u{4e2d}'></form>";
    let latin = encoding_rs::WINDOWS_1252.encode(form).0.into_owned();
    let page = page_of(&latin, &[("content-type", "text/html; charset=iso-8859-1")]);
    let sent = page.submit(&page.forms[0], &Filling::default()).unwrap().request;
    assert_eq!(sent.body, "_charset_=windows-1252&a=%FC%80%26%2320013%3B");
    let own = "<form method=post accept-charset='nope utf-8'><input name=a value='\u{fc}'></form>";
    let page = page_of(own.as_bytes(), &[("content-type", "text/html; charset=utf-16le")]);
    assert!(page.forms.is_empty(), "the field decides, whatever the bytes look like");
    assert_eq!(body("<input name=a value='\u{fc}'>"), "a=%C3%BC");
}

#[test]
fn ends_of_lines_are_crlf_in_names_and_values() {
    assert_eq!(
        body_with("<textarea name='a\nb'></textarea>", &fields([text("a\nb", "1\n2\r3\r\n4")])),
        "a%0D%0Ab=1%0D%0A2%0D%0A3%0D%0A4"
    );
}

#[test]
fn a_direction_is_sent_beside_its_text() {
    assert_eq!(body("<input name=a value=x dirname=a.dir>"), "a=x&a.dir=ltr");
}

#[test]
fn several_forms_need_a_selector_and_the_fault_names_them() {
    let page =
        page("<title>Two</title><form id=search></form><form name=in></form><form><input name=q></form><form></form>");
    let fault = page.choose(None).unwrap_err();
    assert_eq!(fault.message, "the page has 4 forms");
    assert!(fault.help[0].ends_with("there are `#search`, `[name=in]`, one with `q` and one without fields"));
    assert_eq!(page.choose(Some("form[name=in]")).unwrap().name.as_deref(), Some("in"));
    assert_eq!(page.choose(Some("#nope")).unwrap_err().message, "the page has no form `#nope`");
    assert_eq!(page.choose(Some("form")).unwrap_err().message, "`form` matches 4 forms");
    assert!(page.choose(Some("((")).unwrap_err().message.contains("no CSS selector"));
    assert!(super::tests::page("<title>Hi</title>").choose(None).unwrap_err().message.contains("\"Hi\""));
}

#[test]
fn the_page_says_where_it_came_from_unless_it_forbids_it() {
    let of = |fields: &[(&str, &str)], action: &str| {
        let page = page_of(format!("<form method=post action='{action}'></form>").as_bytes(), fields);
        let sent = page.submit(&page.forms[0], &Filling::default()).unwrap().request.headers;
        (sent.text("origin").unwrap(), sent.text("referer"))
    };
    let own = "http://a.test".to_owned();
    assert_eq!(of(&[], "/"), (own.clone(), Some("http://a.test/x/login?next=1".into())));
    assert_eq!(of(&[], "http://b.test/"), (own.clone(), Some("http://a.test/".into())));
    assert_eq!(of(&[("referrer-policy", "origin, no-referrer")], "/"), ("null".into(), None));
    assert_eq!(of(&[("referrer-policy", "same-origin")], "http://b.test/"), ("null".into(), None));
    assert_eq!(
        of(&[("referrer-policy", "unsafe-url, what")], "http://b.test/").1.unwrap(),
        "http://a.test/x/login?next=1"
    );
}

#[test]
fn signs_of_a_page_are_seen() {
    let form = "<form id=go action=/cb method=post><input type=hidden name=code value=1>";
    let itself = |html: &str| page(html).signs.sends_itself;
    assert_eq!(itself(&format!("<body onload='document.forms[0].submit()'>{form}</form>")), Some(0));
    assert_eq!(
        itself(&format!("{form}<noscript><button>Go</button></noscript></form><script src=/s.js></script>")),
        Some(0)
    );
    let two = format!("<form></form>{form}</form><script>document.getElementById('go').submit()</script>");
    assert_eq!(itself(&two), Some(1));
    assert_eq!(itself(&format!("{form}<input name=user></form><script>x.submit()</script>")), None);
    assert_eq!(itself(&format!("{form}<button>Allow</button></form><script src=/s.js></script>")), None);
    let page = page(
        "<title> A\n b </title><meta name=_csrf content=t1><meta name=_csrf_header content=X-T><meta http-equiv=Refresh \
        content='0;url=/n'><div class='error-box'><p>No <b>such</b>   person</p></div><script>var error='.error'</script>",
    );
    assert_eq!(page.signs.title.as_deref(), Some("A b"));
    assert_eq!(page.signs.error.as_deref(), Some("No such person"));
    assert_eq!(page.signs.refresh.as_ref().unwrap().to.target(), "/n");
    assert_eq!(page.signs.token, Some(signs::MetaToken { value: "t1".into(), header: Some("X-T".into()) }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever comes in, there is a page, and what its forms send can be sent.
    #[test]
    fn any_bytes_are_a_page(body in proptest::collection::vec(any::<u8>(), 0..400), kind in "[ -~]{0,30}") {
        let page = page_of(&body, &[("content-type", &format!("text/html;{kind}"))]);
        for form in &page.forms {
            let _ = page.submit(form, &Filling::default());
        }
    }

    /// Tags in any order, badly nested, repeated and unfinished.
    #[test]
    fn any_tags_are_a_page(tags in proptest::collection::vec(tag(), 0..60), fill in "\\PC{0,20}") {
        let page = page(&tags.concat());
        let mut sent = 0;
        for form in &page.forms {
            let names: Vec<String> = form.inputs().map(|c| c.name.clone()).filter(|n| !n.is_empty()).collect();
            let fields = names.iter().map(|n| (n.clone(), Fill::Text(fill.clone()))).collect();
            let filling = Filling { fields, button: Pick::None };
            if let Ok(submission) = page.submit(form, &filling) {
                sent += 1;
                prop_assert!(submission.request.address.target().is_ascii());
            }
        }
        prop_assert!(sent <= page.forms.len());
    }

    /// What was filled in is what a server reads, whatever it is.
    #[test]
    fn what_is_filled_in_arrives(value in "\\PC{0,40}") {
        let sent = body_with("<input name=a>", &fields([text("a", &value)]));
        let read: Vec<(String, String)> =
            url::form_urlencoded::parse(sent.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        prop_assert_eq!(read, vec![("a".to_owned(), value)]);
    }
}

fn tag() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "form", "input", "select", "option", "optgroup", "textarea", "button", "fieldset", "legend", "table", "tr",
        "td", "template", "datalist", "base", "meta", "script", "noscript", "b", "a", "p", "svg", "title", "frameset",
    ]);
    let attribute = prop::sample::select(vec![
        "",
        " name=a",
        " id=f",
        " form=f",
        " type=radio checked",
        " type=image",
        " disabled",
        " value='x'",
        " action=//",
        " method=post",
        " href=http://b.test/",
        " http-equiv=refresh content='0;url=/'",
        " multiple",
        " selected",
    ]);
    let kind = prop::sample::select(vec!["<", "</"]);
    (kind, name, attribute.clone(), attribute).prop_map(|(open, name, one, two)| format!("{open}{name}{one}{two}>t"))
}
