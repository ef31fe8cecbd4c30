//! As much of Markdown as the tests need: fenced blocks, comments for the tests, inline code, prose.

use std::path::{Path, PathBuf};

/// Begins a comment whose shell commands are run in the place where it stands.
const SETUP: &str = "<!-- test: ";
/// Ends a comment.
const COMMENT_END: &str = " -->";

/// A Markdown file of the repository.
pub struct Page {
    /// Its path below the root.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A fenced block, or a comment for the tests.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// The line where it begins, from 1.
    pub line: usize,
    /// What stands behind the fence, such as `sh no-run`; `sh` for a comment for the tests.
    pub info: String,
    /// Its lines.
    pub text: String,
    /// The last line before it that is not empty.
    pub before: String,
}

/// Where the repository begins.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file that belongs to the repository, in the order of their names.
pub fn pages() -> Vec<Page> {
    let is_made = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_below_root = path.parent() == Some(root());
        name.starts_with('.') || is_below_root && ["target", "demo", "evidence", "shared"].contains(&&*name)
    };
    let walk = walkdir::WalkDir::new(root()).min_depth(1).sort_by_file_name();
    let files = walk.into_iter().filter_entry(|entry| !is_made(entry.path())).map(|entry| entry.unwrap());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "md");
    let page = |path: PathBuf| Page {
        name: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(),
        text: std::fs::read_to_string(&path).unwrap(),
    };
    files.map(walkdir::DirEntry::into_path).filter(is_page).map(page).collect()
}

impl Page {
    /// Its fenced blocks and its comments for the tests, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut open, mut before) = (Vec::new(), None::<Block>, String::new());
        for (line, text) in (1..).zip(self.text.lines()) {
            let trimmed = text.trim_start();
            match (&mut open, trimmed.strip_prefix("```")) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.text += &format!("{text}\n"),
                (None, Some(info)) => {
                    let (info, before) = (info.trim().to_owned(), std::mem::take(&mut before));
                    open = Some(Block { line, info, text: String::new(), before });
                }
                (None, None) => blocks.extend(setup(line, trimmed)),
            }
            if !text.trim().is_empty() {
                before = text.trim().to_owned();
            }
        }
        assert!(open.is_none(), "{}: a block has no end", self.name);
        blocks
    }

    /// Its lines outside of fenced blocks, with their numbers.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let mut is_inside = false;
        let mut is_prose = |text: &str| {
            let is_fence = text.trim_start().starts_with("```");
            is_inside ^= is_fence;
            !is_inside && !is_fence
        };
        (1..).zip(self.text.lines()).filter(|(_, text)| is_prose(text)).collect()
    }

    /// What stands between backticks in its prose, with the line; a span may go on in the next line.
    pub fn inline_code(&self) -> Vec<(usize, String)> {
        let (mut found, mut open) = (Vec::new(), None::<(usize, String)>);
        for (line, text) in self.prose() {
            if text.trim().is_empty() {
                open = None;
            }
            for (at, part) in text.split('`').enumerate() {
                if at > 0 {
                    open = match open.take() {
                        Some(span) => {
                            found.push(span);
                            None
                        }
                        None => Some((line, String::new())),
                    };
                }
                if let Some((_, span)) = &mut open {
                    let gap = if span.is_empty() || at > 0 { "" } else { " " };
                    *span += &format!("{gap}{}", part.trim().replace("\\|", "|"));
                }
            }
        }
        found
    }
}

/// The commands of a comment for the tests.
fn setup(line: usize, text: &str) -> Option<Block> {
    let commands = text.strip_prefix(SETUP)?.strip_suffix(COMMENT_END)?;
    Some(Block { line, info: "sh".to_owned(), text: commands.to_owned(), before: String::new() })
}

#[test]
fn blocks_comments_and_spans_are_found() {
    let text =
        "# A\n\n<!-- test: touch x -->\n```sh no-run\nls `x`\n```\nsee `tubelet scan\n--out` and `b`\n";
    let page = Page { name: "a.md".to_owned(), text: text.to_owned() };
    let blocks = page.blocks();
    let said: Vec<_> = blocks.iter().map(|block| (block.line, &*block.info, &*block.text)).collect();
    assert_eq!(said, [(3, "sh", "touch x"), (4, "sh no-run", "ls `x`\n")]);
    assert_eq!(blocks[1].before, "<!-- test: touch x -->");
    assert_eq!(page.inline_code(), [(7, "tubelet scan --out".to_owned()), (8, "b".to_owned())]);
}
