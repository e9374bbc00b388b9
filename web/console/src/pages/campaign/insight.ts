import type { Schema } from "@koi/client";
import type { Look } from "../../lib/look";
import type { Moment } from "../../lib/figures";
import type { Option } from "../../parts/Chart";

type Step = Schema<"SeriesStep">;
type Named = (code: string) => string;
/** Curves beyond these are told apart by nobody. */
const CURVES = 6;

const clock = (language: string, zone: string, step: string) =>
  new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { timeZone: zone, ...(step === "hour" ? { day: "numeric", month: "short", hour: "2-digit" } : { hour: "2-digit", minute: "2-digit" }) });

/** Draws and wins over time. */
export function seriesOption(steps: Step[], step: string, names: { draws: string; wins: string }, language: string, zone: string): (look: Look) => Option {
  const format = clock(language, zone, step);
  return (look) => ({
    legend: { data: [names.draws, names.wins] },
    xAxis: { type: "category", boundaryGap: false, data: steps.map((one) => format.format(new Date(one.at))) },
    yAxis: { type: "value", minInterval: 1 },
    series: [
      { name: names.draws, type: "line", showSymbol: false, data: steps.map((one) => one.draws), lineStyle: { width: 2 }, areaStyle: { color: look.band } },
      { name: names.wins, type: "line", showSymbol: false, data: steps.map((one) => one.wins), lineStyle: { width: 2 } },
    ],
  });
}

/** What was left of each prize, step by step: what is left now and what was won since. */
export function burnOption(steps: Step[], stock: Schema<"StockForecast">[], nameOf: Named, step: string, language: string, zone: string): (look: Look) => Option {
  const format = clock(language, zone, step);
  const shown = stock.toSorted((a, b) => a.left / Math.max(1, a.stock) - b.left / Math.max(1, b.stock)).slice(0, CURVES);
  const curves = shown.map((prize) => {
    let left = prize.left;
    const shares = steps.map(() => 0);
    for (let index = steps.length - 1; index >= 0; index -= 1) {
      shares[index] = left / Math.max(1, prize.stock);
      left += steps[index]?.prizes[prize.code] ?? 0;
    }
    return { name: nameOf(prize.code), shares };
  });
  return (look) => ({
    legend: { data: curves.map((curve) => curve.name), type: "scroll" },
    xAxis: { type: "category", boundaryGap: false, data: steps.map((one) => format.format(new Date(one.at))) },
    yAxis: { type: "value", min: 0, max: 1, axisLabel: { color: look.ink2, formatter: (value: number) => `${Math.round(value * 100)}%` } },
    tooltip: { trigger: "axis", valueFormatter: (value) => `${(Number(value) * 100).toFixed(1)}%` },
    series: curves.map((curve) => ({ name: curve.name, type: "line" as const, showSymbol: false, step: "end" as const, data: curve.shares, lineStyle: { width: 2 } })),
  });
}

const ratio = (value: string, tier: Schema<"TierFit">) => Number(value) / Math.max(1e-9, Number(tier.promised));

/** What was met of each tier's odds, as a share of what was promised, with its interval: 1 is as promised. */
export function fitOption(tiers: Schema<"TierFit">[]): (look: Look) => Option {
  const shown = tiers.toReversed();
  return (look) => ({
    grid: { left: 8, right: 28, top: 12, bottom: 8, containLabel: true },
    tooltip: { show: false },
    xAxis: { type: "value", min: 0, splitNumber: 4, axisLabel: { color: look.ink2, formatter: (value: number) => `${Math.round(value * 100)}%` } },
    yAxis: { type: "category", data: shown.map((tier) => tier.code), splitLine: { show: false } },
    series: [
      {
        type: "custom",
        data: shown.map((tier, index) => [ratio(tier.low, tier), ratio(tier.high, tier), ratio(tier.met, tier), index, tier.fits ? 1 : 0]),
        encode: { x: [0, 1, 2], y: 3 },
        clip: true,
        renderItem: (_, api) => {
          const [low = 0, y = 0] = api.coord([api.value(0), api.value(3)]);
          const [high = 0] = api.coord([api.value(1), api.value(3)]);
          const [met = 0] = api.coord([api.value(2), api.value(3)]);
          const color = api.value(4) === 1 ? (look.series[0] ?? look.ink) : look.error;
          return {
            type: "group",
            children: [
              { type: "path", shape: { pathData: `M${low} ${y - 6}V${y + 6}M${low} ${y}H${high}M${high} ${y - 6}V${y + 6}` }, style: { stroke: color, lineWidth: 1.6, fill: "none" } },
              { type: "circle", shape: { cx: met, cy: y, r: 5 }, style: { fill: color } },
            ],
          };
        },
      },
      // Where everything as promised would stand.
      { type: "line", data: [], markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: look.warning, type: "dashed", width: 1.4 }, data: [{ xAxis: 1 }] } },
    ],
  });
}

/** Draws per second while one looks. */
export function liveOption(curve: readonly Moment[], language: string): (look: Look) => Option {
  const format = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { minute: "2-digit", second: "2-digit" });
  return (look) => ({
    grid: { left: 8, right: 16, top: 12, bottom: 4, containLabel: true },
    xAxis: { type: "category", boundaryGap: false, data: curve.map((one) => format.format(one.at)) },
    yAxis: { type: "value", minInterval: 1 },
    series: [{ type: "line", showSymbol: false, data: curve.map((one) => one.drawsPerSecond), lineStyle: { width: 2 }, areaStyle: { color: look.band } }],
  });
}
