import { useEffect } from "react";
import { artOf } from "../../draw/art";
import { date, number, shortTime } from "../../shared/format";
import { buyItem, type ExchangeItem } from "../extra";
import { useWords } from "../language";
import { notice } from "../parts/Notices";
import { useAction } from "../parts/use-action";
import { koi, loadEntries, loadItems, refresh, store, useShopper } from "../store";

export function PointsPanel() {
  const { t, language } = useWords();
  const me = useShopper((state) => state.me);
  const held = useShopper((state) => state.held);
  useEffect(() => void Promise.all([loadEntries(), loadItems()]), []);
  if (!me) return null;
  return (
    <>
      <section className="card balance">
        <h2>{t.points.balance}</h2>
        <p className="balance-number">{number(me.points, language)}</p>
        {held > 0 && <p className="note">{t.points.held(number(held, language))}</p>}
      </section>
      <Shop points={me.points} />
      <Statement />
    </>
  );
}

function Shop({ points }: { points: number }) {
  const { t } = useWords();
  const items = useShopper((state) => state.items);
  return (
    <section className="card" aria-labelledby="shop-title">
      <h2 id="shop-title">{t.points.shop}</h2>
      {items?.length === 0 && <p className="none">{t.points.shopNone}</p>}
      <ul className="items">
        {items?.map((item) => (
          <Item key={item.id} item={item} points={points} />
        ))}
      </ul>
    </section>
  );
}

function Item({ item, points }: { item: ExchangeItem; points: number }) {
  const { t, language } = useWords();
  const who = useShopper((state) => state.who);
  const [run, isBusy] = useAction(async () => {
    // As with a draw: the key is kept until the outcome is known, so a lost answer buys nothing twice.
    const name = `koi.exchange.${item.id}.${who}`;
    const pending = await store.take(name, {});
    try {
      await buyItem(koi(), item.id, pending.key);
      await store.drop(name, pending.key);
      notice(t.points.bought(item.name));
    } catch (thrown) {
      if (!(thrown instanceof Error && "isTransient" in thrown && thrown.isTransient)) await store.drop(name, pending.key);
      throw thrown;
    } finally {
      void Promise.all([refresh(), loadEntries(), loadItems()]);
    }
  });
  const word = item.left === 0 ? t.points.soldOut : points < item.price_points ? t.points.short : t.points.buy;
  const art = item.gives.prize ? artOf({ name: item.name, kind: item.gives.prize.kind, category: item.gives.prize.category ?? null }) : "🎫";
  return (
    <li className="item">
      <span className="item-art" aria-hidden="true">
        {art}
      </span>
      <span className="list-title">{item.name}</span>
      <span className="list-note">
        {t.points.price(number(item.price_points, language))} · {t.points.stock(number(item.left, language))}
      </span>
      <button type="button" className="button is-small is-wide" aria-label={`${word}: ${item.name}`} disabled={isBusy || item.left === 0 || points < item.price_points} onClick={run}>
        {word}
      </button>
    </li>
  );
}

function Statement() {
  const { t, language } = useWords();
  const entries = useShopper((state) => state.entries);
  return (
    <section className="card" aria-labelledby="statement-title">
      <h2 id="statement-title">{t.points.statement}</h2>
      {entries.loaded && entries.rows.length === 0 && <p className="none">{t.points.none}</p>}
      <ul className="list">
        {entries.rows.map((entry) => (
          <li key={entry.id}>
            <span className="grow">
              <span className="list-title">{t.points.reasons[entry.reason] ?? entry.reason}</span>
              <span className="list-note">
                <time dateTime={entry.at}>{shortTime(entry.at, language)}</time>
                {entry.expires_at && ` · ${t.points.expires(date(entry.expires_at, language))}`}
              </span>
            </span>
            <span className="list-side">
              <strong className={entry.amount > 0 ? "is-plus" : ""}>
                {entry.amount > 0 ? "+" : "−"}
                {number(Math.abs(entry.amount), language)}
              </strong>
              <span className="list-note">{number(entry.balance, language)}</span>
            </span>
          </li>
        ))}
      </ul>
      {entries.next && (
        <button type="button" className="button is-quiet is-wide" onClick={() => void loadEntries(true)}>
          {t.history.more}
        </button>
      )}
    </section>
  );
}
