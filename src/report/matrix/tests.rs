//! What is drawn of a matrix, and what is told.

use super::*;
use crate::event::{AccessCell, Likeness, Loot, Verdict};
use crate::mutate::Grade;
use crate::report::fixture;
use crate::report::terminal::{Colour, Glyphs};

fn cell(row: u32, column: u32, role: &str, got: u16) -> AccessCell {
    AccessCell {
        row: format!("GET /row/{row}"),
        column: format!("person-{column}"),
        role: Some(role.to_owned()),
        row_number: row,
        column_number: column,
        with: None,
        want: "deny".to_owned(),
        got: Some(got),
        body: None,
        odd: false,
    }
}

fn outcome(cell: AccessCell, verdict: Verdict) -> Outcome {
    Outcome { access: Some(cell), ..fixture::outcome(0, 0, "s/row", verdict) }
}

fn lines(matrices: &Matrices, width: usize, rows: Rows) -> Vec<String> {
    let page = Page { width, glyphs: Glyphs::Ascii };
    matrices.draw(page, rows).iter().flatten().map(|line| line.render(Colour::Off)).collect()
}

fn drawn(columns: u32, width: usize, rows: Rows) -> Vec<String> {
    let mut matrices = Matrices::default();
    for row in 0..3 {
        for column in 0..columns {
            let role = if column % 2 == 0 { "user" } else { "admin" };
            let failed = row == 1 && column == 1;
            let verdict = if failed { Verdict::Failed } else { Verdict::Passed };
            matrices.add(&outcome(cell(row, column, role, if failed { 200 } else { 403 }), verdict));
        }
    }
    lines(&matrices, width, rows)
}

/// A row whose one cell is allowed, and sent with defects that end as is said.
fn with_defects(ends: &[(&str, u16, Verdict, bool)]) -> Matrices {
    let mut matrices = Matrices::default();
    matrices.add(&outcome(AccessCell { want: "200".to_owned(), ..cell(0, 0, "user", 200) }, Verdict::Passed));
    for (id, got, verdict, odd) in ends {
        let with = Some((*id).to_owned());
        let cell = AccessCell { with, want: "401".to_owned(), ..cell(0, 0, "user", *got) };
        let grade = match verdict {
            Verdict::Failed => Grade::Accepted,
            _ if *odd => Grade::DeniedOther,
            _ => Grade::DeniedExact,
        };
        let code = if *verdict == Verdict::Failed { "mutant-accepted" } else { "" };
        let reasons = Some(code)
            .filter(|code| !code.is_empty())
            .map(|code| fixture::reason(code, "it was let in", fixture::place("a.yaml", 1, "x", "x")));
        let with = Some(Box::new(fixture::defect(id, grade)));
        matrices.add(&Outcome { with, reasons: reasons.into_iter().collect(), ..outcome(cell, *verdict) });
    }
    matrices
}

fn markdown_of(matrices: &Matrices) -> String {
    let mut to = Vec::new();
    matrices.markdown(&mut to).unwrap();
    String::from_utf8(to).unwrap()
}

#[test]
fn only_what_deviates_is_drawn_and_told_in_words() {
    let lines = drawn(3, 80, Rows::Deviating);
    let text = lines.join("\n");
    assert!(text.contains("200!") && text.contains("person-1 got 200, want deny"), "{text}");
    assert!(!text.contains("/row/0") && !text.contains("/row/2"), "{text}");
    let all = drawn(3, 80, Rows::All).join("\n");
    assert!(all.contains("/row/0") && all.contains("/row/2"), "{all}");
}

#[test]
fn no_line_is_wider_than_the_page_and_many_columns_become_roles() {
    for (columns, width) in [(3, 80), (8, 80), (8, 120), (30, 80), (3, 40)] {
        let lines = drawn(columns, width, Rows::All);
        assert!(lines.iter().all(|l| l.chars().count() <= width), "{columns} {width}: {lines:#?}");
    }
    let folded = drawn(30, 80, Rows::Deviating).join("\n");
    assert!(folded.contains("user x15") && folded.contains("admin x15"), "{folded}");
    assert!(folded.contains("200!") && !folded.contains("person-2"), "{folded}");
    assert!(drawn(8, 80, Rows::All).join("\n").contains("person-7"), "bands");
}

/// Whatever comes after it, and however many: a defect that got in is shown.
#[test]
fn no_defect_hides_another_or_the_cell_itself() {
    let matrices = with_defects(&[
        ("hdr-a", 401, Verdict::Passed, false),
        ("hdr-b", 200, Verdict::Failed, false),
        ("hdr-c", 401, Verdict::Passed, false),
    ]);
    let text = lines(&matrices, 100, Rows::Deviating).join("\n");
    assert!(text.contains("1 of 1 row of s not as expected") && text.contains("200!"), "{text}");
    assert!(text.contains("person-0 with hdr-b got 200, accepted"), "{text}");
    let text = markdown_of(&matrices);
    assert!(text.contains("| **200!** |"), "{text}");
    assert!(text.contains("- `GET /row/0`: person-0 with hdr-b got 200, accepted"), "{text}");

    let mut failed = with_defects(&[("hdr-a", 401, Verdict::Passed, false)]);
    failed.add(&outcome(cell(0, 0, "user", 500), Verdict::Failed));
    let again = AccessCell { with: Some("hdr-z".to_owned()), ..cell(0, 0, "user", 401) };
    failed.add(&outcome(again, Verdict::Passed));
    let text = lines(&failed, 100, Rows::Deviating).join("\n");
    assert!(text.contains("500!") && text.contains("person-0 got 500, want deny"), "{text}");
}

/// Milder than what fails the run: to be seen, and no failure.
#[test]
fn what_is_spared_is_no_failure() {
    let mut matrices = Matrices::default();
    let defect = AccessCell { with: Some("hdr-a".to_owned()), ..cell(0, 0, "user", 200) };
    let with = Some(Box::new(fixture::defect("hdr-a", Grade::Accepted)));
    let reasons = vec![fixture::reason("mutant-accepted", "let in", fixture::place("a.yaml", 1, "x", "x"))];
    matrices.add(&outcome(AccessCell { want: "200".to_owned(), ..cell(0, 0, "user", 200) }, Verdict::Passed));
    matrices.add(&Outcome { with, reasons, spared: true, ..outcome(defect, Verdict::Failed) });
    let text = lines(&matrices, 100, Rows::Deviating).join("\n");
    assert!(text.contains("0 of 1 row of s not as expected, 1 spared") && text.contains("200*"), "{text}");
    assert!(text.contains("person-0 with hdr-a got 200, accepted, spared") && !text.contains('!'), "{text}");
}

/// However many findings stand before it.
#[test]
fn a_failure_is_told_before_all_else() {
    let mut matrices = Matrices::default();
    for (column, got) in [401, 403, 400, 404, 405, 409].into_iter().enumerate() {
        let odd = AccessCell { odd: true, ..cell(0, u32::try_from(column).unwrap(), "user", got) };
        matrices.add(&outcome(odd, Verdict::Passed));
    }
    matrices.add(&outcome(cell(0, 6, "user", 200), Verdict::Failed));
    let text = lines(&matrices, 200, Rows::Deviating).join("\n");
    assert!(text.contains("person-6 got 200, want deny"), "{text}");
}

#[test]
fn a_refusal_with_what_it_guards_is_told() {
    let part = "`a@b.example` of the body of whoever is allowed";
    for (message, told) in [("x", "the body of whoever is allowed"), (&*format!("what is guarded: {part}"), part)] {
        let mut matrices = Matrices::default();
        let reasons = vec![fixture::reason("refused-with-data", message, fixture::place("a.yaml", 1, "x", "x"))];
        matrices.add(&Outcome { reasons, ..outcome(cell(0, 0, "user", 403), Verdict::Failed) });
        let text = lines(&matrices, 100, Rows::Deviating).join("\n");
        assert!(text.contains(&format!("person-0 got 403, with {told}")), "{text}");
    }
}

#[test]
fn defects_that_end_alike_are_told_together() {
    let end = |id: &'static str| (id, 400, Verdict::Passed, true);
    let one = lines(&with_defects(&[end("hdr-a")]), 100, Rows::Deviating).join("\n");
    assert!(one.contains("person-0 with hdr-a got 400 instead of 401"), "{one}");
    let many = with_defects(&[end("hdr-a"), end("hdr-b"), end("hdr-c"), ("hdr-d", 401, Verdict::Inconclusive, false)]);
    let many = lines(&many, 140, Rows::Deviating).join("\n");
    assert!(many.contains("person-0 with hdr-a, hdr-b and 1 more: answered otherwise than is due"), "{many}");
    assert!(many.contains("person-0 with hdr-d got 401: inconclusive"), "{many}");
    assert!(many.contains("0 of 1 row of s not as expected, 1 not judged"), "{many}");
}

/// A defect that has no sense for a cell is no gap; one that the run never came to is.
#[test]
fn defects_that_were_left_out_are_not_those_that_were_not_run() {
    let skipped = with_defects(&[("hdr-a", 401, Verdict::Passed, false), ("hdr-b", 0, Verdict::Skipped, false)]);
    let text = lines(&skipped, 100, Rows::All).join("\n");
    assert!(text.contains("0 of 1 row of s not as expected\n") && !text.contains("hdr-b"), "{text}");
    assert!(markdown_of(&skipped).contains("| 200 |"));
    let cut_off = with_defects(&[("hdr-a", 401, Verdict::Passed, false), ("hdr-b", 0, Verdict::NotRun, false)]);
    assert!(lines(&cut_off, 100, Rows::Deviating).is_empty(), "that the run was cut off is told elsewhere");
    let text = lines(&cut_off, 100, Rows::All).join("\n");
    assert!(text.contains("0 of 1 row of s not as expected, 1 not run"), "{text}");
    assert!(text.contains("person-0 with hdr-b: not run"), "{text}");
    assert!(markdown_of(&cut_off).contains("- `GET /row/0`: person-0 with hdr-b: not run"));
}

#[test]
fn a_refusal_of_the_other_kind_is_a_finding_and_no_failure() {
    let mut matrices = Matrices::default();
    matrices.add(&outcome(AccessCell { odd: true, ..cell(0, 0, "user", 401) }, Verdict::Passed));
    let text = lines(&matrices, 80, Rows::Deviating).join("\n");
    assert!(text.contains("0 of 1 row of s not as expected, 1 with a finding"), "{text}");
    assert!(text.contains("401*") && text.contains("person-0 got 401 instead of 403"), "{text}");
    assert!(!text.contains('!'), "{text}");
    matrices.add(&outcome(AccessCell { odd: true, ..cell(1, 0, "user", 401) }, Verdict::Failed));
    let text = lines(&matrices, 80, Rows::Deviating).join("\n");
    assert!(text.contains("1 of 2 rows of s not as expected, 1 with a finding") && text.contains("401!"), "{text}");
}

#[test]
fn what_did_not_run_is_neither_shown_as_expected_nor_as_odd() {
    let of = |verdicts: &[Verdict]| {
        let mut matrices = Matrices::default();
        for column in 0..10 {
            let verdict = verdicts[column as usize % verdicts.len()];
            let got = if verdict == Verdict::Passed { Some(403) } else { None };
            matrices.add(&outcome(AccessCell { got, ..cell(0, column, "user", 0) }, verdict));
        }
        matrices
    };
    let some = of(&[Verdict::Passed, Verdict::NotRun]);
    assert!(lines(&some, 80, Rows::Deviating).is_empty());
    let text = lines(&some, 80, Rows::All).join("\n");
    assert!(text.contains("user x10") && text.contains("ok/-"), "{text}");
    assert!(text.contains("0 of 1 row of s not as expected, 1 not run"), "{text}");
    let none = lines(&of(&[Verdict::Skipped]), 80, Rows::All).join("\n");
    assert!(none.contains(" skip") && !none.contains("ok") && !none.contains("not run"), "{none}");
    let some = lines(&of(&[Verdict::Passed, Verdict::Skipped]), 80, Rows::All).join("\n");
    assert!(some.contains("ok/skip") && !some.contains("not run"), "{some}");
    let blocked = lines(&of(&[Verdict::Passed, Verdict::Blocked]), 80, Rows::Deviating).join("\n");
    assert!(blocked.contains("-?"), "{blocked}");
    assert!(blocked.contains("person-1, person-3, person-5 and 2 more: blocked"), "{blocked}");
}

/// What somebody got who should not have got in, in each way it can be told.
#[test]
fn what_was_got_is_told() {
    let told = |is, beside: Option<&str>| {
        let mut matrices = Matrices::default();
        let body = Some(Loot { is, beside: beside.map(str::to_owned), bytes: 3 });
        matrices.add(&outcome(AccessCell { body, ..cell(0, 0, "user", 200) }, Verdict::Failed));
        lines(&matrices, 100, Rows::Deviating).join("\n")
    };
    let is = |text: String, end: &str| assert!(text.ends_with(end), "{text}");
    is(told(Likeness::Same, Some("alice")), "want deny, the body of alice");
    is(told(Likeness::Differs, Some("alice")), "want deny, another body than alice");
    is(told(Likeness::Empty, None), "want deny, no body");
    is(told(Likeness::Alone, None), "want deny, and nobody who may got a body to compare with");
}

#[test]
fn a_check_of_something_else_than_the_status_is_named() {
    let failed = |code, message: &str| {
        let reasons = vec![fixture::reason(code, message, fixture::place("a.yaml", 1, "x", "x"))];
        let cell = AccessCell { want: "404".to_owned(), ..cell(0, 0, "user", 404) };
        let mut matrices = Matrices::default();
        matrices.add(&Outcome { reasons, ..outcome(cell, Verdict::Failed) });
        lines(&matrices, 100, Rows::Deviating).join("\n")
    };
    let changed = failed("changed", "`bob` was refused with 404, and yet something changed");
    assert!(changed.ends_with("person-0 got 404, and yet something changed"), "{changed}");
    let other = failed("check-failed", "json $.a is not as expected");
    assert!(other.ends_with("person-0 got 404, but json $.a is not as expected"), "{other}");
}
