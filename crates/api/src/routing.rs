//! Routes and their descriptions, apart: a server that serves makes no OpenAPI document until somebody asks for one.
//!
//! Describing all routes takes more than a megabyte of code and several of memory, which an idle server would hold for
//! nothing (`docs/adr/0019-small-when-idle.md`).

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, Route};
use tower::{Layer, Service};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::state::ApiState;

/// One path: what answers there, and how that is described.
pub(crate) struct At {
    pub(crate) path: String,
    pub(crate) handlers: MethodRouter<ApiState>,
    pub(crate) describe: fn() -> UtoipaMethodRouter<ApiState>,
}

/// Handlers with `#[utoipa::path]` that share a path, each for a method of its own, as an [`At`].
macro_rules! routes {
    ($first:ident $(, $other:ident)* $(,)?) => {{
        use utoipa_axum::PathItemExt as _;
        let handlers = axum::routing::MethodRouter::new();
        let handlers = $crate::routing::routes!(@on handlers, $first $(, $other)*);
        $crate::routing::At {
            path: pastey::paste!(<[<__path_ $first>] as utoipa::Path>::path()),
            handlers,
            describe: || utoipa_axum::routes!($first $(, $other)*),
        }
    }};
    (@on $handlers:ident, $($handler:ident),+) => {{
        $(
            let methods = pastey::paste!(<[<__path_ $handler>] as utoipa::Path>::methods());
            let $handlers = methods
                .iter()
                .fold($handlers, |handlers, method| handlers.on(method.to_method_filter(), $handler));
        )+
        $handlers
    }};
}
pub(crate) use routes;

/// A router that can describe itself.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<ApiState>,
    described: Vec<Described>,
}

struct Described {
    /// The path that the routes are nested under; empty: none.
    under: String,
    describe: fn() -> UtoipaMethodRouter<ApiState>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn routes(mut self, at: At) -> Self {
        // The root of what will be nested is described as nothing.
        let path = if at.path.is_empty() { "/" } else { &at.path };
        self.router = self.router.route(path, at.handlers);
        self.described.push(Described { under: String::new(), describe: at.describe });
        self
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.described.extend(other.described);
        self
    }

    pub(crate) fn nest(mut self, base: &str, other: Self) -> Self {
        self.router = self.router.nest(base, other.router);
        let moved = |one: Described| Described { under: format!("{base}{}", one.under), ..one };
        self.described.extend(other.described.into_iter().map(moved));
        self
    }

    /// Around the routes so far.
    pub(crate) fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self { router: self.router.layer(layer), ..self }
    }

    /// Around the routes so far, and not around what is no route.
    pub(crate) fn route_layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self { router: self.router.route_layer(layer), ..self }
    }

    pub(crate) fn into_router(self) -> Router<ApiState> {
        self.router
    }

    pub(crate) fn into_openapi(self) -> OpenApi {
        let one = |described: Described| {
            let routes = OpenApiRouter::new().routes((described.describe)());
            match described.under.as_str() {
                "" => routes,
                base => OpenApiRouter::new().nest(base, routes),
            }
        };
        let all = self.described.into_iter().map(one);
        all.fold(OpenApiRouter::new(), OpenApiRouter::merge).into_openapi()
    }
}
