import type { Schema } from "@koi/client";
import type { Look } from "../../lib/look";
import type { Option } from "../../parts/Chart";

type Rehearsal = Schema<"Rehearsal">;

/** When prizes sell out, on the campaign's own time: the middle of the rounds in which they do, and where 90 % of those lie. */
export function soldOutOption(played: Rehearsal, campaign: Schema<"Campaign">, nameOf: (code: string) => string, language: string): (look: Look) => Option {
  const shown = played.prizes.flatMap((prize) => (prize.sold_out ? [{ name: nameOf(prize.code), ...prize.sold_out }] : [])).toReversed();
  const day = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { timeZone: campaign.time_zone ?? "UTC", day: "numeric", month: "short" });
  return (look) => ({
    grid: { left: 8, right: 24, top: 8, bottom: 8, containLabel: true },
    tooltip: { show: false },
    xAxis: { type: "time", min: Date.parse(campaign.starts_at), max: Date.parse(campaign.ends_at), splitNumber: 4, axisLabel: { color: look.ink2, hideOverlap: true, formatter: (value: number) => day.format(value) } },
    yAxis: { type: "category", data: shown.map((prize) => prize.name), splitLine: { show: false } },
    series: [
      {
        type: "custom",
        silent: true,
        data: shown.map((prize, index) => [Date.parse(prize.interval_90.low), Date.parse(prize.interval_90.high), Date.parse(prize.at), index]),
        encode: { x: [0, 1, 2], y: 3 },
        renderItem: (_, api) => {
          const [low = 0, y = 0] = api.coord([api.value(0), api.value(3)]);
          const [[high = 0], [middle = 0]] = [api.coord([api.value(1), api.value(3)]), api.coord([api.value(2), api.value(3)])];
          return {
            type: "group",
            children: [
              { type: "rect", shape: { x: low, y: y - 5, width: Math.max(2, high - low), height: 10, r: 5 }, style: { fill: look.series[2] ?? look.error, opacity: 0.35 } },
              { type: "circle", shape: { cx: middle, cy: y, r: 5 }, style: { fill: look.series[2] ?? look.error } },
            ],
          };
        },
      },
    ],
  });
}

/** Units won of each prize, with what 90 % of plays keep to. */
export function winsOption(played: Rehearsal, nameOf: (code: string) => string): (look: Look) => Option {
  // What is unlimited, points mostly, would make bars of everything else that nobody sees.
  const bounded = played.prizes.filter((prize) => prize.stock !== null && prize.stock !== undefined);
  const prizes = (bounded.length > 0 ? bounded : played.prizes).toReversed();
  return (look) => ({
    grid: { left: 8, right: 24, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: "value" },
    yAxis: { type: "category", data: prizes.map((prize) => nameOf(prize.code)), splitLine: { show: false } },
    series: [
      { type: "bar", data: prizes.map((prize) => Math.round(prize.won.mean)), barWidth: 14, itemStyle: { borderRadius: 3 } },
      {
        type: "custom",
        silent: true,
        data: prizes.map((prize, index) => [prize.won.interval_90.low, prize.won.interval_90.high, index]),
        encode: { x: [0, 1], y: 2 },
        renderItem: (_, api) => {
          const [low = 0, y = 0] = api.coord([api.value(0), api.value(2)]);
          const [high = 0] = api.coord([api.value(1), api.value(2)]);
          const style = { stroke: look.ink, lineWidth: 1.4, fill: "none" };
          return {
            type: "path",
            shape: { pathData: `M${low} ${y - 5}V${y + 5}M${low} ${y}H${high}M${high} ${y - 5}V${y + 5}` },
            style,
          };
        },
      },
    ],
  });
}

export function oddsOption(played: Rehearsal, promised: string, met: string): (look: Look) => Option {
  const tiers = played.tiers;
  return (look) => ({
    legend: { data: [promised, met] },
    xAxis: { type: "category", data: tiers.map((tier) => tier.code) },
    yAxis: { type: "value", axisLabel: { formatter: (value: number) => `${Math.round(value * 100)}%`, color: look.ink2 } },
    series: [
      { name: promised, type: "bar", data: tiers.map((tier) => Number(tier.promised)), barMaxWidth: 22, itemStyle: { borderRadius: [3, 3, 0, 0], color: look.series[7] ?? look.ink2 } },
      { name: met, type: "bar", data: tiers.map((tier) => Number(tier.met)), barMaxWidth: 22, itemStyle: { borderRadius: [3, 3, 0, 0], color: look.series[0] ?? look.ink } },
    ],
  });
}
