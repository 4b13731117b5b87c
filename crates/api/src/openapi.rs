//! The OpenAPI 3.1 document: made from the handlers, completed with what holds for all of them.

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa::{
    PartialSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder,
        Ref, RefOr, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        schema::{ObjectBuilder, SchemaType, Type},
        security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
        },
    },
};

use crate::{
    access::{self, Rule},
    problem::{FieldError, ProblemBody},
};

/// What the document starts with, before the routes add themselves.
pub fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Greffe")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Approvals, clients, audit and live feeds. Commands answer with the position of their last \
             event; a query with `Greffe-Min-Position` waits until it sees that position. Refusals are \
             `application/problem+json` with a stable `code`.",
        ))
        .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).identifier(Some(env!("CARGO_PKG_LICENSE"))).build()))
        .build();
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
        crate::auth::cookie::NAME,
        "Session cookie; writes also need `X-Requested-With: greffe`.",
    ));
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A session token."))
        .build();
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A service account's key, `grf_<name>_<secret>`."))
        .build();
    let components = ComponentsBuilder::new()
        .schema("Problem", ProblemBody::schema())
        .schema("FieldError", FieldError::schema())
        .security_scheme("session_cookie", SecurityScheme::ApiKey(cookie))
        .security_scheme("session_token", SecurityScheme::Http(token))
        .security_scheme("service_key", SecurityScheme::Http(key))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .build()
}

/// The queries of read models, which can wait for a position.
const WAITING: &[&str] = &[
    "list_pending_approvals",
    "list_approval_history",
    "get_approval",
    "get_approval_stats",
    "list_tools",
    "get_tool",
    "list_clients",
    "get_client",
    "list_audit_items",
    "get_supervision_overview",
    "get_supervision_support",
    "get_supervision_sentinel",
    "get_supervision_enrichisseur",
    "get_supervision_safeguard",
    "list_tickets",
    "list_alerts",
    "list_workflow_errors",
    "list_enrichment_runs",
    "get_components_health",
    "list_activity",
    "get_alert",
    "export_tickets",
    "export_alerts",
    "export_workflow_errors",
    "export_enrichment_runs",
];

/// Adds to every operation who may call it and the refusals any of its kind may meet.
pub fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let PathItem {
            get,
            put,
            post,
            delete,
            ..
        } = item;
        for (is_write, operation) in [(false, get), (true, put), (true, post), (true, delete)] {
            let Some(operation) = operation else { continue };
            let rule = operation
                .operation_id
                .as_deref()
                .and_then(access::rule)
                .copied();
            if let Some(rule) = rule {
                describe(operation, &rule, is_write);
            }
        }
    }
}

fn describe(operation: &mut Operation, rule: &Rule, is_write: bool) {
    let mut codes = vec![
        (500, "internal"),
        (503, "unavailable; projection_behind (queries)"),
    ];
    if rule.open {
        operation.security = Some(Vec::new());
    } else {
        codes.extend([
            (401, "unauthenticated"),
            (403, "forbidden"),
            (429, "rate_limited"),
        ]);
        operation.security = Some(schemes(rule));
    }
    if operation.request_body.is_some() {
        codes.extend([
            (413, "too_large"),
            (415, "unsupported_media_type"),
            (422, "invalid"),
        ]);
    }
    let takes_parameters = operation
        .parameters
        .as_ref()
        .is_some_and(|list| !list.is_empty());
    if takes_parameters {
        codes.push((422, "invalid"));
    }
    for (status, text) in codes {
        let responses = &mut operation.responses.responses;
        responses
            .entry(status.to_string())
            .or_insert_with(|| RefOr::T(problem(text)));
    }
    for (status, response) in &mut operation.responses.responses {
        if let (RefOr::T(response), true) = (response, status.starts_with(['4', '5']))
            && response.content.is_empty()
        {
            response.content = problem("").content;
        }
    }
    if is_write && !rule.open {
        let text = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .max_length(Some(128));
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .description(Some(
                "Repeating the command with the same key and body has no second effect.",
            ))
            .schema(Some(text))
            .build();
        operation
            .parameters
            .get_or_insert_default()
            .push(RefOr::T(key));
    }
    if WAITING.contains(&rule.operation) {
        let position = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(0));
        let minimum = ParameterBuilder::new()
            .name("Greffe-Min-Position")
            .parameter_in(ParameterIn::Header)
            .description(Some(
                "Waits up to 2 s until the answer shows this position.",
            ))
            .schema(Some(position))
            .build();
        operation
            .parameters
            .get_or_insert_default()
            .push(RefOr::T(minimum));
        operation
            .responses
            .responses
            .entry("422".into())
            .or_insert_with(|| RefOr::T(problem("invalid")));
    }
    let who = match rule.open {
        true => "open to all".to_owned(),
        false => access_text(rule),
    };
    let description = operation.description.take().unwrap_or_default();
    operation.description = Some(
        format!("{description}\n\nWho may: {who}.")
            .trim_start()
            .to_owned(),
    );
}

fn access_text(rule: &Rule) -> String {
    let ways = [
        rule.level.map(|level| format!("{level} and above")),
        rule.role.map(|role| format!("role `{role}`")),
        rule.scope
            .map(|scope| format!("service accounts with scope `{scope}`")),
    ];
    ways.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn schemes(rule: &Rule) -> Vec<SecurityRequirement> {
    let scheme = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    let mut schemes = Vec::new();
    if rule.level.is_some() || rule.role.is_some() {
        schemes.extend([scheme("session_cookie"), scheme("session_token")]);
    }
    if rule.scope.is_some() {
        schemes.push(scheme("service_key"));
    }
    schemes
}

fn problem(codes: &str) -> utoipa::openapi::Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    ResponseBuilder::new()
        .description(codes)
        .content("application/problem+json", content)
        .build()
}

/// The document as JSON text, stable from build to build.
pub fn to_json(document: &OpenApi) -> String {
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The document of this build.
pub static DOCUMENT: LazyLock<String> = LazyLock::new(|| to_json(&crate::routes().1));

/// The OpenAPI document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "documentation",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
pub async fn get_openapi() -> Response {
    (
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )],
        DOCUMENT.as_str(),
    )
        .into_response()
}

/// The OpenAPI document as a page for people.
#[utoipa::path(get, path = "/api/docs", tag = "documentation",
    responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub async fn get_docs() -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| crate::docs::page(&DOCUMENT));
    (
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        )],
        PAGE.as_str(),
    )
        .into_response()
}
