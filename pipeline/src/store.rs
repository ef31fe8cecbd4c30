//! Objects of stores (`s3://`, `gs://`, `az://`, `http://`), read as files are: by ranges, as they are needed.
//!
//! ```text
//! address.rs     which paths are addresses, and which are refused
//! client.rs      stores by their addresses: lists, stamps, ranges; tries again within limits      (feature `cloud`)
//! object.rs      a file with holes, which are filled as they are read; ranges.rs what is there
//! cache.rs       the objects that are kept, bounded in bytes
//! per_process.rs what a forked process begins anew: that thread, its connections, the cache
//! write.rs       objects that are written as a whole; output.rs a file or an object in the making
//! folder.rs      folders, and what stores have instead
//! failure.rs     what a store says when it does not answer: an error of the system
//! ```
//!
//! An object is a file without a name on this machine, as long as the object is. A process that decodes is handed that file,
//! and asks its parent for the parts that it reads: it needs no network.

mod address;
#[cfg(feature = "cloud")]
mod cache;
#[cfg(feature = "cloud")]
mod client;
mod failure;
mod folder;
#[cfg(feature = "cloud")]
mod object;
mod output;
#[cfg(feature = "cloud")]
mod per_process;
#[cfg(feature = "cloud")]
mod ranges;
#[cfg(not(feature = "cloud"))]
mod without;
#[cfg(feature = "cloud")]
mod write;

#[cfg(not(feature = "cloud"))]
pub use self::without::{Listed, fetched, list, look_again, put};
#[cfg(not(feature = "cloud"))]
pub(crate) use self::without::{children, open, remove, stamp, upload};
pub use self::{
    address::{check, check_out, is_address},
    failure::StoreFailure,
    folder::{entries, is_folder, make_folder, remove_file},
    output::Output,
};
#[cfg(feature = "cloud")]
pub use self::{
    cache::look_again,
    client::{Listed, list},
    object::fetched,
    write::put,
};
#[cfg(feature = "cloud")]
pub(crate) use self::{
    cache::{open, stamp},
    client::children,
    write::{remove, upload},
};
