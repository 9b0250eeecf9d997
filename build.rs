//! Passes the linker arguments of a Node-API addon.

use std::env;

fn main() {
    napi_build::setup();
    if env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("wasm") {
        // Nothing here recurses deeply, and the 64 MB of napi-build are taken from every process that loads this.
        println!("cargo:rustc-link-arg=-zstack-size=1048576");
    }
}
