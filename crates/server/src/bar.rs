//! How far something long has come: a line that is drawn again and again on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};

/// Characters of the bar itself.
const WIDTH: usize = 24;
/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// Draws on standard error, so that standard output stays for what a script wants.
pub(crate) struct Bar {
    terminal: bool,
    last: String,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: String::new() }
    }

    /// Whether a line takes the place of the last one.
    pub(crate) fn redraws(&self) -> bool {
        self.terminal
    }

    /// Shows a line; the same line again shows nothing.
    pub(crate) fn show(&mut self, line: &str) {
        if line == self.last {
            return;
        }
        let mut out = std::io::stderr().lock();
        // Whoever closed standard error does not want to see it.
        let _ = if self.terminal {
            write!(out, "\r\x1b[K{}", fitting(line, columns())).and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
        line.clone_into(&mut self.last);
    }

    /// Leaves the last line standing.
    pub(crate) fn end(&mut self) {
        if self.terminal && !self.last.is_empty() {
            let _ = writeln!(std::io::stderr());
        }
        self.last.clear();
    }
}

/// Of the terminal that standard error is.
fn columns() -> usize {
    #[cfg(unix)]
    let told = rustix::termios::tcgetwinsize(std::io::stderr()).ok().map(|size| usize::from(size.ws_col));
    #[cfg(not(unix))]
    let told = None;
    let of_environment = || -> Option<usize> { std::env::var("COLUMNS").ok()?.parse().ok() };
    told.filter(|columns| *columns > 0)
        .or_else(of_environment)
        .filter(|columns: &usize| *columns > 0)
        .unwrap_or(COLUMNS)
}

/// The beginning of a line that leaves the last column free: a longer one would wrap, and be left standing when the next is drawn.
fn fitting(line: &str, columns: usize) -> String {
    let room = columns.saturating_sub(1);
    let plain = line.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    if plain.clone().map(width).sum::<usize>() <= room {
        return plain.collect();
    }
    let mut taken = 1;
    let begins = plain.take_while(|letter| {
        taken += width(*letter);
        taken <= room
    });
    let mut fitting: String = begins.collect();
    if room > 0 {
        fitting.push('…');
    }
    fitting
}

/// Columns of a character: two of those of East Asia and of emoji.
fn width(letter: char) -> usize {
    match u32::from(letter) {
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// `[######------------------]  25 %`; of nothing: all of it.
pub(crate) fn drawn(done: u64, total: u64) -> String {
    let share = if total == 0 { 1.0 } else { (done as f64 / total as f64).clamp(0.0, 1.0) };
    let full = (share * WIDTH as f64).floor() as usize;
    // Rounded down: 100 % is said when it is so.
    let percent = (share * 100.0).floor() as u8;
    format!("[{}{}] {percent:>3} %", "#".repeat(full), "-".repeat(WIDTH - full))
}

/// `1 h 5 min`, `5 min 10 s`, `12 s`.
pub(crate) fn time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_only_when_everything_is_done() {
        assert_eq!(drawn(0, 10), format!("[{}]   0 %", "-".repeat(24)));
        assert_eq!(drawn(999, 1_000), format!("[{}-]  99 %", "#".repeat(23)));
        assert_eq!(drawn(10, 10), format!("[{}] 100 %", "#".repeat(24)));
        assert_eq!(drawn(0, 0), drawn(3, 3));
    }

    #[test]
    fn a_line_fits_into_its_terminal() {
        assert_eq!(fitting("importing 12 rows", 18), "importing 12 rows");
        assert_eq!(fitting("importing 12 rows", 17), "importing 12 ro…");
        assert_eq!(fitting("a\nb\rc", 80), "a b c");
        assert_eq!(fitting("日本語", 6), "日本…");
        assert_eq!([fitting("abc", 1), fitting("abc", 0), fitting("abc", 2)], ["", "", "…"]);
    }

    #[test]
    fn times_and_numbers_are_written_for_people() {
        assert_eq!([time(12), time(70), time(3_900)], ["12 s", "1 min 10 s", "1 h 5 min"]);
        assert_eq!([grouped(12), grouped(1_234), grouped(1_234_567)], ["12", "1,234", "1,234,567"]);
    }
}
