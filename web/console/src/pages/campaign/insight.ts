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

const HOUR_MS = 3_600_000;
const STEP_MS: Record<string, number> = { minute: 60_000, hour: HOUR_MS };
/** How far ahead is foretold, as a share of what is shown of the past. */
const AHEAD = 0.5;

interface Curve {
  name: string;
  /** Time in milliseconds, and the share of the stock that was left then. */
  past: [number, number][];
  /** From now on, at the pace of the last hour. */
  ahead: [number, number][];
}

/** What was left of each prize, what is left now, and how it goes on at the pace of the last hour. The scarcest first. */
export function burnCurves(steps: Step[], step: string, stock: Schema<"StockForecast">[], nameOf: Named, now: number): Curve[] {
  const [first, stepMs] = [steps[0], STEP_MS[step] ?? HOUR_MS];
  if (!first) return [];
  const start = Date.parse(first.at);
  const until = now + AHEAD * Math.max(stepMs, now - start);
  const scarcest = stock.toSorted((a, b) => a.left / Math.max(1, a.stock) - b.left / Math.max(1, b.stock)).slice(0, CURVES);
  return scarcest.map((prize) => {
    const share = (left: number) => Math.max(0, Math.min(1, left / Math.max(1, prize.stock)));
    const past: [number, number][] = [];
    let { left } = prize;
    for (const one of steps.toReversed()) {
      past.push([Math.min(now, Date.parse(one.at) + stepMs), share(left)]);
      left += one.prizes[prize.code] ?? 0;
    }
    past.push([start, share(left)]);
    const ahead: [number, number][] = [[now, share(prize.left)]];
    const gone = prize.last_hour > 0 ? now + (prize.left / prize.last_hour) * HOUR_MS : Number.POSITIVE_INFINITY;
    if (gone < until) ahead.push([gone, 0]);
    ahead.push([until, share(prize.left - (prize.last_hour * (until - now)) / HOUR_MS)]);
    return { name: nameOf(prize.code), past: past.toReversed(), ahead };
  });
}

/** Those curves, the future dashed behind a line at now. */
export function burnOption(curves: Curve[], now: number, word: string, step: string, language: string, zone: string): (look: Look) => Option {
  const format = clock(language, zone, step);
  return (look) => ({
    grid: { left: 8, right: 16, top: 24, bottom: 8, containLabel: true },
    xAxis: { type: "time", splitNumber: 4, splitLine: { show: false }, axisLabel: { color: look.ink2, hideOverlap: true, formatter: (value: number) => format.format(value) } },
    yAxis: { type: "value", min: 0, max: 1, interval: 0.25, axisLabel: { color: look.ink2, formatter: (value: number) => `${Math.round(value * 100)}%` } },
    tooltip: { trigger: "axis", valueFormatter: (value) => `${(Number(value) * 100).toFixed(1)}%`, axisPointer: { label: { formatter: ({ value }) => format.format(Number(value)) } } },
    series: curves.flatMap((curve, index) => {
      const color = look.series[index % look.series.length] ?? look.ink;
      const line = { name: curve.name, type: "line" as const, showSymbol: false, itemStyle: { color } };
      const here = { silent: true, symbol: "none", label: { formatter: word, color: look.ink2, position: "end" as const, distance: 4 }, lineStyle: { color: look.ink3, type: "dotted" as const }, data: [{ xAxis: now }] };
      return [
        { ...line, data: curve.past, lineStyle: { width: 2, color }, ...(index === 0 ? { markLine: here } : {}) },
        { ...line, data: curve.ahead, lineStyle: { width: 2, color, type: "dashed" as const, opacity: 0.75 }, silent: true },
      ];
    }),
  });
}

const ratio = (value: string, tier: Schema<"TierFit">) => Number(value) / Math.max(1e-9, Number(tier.promised));
/** Where the axis of met odds ends at the latest: with few draws intervals reach far beyond, and end in an arrow there. */
const FURTHEST = 3;

/** The axis' end: the least half that holds every interval. */
function furthest(tiers: Schema<"TierFit">[]): number {
  const most = Math.max(1.25, ...tiers.map((tier) => Math.max(ratio(tier.high, tier), ratio(tier.met, tier))));
  return Math.min(FURTHEST, Math.ceil(most * 2) / 2);
}

/** What was met of each tier's odds, as a share of what was promised, with its interval: 1 is as promised. */
export function fitOption(tiers: Schema<"TierFit">[]): (look: Look) => Option {
  const shown = tiers.toReversed();
  const end = furthest(tiers);
  return (look) => ({
    grid: { left: 8, right: 28, top: 12, bottom: 8, containLabel: true },
    tooltip: { show: false },
    xAxis: { type: "value", min: 0, max: end, interval: end > 1.5 ? 1 : 0.5, axisLabel: { color: look.ink2, hideOverlap: true, formatter: (value: number) => `${Math.round(value * 100)}%` } },
    yAxis: { type: "category", data: shown.map((tier) => tier.code), splitLine: { show: false } },
    series: [
      {
        type: "custom",
        data: shown.map((tier, index) => [ratio(tier.low, tier), ratio(tier.high, tier), ratio(tier.met, tier), index, tier.fits ? 1 : 0]),
        encode: { x: [0, 1, 2], y: 3 },
        renderItem: (_, api) => {
          const at = (dimension: number) => Number(api.value(dimension));
          const place = (value: number) => api.coord([Math.min(value, end), api.value(3)]);
          const [low = 0, y = 0] = place(at(0));
          const [[high = 0], [met = 0]] = [place(at(1)), place(at(2))];
          const color = at(4) === 1 ? (look.series[0] ?? look.ink) : look.error;
          // Beyond the axis: an arrow instead of an end.
          const tip = at(1) > end ? `M${high - 6} ${y - 5}L${high} ${y}L${high - 6} ${y + 5}` : `M${high} ${y - 6}V${y + 6}`;
          const dot = at(2) > end ? [] : [{ type: "circle" as const, shape: { cx: met, cy: y, r: 5 }, style: { fill: color } }];
          return {
            type: "group",
            children: [{ type: "path", shape: { pathData: `M${low} ${y - 6}V${y + 6}M${low} ${y}H${high}${tip}` }, style: { stroke: color, lineWidth: 1.6, fill: "none" } }, ...dot],
          };
        },
      },
      // Where everything as promised would stand.
      { type: "line", data: [], markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: look.warning, type: "dashed", width: 1.4 }, data: [{ xAxis: 1 }] } },
    ],
  });
}

/** The live curve shows a minute at least, so that it does not leap about while it is young. */
const LEAST_MS = 60_000;

/** Draws per second while one looks. */
export function liveOption(curve: readonly Moment[], language: string): (look: Look) => Option {
  const format = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const last = curve.at(-1);
  const isQuiet = curve.every((one) => one.drawsPerSecond <= 1);
  const from = last && Math.min(curve[0]?.at ?? last.at, last.at - LEAST_MS);
  return (look) => ({
    grid: { left: 8, right: 20, top: 12, bottom: 4, containLabel: true },
    xAxis: { type: "time", ...(last && from ? { min: from, max: last.at } : {}), splitNumber: 3, splitLine: { show: false }, axisLabel: { color: look.ink2, hideOverlap: true, formatter: (value: number) => format.format(value) } },
    yAxis: { type: "value", minInterval: 1, ...(isQuiet ? { max: 1 } : {}) },
    series: [
      {
        type: "line",
        showSymbol: false,
        data: curve.map((one) => [one.at, one.drawsPerSecond]),
        lineStyle: { width: 2 },
        areaStyle: { color: look.band },
        // Where it is now.
        ...(last ? { markPoint: { symbol: "circle", symbolSize: 9, label: { show: false }, data: [{ name: "now", coord: [last.at, last.drawsPerSecond] }] } } : {}),
      },
    ],
  });
}
