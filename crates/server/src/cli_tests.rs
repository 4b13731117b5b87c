use clap::{CommandFactory, error::ErrorKind};

use super::*;

/// The help of a command and of all below it.
fn help(command: &mut clap::Command, path: &str, out: &mut String) {
    let rendered = command.render_long_help().to_string();
    let lines: Vec<&str> = rendered.lines().map(str::trim_end).collect();
    out.push_str(&format!("# {path}\n\n{}\n\n", lines.join("\n")));
    let names: Vec<String> = command
        .get_subcommands()
        .map(|it| it.get_name().to_owned())
        .filter(|name| name != "help")
        .collect();
    for name in names {
        if let Some(below) = command.find_subcommand_mut(&name) {
            help(below, &format!("{path} {name}"), out);
        }
    }
}

/// Names and options of the command line are contracts: a changed snapshot needs an issue.
#[test]
fn the_help_is_as_agreed() {
    let mut text = String::new();
    let mut command = Cli::command().term_width(100);
    command.build();
    help(&mut command, "greffe", &mut text);
    insta::assert_snapshot!("help", text);
}

#[test]
fn the_command_line_holds_together() {
    Cli::command().debug_assert();
}

fn error_of(arguments: &[&str]) -> ErrorKind {
    Cli::try_parse_from(arguments).unwrap_err().kind()
}

#[test]
fn what_cannot_be_is_a_usage_error() {
    for (arguments, kind) in [
        (&["greffe", "nonsense"][..], ErrorKind::InvalidSubcommand),
        (&["greffe", "serve"], ErrorKind::MissingRequiredArgument),
        (
            &["greffe", "serve", "--roles", "cook"],
            ErrorKind::InvalidValue,
        ),
        (
            &[
                "greffe",
                "user",
                "create",
                "--username",
                "a",
                "--level",
                "N9",
            ],
            ErrorKind::ValueValidation,
        ),
        (
            &[
                "greffe",
                "user",
                "create",
                "--username",
                "a",
                "--level",
                "N1",
                "--role",
                "service",
            ],
            ErrorKind::ValueValidation,
        ),
        (
            &[
                "greffe",
                "service-account",
                "create",
                "--name",
                "a",
                "--owner",
                "b",
            ],
            ErrorKind::MissingRequiredArgument,
        ),
        (
            &["greffe", "simulate", "--for", "soon"],
            ErrorKind::ValueValidation,
        ),
    ] {
        assert_eq!(error_of(arguments), kind, "{arguments:?}");
    }
}

#[test]
fn the_contracts_examples_are_understood() {
    for line in [
        "greffe up",
        "greffe serve --roles api,relay,projector,workflows",
        "greffe migrate",
        "greffe user create --username U --level N4 --password-stdin",
        "greffe service-account create --name support --owner jean.dupont --scope intake --scope safeguard.request",
        "greffe projection list",
        "greffe projection rebuild approvals",
        "greffe projection parked",
        "greffe log status",
        "greffe log reset-stream --yes",
        "greffe audit export --format csv",
        "greffe simulate --rate 5 --for 60s",
        "greffe simulate --rate 5 --for 60s --name simulator --key k --seed 7",
        "greffe simulate --compress 24h:5m",
        "greffe simulate --day 2026-03-29 --scale 3 --seed 7 --record day.jsonl",
        "greffe simulate --play day.jsonl --compress 24h:10s",
        "greffe doctor",
    ] {
        Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}
