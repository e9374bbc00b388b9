import type { Schema } from "@koi/client";
import { useMemo } from "react";
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
  const option = useMemo(() => {
    const nameOf = (code: string) => campaign.prizes.find((prize) => prize.code === code)?.name ?? code;
    return burnOption(burnCurves(steps, step, stock, nameOf, at), at, t("report.now"), step, language, zone);
  }, [steps, step, stock, campaign, at, t, language, zone]);
  return <Chart option={option} height={height} label={t("report.burn_down")} />;
}
