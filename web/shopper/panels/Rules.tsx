import { artOf } from "../../draw/art";
import { dateTime, money, number, percent } from "../../shared/format";
import { useWords } from "../language";
import { useShopper, type Rules } from "../store";

/** The published odds and rules, as everybody may read them. */
export function RulesPanel() {
  const { t, language } = useWords();
  const rules = useShopper((state) => state.rules);
  const me = useShopper((state) => state.me);
  if (!rules) return null;
  const limits = Object.entries(rules.limits as Record<string, unknown>).filter(([name]) => name in t.rules.limit);
  const at = (time: string) => dateTime(time, language, rules.time_zone);
  return (
    <>
      {rules.announced && <p className="card is-warning">{t.rules.announced(at(rules.announced.effective_at))}</p>}
      <section className="card" aria-labelledby="odds-title">
        <h2 id="odds-title">{t.rules.odds}</h2>
        {rules.pools.map((pool) => (
          <PoolOdds key={pool.code} pool={pool} rules={rules} isNext={me?.pool === pool.code} />
        ))}
      </section>
      <Prizes rules={rules} />
      <section className="card" aria-labelledby="limits-title">
        <h2 id="limits-title">{t.rules.limits}</h2>
        <dl className="facts">
          <dt>{t.rules.time}</dt>
          <dd>
            {at(rules.starts_at)} – {at(rules.ends_at)}
          </dd>
          {limits.map(([name, value]) => (
            <Fact key={name} name={t.rules.limit[name] ?? name} value={number(Number(value), language)} />
          ))}
          {rules.entry && (
            <Fact
              name={t.rules.entry}
              value={t.rules.entryText(number(rules.entry.winners, language), rules.prizes.find((prize) => prize.code === rules.entry?.prize)?.name ?? rules.entry.prize, rules.entry.tickets === "draws")}
            />
          )}
          {rules.claim_terms && <Fact name={t.rules.claim} value={rules.claim_terms} />}
        </dl>
        {limits.length === 0 && <p className="note">{t.rules.noLimits}</p>}
      </section>
      <section className="card" aria-labelledby="fair-title">
        <h2 id="fair-title">{t.rules.fair}</h2>
        <p className="note">{t.rules.fairNote}</p>
        <dl className="facts is-stacked">
          <Fact name={t.rules.version} value={String(rules.rules_version)} />
          <Fact name={t.rules.hash} value={rules.rules_hash} isCode />
          <Fact name={t.rules.seedHash} value={rules.seed_hash} isCode />
          {me && <Fact name={t.rules.nextSeedHash} value={me.next_seed_hash} isCode />}
        </dl>
        <a className="button is-small is-quiet" href={`/api/v1/campaigns/${rules.campaign_id}/rules?lang=${language}`} target="_blank" rel="noreferrer">
          {t.rules.full}
        </a>
      </section>
    </>
  );
}

function Fact({ name, value, isCode = false }: { name: string; value: string; isCode?: boolean }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{isCode ? <code>{value}</code> : value}</dd>
    </>
  );
}

function PoolOdds({ pool, rules, isNext }: { pool: Rules["pools"][number]; rules: Rules; isNext: boolean }) {
  const { t, language } = useWords();
  const slots = useShopper((state) => state.me?.strategy.slots);
  const prizesOf = (tier: string) => slots?.filter((slot) => slot.tier === tier).map((slot) => slot.prize.name) ?? [];
  const most = Math.max(...pool.odds.map((odds) => Number(odds.probability)));
  const title = [t.rules.pool(pool.code), pool.when ? t.rules.when(pool.when) : rules.pools.length > 1 ? t.rules.always : ""].filter(Boolean).join(" · ");
  return (
    <table className="odds">
      <caption>
        {title}
        {isNext && <span className="tag">{t.rules.current}</span>}
      </caption>
      <thead>
        <tr>
          <th scope="col">{t.rules.tier}</th>
          <th scope="col" className="is-number">
            {t.rules.probability}
          </th>
        </tr>
      </thead>
      <tbody>
        {pool.odds.map((odds) => {
          const tier = rules.tiers.find((each) => each.code === odds.tier);
          return (
            <tr key={odds.tier}>
              <th scope="row">
                <span className="odds-tier">{odds.tier}</span>
                <span className="list-note">{prizesOf(odds.tier).join("、")}</span>
                {tier && tier.unlock_after > 0 && <span className="list-note is-warning">{t.rules.unlockAfter(tier.unlock_after)}</span>}
              </th>
              <td className="is-number">
                {percent(odds.probability, language)}
                <meter aria-hidden="true" value={Number(odds.probability)} max={most} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Prizes({ rules }: { rules: Rules }) {
  const { t, language } = useWords();
  return (
    <section className="card" aria-labelledby="prizes-title">
      <details>
        <summary>
          <h2 id="prizes-title">
            {t.rules.prizes} ({rules.prizes.length})
          </h2>
        </summary>
        <ul className="list">
          {rules.prizes.map((prize) => (
            <li key={prize.code}>
              <span className="tile" aria-hidden="true">
                {artOf(prize)}
              </span>
              <span className="grow">
                <span className="list-title">{prize.name}</span>
                <span className="list-note">
                  {prize.points ? t.result.points(`${prize.points.min}–${prize.points.max}`) : prize.value_cents > 0 ? money(prize.value_cents, rules.currency, language) : ""}
                </span>
              </span>
              <span className="list-side list-note">
                {t.rules.quantity} {prize.quantity == null ? t.rules.unlimited : number(prize.quantity, language)}
              </span>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}
