//! Lists of one client, of none, or of those that the register does not know.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::{ReadError, names::table_is_there};

pub(super) type Query = QueryBuilder<'static, Postgres>;

/// Of which client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFilter {
    /// Of this number.
    Is(String),
    /// What names none.
    None,
}

/// A list that is being asked for: conditions are pushed to `query`.
pub(super) struct Rows {
    pub query: Query,
    is_by_client: bool,
}

impl Rows {
    /// The rows of `table`, called `s`, that are of these clients; `is_known` is whether the register
    /// knows the client.
    pub async fn of(
        conn: &mut PgConnection,
        (columns, table): (&str, &'static str),
        client: Option<&ClientFilter>,
        is_known: Option<bool>,
    ) -> Result<Self, ReadError> {
        let has_register = is_known.is_some() && table_is_there(&mut *conn, "clients").await?;
        let unknown = match (is_known, has_register) {
            (Some(false), true) => Some(unknown_clients(conn, table).await?),
            _ => None,
        };
        let is_by_client = unknown.is_some();
        let mut query = Query::new(format!("SELECT {columns} FROM "));
        if let Some(unknown) = unknown {
            // The latest of each: the plan is not guessed, which may be to read all rows by time.
            query.push("unnest(").push_bind(unknown);
            query.push("::text[]) AS unknown(id) CROSS JOIN LATERAL (SELECT * FROM ");
            query.push(table).push(" WHERE client_id = unknown.id");
        } else {
            query.push(table).push(" s WHERE true");
        }
        match client {
            None => {}
            Some(ClientFilter::Is(id)) => {
                query.push(" AND client_id = ").push_bind(id.clone());
            }
            Some(ClientFilter::None) => drop(query.push(" AND client_id IS NULL")),
        }
        if is_known.is_some() && !is_by_client {
            query.push(" AND client_id IS NOT NULL");
        }
        if is_known == Some(true) {
            query.push(match has_register {
                true => " AND EXISTS (SELECT FROM clients c WHERE c.client_id = s.client_id)",
                false => " AND false",
            });
        }
        Ok(Self {
            query,
            is_by_client,
        })
    }

    /// In this order, so many.
    pub fn first(mut self, order: &str, limit: u32) -> Query {
        let limit = i64::from(limit);
        let end = format!(" ORDER BY {order} LIMIT {limit}");
        if self.is_by_client {
            self.query.push(&end).push(") s");
        }
        self.query.push(end);
        self.query
    }
}

/// The clients in a table that the register does not know. Each is found in the index of clients after
/// the one before it: the rows are many, the clients few.
async fn unknown_clients(
    conn: &mut PgConnection,
    table: &'static str,
) -> Result<Vec<String>, ReadError> {
    let next = format!("SELECT min(client_id) FROM {table}");
    let mut query = Query::new(format!(
        "WITH RECURSIVE named AS (
             SELECT ({next}) AS client_id
             UNION ALL
             SELECT ({next} WHERE client_id > named.client_id) FROM named WHERE client_id IS NOT NULL)
         SELECT client_id FROM named WHERE client_id IS NOT NULL
         AND NOT EXISTS (SELECT FROM clients c WHERE c.client_id = named.client_id)"
    ));
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}
