//! Passes the linker arguments of a Node-API addon.

use std::env;

fn main() {
    let of_target = |name| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    napi_build::setup();
    if of_target("FAMILY") == "wasm" {
        // Nothing here recurses deeply, and the 64 MB of napi-build are taken from every process that loads this.
        println!("cargo:rustc-link-arg=-zstack-size=1048576");
    }
    if of_target("OS") == "macos" {
        // Otherwise the name is the path of the file on the machine that it was made on.
        println!(
            "cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libconnect_mongo_native.dylib"
        );
    }
}
