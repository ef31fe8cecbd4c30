//! The Rust files of a crate: their modules, and their text without comments, strings and tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// All files of a crate, by their module: `["video", "facts"]` is `video/facts.rs`.
pub struct Crate {
    /// The files.
    pub files: BTreeMap<Vec<String>, File>,
}

/// A file.
pub struct File {
    /// From the root of the repository, with `/`.
    pub path: String,
    /// As it is.
    pub text: String,
    /// Whether it holds tests alone.
    pub is_test: bool,
    /// The same length, comments, strings and modules of tests being blank.
    code: String,
}

impl Crate {
    /// The crate whose sources are in `folder`, a path from the root of the repository.
    pub fn read(folder: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut paths = Vec::new();
        rust_files(&root.join(folder), &mut paths);
        let files = paths.into_iter().map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            let inside = path.strip_prefix(root.join(folder)).expect("because it was found there");
            let module = module_of(inside);
            let is_test = module.iter().any(|name| name == "tests");
            let path = path.strip_prefix(root).expect("likewise").to_string_lossy().replace('\\', "/");
            let code = without_tests(&blanked(&text));
            (module, File { path, text, is_test, code })
        });
        Self { files: files.collect() }
    }
}

impl File {
    /// Its code: comments, strings and modules of tests are blank.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Its functions, and how many lines each has from `fn` to its closing brace.
    pub fn functions(&self) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("fn ") {
            let begins_word = self.code[..at].chars().next_back().is_none_or(|before| !is_of_name(before));
            let name: String = self.code[at + 3..].chars().take_while(|letter| is_of_name(*letter)).collect();
            let Some(body) = self.code[at..].find(['{', ';']) else { continue };
            if !begins_word || name.is_empty() || self.code[at + body..].starts_with(';') {
                continue;
            }
            let end = at + body + block_length(&self.code[at + body..]);
            found.push((name, self.code[at..end].lines().count()));
        }
        found
    }

    /// Numbers of the lines, from 1, whose code has these words.
    pub fn lines_with(&self, words: &str) -> impl Iterator<Item = usize> {
        (1..).zip(self.code.lines()).filter(move |(_, line)| line.contains(words)).map(|(number, _)| number)
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    // A crate's two roots are two modules without a name: the library's keeps none, the command's its own.
    if module == ["lib"] || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// Whether a character can be part of a name.
pub fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Bytes from the brace that `text` begins with to the end of its block.
fn block_length(text: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Blanks what stands behind `#[cfg(test)]`: an item with a block, or a line.
fn without_tests(code: &str) -> String {
    let mut left = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (before, tests) = rest.split_at(at);
        let end = match tests.find(['{', ';']) {
            Some(brace) if tests[brace..].starts_with('{') => brace + block_length(&tests[brace..]),
            Some(semicolon) => semicolon + 1,
            None => tests.len(),
        };
        left += before;
        left.extend(tests[..end].chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
        rest = &tests[end..];
    }
    left + rest
}

/// Blanks comments, strings and character literals; line breaks stay.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let blank = blank_length(rest, code.chars().next_back());
        let (piece, after) = rest.split_at(blank.unwrap_or(letter.len_utf8()));
        match blank {
            Some(_) => code.extend(piece.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' })),
            None => code += piece,
        }
        rest = after;
    }
    code
}

/// Bytes of the comment or literal that `rest` begins with.
fn blank_length(rest: &str, before: Option<char>) -> Option<usize> {
    let ends = |from: usize, end: &str| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(ends(2, "*/"));
    }
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !before.is_some_and(is_of_name)) {
        let fences = raw.len() - raw.trim_start_matches('#').len();
        if raw[fences..].starts_with('"') {
            return Some(ends(fences + 2, &format!("\"{}", "#".repeat(fences))));
        }
    }
    if rest.starts_with('"') {
        let mut escaped = false;
        let end = rest[1..].find(|letter| {
            let closes = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            closes
        });
        return Some(end.map_or(rest.len(), |end| end + 2));
    }
    // 'a' and '\n' are characters, 'a without a second quote is a lifetime.
    let inside = rest.strip_prefix('\'')?;
    let length = match inside.strip_prefix('\\') {
        Some(escape) => escape.get(1..)?.find('\'')? + 2,
        None => inside.chars().next()?.len_utf8(),
    };
    inside[length..].starts_with('\'').then_some(length + 2)
}
