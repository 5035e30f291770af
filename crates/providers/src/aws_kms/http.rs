//! The one pool of connections, for all regions, profiles and roles.

use aws_sdk_kms::config::SharedHttpClient;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector, tls};

use crate::proxy::Proxy;

/// A client of HTTP. Connects to nothing yet.
///
/// # Errors
/// One line, without the address, if that of the proxy makes no sense.
pub(crate) fn client(proxy: Option<&Proxy>) -> Result<SharedHttpClient, String> {
    let tls = || tls::Provider::Rustls(CryptoMode::AwsLc);
    let Some(proxy) = proxy else {
        return Ok(Builder::new().tls_provider(tls()).build_https());
    };
    let mut config = ProxyConfig::https(proxy.url())
        .map_err(|_| "the address of the proxy for https is no http or https address".to_owned())?;
    if let Some(except) = &proxy.except {
        config = config.no_proxy(except);
    }
    // The builder of the crate itself knows no proxy; this is what it does, with one.
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(config.clone());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.tls_provider(tls()).build()
    }))
}
