//! Folders for what is nobody else's business.

use std::{fs::DirBuilder, io, os::unix::fs::DirBuilderExt, path::Path};

/// Makes a folder, and those above it that are not there, for this user alone. One that is there stays as it is: whoever
/// made it knows who is to look in.
///
/// # Errors
/// It cannot be made.
pub fn private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
    };

    use super::private;

    #[test]
    fn what_we_make_is_ours_alone_and_what_others_made_stays() {
        let base = std::env::temp_dir().join(format!("avanzacast-folder-{}", uuid::Uuid::now_v7()));
        let (theirs, ours) = (base.join("theirs"), base.join("theirs/a/b"));
        fs::create_dir_all(&theirs).unwrap();
        fs::set_permissions(&theirs, Permissions::from_mode(0o755)).unwrap();
        private(&ours).unwrap();
        private(&theirs).unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&theirs), mode(&base.join("theirs/a")), mode(&ours)), (0o755, 0o700, 0o700));
        fs::remove_dir_all(base).unwrap();
    }
}
