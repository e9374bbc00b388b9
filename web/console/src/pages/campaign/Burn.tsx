import type { Schema } from "@koi/client";
import { useMemo } from "react";
import { useLook } from "../../lib/look";
import { useTexts } from "../../lib/texts";
import { Chart } from "../../parts/Chart";
import { burnCurves, burnOption } from "./insight";

interface Props {
  campaign: Schema<"Campaign">;
  steps: Schema<"SeriesStep">[];
  step: "minute" | "hour";
  stock: Schema<"StockForecast">[];
  /** When the steps were read, in milliseconds: the line between what was and what is foretold. */
  at: number;
  height: number;
}

/** How the scarcest prizes went and how they will go on at the pace of the last hour. */
export function Burn({ campaign, steps, step, stock, at, height }: Props) {
  const { t, language } = useTexts();
  const zone = campaign.time_zone ?? "UTC";
  const { series, ink } = useLook();
  const curves = useMemo(() => {
    const nameOf = (code: string) => campaign.prizes.find((prize) => prize.code === code)?.name ?? code;
    return burnCurves(steps, step, stock, nameOf, at);
  }, [steps, step, stock, campaign, at]);
  const option = useMemo(() => burnOption(curves, at, t("report.now"), step, language, zone), [curves, at, t, step, language, zone]);
  return (
    <>
      {/* Beside the drawing's own, which cuts names off instead of taking another row. */}
      <ul className="k-odds-key" style={{ marginTop: 0 }}>
        {curves.map((curve, index) => (
          <li key={curve.name}>
            <i style={{ background: series[index % series.length] ?? ink }} /> {curve.name}
          </li>
        ))}
      </ul>
      <Chart option={option} height={height - 24} label={t("report.burn_down")} />
    </>
  );
}
