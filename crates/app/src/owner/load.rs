//! Cold accounts: commands wait while records are asked, off the owner's thread.

use super::keeper::Heard;
use super::{Owner, Slot};
use crate::command::{Command, Who};
use crate::error::Error;
use crate::keys::{KEYS_EXACT, KeySet};
use crate::ports::{Accounts, Claim, ClaimAsk, Codes, PortResult, Share, StoredAccount, StoredKey};
use domain::ids::ShopperId;
use domain::record::KeyHash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// What to ask records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadAsk {
    Id(ShopperId),
    Name(Box<str>),
    /// Whether any of these keys was used.
    Keys(ShopperId, Vec<KeyHash>),
    /// The newest keys of an account whose keys were not read yet.
    AllKeys(ShopperId),
    /// Counts the use of a code (R7): the only thing asked that changes anything.
    Claim(Box<ClaimAsk>),
}

/// An account with its newest keys.
#[derive(Debug)]
pub struct Cold {
    pub stored: StoredAccount,
    pub keys: Vec<StoredKey>,
}

/// What records said.
#[derive(Debug)]
pub enum Loaded {
    Account {
        who: Who,
        answer: PortResult<Option<Box<Cold>>>,
    },
    Keys {
        who: Who,
        asked: Vec<KeyHash>,
        answer: PortResult<Vec<StoredKey>>,
    },
    AllKeys {
        who: Who,
        answer: PortResult<Vec<StoredKey>>,
    },
    Claim {
        shopper: ShopperId,
        answer: PortResult<Claim>,
    },
    /// What the rows of a stock that several logs share said.
    Units {
        share: Share,
        answer: PortResult<Heard>,
    },
}

/// The way to the task that asks records.
pub type Loader = mpsc::Sender<(Who, LoadAsk)>;

/// Asks records about one account.
pub async fn load(accounts: &Arc<dyn Accounts>, codes: &Arc<dyn Codes>, who: Who, ask: LoadAsk) -> Loaded {
    match ask {
        LoadAsk::Id(id) => Loaded::Account {
            who,
            answer: with_keys(accounts, accounts.by_ids(&[id]).await.map(|mut a| a.pop())).await,
        },
        LoadAsk::Name(name) => {
            Loaded::Account { who, answer: with_keys(accounts, accounts.by_name(&name).await).await }
        }
        LoadAsk::Claim(ask) => Loaded::Claim { shopper: ask.shopper, answer: codes.claim(&ask).await },
        LoadAsk::AllKeys(id) => Loaded::AllKeys { who, answer: accounts.keys(id, KEYS_EXACT as u32).await },
        LoadAsk::Keys(id, asked) => {
            let mut found = Vec::new();
            for hash in &asked {
                match accounts.key(id, *hash).await {
                    Ok(key) => found.extend(key),
                    Err(error) => return Loaded::Keys { who, asked, answer: Err(error) },
                }
            }
            Loaded::Keys { who, asked, answer: Ok(found) }
        }
    }
}

async fn with_keys(
    accounts: &Arc<dyn Accounts>,
    stored: PortResult<Option<StoredAccount>>,
) -> PortResult<Option<Box<Cold>>> {
    match stored? {
        None => Ok(None),
        Some(stored) => {
            let keys = accounts.keys(stored.account.id, KEYS_EXACT as u32).await?;
            Ok(Some(Box::new(Cold { stored, keys })))
        }
    }
}

impl Owner {
    /// Lets a command wait for records. The first that waits for a shopper asks.
    pub(super) fn park(&mut self, command: Command, ask: LoadAsk) {
        let ask = match ask {
            LoadAsk::Keys(id, _) if self.accounts.get(&id).is_some_and(|s| s.keys.is_unread()) => LoadAsk::AllKeys(id),
            other => other,
        };
        const FULL: Error = Error::Unavailable("too many shoppers are being loaded");
        let who = match &ask {
            LoadAsk::Id(id) | LoadAsk::Keys(id, _) | LoadAsk::AllKeys(id) => Who::Id(*id),
            LoadAsk::Claim(claim) => Who::Id(claim.shopper),
            LoadAsk::Name(name) => Who::Name(name.clone()),
        };
        if self.parked_count >= self.limits.parked {
            _ = command.reply.send(Err(FULL));
            return;
        }
        let first = !self.parked.contains_key(&who);
        if (first || matches!(ask, LoadAsk::Keys(..) | LoadAsk::AllKeys(_)))
            && self.loader.try_send((who.clone(), ask)).is_err()
        {
            _ = command.reply.send(Err(FULL));
            return;
        }
        self.parked_count += 1;
        self.parked.entry(who).or_default().push(command);
    }

    /// Records have answered: the account goes into memory and whoever waited goes on.
    pub(super) fn loaded(&mut self, loaded: Loaded) {
        match loaded {
            Loaded::Account { who, answer } => {
                let waiting = self.waiting(&who);
                match answer {
                    Err(error) => {
                        tracing::warn!(%error, "an account could not be loaded");
                        refuse_all(waiting, &Error::Unavailable("the records are out of reach"));
                    }
                    Ok(None) if matches!(who, Who::Id(_)) => {
                        for command in waiting {
                            self.say(command.reply, Err(Error::no_shopper()));
                        }
                    }
                    Ok(None) => {
                        self.shared.names.was_wrong();
                        self.again(waiting, true);
                    }
                    // Records do not know yet that this shopper was erased: who comes under the name is somebody new.
                    Ok(Some(cold)) if matches!(who, Who::Name(_)) && self.is_erased(cold.stored.account.id) => {
                        self.again(waiting, true);
                    }
                    Ok(Some(cold)) => {
                        self.warm(*cold);
                        self.again(waiting, false);
                    }
                }
            }
            Loaded::Claim { shopper, answer } => self.claimed(shopper, answer),
            Loaded::Units { share, answer } => self.heard(share, answer),
            Loaded::AllKeys { who, answer } => {
                let waiting = self.waiting(&who);
                match (answer, &who) {
                    (Ok(keys), Who::Id(id)) => {
                        if let Some(slot) = self.accounts.get_mut(id).filter(|s| s.keys.is_unread()) {
                            slot.keys.read(&keys, keys.len() < KEYS_EXACT);
                        }
                        self.again(waiting, false);
                    }
                    _ => refuse_all(waiting, &Error::Unavailable("the records are out of reach")),
                }
            }
            Loaded::Keys { who, asked, answer } => {
                let mut waiting = self.waiting(&who);
                match answer {
                    Err(error) => {
                        tracing::warn!(%error, "keys could not be looked up");
                        refuse_all(waiting, &Error::Unavailable("the records are out of reach"));
                    }
                    Ok(found) => {
                        self.remember(&who, &found);
                        for command in &mut waiting {
                            command
                                .proved_absent
                                .extend(asked.iter().filter(|hash| !found.iter().any(|f| f.hash == **hash)));
                        }
                        self.again(waiting, false);
                    }
                }
            }
        }
    }

    fn is_erased(&self, id: ShopperId) -> bool {
        self.accounts.get(&id).is_some_and(|slot| slot.account.erased)
    }

    pub(super) fn waiting(&mut self, who: &Who) -> Vec<Command> {
        let waiting = self.parked.remove(who).unwrap_or_default();
        self.parked_count -= waiting.len();
        waiting
    }

    pub(super) fn again(&mut self, waiting: Vec<Command>, known_absent: bool) {
        for command in waiting {
            let step = self.step(command, known_absent);
            self.then(step);
        }
    }

    /// Puts a cold account into memory, unless a faster load has.
    pub(super) fn warm(&mut self, cold: Cold) {
        let Cold { stored, keys } = cold;
        let id = stored.account.id;
        if self.accounts.contains_key(&id) {
            return;
        }
        let all = keys.len() < KEYS_EXACT;
        if !stored.account.erased {
            self.names.insert(stored.account.external_id.as_str().into(), id);
        }
        self.accounts.insert(id, Slot::new(stored.account, KeySet::load(&keys, all)));
        self.hand.push_back(id);
    }

    fn remember(&mut self, who: &Who, found: &[StoredKey]) {
        let Who::Id(id) = who else { return };
        let projected = self.shared.projected.load(Ordering::Acquire);
        if let Some(slot) = self.accounts.get_mut(id) {
            for k in found {
                slot.keys.insert(
                    &domain::record::Keyed { hash: k.hash, request: k.request, status: k.status },
                    k.offset,
                    projected,
                );
            }
        }
    }
}

fn refuse_all(waiting: Vec<Command>, error: &Error) {
    for command in waiting {
        _ = command.reply.send(Err(error.clone()));
    }
}
