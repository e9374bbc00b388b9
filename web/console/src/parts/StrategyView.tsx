import { must } from "@koi/client";
import { LockOutlined } from "@ant-design/icons";
import { Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { percent } from "../../../shared/format";
import { reasonText } from "../../../shared/reasons";
import { koi } from "../lib/koi";
import { useTexts } from "../lib/texts";
import { Facts, Num, ProblemNote, Time } from "./basics";
import { Waiting } from "./Guard";

/** Which prizes a shopper sees in a campaign, how probable each is, and why it was chosen for them. */
export function StrategyView({ campaign, shopper }: { campaign: string; shopper: string }) {
  const { t, word, language } = useTexts();
  const path = { id: campaign, external_id: shopper };
  const found = useQuery({
    queryKey: ["shopper", shopper, "strategy", campaign],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/strategies/{external_id}", { params: { path }, signal })),
  });
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Waiting />;
  const strategy = found.data;
  return (
    <>
      <Facts
        facts={[
          [t("strategy.source"), <Tag key="s" color={strategy.source === "personal" ? "success" : "default"}>{word("strategy_source", strategy.source)}</Tag>],
          [t("strategy.generation"), <Num key="g" value={strategy.generation} />],
          [t("strategy.ready_at"), <Time key="r" at={strategy.ready_at} />],
          [t("strategy.next"), <span key="n"><Num value={strategy.next_n} /> · {strategy.pool}</span>],
        ]}
      />
      <ol className="k-slots" aria-label={t("strategy.slots")}>
        {strategy.slots.map((slot) => (
          <li key={slot.index} data-locked={!slot.unlocked}>
            <div className="k-slot-head">
              <strong>{slot.prize.name}</strong>
              {!slot.unlocked && <LockOutlined aria-label={t("strategy.locked")} />}
            </div>
            <div className="k-muted">
              {slot.tier} · <span className="k-num">{percent(slot.probability, language)}</span>
            </div>
            {slot.reason && <p>{reasonText(slot.reason, language)}</p>}
          </li>
        ))}
      </ol>
    </>
  );
}
