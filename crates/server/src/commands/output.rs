//! What commands say to whoever reads, as long as somebody does: `| head` that has seen enough takes neither its end nor
//! its exit code from a command, where `println!` panics.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// `println!` for commands. Gives an error when the line cannot be written (a disk is full), none when nobody reads.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::commands::output::line(&mut std::io::stdout(), format_args!($($line)*))
    };
}

/// `eprintln!` for commands: they go on even when it cannot be written.
macro_rules! remark {
    ($($line:tt)*) => {{
        let _ = $crate::commands::output::line(&mut std::io::stderr(), format_args!($($line)*));
    }};
}

pub(crate) use {remark, say};

/// Writes a line, whether or not somebody reads it.
///
/// # Errors
/// Those of [`is_read`].
pub(crate) fn line(to: &mut impl Write, line: Arguments<'_>) -> io::Result<()> {
    is_read(writeln!(to, "{line}")).map(drop)
}

/// False when whoever reads has seen enough.
///
/// # Errors
/// Any other that writing met with.
pub(crate) fn is_read(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reading_is_no_failure_and_a_full_disk_is_one() {
        let (reader, mut writer) = io::pipe().unwrap();
        assert!(is_read(writer.write_all(b"a")).unwrap());
        drop(reader);
        assert!(!is_read(writer.write_all(b"a")).unwrap());
        line(&mut writer, format_args!("a")).unwrap();
        let full = is_read(Err(ErrorKind::StorageFull.into()));
        assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
