import type { Schema } from "@koi/client";
import type { Look } from "../../lib/look";
import type { Option } from "../../parts/Chart";

/** Where the axis ends: the least tenth that holds every interval. */
export const axisEnd = (arms: Schema<"ArmReport">[]) => Math.max(0.1, Math.min(1, Math.ceil(10 * Math.max(0, ...arms.map((arm) => arm.rate.high))) / 10));

/** Who bought after the draw, by arm, each with its interval. */
export function armsOption(arms: Schema<"ArmReport">[], nameOf: (arm: string) => string): (look: Look) => Option {
  const shown = arms.toReversed();
  return (look) => ({
    grid: { left: 8, right: 28, top: 12, bottom: 8, containLabel: true },
    tooltip: { show: false },
    xAxis: { type: "value", min: 0, max: axisEnd(arms), axisLabel: { color: look.ink2, hideOverlap: true, formatter: (value: number) => `${Math.round(value * 100)}%` } },
    yAxis: { type: "category", data: shown.map((arm) => nameOf(arm.arm)), splitLine: { show: false } },
    series: [
      {
        type: "custom",
        data: shown.map((arm, index) => [arm.rate.low, arm.rate.high, arm.rate.value, index]),
        encode: { x: [0, 1, 2], y: 3 },
        renderItem: (params, api) => {
          const place = (dimension: number) => api.coord([Number(api.value(dimension)), api.value(3)]);
          const [low = 0, y = 0] = place(0);
          const [[high = 0], [met = 0]] = [place(1), place(2)];
          const color = look.series[shown[params.dataIndex]?.arm === "personal" ? 0 : 3] ?? look.ink;
          return {
            type: "group",
            children: [
              { type: "path", shape: { pathData: `M${low} ${y - 6}V${y + 6}M${low} ${y}H${high}M${high} ${y - 6}V${y + 6}` }, style: { stroke: color, lineWidth: 1.6, fill: "none" } },
              { type: "circle", shape: { cx: met, cy: y, r: 5 }, style: { fill: color } },
            ],
          };
        },
      },
    ],
  });
}
