import { useState } from "react";
import { artOf } from "../../draw/art";
import type { Draw } from "../../draw/engine";
import { isWin } from "../../draw/landing";
import { percent, shortTime } from "../../shared/format";
import { useWords } from "../language";
import { Dialog } from "../parts/Dialog";
import { Receipt } from "../parts/Receipt";
import { reasonText } from "../../shared/reasons";
import { loadDraws, useShopper } from "../store";

/** Beside the game: who won big, and what I drew. */
export function DrawPanel() {
  return (
    <>
      <Feed />
      <Places />
      <History />
    </>
  );
}

function Feed() {
  const { t, language } = useWords();
  const wins = useShopper((state) => state.wins);
  return (
    <section className="card" aria-labelledby="feed-title">
      <h2 id="feed-title">{t.feed.title}</h2>
      {wins.length === 0 ? (
        <p className="none">{t.feed.none}</p>
      ) : (
        <ul className="feed" aria-live="off">
          {wins.map((win) => (
            <li key={`${win.at}${win.shopper}`}>
              <span className="tile" aria-hidden="true">
                {artOf(win.prize)}
              </span>
              <span className="grow">{t.feed.won(win.shopper, win.prize.name)}</span>
              <time dateTime={win.at}>{shortTime(win.at, language)}</time>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** The places of a personal strategy, each with why it is there and how likely it is. */
function Places() {
  const { t, language } = useWords();
  const strategy = useShopper((state) => state.me?.strategy);
  if (strategy?.source !== "personal") return null;
  return (
    <section className="card" aria-labelledby="places-title">
      <h2 id="places-title">{t.rules.yours}</h2>
      <ul className="list">
        {strategy.slots.map((slot) => (
          <li key={slot.index}>
            <span className="tile" aria-hidden="true">
              {artOf(slot.prize)}
            </span>
            <span className="grow">
              <span className="list-title">{slot.prize.name}</span>
              {slot.reason && <span className="list-note">{reasonText(slot.reason, language)}</span>}
            </span>
            <span className="list-side list-note">{percent(slot.probability, language)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function History() {
  const { t, language } = useWords();
  const draws = useShopper((state) => state.draws);
  const [open, setOpen] = useState<Draw>();
  return (
    <section className="card" aria-labelledby="history-title">
      <h2 id="history-title">{t.history.title}</h2>
      {draws.loaded && draws.rows.length === 0 && <p className="none">{t.history.none}</p>}
      <ol className="list">
        {draws.rows.map((row) => (
          <li key={row.id} className={isWin(row) ? "" : "is-nothing"}>
            <span className="tile" aria-hidden="true">
              {artOf(row.prize)}
            </span>
            <span className="grow">
              <span className="list-title">{isWin(row) ? row.prize.name : t.result.nothing}</span>
              <span className="list-note">
                {t.history.nth(row.n)} · <time dateTime={row.drawn_at}>{shortTime(row.drawn_at, language)}</time>
              </span>
            </span>
            <button type="button" className="button is-small is-quiet" aria-label={`${t.history.receipt} ${t.history.nth(row.n)}`} onClick={() => setOpen(row)}>
              {t.history.receipt}
            </button>
          </li>
        ))}
      </ol>
      {draws.next && (
        <button type="button" className="button is-quiet is-wide" onClick={() => void loadDraws(true)}>
          {t.history.more}
        </button>
      )}
      {open && (
        <Dialog title={t.receipt.title} onClose={() => setOpen(undefined)}>
          <p className="result-title">
            {open.prize.name} · {t.history.nth(open.n)}
          </p>
          <Receipt draw={open} />
          <div className="result-buttons">
            <button type="button" className="button" onClick={() => setOpen(undefined)}>
              {t.result.close}
            </button>
          </div>
        </Dialog>
      )}
    </section>
  );
}
