//! Files: each column on its floors, and no name that says nothing.

use std::path::{Path, PathBuf};

use super::plan::{COLUMN_FOLDERS, COLUMNS, NAMELESS};

/// One line per missing column and per nameless file.
pub(super) fn faults(root: &Path) -> Vec<String> {
    let mut faults: Vec<String> =
        COLUMN_FOLDERS.iter().flat_map(|(folder, except)| missing_columns(root, folder, except)).collect();
    for folder in ["crates", "e2e", "bench", "fuzz", "xtask"] {
        nameless(&root.join(folder), &mut faults);
    }
    faults
}

fn missing_columns(root: &Path, folder: &str, except: &[&str]) -> Vec<String> {
    let stands = |column: &str| {
        let path = root.join(folder).join(column);
        path.is_dir() || path.with_extension("rs").is_file()
    };
    COLUMNS
        .iter()
        .filter(|column| !except.contains(column) && !stands(column))
        .map(|column| format!("column `{column}` is missing in {folder}"))
        .collect()
}

fn nameless(folder: &Path, faults: &mut Vec<String>) {
    for path in entries(folder) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "node_modules"].contains(&name.as_str()) && !name.starts_with('.') {
            nameless(&path, faults);
        }
        let is_code = path.is_dir() || path.extension().is_some_and(|end| end == "rs");
        if is_code && NAMELESS.contains(&name.as_str()) {
            faults.push(format!("{}: name it for the noun that it holds", path.display()));
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(files: &[&str]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("xtask-arch-{}-{}", std::process::id(), files.len()));
        let _ = std::fs::remove_dir_all(&root);
        for file in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn a_column_may_be_a_file_or_a_folder() {
        let root = house(&["crates/ports/src/media.rs", "crates/ports/src/messages/accept.rs"]);
        let missing = missing_columns(&root, "crates/ports/src", &[]);
        assert_eq!(missing.len(), COLUMNS.len() - 2);
        assert!(missing.contains(&"column `alerts` is missing in crates/ports/src".to_owned()));
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_file_named_for_nothing_is_a_fault() {
        let root = house(&["crates/a/src/helpers.rs", "crates/a/src/lane.rs", "crates/a/src/utils/x.rs"]);
        let mut faults = Vec::new();
        nameless(&root.join("crates"), &mut faults);
        assert_eq!(faults.len(), 2);
        assert!(faults[0].contains("helpers.rs"));
        std::fs::remove_dir_all(root).unwrap();
    }
}
