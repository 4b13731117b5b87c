//! A password from the terminal, without echo, or from standard input.

use std::io::{BufRead, IsTerminal, Write};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::Usage;

/// Reads one line: from standard input if asked to, else twice from the terminal.
pub fn read(from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    if from_stdin {
        return line();
    }
    if !std::io::stdin().is_terminal() {
        let hint = "there is no terminal to ask for the password: use --password-stdin";
        return Err(Usage(hint.into()).into());
    }
    let password = ask("Password: ")?;
    anyhow::ensure!(password == ask("Again: ")?, "the two passwords differ");
    Ok(password)
}

fn ask(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    eprint!("{prompt}");
    std::io::stderr().flush()?;
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &silent)?;
    let read = line();
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &before)?;
    eprintln!();
    read
}

fn line() -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut text)?;
    let password = Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned());
    anyhow::ensure!(!password.is_empty(), "the password is empty");
    Ok(password)
}
