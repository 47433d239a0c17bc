//! Tests over the whole table.

use std::collections::BTreeSet;

use super::{CATALOGUE, DEFAULT_PACK, MUTATIONS, PACKS, Pack, Standing, mutation, mutations};

#[test]
fn ids_are_unique_and_kebab_case() {
    let mut seen = BTreeSet::new();
    for row in mutations() {
        assert!(seen.insert(row.id), "`{}` stands twice", row.id);
        assert!(row.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", row.id);
        assert!(!row.id.starts_with("pack") && row.id != "none");
        assert!(!row.about.is_empty() && !row.about.ends_with('.') && !row.explain.is_empty(), "{}", row.id);
        assert!(!row.refs.is_empty(), "`{}` stands on nothing", row.id);
    }
}

#[test]
fn the_catalogue_and_the_table_agree() {
    let mut built = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for entry in CATALOGUE {
        assert!(seen.insert(entry.id), "`{}` stands twice", entry.id);
        match entry.standing {
            Standing::Built => {
                assert!(mutation(entry.id).is_some(), "`{}` is called built, and there is no row", entry.id);
                built.insert(entry.id);
            }
            Standing::As(rows) => {
                for id in rows {
                    assert!(mutation(id).is_some(), "`{}` is called built as `{id}`, and there is no row", entry.id);
                    built.insert(id);
                }
            }
            Standing::NotHere(why) | Standing::LeftOut(why) => {
                assert!(mutation(entry.id).is_none() && !why.is_empty(), "{}", entry.id);
            }
        }
    }
    for row in mutations() {
        assert!(built.contains(row.id), "`{}` stands in no block of the catalogue", row.id);
    }
}

#[test]
fn packs_hold_what_they_name() {
    for pack in PACKS {
        assert!(!pack.rows().is_empty(), "`pack.{}` is empty", pack.name);
        if let super::Wants::These(ids) = pack.wants {
            assert_eq!(pack.rows().len(), ids.len(), "`pack.{}` names what is not there", pack.name);
        }
        if let super::Wants::Families(names) = pack.wants {
            assert!(names.iter().all(|n| MUTATIONS.iter().any(|f| f.name == *n)), "{}", pack.name);
        }
    }
    assert!(Pack::named(&format!("pack.{DEFAULT_PACK}")).is_some());
}
