//! People.

use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, LogError, RecordedEvent, Vault};
use events::{
    fold_user_name, millis,
    users::{Role, UserEvent, UserRegistered},
};
use kernel::AccreditationLevel;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Page, ReadError,
    apply::{data_error, decode},
    page::{page, parse_time_cursor, time_cursor},
};

/// A person's account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserRow {
    pub id: Uuid,
    pub username: String,
    pub display_name: String,
    pub accreditation_level: AccreditationLevel,
    pub role: Role,
    /// Which password hash is valid. Not for answers.
    #[serde(skip)]
    pub credential_id: Option<Uuid>,
    pub must_change_password: bool,
    pub is_disabled: bool,
    #[serde(serialize_with = "millis")]
    pub registered_at: DateTime<Utc>,
    pub last_sign_in_at: Option<DateTime<Utc>>,
    pub version: u64,
}

/// Which people.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Words of the names, by their beginnings.
    pub q: Option<String>,
    pub limit: u32,
    pub cursor: Option<String>,
}

pub(super) async fn apply(tx: &mut ApplyTx<'_>, event: &RecordedEvent) -> Result<(), ApplyError> {
    let id: Uuid = event
        .aggregate_id
        .parse()
        .map_err(|error| data_error(event, error))?;
    let update = "UPDATE users SET version = $2, position = $3";
    let on = "WHERE id = $1 AND position < $3";
    let text;
    let query = match decode(event)? {
        UserEvent::Registered(registered) => return register(tx, event, registered).await,
        UserEvent::PasswordChanged(changed) => {
            text = format!("{update}, credential_id = $4, must_change_password = $5 {on}");
            start(&text, id, event)
                .bind(changed.credential_id)
                .bind(changed.must_change_password)
        }
        UserEvent::LevelChanged(changed) => {
            text = format!("{update}, accreditation_level = $4 {on}");
            start(&text, id, event).bind(changed.to.as_str())
        }
        UserEvent::RoleChanged(changed) => {
            text = format!("{update}, role = $4 {on}");
            start(&text, id, event).bind(changed.to.as_str())
        }
        UserEvent::Disabled(_) => {
            text = format!("{update}, is_disabled = true {on}");
            start(&text, id, event)
        }
        UserEvent::Enabled(_) => {
            text = format!("{update}, is_disabled = false {on}");
            start(&text, id, event)
        }
    };
    query.execute(tx.conn()).await?;
    Ok(())
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn start<'q>(text: &'q str, id: Uuid, event: &RecordedEvent) -> Query<'q> {
    sqlx::query(text)
        .bind(id)
        .bind(event.sequence as i64)
        .bind(event.position as i64)
}

async fn register(
    tx: &mut ApplyTx<'_>,
    event: &RecordedEvent,
    registered: UserRegistered,
) -> Result<(), ApplyError> {
    let vault = tx.vault().clone();
    let (username, display_name) = (&registered.username, &registered.display_name);
    let sealed = vault
        .seal(
            &format!("user:{}", registered.user_id),
            &json!({ "username": username, "display_name": display_name }),
        )
        .await?;
    sqlx::query(
        "INSERT INTO users (id, name_key, accreditation_level, role, credential_id, must_change_password,
                            registered_at, version, position, sealed, terms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING",
    )
    .bind(registered.user_id)
    .bind(&name_key(&vault, username)[..])
    .bind(registered.accreditation_level.as_str())
    .bind(registered.role.as_str())
    .bind(registered.credential_id)
    .bind(registered.must_change_password)
    .bind(registered.registered_at)
    .bind(event.sequence as i64)
    .bind(event.position as i64)
    .bind(sealed)
    .bind(vault.index_terms([username.as_str(), display_name.as_str()]))
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn name_key(vault: &Vault, username: &str) -> [u8; 32] {
    vault.fingerprint("users.name_key", &fold_user_name(username))
}

const SELECT: &str = "SELECT u.*, (SELECT max(s.opened_at) FROM sessions s WHERE s.user_id = u.id)
                          AS last_sign_in_at
                      FROM users u";

/// People, the first registered first.
pub async fn list_users(
    pool: &PgPool,
    vault: &Vault,
    filter: &UserFilter,
) -> Result<Page<UserRow>, ReadError> {
    let after = parse_time_cursor::<Uuid>(filter.cursor.as_deref())?;
    let rows = sqlx::query(&format!(
        "{SELECT} WHERE ($1::bigint[] IS NULL OR u.terms @> $1)
           AND ($2::timestamptz IS NULL OR (u.registered_at, u.id) > ($2, $3))
         ORDER BY u.registered_at, u.id LIMIT $4"
    ))
    .bind(filter.q.as_deref().map(|q| vault.query_terms(q)))
    .bind(after.map(|(at, _)| at))
    .bind(after.map(|(_, id)| id))
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(pool)
    .await?;
    let users = open(vault, &rows).await?;
    Ok(page(users, filter.limit, |user| {
        time_cursor(user.registered_at, user.id)
    }))
}

pub async fn find_user(
    pool: &PgPool,
    vault: &Vault,
    id: Uuid,
) -> Result<Option<UserRow>, ReadError> {
    let rows = sqlx::query(&format!("{SELECT} WHERE u.id = $1"))
        .bind(id)
        .fetch_all(pool)
        .await?;
    Ok(open(vault, &rows).await?.pop())
}

/// The account of this name, however it is spelt.
pub async fn find_user_by_name(
    pool: &PgPool,
    vault: &Vault,
    username: &str,
) -> Result<Option<UserRow>, ReadError> {
    let rows = sqlx::query(&format!("{SELECT} WHERE u.name_key = $1"))
        .bind(&name_key(vault, username)[..])
        .fetch_all(pool)
        .await?;
    Ok(open(vault, &rows).await?.pop())
}

/// How many enabled super admins there are.
pub async fn count_enabled_n4(pool: &PgPool) -> Result<u64, ReadError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM users WHERE accreditation_level = 'N4' AND NOT is_disabled",
    )
    .fetch_one(pool)
    .await?;
    Ok(count as u64)
}

async fn open(vault: &Vault, rows: &[PgRow]) -> Result<Vec<UserRow>, ReadError> {
    let mut sealed = rows
        .iter()
        .map(|row| row.try_get::<Value, _>("sealed"))
        .collect::<Result<Vec<_>, _>>()?;
    vault.open_all(sealed.iter_mut().collect()).await?;
    let users = rows.iter().zip(sealed).map(|(row, opened)| {
        let name = |field: &str| opened[field].as_str().unwrap_or(events::ERASED).to_owned();
        let level: String = row.try_get("accreditation_level")?;
        let role: String = row.try_get("role")?;
        Ok(UserRow {
            id: row.try_get("id")?,
            username: name("username"),
            display_name: name("display_name"),
            accreditation_level: level.parse().map_err(|_| LogError::Corrupt(level))?,
            role: role.parse().map_err(|_| LogError::Corrupt(role))?,
            credential_id: row.try_get("credential_id")?,
            must_change_password: row.try_get("must_change_password")?,
            is_disabled: row.try_get("is_disabled")?,
            registered_at: row.try_get("registered_at")?,
            last_sign_in_at: row.try_get("last_sign_in_at")?,
            version: row.try_get::<i64, _>("version")? as u64,
        })
    });
    Ok(users.collect::<Result<_, LogError>>()?)
}
