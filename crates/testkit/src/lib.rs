//! What tests share: models, builders, conformance suites. A dev-dependency only.

pub mod model;
