//! Compiles the few lines of C++ that LibTorch is called with beside its bindings, and lets binaries and tests
//! find LibTorch where it was found while building (torch-sys sets no run path).

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_CXX11_ABI");
    println!("cargo:rerun-if-changed=src/kernels/libtorch/card.cpp");
    #[cfg(feature = "tch")]
    {
        // torch-sys tells where LibTorch's libraries are; its headers are beside them.
        let libraries = std::env::var("DEP_TCH_LIBTORCH_LIB").expect("because torch-sys found LibTorch");
        let abi = std::env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
        println!("cargo:rustc-link-arg=-Wl,-rpath,{libraries}");
        cc::Build::new()
            .cpp(true)
            .std("c++17")
            .include(format!("{libraries}/../include"))
            .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
            .warnings(false)
            .file("src/kernels/libtorch/card.cpp")
            .compile("tubelet_card");
    }
}
