//! Folders that outlive a session, in its containers (`api/backendai.md` §2, `mounts`).

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Component, Path, PathBuf},
};

use muster_contract::agent::{FolderMount, StartContainer};

/// Folders on the machine, each with the relative path that a container has it at.
pub(super) type Folders = Vec<(PathBuf, String)>;

/// The folders of an order, in `directory`: `PROJECT/FOLDER`. Why not, for people, if one is not there.
pub(super) fn find(directory: Option<&Path>, order: &StartContainer) -> Result<Folders, String> {
    let found = order.folders.iter().map(|folder| {
        let FolderMount { name, path } = folder;
        let directory = directory.ok_or("this agent has no folders (agent.folders_directory)")?;
        let is_below = |path: &str| {
            let mut parts = Path::new(path).components();
            !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
        };
        let is_one = |name: &str| is_below(name) && !name.contains('/');
        if !is_one(name) || !is_one(&order.project) || !is_below(path) {
            return Err(format!("a folder {name} cannot be at {path}"));
        }
        let place = directory.join(&order.project).join(name);
        if place.is_dir() {
            Ok((place, path.clone()))
        } else {
            Err(format!(
                "project {} has no folder {name} here",
                order.project
            ))
        }
    });
    found.collect()
}

/// Puts them into a home directory, where processes of the machine find them. As links: what is removed with that directory is the
/// link and never the folder.
pub(super) fn link(folders: &Folders, home: &Path) -> io::Result<()> {
    for (folder, path) in folders {
        let place = home.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        match symlink(folder, &place) {
            // It is started anew, or the order came once more.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use muster_testkit::TemporaryDirectory;

    use super::*;
    use crate::containers::testing::order;

    #[test]
    fn folders_of_the_project_alone_are_found() {
        let directory = TemporaryDirectory::new("folders").unwrap();
        fs::create_dir_all(directory.join("demo/data")).unwrap();
        fs::create_dir_all(directory.join("other/secret")).unwrap();
        let mut order = order(&[], None);
        let mut found = |name: &str, path: &str| {
            let (name, path) = (name.to_owned(), path.to_owned());
            order.folders = vec![FolderMount { name, path }];
            find(Some(directory.path()), &order)
        };
        let folders = found("data", "in/data").unwrap();
        assert_eq!(
            folders,
            [(directory.join("demo/data"), "in/data".to_owned())]
        );
        for (name, path) in [
            ("secret", "x"),
            ("../other/secret", "x"),
            ("..", "x"),
            ("", "x"),
            ("data", "/etc"),
            ("data", "../x"),
            ("data", ""),
        ] {
            assert!(found(name, path).is_err(), "{name} {path}");
        }
        order.folders = vec![FolderMount {
            name: "data".to_owned(),
            path: "data".to_owned(),
        }];
        assert!(find(None, &order).unwrap_err().contains("no folders"));
    }

    #[test]
    fn a_link_goes_and_the_folder_stays() {
        let directory = TemporaryDirectory::new("folders").unwrap();
        let (folder, home) = (directory.join("data"), directory.join("home"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("kept"), "1").unwrap();
        let folders = vec![(folder.clone(), "in/data".to_owned())];
        link(&folders, &home).unwrap();
        link(&folders, &home).unwrap();
        assert_eq!(fs::read_to_string(home.join("in/data/kept")).unwrap(), "1");
        fs::remove_dir_all(home).unwrap();
        assert!(folder.join("kept").exists());
    }
}
