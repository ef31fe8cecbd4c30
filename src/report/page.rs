//! The page: headings and sections in the order in which they are written, charts as data that the page's own script draws.

use std::fmt::Write as _;

use schemas::MADE_BY;
use serde_json::Value;

use super::html::escape;

/// How it looks.
const STYLE: &str = include_str!("page.css");
/// Draws the charts, answers to the pointer.
const SCRIPT: &str = include_str!("page.js");
/// Loads the page again when there is something new.
const FOLLOW: &str = include_str!("follow.js");

/// A page in the making.
pub struct Page {
    title: String,
    body: String,
    charts: Vec<Value>,
}

impl Page {
    /// An empty page.
    pub fn new(title: String) -> Self {
        Self { title, body: String::new(), charts: Vec::new() }
    }

    /// A heading of a part (1) or of a section (2).
    pub fn heading(&mut self, level: u8, words: &str) {
        let level = level + 1;
        let _ = write!(self.body, "<h{level}>{}</h{level}>", escape(words));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, words: &str) {
        let _ = write!(self.body, "<p>{}</p>", escape(words));
    }

    /// HTML, made of escaped text.
    pub fn html(&mut self, html: &str) {
        self.body.push_str(html);
    }

    /// HTML that is unfolded by a click.
    pub fn folded(&mut self, summary: &str, html: &str) {
        let _ = write!(self.body, "<details><summary>{}</summary>{html}</details>", escape(summary));
    }

    /// HTML that is folded by a click.
    pub fn unfolded(&mut self, summary: &str, html: &str) {
        let _ = write!(self.body, "<details open><summary>{}</summary>{html}</details>", escape(summary));
    }

    /// Charts beside each other: each a title and series of points, as `curves` has them.
    pub fn charts(&mut self, charts: Vec<Value>) {
        self.body.push_str(r#"<div class="charts">"#);
        for chart in charts {
            let word = |key: &str| chart[key].as_str().filter(|word| !word.is_empty());
            let title = word("title").into_iter().chain(word("unit")).collect::<Vec<_>>().join(", ");
            let _ = write!(
                self.body,
                r#"<figure class="chart" data-chart="{}"><figcaption>{}</figcaption></figure>"#,
                self.charts.len(),
                escape(&title)
            );
            self.charts.push(chart);
        }
        self.body.push_str("</div>");
    }

    /// Pictures beside each other: a caption and the address of each, where there is one.
    pub fn pictures(&mut self, class: &str, pictures: &[(String, Option<String>)]) {
        let _ = write!(self.body, r#"<div class="{}">"#, escape(class));
        for (caption, address) in pictures {
            let caption = escape(caption);
            let picture = match address {
                Some(address) => format!(r#"<img src="{}" alt="{caption}">"#, escape(address)),
                None => r#"<div class="none">no picture</div>"#.to_owned(),
            };
            let _ = write!(self.body, "<figure>{picture}<figcaption>{caption}</figcaption></figure>");
        }
        self.body.push_str("</div>");
    }

    /// The whole file. Only its own script runs: the word that allows it is made of all that stands in the page, so that
    /// nothing in it can know it. One that is the page of a `state` asks whoever served it whether there is another.
    pub fn finish(self, state: Option<&str>) -> String {
        let Self { title, body, charts } = self;
        // Inside of a script, `</script>` would end it, even in a text.
        let data = Value::from(charts).to_string().replace('<', "\\u003c");
        let mut hasher = blake3::Hasher::new();
        [&title, &body, &data].iter().for_each(|part| {
            hasher.update(part.as_bytes());
        });
        let word = hasher.finalize().to_hex();
        let (title, made_by) = (escape(&title), escape(MADE_BY));
        let (connect, follow) = match state {
            None => ("", String::new()),
            Some(state) => {
                let state = Value::from(state).to_string().replace('<', "\\u003c");
                ("; connect-src 'self'", format!("const STATE = {state};\n{FOLLOW}"))
            }
        };
        format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'nonce-{word}'{connect}">
<title>{title} – tubelet</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<header><p class="maker">{made_by}</p><h1>{title}</h1></header>
{body}
</main>
<script type="application/json" id="data">{data}</script>
<script nonce="{word}">
{SCRIPT}{follow}</script>
</body>
</html>
"#
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_place() {
        let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>";
        let mut page = Page::new(hostile.to_owned());
        page.heading(1, hostile);
        page.paragraph(hostile);
        page.folded(hostile, "");
        page.charts(vec![
            serde_json::json!({ "title": hostile, "series": [{ "name": hostile, "points": [] }] }),
        ]);
        page.pictures("x", &[(hostile.to_owned(), Some(hostile.to_owned()))]);
        let html = page.finish(Some(hostile));
        assert_eq!(html.matches("<script").count(), 2, "{html}");
        assert_eq!(html.matches("</script>").count(), 2);
        assert!(!html.contains("<img src=x"), "{html}");
    }
}
