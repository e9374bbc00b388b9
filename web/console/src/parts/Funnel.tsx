import type { Schema } from "@koi/client";
import { number, percent } from "../../../shared/format";
import { useTexts } from "../lib/texts";

/** How many shoppers came how far: from behaviour to strategy to draw to purchase. */
export function Funnel({ funnel }: { funnel: Schema<"Funnel"> }) {
  const { t, language } = useTexts();
  const steps = [
    ["behaved", funnel.behaved],
    ["strategies", funnel.strategies],
    ["drew", funnel.drew],
    ["bought_after", funnel.bought_after],
  ] as const;
  const most = Math.max(1, ...steps.map(([, count]) => count));
  return (
    <ol className="k-funnel">
      {steps.map(([name, count], index) => {
        const before = steps[index - 1]?.[1];
        return (
          <li key={name}>
            <span>{t(`funnel.${name}`)}</span>
            <span className="k-funnel-bar" aria-hidden>
              <i style={{ width: `${Math.max(1, (100 * count) / most)}%` }} />
            </span>
            <span className="k-num">
              {number(count, language)}
              {before ? <small className="k-muted"> {percent(Math.min(1, count / before), language)}</small> : null}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
