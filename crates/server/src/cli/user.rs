//! `greffe user`: people's accounts, also when nobody can sign in any more.

use clap::Subcommand;
use events::users::Role;
use kernel::AccreditationLevel;

use super::{password, with_log};
use crate::{config::Config, wiring::problem};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create an account; its password is asked for
    Create {
        /// The name to sign in with
        #[arg(long)]
        username: String,
        /// N0, N1, N2, N3 or N4
        #[arg(long)]
        level: AccreditationLevel,
        /// The name to show; the user name if not given
        #[arg(long)]
        display_name: Option<String>,
        /// tech, admin or auditor
        #[arg(long, default_value = "tech", value_parser = role)]
        role: Role,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
}

fn role(text: &str) -> Result<Role, String> {
    match text.parse() {
        Ok(Role::Service) | Err(_) => Err("a person is tech, admin or auditor".into()),
        Ok(role) => Ok(role),
    }
}

impl UserCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let Self::Create {
            username,
            level,
            display_name,
            role,
            password_stdin,
        } = self;
        let user = api::NewUser {
            display_name: display_name.unwrap_or_else(|| username.clone()),
            username,
            level,
            role,
            password: password::read(password_stdin)?,
        };
        with_log(config, async |access| {
            let id = api::create_user(&access.open.log, user)
                .await
                .map_err(problem)?;
            println!("created: {id}");
            Ok(())
        })
        .await
    }
}
