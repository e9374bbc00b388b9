import { artOf } from "../../draw/art";
import type { Draw } from "../../draw/engine";
import { isFallback, isWin } from "../../draw/landing";
import { money } from "../../shared/format";
import { useWords } from "../language";
import { navigate, panelPath } from "../route";
import { reasonText } from "../../shared/reasons";
import { draw, useShopper, type Shown } from "../store";
import { Dialog } from "./Dialog";
import { Receipt } from "./Receipt";

/** What was drawn, with its reason and its receipt. It is said to who does not see it. */
export function ResultDialog() {
  const { t } = useWords();
  const shown = useShopper((state) => state.shown);
  const names = shown?.draws.map((each) => (isWin(each) ? each.prize.name : t.result.nothing)).join(", ");
  return (
    <>
      <div className="visually-hidden" role="status" aria-live="assertive" data-testid="announced">
        {names && t.result.announce(names)}
      </div>
      {shown && <Result key={shown.draws[0]?.id} shown={shown} />}
    </>
  );
}

const close = () => useShopper.setState({ shown: undefined });

function Result({ shown }: { shown: Shown }) {
  const { t } = useWords();
  const campaign = useShopper((state) => state.campaign);
  const left = useShopper((state) => state.me?.chances.left ?? 0);
  const [first] = shown.draws;
  if (!first) return null;
  const isMany = shown.draws.length > 1;
  const claimable = shown.draws.some((each) => each.award && each.prize.kind !== "points");
  const title = isMany ? t.result.many(shown.draws.length) : isWin(first) ? t.result.win : t.result.nothing;
  return (
    <Dialog title={title} onClose={close} className={isWin(first) || isMany ? "result is-win" : "result"}>
      <p className="result-title">{title}</p>
      {isMany ? <ManyDraws shown={shown} /> : <OneDraw draw={first} shown={shown} />}
      {shown.resumed && <p className="result-note">{t.result.resumed}</p>}
      <div className="result-buttons">
        {claimable && (
          <button
            type="button"
            className="button is-gold"
            onClick={() => {
              close();
              navigate(panelPath(campaign, "awards"));
            }}
          >
            {t.result.claim}
          </button>
        )}
        {left > 0 && !isMany && (
          <button
            type="button"
            className="button"
            onClick={() => {
              close();
              draw();
            }}
          >
            {t.result.again}
          </button>
        )}
        <button type="button" className="button is-quiet" data-testid="close-result" onClick={close}>
          {t.result.close}
        </button>
      </div>
    </Dialog>
  );
}

function OneDraw({ draw: drawn, shown }: { draw: Draw; shown: Shown }) {
  const { t, language } = useWords();
  const currency = useShopper((state) => state.rules?.currency ?? "CNY");
  const { prize } = drawn;
  const reason = shown.reasons[prize.code];
  return (
    <>
      <span className="result-art" aria-hidden="true">
        {artOf(prize)}
      </span>
      <p className="result-name" data-testid="result" data-draw={drawn.id}>
        {isWin(drawn) ? prize.name : t.result.nothingMore}
      </p>
      <p className="result-meta">
        {[t.result.nth(drawn.n), prize.value_cents > 0 && money(prize.value_cents, currency, language)].filter(Boolean).join(" · ")}
      </p>
      {isFallback(drawn) ? <p className="reason">{t.result.fallback}</p> : reason && <p className="reason">{t.result.reason(reasonText(reason, language))}</p>}
      <Receipt draw={drawn} seedHash={shown.seedHash} />
    </>
  );
}

function ManyDraws({ shown }: { shown: Shown }) {
  const { t } = useWords();
  return (
    <ol className="many">
      {shown.draws.map((each) => (
        <li key={each.id} data-testid="result" data-draw={each.id} className={isWin(each) ? "" : "is-nothing"}>
          <span aria-hidden="true">{artOf(each.prize)}</span>
          <span className="many-name">{isWin(each) ? each.prize.name : t.result.nothing}</span>
          <span className="many-n">{t.history.nth(each.n)}</span>
        </li>
      ))}
    </ol>
  );
}
