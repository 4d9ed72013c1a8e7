//! Problems as a terminal shows them: message, place, the line with the words underlined, help.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use super::problem::Problem;
use super::source::{Sources, Span, floor_char_boundary};

/// Longest piece of a line that is shown; a minified line can be megabytes.
const LONGEST_LINE: usize = 4096;

/// All problems as text, with an empty line between two; coloured by escape sequences if `color`.
#[must_use]
pub fn render(problems: &[Problem], sources: &Sources, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for problem in problems {
        if !text.is_empty() {
            text.push('\n');
        }
        let level = if problem.warning { Level::WARNING } else { Level::ERROR };
        let mut group = Group::with_title(level.primary_title(problem.message.as_str()));
        if let Some(span) = problem.span {
            let excerpt = Excerpt::of(sources, span);
            group = group.element(
                Snippet::source(excerpt.line)
                    .path(sources.name(span.source))
                    .line_start(excerpt.line_number)
                    .annotation(AnnotationKind::Primary.span(excerpt.from..excerpt.to)),
            );
        }
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
        }
        text.push_str(&renderer.render(&[group]));
        text.push('\n');
    }
    text
}

/// The line a span begins in, and the part of it to underline.
struct Excerpt<'a> {
    line: &'a str,
    line_number: usize,
    from: usize,
    to: usize,
}

impl<'a> Excerpt<'a> {
    fn of(sources: &'a Sources, span: Span) -> Self {
        let text = sources.text(span.source);
        let start = floor_char_boundary(text, span.start as usize);
        let (line_number, begin) = sources.line(span.source, start);
        let start = start.max(begin);
        let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        let line = &text[begin..end];
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = &line[..floor_char_boundary(line, (start - begin).max(LONGEST_LINE).saturating_add(LONGEST_LINE))];
        let from = (start - begin).min(line.len());
        let to = floor_char_boundary(text, span.end as usize).clamp(begin + from, begin + line.len()) - begin;
        let underlined = line[from..to].trim_end();
        let to = from + underlined.len();
        // A place between two characters is shown under the next one.
        let to = if to > from { to } else { line[from..].chars().next().map_or(from, |next| from + next.len_utf8()) };
        Self { line, line_number, from, to }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn shown(text: &str, word: &str) -> String {
        let mut sources = Sources::new();
        let id = sources.add("dir/a.yaml", text);
        let start = u32::try_from(text.find(word).unwrap()).unwrap();
        let span = Span { source: id, start, end: start + u32::try_from(word.len()).unwrap() };
        render(&[Problem::error(span, "wrong").help("write it right")], &sources, false)
    }

    #[test]
    fn a_problem_shows_its_line() {
        assert_eq!(
            shown("a: 1\nreplicas: three # x\nb: 2\n", "three"),
            concat!(
                "error: wrong\n",
                " --> dir/a.yaml:2:11\n",
                "  |\n",
                "2 | replicas: three # x\n",
                "  |           ^^^^^\n",
                "  |\n",
                "  = help: write it right\n",
            )
        );
    }

    #[test]
    fn columns_count_characters() {
        let text = shown("größe: 1\nnäme: ärger\n", "ärger");
        assert!(text.contains("a.yaml:2:7\n"), "{text}");
        assert!(text.contains("  |       ^^^^^\n"), "{text}");
    }

    #[test]
    fn windows_line_ends_and_marks_do_not_show() {
        let text = shown("\u{feff}a: x\r\nb: y\r\n", "x");
        assert!(text.contains("a.yaml:1:4\n  |\n1 | a: x\n"), "{text}");
    }

    #[test]
    fn many_lines_underline_the_first() {
        let text = shown("a:\n  b: 1\n  c: 2\n", "b: 1\n  c: 2\n");
        assert!(text.contains("2 |   b: 1\n  |   ^^^^\n"), "{text}");
    }

    #[test]
    fn the_end_of_the_file_is_a_place() {
        let mut sources = Sources::new();
        let id = sources.add("a", "x: 1\n");
        let end = Span { source: id, start: 5, end: 5 };
        let text = render(&[Problem::error(end, "cut off")], &sources, false);
        assert!(text.contains("a:2:1"), "{text}");
        let empty = sources.add("b", "");
        let start = Span { source: empty, start: 0, end: 0 };
        assert!(render(&[Problem::error(start, "empty")], &sources, false).contains("b:1:1"));
        let far = Span { source: empty, start: 70, end: 90 };
        assert!(render(&[Problem::error(far, "far")], &sources, true).contains("far"));
    }

    #[test]
    fn warnings_and_problems_without_place() {
        let sources = Sources::new();
        let mut doubtful = Problem::general("strange");
        doubtful.warning = true;
        assert_eq!(render(&[doubtful, Problem::general("bad")], &sources, false), "warning: strange\n\nerror: bad\n");
    }

    #[test]
    fn an_endless_line_is_cut() {
        let line = "x".repeat(1_000_000);
        let text = shown(&format!("{line}\nEND"), &line);
        assert!(text.len() < 3 * LONGEST_LINE, "{}", text.len());
        let text = shown(&format!("{line}Y{line}"), "Y");
        assert!(text.len() < 3 * LONGEST_LINE, "{}", text.len());
    }

    #[test]
    fn escape_sequences_in_a_source_do_not_reach_the_terminal() {
        let mut sources = Sources::new();
        let id = sources.add("a", "x: \u{1b}[31m\n");
        let problem = parse(&sources, id).expect_err("a control character is no YAML");
        assert!(!render(&[problem], &sources, false).contains('\u{1b}'));
    }
}
