//! Who stands in the columns of an access matrix: roles and identities, told from all else that stands in a row.

use std::sync::Arc;

use super::diags;
use super::identity::SuiteCallers;
use crate::source::{Span, Spanned};
use crate::spec::{AccessSpec, EVERYONE, IdentitySpec, Named, OTHERS, Reader, is_row_key};
use crate::step::{Caller, Callers as _, IdentityId};

/// A column: somebody.
#[derive(Debug)]
pub struct Column {
    /// The name of the identity, or `anonymous`.
    pub name: Arc<str>,
    /// The role that it stands for, if it has one.
    pub role: Option<Arc<str>>,
    pub(super) caller: Caller,
    span: Span,
}

/// Everybody who is declared, with their roles.
pub(super) type People = Vec<(Arc<str>, Option<Arc<str>>, IdentityId, Span)>;

/// Finds them.
pub(super) fn people(callers: &mut SuiteCallers<'_, '_>, reader: &mut Reader<'_>) -> People {
    let all: Vec<(Arc<str>, Span)> =
        callers.layers.named(|l| &l.identities).iter().map(|i| (Arc::clone(&i.name), i.span)).collect();
    let found = all.into_iter().filter_map(|(name, span)| {
        let id = callers.find(reader, &Spanned::new(Arc::clone(&name), span))?;
        Some((name, callers.plan.identities[id.0 as usize].role.clone(), id, span))
    });
    found.collect()
}

/// The columns that a matrix asks for, by default nobody and whoever has a role.
pub(super) fn columns(
    spec: &AccessSpec,
    people: &People,
    callers: &SuiteCallers<'_, '_>,
    reader: &mut Reader<'_>,
) -> Vec<Column> {
    let somebody = |(name, role, id, span): &(Arc<str>, Option<Arc<str>>, IdentityId, Span)| Column {
        name: Arc::clone(name),
        role: role.clone(),
        caller: Caller::Identity(*id),
        span: *span,
    };
    let nobody = |span| Column { name: "anonymous".into(), role: None, caller: Caller::Anonymous, span };
    let mut columns = Vec::new();
    match &spec.columns {
        None => {
            columns.push(nobody(spec.span));
            columns.extend(people.iter().filter(|p| p.1.is_some()).map(somebody));
            if columns.len() == 1 {
                reader.fault(diags::no_columns(spec.span));
            }
        }
        Some(names) => {
            for name in names {
                let found: Vec<Column> = match &*name.value {
                    "anonymous" => vec![nobody(name.span)],
                    word => {
                        people.iter().filter(|p| &*p.0 == word || p.1.as_deref() == Some(word)).map(somebody).collect()
                    }
                };
                if found.is_empty() && !is_faulty(&name.value, callers) {
                    reader.fault(diags::unknown_column(name.span, &name.value, &known(people)));
                }
                for column in found {
                    if columns.iter().all(|c: &Column| c.name != column.name) {
                        columns.push(column);
                    }
                }
            }
        }
    }
    for column in columns.iter().filter(|c| c.caller != Caller::Anonymous) {
        let taken = people.iter().find(|p| p.1.as_deref() == Some(&*column.name));
        if let Some((other, ..)) = taken {
            reader.fault(diags::column_like_role(column.span, &column.name, other));
        } else if is_reserved(&column.name) {
            reader.fault(diags::column_like_key(column.span, &column.name));
        }
    }
    check_roles(&columns, callers, reader);
    columns
}

/// Tells whether a name of columns means something else in a row.
fn is_reserved(name: &str) -> bool {
    is_row_key(name) || [EVERYONE, OTHERS].contains(&name)
}

/// Roles name columns too, so they are told from everything else that stands in a row.
fn check_roles(columns: &[Column], callers: &SuiteCallers<'_, '_>, reader: &mut Reader<'_>) {
    let mut told: Vec<&str> = Vec::new();
    let is_taken = |role: &&str| is_reserved(role) || *role == "anonymous";
    for role in columns.iter().filter_map(|c| c.role.as_deref()).filter(is_taken) {
        if told.contains(&role) {
            continue;
        }
        told.push(role);
        let own = |i: &&Named<IdentitySpec>| i.value.role.as_ref().filter(|r| &*r.value == role).map(|r| r.span);
        let place = callers.layers.named(|l| &l.identities).into_iter().find_map(|i| own(&i));
        let whose = columns.iter().find(|c| c.role.as_deref() == Some(role)).map(|c| c.span);
        if let Some(span) = place.or(whose) {
            reader.fault(diags::role_taken(span, role));
        }
    }
}

/// Tells whether a declaration of that name has a fault of its own, which is told there.
pub(super) fn is_faulty(name: &str, callers: &SuiteCallers<'_, '_>) -> bool {
    callers.layers.down().any(|l| l.faulty_identities.iter().any(|n| **n == *name))
        || callers.layers.named(|l| &l.identities).iter().any(|i| &*i.name == name)
}

/// What may be called a column.
fn known(people: &People) -> Vec<&str> {
    let mut all = vec!["anonymous"];
    for name in people.iter().flat_map(|p| [Some(&*p.0), p.1.as_deref()]).flatten() {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}
