//! The one pool of connections, for all regions, profiles and roles.

use aws_sdk_kms::config::SharedHttpClient;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector, tls};

/// A proxy for calls by `https`; what is asked by plain `http`, which is next door, goes past it.
#[derive(Clone)]
pub struct Proxy {
    /// Its address: `http://gateway.example.com:3128`, with user and password in it if it wants them.
    /// Without a scheme it is `http`.
    pub address: String,
    /// Hosts that are asked without it, separated by commas.
    pub except: Option<String>,
}

impl std::fmt::Debug for Proxy {
    /// The address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("except", &self.except).finish_non_exhaustive()
    }
}

/// A client of HTTP. Connects to nothing yet.
///
/// # Errors
/// One line, without the address, if that of the proxy makes no sense.
pub(super) fn client(proxy: Option<&Proxy>) -> Result<SharedHttpClient, String> {
    let tls = || tls::Provider::Rustls(CryptoMode::AwsLc);
    let Some(proxy) = proxy else {
        return Ok(Builder::new().tls_provider(tls()).build_https());
    };
    let address = match proxy.address.contains("://") {
        true => proxy.address.clone(),
        false => format!("http://{}", proxy.address),
    };
    let mut config = ProxyConfig::https(address)
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
