//! The words of a text that may hold HTML: tags are dropped, entities become the characters they
//! name. What comes out is text, not HTML: whoever shows it escapes it.

/// The longest reference to a character that is looked for, between `&` and `;`.
const LONGEST_ENTITY: usize = 10;
/// What these elements hold is not for people.
const SILENT: [&str; 2] = ["script", "style"];

/// Drops tags and comments, then reads entities once. A `<` that opens nothing (`load < 5`) stays.
pub fn plain_text(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        words.push_str(before);
        rest = match tag(from) {
            Some(after) => {
                // Tags part words, as `<br>` does.
                words.push(' ');
                after
            }
            None => {
                words.push('<');
                &from[1..]
            }
        };
    }
    words.push_str(rest);
    entities(&words)
}

/// All on one line, without what cannot be seen.
pub fn line(text: &str) -> String {
    let seen: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        .collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks that turn the direction of a text, or hide in it.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What follows the tag or comment that `from` begins with; `None` if it begins with none. A tag that
/// is not closed reaches to the end.
fn tag(from: &str) -> Option<&str> {
    if let Some(comment) = from.strip_prefix("<!--") {
        return Some(comment.find("-->").map_or("", |end| &comment[end + 3..]));
    }
    let second = from[1..].chars().next()?;
    if !(second.is_ascii_alphabetic() || matches!(second, '/' | '!' | '?')) {
        return None;
    }
    let after = end_of_tag(from);
    let name: String = from[1..]
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    match SILENT.contains(&name.as_str()) {
        true => Some(past_end(after, &name)),
        false => Some(after),
    }
}

/// What follows a tag; a `>` in quotes does not end it.
fn end_of_tag(from: &str) -> &str {
    let mut quote = None;
    for (at, c) in from.char_indices() {
        match (quote, c) {
            (None, '>') => return &from[at + 1..],
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    ""
}

/// What follows the end of an element whose content is passed over.
fn past_end<'a>(content: &'a str, name: &str) -> &'a str {
    let end = format!("</{name}");
    // Same length and boundaries as the original: only ASCII letters change.
    match content.to_ascii_lowercase().find(&end) {
        Some(at) => end_of_tag(&content[at..]),
        None => "",
    }
}

fn entities(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        read.push_str(before);
        let near = from[1..].bytes().take(LONGEST_ENTITY + 1);
        let named = near.into_iter().position(|byte| byte == b';');
        match named.and_then(|end| Some((entity(&from[1..=end])?, &from[end + 2..]))) {
            Some((c, after)) => {
                read.push(c);
                rest = after;
            }
            None => {
                read.push('&');
                rest = &from[1..];
            }
        }
    }
    read.push_str(rest);
    read
}

fn entity(name: &str) -> Option<char> {
    let number = |digits: &str, radix| {
        let code = u32::from_str_radix(digits, radix).ok()?;
        char::from_u32(code).filter(|c| *c != '\0')
    };
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => match name.strip_prefix('#')?.strip_prefix(['x', 'X']) {
            Some(digits) => number(digits, 16),
            None => number(&name[1..], 10),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        line(&plain_text(text))
    }

    #[test]
    fn tags_are_dropped_and_their_words_stay() {
        let link = r#"<a href="https://observium.example/?a=1>2" class='entity-popup '>SWITCH-CLI-001</a>"#;
        assert_eq!(words(link), "SWITCH-CLI-001");
        assert_eq!(words("eth0<br/>eth1<!-- no --><b>!</b>"), "eth0 eth1 !");
        assert_eq!(words("<script>alert(1)</script>down"), "down");
        assert_eq!(words("<SCRIPT src=x>alert('<b>')</sCript >down"), "down");
        assert_eq!(words("<style>a{}</style><p>down</p>"), "down");
        assert_eq!(words("<img src=x onerror=alert(1)>down"), "down");
    }

    #[test]
    fn what_is_no_tag_stays() {
        assert_eq!(words("sensor_value < 30 (45)"), "sensor_value < 30 (45)");
        assert_eq!(words("a <3 b && c > d"), "a <3 b && c > d");
        assert_eq!(words("Énergie : 3 °C"), "Énergie : 3 °C");
        assert_eq!(words("<"), "<");
    }

    #[test]
    fn entities_are_read_once() {
        assert_eq!(
            words("&#x2705; a&nbsp;b &lt;b&gt; &amp;lt;"),
            "✅ a b <b> &lt;"
        );
        assert_eq!(
            words("&#0; &#xD800; &#x110000; &;"),
            "&#0; &#xD800; &#x110000; &;"
        );
        assert_eq!(words("R&D; &notanentityatall;"), "R&D; &notanentityatall;");
    }

    #[test]
    fn broken_html_ends_somewhere() {
        assert_eq!(words("down <a href=\"x"), "down");
        assert_eq!(words("down <script>alert(1)"), "down");
        assert_eq!(words("down <!-- "), "down");
        assert_eq!(words("down </"), "down");
        assert_eq!(words("<<script>script>x</script>"), "<");
    }

    #[test]
    fn nothing_turns_or_hides_the_text() {
        assert_eq!(words("abc\u{202e}def\u{200b}\u{0}\r\n\tg"), "abcdef g");
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_read(text in "[<>&;#x!/a-z\"' \u{e9}\u{1F600}-]{0,60}") {
            let read = words(&text);
            proptest::prop_assert!(!read.contains('\n'));
        }
    }
}
