//! The Secrets of the cluster, which others than the chart put there.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};

use super::manifests::Deployment;

/// Values by the Secret's name and the key in it.
#[derive(Debug, Default)]
pub struct Store(BTreeMap<(String, String), Vec<u8>>);

impl Store {
    pub fn put(&mut self, name: &str, key: &str, value: impl Into<Vec<u8>>) {
        self.0.insert((name.to_owned(), key.to_owned()), value.into());
    }

    pub fn get(&self, name: &str, key: &str) -> Result<&[u8]> {
        let value = self.0.get(&(name.to_owned(), key.to_owned()));
        value.map(Vec::as_slice).with_context(|| format!("there is no key {key} in Secret {name}"))
    }

    /// Puts the files of a pod's volumes where they are mounted, below `root`.
    pub fn mount(&self, deployment: &Deployment, root: &Path) -> Result<()> {
        for mount in &deployment.container().volume_mounts {
            let volumes = &deployment.pod().volumes;
            let volume = volumes.iter().find(|volume| volume.name == mount.name);
            let secret = &volume.with_context(|| format!("no volume {}", mount.name))?.secret;
            let folder = root.join(mount.mount_path.trim_start_matches('/'));
            fs::create_dir_all(&folder)?;
            for item in &secret.items {
                let value = self.get(&secret.secret_name, &item.key)?;
                fs::write(folder.join(&item.path), value).context("cannot write a secret")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::manifests::{Manifests, tests::POD};

    #[test]
    fn files_have_the_names_that_the_volume_gives_and_none_is_missing() {
        let deployment = Manifests::parse(POD).unwrap().deployments.remove(0);
        let root = std::env::temp_dir().join(format!("twinkle-mount-{}", std::process::id()));
        let mut store = Store::default();
        let error = store.mount(&deployment, &root).unwrap_err();
        assert!(error.to_string().contains("no key cookie-keys in Secret k"), "{error}");
        store.put("k", "cookie-keys", "c1:x");
        store.mount(&deployment, &root).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/keys/cookie")).unwrap(), "c1:x");
        fs::remove_dir_all(root).unwrap();
    }
}
