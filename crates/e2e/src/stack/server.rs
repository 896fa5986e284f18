//! One process of the binary, in the driver's rotation.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use anyhow::Result;
use twinkle_testbed::Product;

use super::base;
use crate::calls::Base;

/// A process and its place in the rotation.
#[derive(Debug)]
pub struct Server {
    pub base: Arc<Base>,
    product: Product,
}

impl Server {
    pub fn start(
        bin: &Path,
        role: &str,
        number: usize,
        env: &[(String, String)],
        folder: &Path,
    ) -> Result<Self> {
        let product = Product::start(bin, role, number, env, folder)?;
        Ok(Self { base: base(product.port), product })
    }

    /// Starts a process that has ended again, on the same ports with the same settings.
    pub fn start_again(&mut self) -> Result<()> {
        self.product.start_again()?;
        self.back_in_rotation();
        Ok(())
    }

    /// Puts it back into the driver's rotation.
    pub fn back_in_rotation(&self) {
        self.base.up.store(true, Ordering::Relaxed);
    }

    /// Takes it out of the driver's rotation, as a load balancer would.
    pub fn out_of_rotation(&self) {
        self.base.up.store(false, Ordering::Relaxed);
    }
}

impl Deref for Server {
    type Target = Product;

    fn deref(&self) -> &Product {
        &self.product
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Product {
        &mut self.product
    }
}
