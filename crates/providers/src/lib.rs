//! Clients of key services.
