//! `muster key`: keys and tokens of clients and agents.

use std::{io::Read as _, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Subcommand;
use muster_contract::Role;
use muster_ingress::{NewToken, TokenKey};
use muster_platform::{
    Clock as _, Settings, SystemClock,
    host_names::is_host_name,
    site::{AccessKeyPair, PASSWORD_LIMIT, Password},
};
use sha2::{Digest as _, Sha256};

use crate::{
    access_keys,
    first_start::{Credentials, hexadecimal, new_token_key},
    nats_keys,
};

/// Longest secret that is read from the standard input, in bytes.
const TOKEN_LIMIT: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a key pair for ClusterCockpit tokens and prints it in ClusterCockpit's form
    Pair,
    /// Signs a token for a client of the ClusterCockpit API and prints it
    Token {
        /// The user it is for
        #[arg(long)]
        user: String,
        /// What the user may do: user, api, manager, support, admin
        #[arg(long = "role", default_values_t = ["api".to_owned()], value_parser = role)]
        roles: Vec<String>,
        /// How long it is valid, for example 30d; for good unless given
        #[arg(long, value_parser = humantime::parse_duration)]
        expires: Option<Duration>,
        /// File with the private key in base64, as `JWT_PRIVATE_KEY` (default: that of the data directory's first start)
        #[arg(long, value_name = "FILE")]
        private_key_file: Option<PathBuf>,
    },
    /// Makes the key that an agent signs in to the broker with, unless it is there, and prints its entry for the site file
    Agent {
        /// As the site file is to call it
        #[arg(value_parser = host_like_name)]
        name: String,
    },
    /// Makes the key that a producer of job events or metrics signs in to the broker with, unless it is there, and prints its
    /// entry for the site file
    Producer {
        /// As the site file is to call it
        #[arg(value_parser = host_like_name)]
        name: String,
        /// The project that the jobs belong to which it tells of
        #[arg(long, default_value = "demo")]
        project: String,
    },
    /// Makes a key pair for Backend.AI's clients and prints its `access_key` and `secret_key` for the site file
    Access,
    /// Reads a fixed token from the standard input and prints its `token_sha256` for the site file
    Hash,
    /// Reads a password from the standard input and prints its `password` for the site file, hashed
    Password,
}

pub(crate) fn run(settings: &Settings, command: Command) -> Result<()> {
    match command {
        Command::Pair => {
            let key = new_token_key();
            println!("JWT_PUBLIC_KEY={}", key.public_base64());
            println!("JWT_PRIVATE_KEY={}", key.private_base64());
        }
        Command::Token {
            user,
            roles,
            expires,
            private_key_file,
        } => {
            let text = match private_key_file {
                Some(path) => std::fs::read_to_string(&path)
                    .with_context(|| format!("{} cannot be read", path.display()))?,
                None => Credentials::read(&settings.data_directory)?.jwt_private_key,
            };
            let now = SystemClock.now();
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            let token = NewToken {
                subject: &user,
                roles: &roles,
                issued_at: now,
                expires_at: expires.map(|expires| now.plus(expires)),
            };
            println!("{}", TokenKey::from_base64(&text)?.sign(&token));
        }
        Command::Agent { name } => {
            let directory = settings.nats_key_directory();
            let key = nats_keys::agents_public_key(&directory, &name)?;
            let file = nats_keys::agents_path(&directory, &name);
            println!("[[agent]]  # its private key: {}", file.display());
            println!("name = {name:?}");
            println!("nkey = {key:?}");
        }
        Command::Producer { name, project } => {
            let directory = settings.nats_key_directory();
            let key = nats_keys::producers_public_key(&directory, &name)?;
            let file = nats_keys::producers_path(&directory, &name);
            println!("[[producer]]  # its private key: {}", file.display());
            println!("name = {name:?}");
            println!("project = {project:?}");
            println!("nkey = {key:?}");
        }
        Command::Access => {
            let AccessKeyPair {
                access_key,
                secret_key,
            } = access_keys::new();
            println!("access_key = {access_key:?}");
            println!("secret_key = {:?}", secret_key.expose());
        }
        Command::Hash => {
            let token = standard_input()?;
            println!(
                "token_sha256 = \"{}\"",
                hexadecimal(&Sha256::digest(token.trim()))
            );
        }
        Command::Password => {
            let text = standard_input()?;
            // What ends the line is not part of it; a space may be.
            let password = text.trim_end_matches(['\r', '\n']);
            if !(1..=PASSWORD_LIMIT).contains(&password.len()) {
                bail!("a password has 1 to {PASSWORD_LIMIT} bytes");
            }
            let hash = Password::hash(password)
                .map_err(|error| anyhow!("the password cannot be hashed: {error}"))?;
            println!("password = \"{hash}\"");
        }
    }
    Ok(())
}

fn standard_input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(TOKEN_LIMIT)
        .read_to_string(&mut text)
        .context("the standard input cannot be read")?;
    Ok(text)
}

/// Agents and producers are called like hosts, as the site file checks.
fn host_like_name(name: &str) -> Result<String, String> {
    if is_host_name(name) {
        Ok(name.to_owned())
    } else {
        Err("it is called like a host: small letters, digits, hyphens and dots".to_owned())
    }
}

fn role(name: &str) -> Result<String, String> {
    match Role::from_name(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err("no such role".to_owned()),
    }
}
