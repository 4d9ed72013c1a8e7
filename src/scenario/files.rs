//! Where the files that a scenario names come from.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::yaml::nearest;

/// Reads the files that a scenario names; injected, so that tests need no disk.
pub trait Files {
    /// The text of a file; `-` is the standard input.
    ///
    /// # Errors
    /// Says why it cannot be read.
    fn read(&self, path: &str) -> Result<String, String>;

    /// The files that match a pattern with `*` and `?` in its last part, sorted.
    ///
    /// # Errors
    /// Says why the directory cannot be read.
    fn glob(&self, pattern: &str) -> Result<Vec<String>, String>;
}

/// Files on disk, relative to a directory.
#[derive(Debug, Clone)]
pub struct DiskFiles {
    directory: PathBuf,
}

impl DiskFiles {
    /// Files relative to `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Files relative to the directory of a scenario file (`-`: the current directory).
    #[must_use]
    pub fn beside(scenario: &str) -> Self {
        Self::new(Path::new(scenario).parent().unwrap_or(Path::new("")))
    }
}

impl Files for DiskFiles {
    fn read(&self, path: &str) -> Result<String, String> {
        if path == "-" {
            let mut text = String::new();
            return match std::io::stdin().read_to_string(&mut text) {
                Ok(_) => Ok(text),
                Err(error) => Err(format!("cannot read the standard input: {error}")),
            };
        }
        let place = self.directory.join(path);
        let bytes = fs::read(&place).map_err(|error| {
            let near = near(&place).filter(|_| error.kind() == ErrorKind::NotFound);
            let near = near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
            format!("cannot read `{path}`: {error}{near}")
        })?;
        String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            format!("cannot read `{path}`: it is not UTF-8 text, from line {line} on")
        })
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        let (folder, last) = pattern.rsplit_once('/').map_or(("", pattern), |(folder, last)| (folder, last));
        if folder.contains(['*', '?']) {
            return Err(format!("`{pattern}`: only the last part may contain * or ?"));
        }
        let directory = if pattern.starts_with('/') && folder.is_empty() {
            PathBuf::from("/")
        } else {
            self.directory.join(folder)
        };
        // Of the directory where we are, `read_dir` wants a name.
        let directory = if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory };
        let listing =
            fs::read_dir(&directory).map_err(|error| format!("cannot read the directory of `{pattern}`: {error}"))?;
        let mut found = Vec::new();
        for entry in listing {
            let entry = entry.map_err(|error| format!("cannot read the directory of `{pattern}`: {error}"))?;
            if let Some(name) = entry.file_name().to_str()
                && matches(last, name)
                && entry.path().is_file()
            {
                found.push(pattern[..pattern.len() - last.len()].to_owned() + name);
            }
        }
        found.sort();
        Ok(found)
    }
}

/// The file beside a missing one whose name is nearest to its own.
fn near(missing: &Path) -> Option<String> {
    let name = missing.file_name()?.to_str()?;
    let directory = missing.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(directory).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
}

/// Whether a name matches a pattern of `*` (anything) and `?` (one character).
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Greedy matching with one point to return to: the last star takes one character more. Linear memory, no recursion.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, n));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == name[n]) {
            p += 1;
            n += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            n = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match() {
        for (pattern, name, expected) in [
            ("*.yaml", "web.yaml", true),
            ("*.yaml", "web.yml", false),
            ("w?b.yaml", "web.yaml", true),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_on_disk_are_relative_to_the_scenario() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(directory.path().join("shop")).expect("a folder");
        for name in ["b.yaml", "a.yaml", "c.txt"] {
            fs::write(directory.path().join("shop").join(name), name).expect("a file");
        }
        let files = DiskFiles::beside(&format!("{}/scenario.yaml", directory.path().display()));
        assert_eq!(files.glob("shop/*.yaml"), Ok(vec!["shop/a.yaml".to_owned(), "shop/b.yaml".to_owned()]));
        assert_eq!(files.read("shop/a.yaml"), Ok("a.yaml".to_owned()));
        assert!(files.read("shop/d.yaml").is_err_and(|message| message.contains("shop/d.yaml")));
        let refused = files.glob("none/*.yaml").expect_err("no directory");
        assert!(refused.starts_with("cannot read the directory of `none/*.yaml`: "), "{refused}");
        assert_eq!(files.glob("s*/a.yaml"), Err("`s*/a.yaml`: only the last part may contain * or ?".to_owned()));
        fs::write(directory.path().join("bytes"), [0xff]).expect("a file");
        assert_eq!(files.read("bytes"), Err("cannot read `bytes`: it is not UTF-8 text, from line 1 on".to_owned()));
    }
}
