//! Texts that the table can hold. PostgreSQL's `text` has every character but U+0000; JSON documents write that one as
//! an escape, so it matters for plain columns only.

use muster_contract::job_archive::StartJob;

const NUL: char = '\0';

/// Whether a column can hold the text. One that it cannot hold is nowhere in the table.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains(NUL)
}

/// The first member of a start that cannot be stored, as the client calls it.
pub(crate) fn unstorable_member(start: &StartJob) -> Option<&'static str> {
    let members = [
        ("user", &start.user),
        ("project", &start.project),
        ("partition", &start.partition),
    ];
    let tags = start
        .tags
        .iter()
        .flat_map(|tag| [&tag.kind, &tag.name, &tag.scope]);
    members
        .into_iter()
        .chain(tags.map(|text| ("tags", text)))
        .find(|(_, text)| !is_storable(text))
        .map(|(member, _)| member)
}
