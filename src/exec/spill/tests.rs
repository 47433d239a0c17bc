//! What counts in a refusal, and what does not.

use super::{Came, Names, Told, asked, spilt};
use crate::http::Trail;

const USERS: &str =
    r#"{"users":[{"name":"alice","role":"user"},{"name":"bob","role":"user"},{"name":"root","role":"admin"}]}"#;

/// What is found by bob, who asked for a note; one address stands in every refusal.
fn found(good: &str, came: &str) -> Option<Vec<String>> {
    let known = "http://a/notes/n12345\nbob\nbuilder@example.com";
    let names = Names::new(["bob".to_owned()]);
    let elsewhere = |leaf: &str| leaf == "dora@example.com";
    let (body, told) = (came.as_bytes(), Told::of(came.as_bytes(), ""));
    let came = Came { body, told, names: &names, elsewhere: Some(&elsewhere) };
    spilt(good.as_bytes(), &came, &|leaf| known.contains(leaf) || ["user", "admin"].contains(&leaf))
}

/// Twenty employees.
fn employees() -> String {
    let one = |i: usize| {
        let city = ["Berlin", "Hamburg", "Munich", "Dresden"][i % 4];
        let (id, mail, salary) = (4000 + i, format!("person{i}@acme.example"), 41000 + 137 * i);
        format!(r#"{{"id":{id},"name":"{}","email":"{mail}","salary":{salary},"city":"{city}"}}"#, NAMES[i])
    };
    let bob = r#"{"id":4777,"name":"bob","email":"robert@acme.example","salary":51234}"#;
    format!(r#"{{"employees":[{},{bob}]}}"#, (0..20).map(one).collect::<Vec<_>>().join(","))
}

const NAMES: [&str; 20] = [
    "Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida", "Jon", "Kim", "Leo", "Mia", "Ned", "Ole", "Pia",
    "Quin", "Ron", "Sue", "Tom",
];

#[test]
fn what_is_guarded_is_found_in_another_form() {
    for came in [
        r#"[{"name":"alice","role":"user"},{"name":"bob","role":"user"},{"name":"root","role":"admin"}]"#,
        &USERS.replace("]}", "],\"count\":3}"),
        r#"{"error":"forbidden","first":{"role":"user","name":"alice"}}"#,
        r#"{"error":"forbidden: {\"users\": [{\"name\": \"alice\"}, {\"name\": \"root\"}]}"}"#,
        "<h1>Forbidden</h1><table><tr><td>alice</td></tr><tr><td>root</td></tr></table>",
        "name,role\nalice,user\nroot,admin\n",
    ] {
        assert!(found(USERS, came).is_some(), "{came}");
    }
    let note = r#"{"id":"n12345","owner":"alice","title":"The merger will be told on Monday"}"#;
    assert!(found(note, r#"{"detail":"no access to \"The merger will be told on Monday\""}"#).is_some());
    assert!(found(note, "<p>not yours: The merger will be told on Monday</p>").is_some());
}

#[test]
fn an_honest_refusal_names_what_was_asked_for_and_who_asks() {
    let note = r#"{"id":"n12345","owner":"alice","title":"The merger will be told on Monday","read_by":["bob"]}"#;
    for came in [
        r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"bob may not read n12345","instance":"/notes/n12345"}"#,
        r#"{"error":"forbidden","note":"n12345","user":"bob","email":"builder@example.com"}"#,
        r#"{"error":"the note n12345 is alice's"}"#,
    ] {
        assert_eq!(found(note, came), None, "{came}");
    }
    for came in [
        r#"{"error":"forbidden","user":"bob","role":"user","required":"admin"}"#,
        r#"{"error":"forbidden","you":{"name":"bob","role":"user"}}"#,
        r#"{"error":"users are for admin only; ask alice"}"#,
        "<p>malice and uprooting</p>",
    ] {
        assert_eq!(found(USERS, came), None, "{came}");
    }
    let linked = r#"{"count":12,"_links":{"docs":"/docs","self":"/notes"},"meta":{"api":"orders","build":"77120"}}"#;
    let refused = r#"{"error":"no","_links":{"docs":"/docs","self":"/notes"},"meta":{"api":"orders","build":"77120"}}"#;
    assert_eq!(found(linked, refused), None);
}

#[test]
fn what_stands_around_every_answer_is_guarded_by_none() {
    let around =
        r#""apiVersion":"2026-11-01","env":"production","tenant":{"id":"t-4711","name":"Acme"},"may":["read","write"]"#;
    let good = format!(r#"{{{around},"data":{{"name":"alice","age":12345}}}}"#);
    assert_eq!(found(&good, &format!(r#"{{{around},"error":"denied"}}"#)), None);
    assert!(found(&good, &format!(r#"{{{around},"error":"denied","was":{{"name":"alice","age":12345}}}}"#)).is_some());
    let flat = r#"{"id":"n777","owner":"alice","rights":"(c) 2026 Acme Inc. All rights reserved"}"#;
    assert_eq!(found(flat, r#"{"error":"no","rights":"(c) 2026 Acme Inc. All rights reserved"}"#), None);
    let group = r#"{"group":"staff","description":"Only administrators can manage users of this organisation."}"#;
    let why = r#"{"message":"Only administrators can manage users of this organisation."}"#;
    assert_eq!(found(group, why), None);
    let tenant = r#""tenant":{"id":"t-4711","name":"Acme"}"#;
    let me = format!(r#"{{"name":"alice","email":"alice@example.com",{tenant}}}"#);
    assert_eq!(found(&me, &format!(r#"{{"error":"no",{tenant},"path":"/me"}}"#)), None);
    // What is not all of the refusal, or more than what stands around it.
    let all = USERS.replace("]}", "],\"error\":\"no\"}");
    assert!(found(&USERS.replace("]}", "],\"total\":3}"), &all).is_some());
}

#[test]
fn nothing_is_asked_where_nothing_was_sent() {
    assert_eq!(asked(&Trail::default()), "");
}

#[test]
fn columns_of_what_is_guarded_are_found() {
    let all = employees();
    let list = |of: &dyn Fn(usize) -> String| (0..20).map(of).collect::<Vec<_>>().join(",");
    let salary = |i: usize| (41000 + 137 * i).to_string();
    let grouped = |i: usize| format!("{},{}", &salary(i)[..2], &salary(i)[2..]);
    for came in [
        format!(r#"{{"error":"no","x":[{}]}}"#, list(&|i| format!("\"person{i}@acme.example\""))),
        format!("{{{}}}", list(&|i| format!("\"person{i}@acme.example\":{}", salary(i)))),
        format!(r#"{{"error":"no","x":[{}]}}"#, list(&salary)),
        format!(r#"{{"error":"no","x":[{},{},{}]}}"#, salary(1), salary(2), salary(3)),
        format!(r#"{{"error":"no","ids":[{}]}}"#, list(&|i| (4000 + i).to_string())),
        format!(r#"{{"error":"no","ids":"{}"}}"#, list(&|i| (4000 + i).to_string())),
        format!(r#"{{"error":"no","x":"{}"}}"#, list(&grouped)),
        format!("not for you: {}", NAMES.join(", ")),
        r#"{"error":"denied: person3@acme.example"}"#.to_owned(),
        r#"{"error":"no","x":["person1@acme.example","person2@acme.example"]}"#.to_owned(),
        "<p>&#112;&#101;rson3&#64;acme.example".to_owned(),
        "Traceback: rows=[{'id': 4003, 'name': 'Dan', 'salary': 41411, 'city': 'Dresden', 'email': 'person3".to_owned(),
    ] {
        let said = found(&all, &came);
        assert_eq!(said.is_some(), !came.starts_with("Traceback"), "{came}: {said:?}");
    }
    let rows = r#"{"rows":[{"id":12,"name":"Dan Brown","city":"Dresden","paid":4117},{"id":13,"name":"Eve","city":"Bonn"},
        {"id":14,"name":"Finn","city":"Ulm"},{"id":15,"name":"Gus","city":"Trier"},{"id":16,"name":"Hal","city":"Jena"}]}"#;
    let repr = "KeyError in [{'id': 12, 'name': 'Dan Brown', 'city': 'Dresden', 'paid': 4117}]";
    assert!(found(rows, repr).is_some());
    let account = r#"{"owner":"alice","iban":"DE89370400440532013000","note":"rent","balance":12}"#;
    assert!(found(account, r#"{"error":"no access to DE89370400440532013000"}"#).is_some());
}

#[test]
fn what_an_honest_refusal_names_is_no_column() {
    let all = employees();
    for came in [
        r#"{"error":"robert@acme.example may not read the employees","id":4777}"#,
        r#"{"error":"no","user":"person3@acme.example"}"#,
        r#"{"error":"no","contact":{"email":"person3@acme.example"}}"#,
        r#"{"error":"no","retry":4003,"limit":41137,"at":"2026-11-27T10:00:00Z"}"#,
        r#"{"error":"ask Ann, Ben or Cleo"}"#,
        r#"{"error":"no office in Berlin, Hamburg, Munich, Dresden"}"#,
    ] {
        assert_eq!(found(&all, came), None, "{came}");
    }
    let contacts = r#"{"users":[{"n":1,"mail":"support@acme.example"},{"n":2,"mail":"dora@example.com"},{"n":3,"mail":"a@b.example"}]}"#;
    assert_eq!(found(contacts, r#"{"error":"no; write to support@acme.example"}"#), None, "nobody's");
    assert_eq!(found(contacts, r#"{"error":"no; write to dora@example.com"}"#), None, "told elsewhere");
    assert!(found(contacts, r#"{"error":"no; write to a@b.example"}"#).is_some());
    let role = |(at, name): (usize, &str)| {
        let (about, since) = (format!("About number {at}"), format!("2026-01-{:02}", at + 10));
        format!(r#"{{"name":"{name}","about":"{about}","since":"{since}"}}"#)
    };
    let names = ["admin", "editor", "viewer", "owner", "auditor", "billing", "guest", "support", "robot"];
    let roles = format!(r#"{{"roles":[{}]}}"#, names.into_iter().enumerate().map(role).collect::<Vec<_>>().join(","));
    let wanted = r#"{"error":"no","any_of":["admin","editor","viewer","owner","auditor","billing","guest","support"]}"#;
    assert_eq!(found(&roles, wanted), None);
    let order = r#"{"id":"0b9f3c1e-7d0a-4c55-9a53-0242ac120002","tenant":"5c6ce1f0-0d1c-4f5e-8c55-6a1f7c0e9a11","number":"4711000123",
        "total":120,"created":1795770000,"items":[{"sku":"A-12345","n":1},{"sku":"A-12346","n":2}]}"#;
    let named =
        r#"{"error":"no","order":"0b9f3c1e-7d0a-4c55-9a53-0242ac120002","number":"4711000123","at":1795770000}"#;
    assert_eq!(found(order, named), None, "what was asked for by another name");
}
