//! Lists of one client, of none, or of those that the register does not know.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::{ReadError, supervision::refs::are_there};

pub(super) type Query = QueryBuilder<'static, Postgres>;

/// Of which client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFilter {
    /// Of this number.
    Is(String),
    /// What names none.
    None,
}

/// Narrows a query over `table`, called `s` in it; `is_known` is whether the register knows the client.
pub(super) async fn of_client(
    query: &mut Query,
    conn: &mut PgConnection,
    table: &'static str,
    client: Option<&ClientFilter>,
    is_known: Option<bool>,
) -> Result<(), ReadError> {
    match client {
        None => {}
        Some(ClientFilter::Is(id)) => drop(query.push(" AND client_id = ").push_bind(id.clone())),
        Some(ClientFilter::None) => drop(query.push(" AND client_id IS NULL")),
    }
    let Some(is_known) = is_known else {
        return Ok(());
    };
    query.push(" AND client_id IS NOT NULL");
    let has_register = are_there(conn).await?;
    if is_known {
        query.push(match has_register {
            true => " AND EXISTS (SELECT FROM clients c WHERE c.client_id = s.client_id)",
            false => " AND false",
        });
    } else if has_register {
        let unknown = unknown_clients(conn, table).await?;
        if unknown.is_empty() {
            // An empty array would be compared with every row.
            query.push(" AND false");
        } else {
            query.push(" AND client_id = ANY(").push_bind(unknown);
            query.push(")");
        }
    }
    Ok(())
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
