//! Pages: hidden inputs, meta tags, addresses in attributes, values in scripts.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::keys::{Kind, kind_of};
use super::plain::{mask_assignments, mask_credentials};
use super::{mask_json_text, mask_url, replace_all, stand_in};

static TAG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"<[A-Za-z](?:[^>"']|"[^"]*"?|'[^']*'?)*"#).expect("a constant pattern"));

static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"([A-Za-z_:@][-A-Za-z0-9_:.]*)\s*=\s*(?:"([^"]*)|'([^']*)|([^\s"'>]+))"#).expect("a constant pattern")
});

/// One attribute: its name and where its value stands.
type Attribute = (String, Range<usize>);

/// Masks credentials in a page that may be broken or cut: values of password inputs, of inputs and meta tags with
/// credential-like names, in addresses and in scripts.
pub fn mask_html(text: &str) -> Cow<'_, str> {
    let mut changes = Vec::new();
    for tag in TAG.find_iter(text) {
        let attributes: Vec<Attribute> = ATTRIBUTE
            .captures_iter(tag.as_str())
            .filter_map(|found| {
                let value = found.get(2).or_else(|| found.get(3)).or_else(|| found.get(4))?.range();
                Some((found[1].to_ascii_lowercase(), tag.start() + value.start..tag.start() + value.end))
            })
            .collect();
        let kind = kind_of_tag(text, &attributes);
        for (name, at) in attributes {
            let value = &text[at.clone()];
            let shown = match name.as_str() {
                "value" | "content" if kind.is_some() => kind.and_then(|kind| stand_in(value, kind)),
                "href" | "src" | "action" | "formaction" | "content" => owned(mask_url(value)),
                _ => kind_of(&name).and_then(|kind| stand_in(value, kind)),
            };
            changes.extend(shown.map(|shown| (at, shown)));
        }
    }
    let page = replace_all(text, changes);
    let page = mask_credentials(&mask_assignments(&mask_json_text(&page))).into_owned();
    if page == text { Cow::Borrowed(text) } else { Cow::Owned(page) }
}

fn owned(text: Cow<'_, str>) -> Option<String> {
    match text {
        Cow::Borrowed(_) => None,
        Cow::Owned(text) => Some(text),
    }
}

/// Tells what the value of an input or meta tag is, from its type, name or id.
fn kind_of_tag(text: &str, attributes: &[Attribute]) -> Option<Kind> {
    let value = |wanted: &str| attributes.iter().find(|(name, _)| name == wanted).map(|(_, at)| &text[at.clone()]);
    if value("type").is_some_and(|kind| kind.eq_ignore_ascii_case("password")) {
        return Some(Kind::Password);
    }
    ["name", "id", "property"].iter().filter_map(|name| value(name)).find_map(kind_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_meta_tags_addresses_and_scripts_are_masked() {
        for (page, masked) in [
            (
                r#"<input type="hidden" name="_csrf" value="abc"><input name=user value=alice>"#,
                r#"<input type="hidden" name="_csrf" value="‹masked›"><input name=user value=alice>"#,
            ),
            ("<INPUT VALUE='x' TYPE=password NAME=p>", "<INPUT VALUE='‹masked›' TYPE=password NAME=p>"),
            (r#"<input value=abc name="authenticity_token""#, r#"<input value=‹masked› name="authenticity_token""#),
            (r#"<meta name="csrf-token" content="abc">"#, r#"<meta name="csrf-token" content="‹masked›">"#),
            (r#"<a href="/x?a=1&amp;code=a1b2">code</a>"#, r#"<a href="/x?a=1&amp;code=‹masked›">code</a>"#),
            (
                "<script>var csrfToken = 'abc'; x = {\"token\":\"t\"}</script>",
                "<script>var csrfToken = '‹masked›'; x = {\"token\":\"‹masked›\"}</script>",
            ),
            (r#"<div data-token="abc" class="token">"#, r#"<div data-token="‹masked›" class="token">"#),
            (r#"<input type=hidden name=token value="cut"#, r#"<input type=hidden name=token value="‹masked›"#),
            (
                r#"<label for="password">Password: </label><p>2 < 3"#,
                r#"<label for="password">Password: </label><p>2 < 3"#,
            ),
            (r#"<input type=hidden name=csrf value="‹csrf#1›">"#, r#"<input type=hidden name=csrf value="‹csrf#1›">"#),
        ] {
            assert_eq!(mask_html(page), masked);
            assert_eq!(mask_html(masked), masked);
        }
    }
}
