//! Flows in files: a folder in which `<campaign id>.el` holds the flow of that campaign. A file that changes becomes the
//! campaign's flow at once, as if an operator had put it; a bad one is told in the log and the old flow stays.

use app::koi::Koi;
use domain::flow::bounds::TEXT_BYTES;
use domain::ids::CampaignId;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files looked at in one folder; further ones are not.
const FILES_MAX: usize = 1_000;

/// What a file was when it was last taken or refused.
type Seen = HashMap<PathBuf, (SystemTime, u64)>;

/// Looks at the folder again and again; ends with the process.
pub async fn run(koi: Koi, folder: PathBuf, every: Duration) {
    let mut seen = Seen::new();
    loop {
        look(&koi, &folder, &mut seen).await;
        tokio::time::sleep(every).await;
    }
}

/// Takes every file that is new or changed. Returns how many flows were put.
pub async fn look(koi: &Koi, folder: &Path, seen: &mut HashMap<PathBuf, (SystemTime, u64)>) -> usize {
    let path = folder.to_owned();
    let listed = tokio::task::spawn_blocking(move || list(&path)).await;
    let files = match listed {
        Ok(Ok(files)) => files,
        Ok(Err(error)) => {
            tracing::warn!(folder = %folder.display(), %error, "the folder of flows cannot be read");
            return 0;
        }
        Err(_) => return 0,
    };
    let mut put = 0;
    for (path, id, stamp) in files {
        if seen.get(&path) == Some(&stamp) {
            continue;
        }
        // A bad file is told once, not at every look.
        seen.insert(path.clone(), stamp);
        match take(koi, &path, id, stamp.1).await {
            Ok(true) => put += 1,
            Ok(false) => {}
            Err(why) => tracing::warn!(campaign = %id, file = %path.display(), %why, "the flow stays as it was"),
        }
    }
    put
}

/// Puts one file's flow, where it says something new.
async fn take(koi: &Koi, path: &Path, id: CampaignId, bytes: u64) -> Result<bool, String> {
    if bytes > TEXT_BYTES as u64 {
        return Err(format!("the file has {bytes} bytes, more than {TEXT_BYTES}"));
    }
    let file = path.to_owned();
    let text = tokio::task::spawn_blocking(move || std::fs::read_to_string(file)).await;
    let text = text.map_err(|_| "the file could not be read".to_owned())?.map_err(|error| error.to_string())?;
    let flow = text.trim();
    if koi.flow(id).await.map_err(|error| error.to_string())?.flow == flow {
        return Ok(false);
    }
    let view = koi.put_flow(id, &app::IfMatch::Absent, flow.to_owned()).await.map_err(|error| error.to_string())?;
    tracing::info!(campaign = %id, version = view.version, "a flow was taken from its file");
    Ok(true)
}

/// A flow's file, whose flow it is, and when it was written how long.
type Found = (PathBuf, CampaignId, (SystemTime, u64));

/// The files with a campaign's id for a name, and when and how long they were written.
fn list(folder: &Path) -> std::io::Result<Vec<Found>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)?.take(FILES_MAX) {
        let path = entry?.path();
        let id = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<CampaignId>().ok());
        let (Some(id), Some("el")) = (id, path.extension().and_then(|end| end.to_str())) else { continue };
        let about = std::fs::metadata(&path)?;
        files.push((path, id, (about.modified()?, about.len())));
    }
    files.sort();
    Ok(files)
}
