//! What every pass needs: built once, passed in.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kube::Client;

use crate::audit::Audit;
use crate::index::Index;
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::settings::Settings;

/// Two ways to the API server.
pub(crate) struct Clients {
    /// For passes: takes so many requests at a time.
    pub(crate) passes: Client,
    /// For watches and the lease, which wait for no pass.
    pub(crate) urgent: Client,
}

/// The operator.
pub(crate) struct Context {
    pub(crate) client: Client,
    /// For watches and the lease, which wait for no pass.
    pub(crate) urgent: Client,
    pub(crate) settings: Settings,
    pub(crate) keys: Keys,
    pub(crate) audit: Option<Audit>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) queue: Queue,
    pub(crate) slots: crate::slots::Slots,
    pub(crate) bodies: crate::bodies::Bodies,
    pub(crate) verified_only: crate::namespaces::VerifiedOnly,
    pub(crate) rollouts: crate::rollout::Sender,
    index: Mutex<Index>,
    leads: Mutex<Lead>,
    /// Statuses come back without what the definition of the original does not have.
    pub(crate) loses_statuses: AtomicBool,
}

impl Context {
    pub(crate) fn new(
        clients: Clients,
        settings: Settings,
        keys: Keys,
        metrics: Arc<Metrics>,
        rollouts: crate::rollout::Sender,
    ) -> Self {
        let audit = settings.audit.as_ref();
        let audit = audit.map(|settings| Audit::new(settings, metrics.clone()));
        let slots = crate::slots::Slots::of(settings.workers);
        Self {
            client: clients.passes,
            urgent: clients.urgent,
            settings,
            keys,
            audit,
            metrics,
            queue: Queue::default(),
            slots,
            bodies: crate::bodies::Bodies::default(),
            verified_only: crate::namespaces::VerifiedOnly::default(),
            rollouts,
            index: Mutex::default(),
            leads: Mutex::new(Lead::No),
            loses_statuses: AtomicBool::new(false),
        }
    }

    /// The index. Held for moments, never across an await.
    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this replica may write now. A program that was stopped for a while wakes up with a
    /// lease that is over, and must not believe in it.
    pub(crate) fn leads(&self) -> bool {
        match *self.lead() {
            Lead::No => false,
            Lead::Until(end) => Instant::now() < end,
            Lead::Always => true,
        }
    }

    pub(crate) fn set_lead(&self, lead: Lead) {
        *self.lead() = lead;
        self.metrics.leads(lead != Lead::No);
    }

    fn lead(&self) -> MutexGuard<'_, Lead> {
        self.leads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a replica leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    No,
    /// Until its lease has to be renewed.
    Until(Instant),
    /// There are no others.
    Always,
}
