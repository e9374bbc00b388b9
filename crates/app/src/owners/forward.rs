//! Finding a log's owner: here, or over the network, one hop, until the deadline.

use super::joined::Attempt;
use super::wire::{Failed, Returned, read_call, read_returned, write_call, write_returned};
use super::{Call, DEADLINE, Local, Missed, Nodes, Owners, Said};
use crate::command::Input;
use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::live::Told;
use crate::ports::{Parcel, Route};
use bytes::Bytes;
use domain::ids::PARTITIONS;
use futures_util::future::try_join_all;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The longest wait until a log's owner is looked for again.
const AGAIN: Duration = Duration::from_millis(100);

const NOBODY: Error = Error::Unavailable("the shopper's owner is being found; ask again with the same key");

impl Koi {
    /// Asks the owner of a log, wherever it is, until it answers or the deadline has come. One that is gone has either done
    /// what it was asked, and then its successor knows, or not: in both cases asking again is safe.
    pub(super) async fn find(&self, nodes: &Nodes, part: u8, call: Call) -> Result<Said> {
        let until = Instant::now() + DEADLINE;
        let mut parcel = None;
        loop {
            let mut changes = nodes.peers.changes();
            changes.mark_unchanged();
            let said = if let Some(local) = nodes.local(part) {
                match self.at(nodes, &local, call.clone()).await {
                    Err(Missed::Gone) => None,
                    Err(Missed::Failed(error)) => return Err(error),
                    Ok(said) => Some(Ok(said)),
                }
            } else if let Some(route) = nodes.peers.route(part).filter(|route| !route.here) {
                if parcel.is_none() {
                    parcel = Some(Parcel { part, request: crate::random::word(), body: write_call(&call)? });
                }
                match &parcel {
                    Some(parcel) => self.forward(nodes, &route, parcel, &mut changes, until).await,
                    None => None,
                }
            } else {
                None
            };
            if let Some(said) = said {
                return said;
            }
            let now = Instant::now();
            if now >= until {
                return Err(NOBODY);
            }
            // Whoever is new tells of it; a node that has lost a log may be asked again in vain until then.
            tokio::select! {
                _ = changes.changed() => {}
                () = sleep_until(until.min(now + AGAIN)) => {}
            }
        }
    }

    /// Sends a parcel; nothing where another attempt is due: the node is gone or not the owner, or another one is.
    async fn forward(
        &self,
        nodes: &Nodes,
        route: &Route,
        parcel: &Parcel,
        changes: &mut watch::Receiver<u64>,
        until: Instant,
    ) -> Option<Result<Said>> {
        let moved = async {
            while changes.changed().await.is_ok() {
                if nodes.peers.route(parcel.part).as_ref() != Some(route) {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        let answer = tokio::select! {
            answer = timeout_at(until, nodes.peers.send(route, parcel)) => answer,
            // An owner that sleeps would keep its caller waiting for the whole deadline.
            () = moved => return None,
        };
        metrics::counter!("koi_forwarded_total").increment(1);
        match read_returned(&answer.ok()?.ok()?)? {
            Returned::Said(said) => Some(Ok(said)),
            Returned::Failed(failed) => Some(Err(failed.into())),
            Returned::NotHere => None,
        }
    }

    /// Asks the owners of all logs at once.
    pub(super) async fn find_all(&self, nodes: &Nodes, call: &Call) -> Result<Vec<Said>> {
        try_join_all((0..PARTITIONS).map(|part| self.find(nodes, part, call.clone()))).await
    }

    /// Asks an owner in this process.
    pub(super) async fn at(&self, nodes: &Nodes, local: &Local, call: Call) -> std::result::Result<Said, Missed> {
        let owned = &local.owned;
        Ok(match call {
            Call::Command { who, work } => Said::Reply(owned.command(who, work).await?),
            Call::Campaign { campaign, version } => self.bring_campaign(nodes, local, campaign, version).await?,
            Call::Item { item, version } => self.bring_item(nodes, local, item, version).await?,
            Call::Sold => Said::Sold(owned.asked(|reply| Input::Sold { reply }).await?),
            Call::MakeId => Said::Id(owned.asked(|reply| Input::MakeId { reply }).await?),
            Call::WhoseOrder { order } => Said::Whose(owned.asked(|reply| Input::WhoseOrder { order, reply }).await?),
            Call::Counters { campaign } => {
                Said::Counters(owned.asked(|reply| Input::Counters { campaign, reply }).await?)
            }
            Call::Folded => Said::Folded(owned.folded()),
            Call::Projected => Said::Projected(owned.projected().await),
            Call::Listen { shopper, to } => {
                // First the lease: whatever is folded later is told.
                let leased = (to != nodes.peers.address()).then(|| nodes.afar.lease(shopper, &to));
                let feed = leased.map_or(local.life, |(stream, _)| stream);
                Said::Listening { folded: owned.folded(), feed, told: leased.map(|(_, told)| told) }
            }
            Call::Told(told) => {
                self.hear_afar(nodes, told);
                Said::Acted
            }
        })
    }

    /// What another node asks of a log that it believes to be owned here. Never passed on: one hop is all there is.
    pub async fn serve_forwarded(&self, parcel: Parcel) -> Bytes {
        let Owners::Many(nodes) = &self.parts().owners else { return write_returned(&Returned::NotHere) };
        let mut heard = match nodes.joined.begin(parcel.request) {
            Attempt::Again(heard) => heard,
            Attempt::First(answer) => {
                let (koi, heard) = (self.clone(), answer.subscribe());
                // A task of its own: the attempt that began it may break off, and the next one joins it.
                tokio::spawn(async move {
                    let returned = koi.serve_one(&parcel).await;
                    let done = !matches!(returned, Returned::NotHere | Returned::Failed(Failed::Unavailable(_)));
                    if !done && let Owners::Many(nodes) = &koi.parts().owners {
                        nodes.joined.forget(parcel.request);
                    }
                    answer.send_replace(Some(write_returned(&returned)));
                });
                heard
            }
        };
        let said = heard.wait_for(Option::is_some).await.map(|said| said.clone());
        said.ok().flatten().unwrap_or_else(|| write_returned(&Returned::NotHere))
    }

    fn hear_afar(&self, nodes: &Nodes, told: Vec<Told>) {
        if told.iter().any(|one| !one.composed().is_empty()) {
            self.forget_composed(told.iter().flat_map(Told::composed));
        }
        nodes.afar.hear(told);
    }

    async fn serve_one(&self, parcel: &Parcel) -> Returned {
        let Owners::Many(nodes) = &self.parts().owners else { return Returned::NotHere };
        // Such a parcel only asks whether anybody is here.
        if parcel.body.is_empty() {
            return Returned::NotHere;
        }
        let Some(call) = read_call(&parcel.body) else {
            return Returned::Failed(Failed::Unavailable("the owner's node does not understand the request".into()));
        };
        if let Call::Told(told) = call {
            self.hear_afar(nodes, told);
            return Returned::Said(Said::Acted);
        }
        let Some(local) = nodes.local(parcel.part) else { return Returned::NotHere };
        match self.at(nodes, &local, call).await {
            Ok(said) => Returned::Said(said),
            Err(Missed::Gone) => Returned::NotHere,
            Err(Missed::Failed(error)) => Returned::Failed(error.into()),
        }
    }
}
