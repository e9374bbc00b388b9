import { must } from "@koi/client";
import { Card } from "antd";
import { useQuery } from "@tanstack/react-query";
import { number } from "../../../../shared/format";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Facts, Head, ProblemNote, State } from "../../parts/basics";
import { Waiting } from "../../parts/Guard";

const EVERY_MS = 3_000;

/** How the engines beneath do, asked for every few seconds. */
export function Engines() {
  const { t, word, language } = useTexts();
  const found = useQuery({ queryKey: ["engines"], queryFn: ({ signal }) => must(koi.GET("/api/v1/engines", { signal })), refetchInterval: EVERY_MS });
  return (
    <>
      <Head title={t("nav.engines")} note={t("engines.note")} />
      {found.error && <ProblemNote error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Waiting />}
      <div className="k-grid">
        {(found.data?.data ?? []).map((engine) => (
          <Card key={engine.name} title={word("engine", engine.name)} extra={<State group="engine_state" state={engine.state} />} style={{ "--span": 4 } as React.CSSProperties}>
            <Facts
              facts={[
                [t("engines.kind"), <span key="k" className="k-mono">{engine.kind}</span>],
                ...Object.entries(engine.figures).map(([name, value]): [string, React.ReactNode] => [word("engine_figure", name), <span key={name} className="k-num">{number(value, language)}</span>]),
              ]}
            />
          </Card>
        ))}
      </div>
    </>
  );
}
