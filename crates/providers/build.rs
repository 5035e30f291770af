//! Makes the messages of the key service from `proto/keyservice.proto`. The compiler of that
//! language is a crate, so nothing has to be installed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/keyservice.proto");
    #[cfg(feature = "keyservice")]
    {
        let descriptions = protox::compile(["proto/keyservice.proto"], ["proto"])?;
        tonic_prost_build::configure()
            .build_client(true)
            .build_server(cfg!(feature = "keyservice-server"))
            .build_transport(false)
            // Messages hold data keys, which nothing prints.
            .skip_debug([".EncryptRequest", ".DecryptResponse"])
            .btree_map(".")
            .compile_fds(descriptions)?;
    }
    Ok(())
}
