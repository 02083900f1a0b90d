//! Projects and principals have names here; Backend.AI's clients know them by a UUID too, which is made of the name.

use muster_platform::site::Project;
use uuid::Uuid;

use crate::auth::Directory;

/// What ids of projects are made in.
const PROJECTS: Uuid = Uuid::from_u128(0x6d75_7374_6572_4000_8000_7072_6f6a_6563);

/// What ids of principals are made in.
const USERS: Uuid = Uuid::from_u128(0x6d75_7374_6572_4000_8000_7573_6572_7300);

/// The id of a project.
pub(super) fn project_id(name: &str) -> Uuid {
    Uuid::new_v5(&PROJECTS, name.as_bytes())
}

/// The id of a principal.
pub(super) fn user_id(name: &str) -> Uuid {
    Uuid::new_v5(&USERS, name.as_bytes())
}

/// The names that ids can stand for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Names<'a> {
    directory: Option<&'a Directory>,
}

impl<'a> Names<'a> {
    /// Those of the site.
    pub(super) fn of(directory: &'a Directory) -> Self {
        Self {
            directory: Some(directory),
        }
    }

    /// The name of the project that is called like that, or has this id.
    pub(super) fn project(self, given: &str) -> String {
        let wanted = Uuid::try_parse(given).ok();
        let mut projects = self.projects().iter();
        let found = wanted.and_then(|id| projects.find(|project| project_id(&project.name) == id));
        found.map_or_else(|| given.to_owned(), |project| project.name.clone())
    }

    /// The name of the principal that is called like that, or has this id.
    pub(super) fn user(self, given: &str) -> String {
        let Ok(wanted) = Uuid::try_parse(given) else {
            return given.to_owned();
        };
        let directory = self.directory.into_iter();
        let principals = directory.flat_map(|directory| {
            let projects = self.projects().iter();
            projects.flat_map(move |project| directory.principals_of(&project.name))
        });
        let mut names = principals.map(|principal| &principal.name);
        let found = names.find(|name| user_id(name) == wanted);
        found.cloned().unwrap_or_else(|| given.to_owned())
    }

    fn projects(self) -> &'a [Project] {
        self.directory.map_or(&[], Directory::tenants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_what_it_is() {
        assert_eq!(
            [project_id("demo"), user_id("demo")].map(|id| id.get_version_num()),
            [5, 5]
        );
        assert_ne!(project_id("demo"), user_id("demo"));
        assert_ne!(project_id("demo"), project_id("demo2"));
        assert_eq!(Names::default().project("demo"), "demo");
        assert_eq!(Names::default().user("alice"), "alice");
    }
}
