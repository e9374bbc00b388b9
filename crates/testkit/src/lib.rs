//! What tests share: models, builders, conformance suites. A dev-dependency only.

pub mod builders;
pub mod clock;
pub mod conformance;
pub mod engines;
pub mod model;
pub mod model_server;
pub mod relay;
pub mod schema;
