//! Text as HTML, and tables of it.

use std::fmt::Write as _;

/// Text as it may stand between tags and in attributes with quotation marks. Control characters and marks that turn the
/// direction of text are shown by their number.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Marks and overrides of direction: a name must not turn round what stands beside it.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(letter));
            }
            letter if letter.is_control() => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A cell of a table.
pub enum Cell {
    /// Words.
    Text(String),
    /// A number with its unit, set to the right.
    Number(String),
    /// HTML, made of escaped text.
    Html(String),
}

impl Cell {
    /// Words.
    pub fn text(words: impl Into<String>) -> Self {
        Self::Text(words.into())
    }

    /// A number with its unit.
    pub fn number(words: impl ToString) -> Self {
        Self::Number(words.to_string())
    }

    /// Part of a whole as a bar, 0 to 1.
    pub fn bar(share: f64) -> Self {
        let width = 100.0 * share.clamp(0.0, 1.0);
        Self::Html(format!(r#"<span class="bar"><i style="width:{width:.1}%"></i></span>"#))
    }

    fn html(&self) -> String {
        match self {
            Self::Text(words) => format!("<td>{}</td>", escape(words)),
            Self::Number(words) => format!(r#"<td class="n">{}</td>"#, escape(words)),
            Self::Html(html) => format!("<td>{html}</td>"),
        }
    }
}

/// A table. The first row of cells below the head decides which columns are of numbers.
pub fn table(head: &[&str], rows: &[Vec<Cell>]) -> String {
    let mut html = String::from(r#"<div class="wide"><table><thead><tr>"#);
    for (at, name) in head.iter().enumerate() {
        let is_number = matches!(rows.first().and_then(|row| row.get(at)), Some(Cell::Number(_)));
        let class = if is_number { r#" class="n""# } else { "" };
        let _ = write!(html, "<th{class}>{}</th>", escape(name));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        row.iter().for_each(|cell| html.push_str(&cell.html()));
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_text() {
        assert_eq!(
            escape("<script>alert('1')</script>\"&.mp4"),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;.mp4"
        );
        assert_eq!(escape("a\u{202e}4pm.\n"), "a\\u{202e}4pm.\\u{a}");
        let html = table(&["<b>"], &[vec![Cell::text("</td><script>")]]);
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
    }
}
